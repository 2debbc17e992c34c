"""Measures `--light` beside OpenCV and Pillow: what each brings back, and its time.

    scripts/benchmark FOLDER... --light           makes its own environment first

Quality is that of `scripts/measure_look.py light`: the folders' photographs are spoilt
in one way at a time and in several mixed, seeded by name. Time is of 8-bit pixels in
memory to 8-bit pixels in memory, by the wall and of the processor, of one photograph of
12 megapixels made from the first one. Not a test: no time is judged.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import benchmark_images
import benchmark_machine as machine
import benchmark_table
import measure_look

from vaenhance.errors import UsageProblem, VaenhanceError

KINDS = (*measure_look.KINDS, measure_look.MIXED)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line; wrong ones end with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark --light", description=__doc__.partition("\n")[0]
    )
    add = parser.add_argument
    add("folder", nargs="+", type=Path, help="good photographs, sub-folders included")
    add("--light", action="store_true", help=argparse.SUPPRESS)
    add("--kinds", nargs="+", default=list(KINDS), choices=KINDS, metavar="KIND",
        help=f"of change (default: all): {', '.join(KINDS)}")  # fmt: skip
    add(
        "--limit",
        type=int,
        metavar="N",
        help="only the first N photographs of a folder",
    )
    add("--model", default="look", help="name or folder (default: look)")
    add("--threads", type=int, metavar="N", help="of each method (default: all cores)")
    add("--repeats", type=int, default=5, metavar="N", help="of each time (default: 5)")
    add("--megapixels", type=float, default=12.0, metavar="MP",
        help="photograph that is timed (default: 12)")  # fmt: skip
    add("--json", action="store_true", help="one JSON object instead of the table")
    chosen = parser.parse_args(arguments)
    for name in ("limit", "threads", "repeats", "megapixels"):
        value = getattr(chosen, name)
        if value is not None and value <= 0:
            parser.error(f"--{name} must be above 0, not {value}")
    return chosen


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """The whole benchmark, as plain data.

    Raises:
        VaenhanceError: There is nothing to measure, or no model of looks.
    """
    folders = " ".join(folder.name for folder in chosen.folder)
    images = measure_look.colour_images(chosen.folder, chosen.limit)
    if not images:
        raise UsageProblem(f"there is no colour photograph in {folders}")
    result: dict[str, Any] = {
        "machine": machine.describe(chosen.model),
        "threads": min(chosen.threads or machine.cores(), machine.cores()),
        "folder": folders,
        "images": len(images),
        "repeats": chosen.repeats,
    }
    with machine.limited_to(result["threads"]):
        models = measure_look.models(chosen.model, with_photo=False)
        methods = {**measure_look.filters(result["threads"]), **models}
        result["rows"] = list(measure_look.light_rows(images, methods, chosen.kinds))
        size = benchmark_images.sizes(chosen.megapixels, 1, False)["speed"]
        large = benchmark_images.make_photograph(images[0], *size, 0)
        result["megapixels"] = large.shape[0] * large.shape[1] / 1e6
        timed = {
            name: measure(lambda method=method: method(large), chosen.repeats)
            for name, method in methods.items()
            if name != "input"
        }
    for place, clock in enumerate(("seconds", "processor_seconds")):
        result[clock] = {n: [one[place] for one in found] for n, found in timed.items()}
    return result


def measure(call: Callable[[], Any], repeats: int) -> list[tuple[float, float]]:
    """Returns seconds by the wall and of the processor, all threads together.

    Of each of ``repeats`` calls, after one that does not count. The second is what a
    machine with other work still says rightly.
    """
    call()
    found = []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        call()
        found.append((time.perf_counter() - start, time.process_time() - busy))
    return found


def lines(result: dict[str, Any]) -> list[str]:
    """The table in Markdown, with what it was measured on."""
    told = result["machine"]
    methods = list(dict.fromkeys(row["method"] for row in result["rows"]))
    found = {(row["change"], row["method"]): row for row in result["rows"]}
    cells = [["change", *methods]]
    for kind in dict.fromkeys(row["change"] for row in result["rows"]):
        scores = (found[kind, method] for method in methods)
        both = [f"{one['psnr']:.2f} / {one['ciede2000']:.2f}" for one in scores]
        cells.append([kind.replace("_", " "), *both])
    for what, clock in (("time", "seconds"), ("processor", "processor_seconds")):
        times = result[clock]
        medians = [f"{statistics.median(times[m]):.3f} s" if m in times else "–"
                   for m in methods]  # fmt: skip
        cells.append([f"{what}, {result['megapixels']:.3g} MP", *medians])
    versions = ", ".join(f"{k} {v}" for k, v in told["versions"].items())
    return [
        f"{told['processor']}, {result['threads']} threads, load before "
        f"{told['load_before']}; {versions}",
        f"model {told['model']}; {result['images']} photographs of "
        f"{result['folder']}; PSNR (dB) / CIEDE2000",
        "",
        *benchmark_table.markdown(cells),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints it; returns the exit code."""
    chosen = parse(arguments)
    if machine.is_busy():
        _say(
            "the machine is busy with something else: its times will not be worth much"
        )
    try:
        result = run(chosen)
    except VaenhanceError as error:
        _say(f"scripts/benchmark: {error}")
        return error.exit_code
    print(json.dumps(result) if chosen.json else "\n".join(lines(result)))
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
