"""Measures vaenhance and what else is there, side by side, in one run.

    scripts/benchmark FOLDER                    makes its own environment first
    scripts/benchmark FOLDER --full --json      also a real 12-megapixel photograph

Quality (PSNR, SSIM) on a folder of clean photographs that are degraded here; time,
memory and start on one photograph made from them. Every method runs in a process
of its own (benchmark_worker.py), one after the other, with the same number of
threads. docs/benchmarks.md explains the figures. Not a test: no time is judged.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import benchmark_images
import benchmark_machine as machine
import benchmark_table
from benchmark_worker import measure

from vaenhance import runtime
from vaenhance.errors import UsageProblem, VaenhanceError
from vaenhance.workflows import evaluate, pairs

WORKER = Path(__file__).with_name("benchmark_worker.py")
# What each method needs: a distribution, and the module that comes with it.
NEEDS = {
    "vaenhance-float32": ("tensorflow", "tensorflow"),
    "vaenhance-bfloat16": ("tensorflow", "tensorflow"),
    "opencv-nlm": ("opencv-python-headless", "cv2"),
    "opencv-bilateral": ("opencv-python-headless", "cv2"),
    "opencv-median": ("opencv-python-headless", "cv2"),
    "bm3d": ("bm3d", "bm3d"),
}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line; wrong ones end with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark", description=__doc__.partition("\n")[0]
    )
    add = parser.add_argument
    add("folder", type=Path, help="clean photographs, sub-folders included")
    add("--sigmas", type=float, nargs="*", default=[15.0, 25.0, 50.0], metavar="S",
        help="colour Gaussian noise, 0-255 scale (default: 15 25 50)")  # fmt: skip
    add("--jpeg", type=int, nargs="*", default=[], metavar="Q", help="JPEG qualities")
    add("--clip", action="store_true", help="8-bit input for every method")
    add("--seed", type=int, default=0, help="of the noise, as in vaenhance evaluate")
    add("--limit", type=int, metavar="N", help="only the first N photographs")
    add("--model", default="photo", help="built-in name or folder (default: photo)")
    add("--methods", nargs="+", choices=NEEDS, metavar="M",
        help=f"only these of {', '.join(NEEDS)}")  # fmt: skip
    add("--with-bm3d", action="store_true",
        help="also bm3d: non-commercial use only, and slow")  # fmt: skip
    add("--crop", type=int, default=256, metavar="PIXELS",
        help="side of the middle that bm3d gets (default: 256)")  # fmt: skip
    add("--threads", type=int, metavar="N", help="for each method (default: all cores)")
    add("--repeats", type=int, default=5, metavar="N", help="of each time (default: 5)")
    add("--megapixels", type=float, default=3.0, metavar="MP",
        help="photograph that is timed (default: 3)")  # fmt: skip
    add("--full", action="store_true", help="also time a 12-megapixel photograph")
    add("--no-speed", action="store_true", help="quality only")
    add("--no-quality", action="store_true", help="time and memory only")
    add("--json", action="store_true", help="one JSON object instead of the tables")
    chosen = parser.parse_args(arguments)
    chosen.with_bm3d |= "bm3d" in (chosen.methods or ())
    positive = ("limit", "crop", "threads", "repeats")
    for name in positive:
        value = getattr(chosen, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, not {value}")
    if min([*chosen.sigmas, chosen.megapixels], default=1) <= 0:
        parser.error("--sigmas and --megapixels must be above 0")
    if any(not 1 <= quality <= 100 for quality in chosen.jpeg):
        parser.error("--jpeg must be from 1 to 100")
    return chosen


def choose_methods(chosen: argparse.Namespace) -> list[str]:
    """The methods of this run, in the order of the table.

    Raises:
        UsageProblem: One of them is not installed.
    """
    wanted = list(chosen.methods or [name for name in NEEDS if name != "bm3d"])
    if chosen.with_bm3d and "bm3d" not in wanted:
        wanted.append("bm3d")
    if not chosen.methods and not runtime.has_fast_bfloat16():
        wanted.remove("vaenhance-bfloat16")
    for method in wanted:
        distribution, module = NEEDS[method]
        if importlib.util.find_spec(module) is None:
            raise UsageProblem(
                f"{method} needs {distribution}: use scripts/benchmark, which "
                f"installs it, or pip install {distribution}"
            )
    return wanted


def choose_degradations(chosen: argparse.Namespace) -> list[evaluate.Degradation]:
    """The columns of the table; none with --no-quality."""
    if chosen.no_quality or not (chosen.sigmas or chosen.jpeg):
        return []
    return evaluate.degradations(noise=chosen.sigmas, jpeg=chosen.jpeg)


def make_job(
    method: str, chosen: argparse.Namespace, threads: int, folder: Path
) -> dict[str, Any]:
    """What benchmark_worker.py is told, as plain data."""
    is_slow = method == "bm3d"
    rows = choose_degradations(chosen)
    regions = {} if is_slow else {"": str(chosen.folder)}
    if chosen.with_bm3d and rows:  # without rows there are no crops either
        regions[f"middle {chosen.crop}×{chosen.crop}"] = str(folder / "crops")
    timed = []
    if not chosen.no_speed:
        timed.append({"name": "speed", "repeats": chosen.repeats})
        timed[0]["image"] = str(folder / ("crop.npy" if is_slow else "speed.npy"))
    if chosen.full and not chosen.no_speed and not is_slow:
        timed.append({"name": "full", "repeats": min(chosen.repeats, 3)})
        timed[1]["image"] = str(folder / "full.npy")
    return {
        "method": method,
        "model": chosen.model,
        "threads": threads,
        "seed": chosen.seed,
        "clip": chosen.clip,
        "limit": chosen.limit,
        "rows": [{"noise": row.noise, "jpeg": row.jpeg} for row in rows],
        "regions": regions,
        "first": str(folder / "first.npy"),
        "timed": timed,
    }


def run_worker(job: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    """One method in a process of its own.

    Raises:
        VaenhanceError: It failed; its own words are on stderr.
    """
    done = subprocess.run(
        [sys.executable, str(WORKER)],
        input=json.dumps({**job, "started": time.time()}),
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise VaenhanceError(f"{job['method']} failed (its message is above)")
    return json.loads(done.stdout)


def time_command(
    chosen: argparse.Namespace, folder: Path, environment: dict[str, str]
) -> dict[str, float]:
    """Median seconds of two whole commands, as a shell sees them."""
    first, answer = str(folder / "first.png"), str(folder / "answer.png")
    enhance = ("enhance", first, answer, "--overwrite", "--quiet", "--device", "cpu")
    side = benchmark_images.SMALL
    commands = {
        "vaenhance --help": ("--help",),
        f"vaenhance enhance ({side}×{side})": (*enhance, "--model", chosen.model),
    }
    found = {}
    for name, arguments in commands.items():
        command = [sys.executable, "-m", "vaenhance", *arguments]

        def call(command: list[str] = command) -> None:
            subprocess.run(
                command, env=environment, stdout=subprocess.DEVNULL, check=True
            )

        found[name] = statistics.median(measure(call, chosen.repeats))
    return found


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """The whole benchmark, as plain data.

    Raises:
        VaenhanceError: There is nothing to measure, or a method failed.
    """
    methods = choose_methods(chosen)
    images, unreadable = pairs.find_pairs(chosen.folder, None)
    for failure in unreadable:
        say(f"not measured: {failure.image}: {failure.reason}")
    images = images[: chosen.limit]
    result: dict[str, Any] = {
        "machine": machine.describe(chosen.model),
        "threads": min(chosen.threads or machine.cores(), machine.cores()),
        "folder": chosen.folder.name,
        "seed": chosen.seed,
        "repeats": chosen.repeats,
        "methods": [],
    }
    with (
        tempfile.TemporaryDirectory() as name,
        machine.limited_to(result["threads"]) as environment,
    ):
        folder = Path(name)
        if not chosen.no_speed:
            sizes = benchmark_images.sizes(chosen.megapixels, chosen.crop, chosen.full)
            source, broken = benchmark_images.first_readable(images)
            for failure in broken:
                say(f"not timed: {failure.image}: {failure.reason}")
            benchmark_images.write_photographs(source, sizes, chosen.seed, folder)
            say("starting vaenhance ...")
            result["commands"] = time_command(chosen, folder, environment)
        if chosen.with_bm3d and choose_degradations(chosen):
            benchmark_images.write_crops(images, chosen.crop, folder / "crops")
        for method in methods:
            say(f"{method} ...")
            job = make_job(method, chosen, result["threads"], folder)
            result["methods"].append(run_worker(job, environment))
    return result


def say(text: str) -> None:
    """Tells the user where the run is."""
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints it; returns the exit code."""
    chosen = parse(arguments)
    if machine.is_busy() and not chosen.no_speed:
        say("the machine is busy with something else: its times will not be worth much")
    if chosen.with_bm3d:
        say("bm3d: for non-commercial use only (licence of Tampere University)")
    try:
        result = run(chosen)
    except VaenhanceError as error:
        say(f"scripts/benchmark: {error}")
        return error.exit_code
    if chosen.json:
        print(json.dumps(result))
    else:
        print("\n".join(benchmark_table.lines(result)))
    failed = {f for m in result["methods"] for q in m["quality"] for f in q["failed"]}
    for reason in sorted(failed):
        say(f"not measured: {reason}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
