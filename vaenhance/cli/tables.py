"""``vaenhance evaluate --table``: the published tables, remade.

How they look and how the run goes; ``workflows/table.py`` measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaenhance.cli import console
from vaenhance.cli.scores import failed, finite
from vaenhance.errors import UsageProblem
from vaenhance.workflows import baselines, upscaling
from vaenhance.workflows import table as story
from vaenhance.workflows.pairs import Failure
from vaenhance.workflows.standards import (
    AS_IT_IS,
    GRAY,
    RGB,
    ImageSet,
    Task,
    Y,
    find_sets,
)

if TYPE_CHECKING:
    from vaenhance.api import Model
    from vaenhance.workflows.table import Checked

_MEASURES = {RGB: "RGB", Y: "Y of YCbCr (BT.601, 16-235)", GRAY: "gray"}


def run(
    source: Path,
    model: str,
    load: Callable[[], Model],
    *,
    limit: int | None,
    seed: int,
    as_json: bool,
) -> int:
    """Measure every set in SOURCE, and say each table when it is done.

    Args:
        source: One set, or a folder of sets.
        model: How the user calls the model.
        load: Starts TensorFlow; called when the sets are found and can be read.
        limit: Only the first images of each set.
        seed: Of the noise.
        as_json: One object a row instead of tables.

    Returns:
        The exit code.

    Raises:
        UsageProblem: There are no images, or nothing of them is measured by a model
            that enlarges.
    """
    sets, failures = find_sets(source)
    checked = [story.check(one.first(limit)) for one in sets]
    failures += [failure for one in checked for failure in one.failures]
    for failure in failures:
        console.error(failed(failure))
    checked = [one for one in checked if one.images.pairs]
    if not checked:
        return 1
    network = load()
    if story.does_enlarge(network):
        checked = _large_enough(checked, failures)
    title = f"vaenhance {model}, {network.precision}"
    enlarges = story.does_enlarge(network)
    work = sum(one.work(enlarges) for one in checked)
    if not work:
        raise UsageProblem(
            f"model {model} enlarges, and papers measure no enlargement on "
            + ", ".join(one.images.name for one in checked)
        )
    with console.Progress(work) as bar:
        for one in checked:
            bar.note(one.images.name)
            found = story.measure_set(
                one, network, title, seed=seed, progress=bar.advance
            )
            if not as_json:
                _say(heading(one.images))
            for table in found:
                if as_json:
                    common = {"model": model, "precision": network.precision}
                    for row in records(table, seed, failures):
                        console.json_line({**common, **row})
                else:
                    _say(lines(table, seed))
    if failures:
        console.message(f"{len(failures)} could not be measured.")
    return 1 if failures else 0


def heading(images: ImageSet) -> Iterator[str]:
    """The name of a set, and whether it is all of it."""
    count = f"{len(images.pairs)} image{'s' if len(images.pairs) != 1 else ''}"
    yield f"## {images.name}: {count} in {images.folder}"
    if images.expected is not None and not images.is_whole:
        yield ""
        yield (
            f"Not the whole set, which has {images.expected}: published figures are "
            "left out."
        )
    yield ""


def lines(table: story.Table, seed: int) -> Iterator[str]:
    """One table in Markdown, with its protocol and sources."""
    yield f"{table.task.name}, PSNR (dB) on {_MEASURES[table.measure]}"
    yield ""
    columns = [row.label for row in table.task.columns]
    cells = [["method", *columns]]
    for line in table.lines:
        figures = [f"{figure.psnr:.2f}" for figure in line.figures]
        name = line.method
        if line.kind != "measured":
            name += f", {line.kind}"
        cells.append([name, *(figures or ["–"] * len(columns))])
    yield from _markdown(cells)
    yield ""
    yield f"Protocol: {protocol(table, seed)}."
    for line in table.lines:
        if line.kind == "left out":
            yield f"{line.method}: left out. {line.source}."
    sources: dict[str, list[str]] = {}
    for line in table.lines:
        if line.kind == "published":
            sources.setdefault(line.source, []).append(line.method)
    for source, names in sources.items():
        yield f"Published: {', '.join(names)}: {source}."
    yield ""


def protocol(table: story.Table, seed: int) -> str:
    """The rules under which the figures were measured, in words."""
    parts = [_taken(table.task)]
    if any(row.noise is not None for row in table.task.columns):
        parts.append(f"unclipped floats, noise of seed {seed}")
    if any(row.jpeg is not None for row in table.task.columns):
        chroma = " 4:2:0" if table.measure != GRAY and table.task.takes != Y else ""
        parts.append(f"JPEG{chroma} by Pillow")
    if any(line.settings for line in table.lines):
        side = baselines.TUNING_SIDE
        told = "noise" if table.task.columns[0].noise is not None else "true error"
        parts.append(
            f"OpenCV is told the {told}, takes 8 bits, and has the best of "
            f"{len(baselines.GRID)} settings on the middle {side}x{side} pixels"
        )
    if table.task.enlarges:
        parts.append(
            "cut to multiples of the scale, shrunk by Pillow's bicubic filter on 8 "
            "bits; a border of scale pixels is left out"
        )
    parts.append("output clipped to 0..1; means over images")
    return "; ".join(part for part in parts if part)


def records(
    table: story.Table, seed: int, failures: Sequence[Failure]
) -> Iterator[dict[str, Any]]:
    """The rows of a table as plain data."""
    columns = [row.label for row in table.task.columns]
    for line in table.lines:
        yield {
            "set": table.images.name,
            "folder": str(table.images.folder),
            "images": len(table.images.pairs),
            "whole": table.images.is_whole,
            "task": table.task.name,
            "measure": table.measure,
            "method": line.method,
            "kind": line.kind,
            "figures": [
                {
                    "degradation": column,
                    "psnr": finite(figure.psnr),
                    "ssim": figure.ssim,
                }
                for column, figure in zip(columns, line.figures, strict=False)
            ],
            "settings": list(line.settings),
            "source": line.source or None,
            "seed": seed,
            "failed": [{"image": f.image, "error": f.reason} for f in failures],
        }


def _say(text: Iterator[str]) -> None:
    for line in text:
        console.product(line)


def _taken(task: Task) -> str:
    if task.takes == AS_IT_IS:
        return ""
    return f"{task.takes} of the image alone, rounded to 8 bits, is degraded"


def _markdown(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        padded = [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"| {' | '.join(padded)} |"
        if number == 0:
            dashes = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
            yield f"| {' | '.join(dashes)} |"


def _large_enough(checked: list[Checked], failures: list[Failure]) -> list[Checked]:
    """Names images that are too small for a model that enlarges; keeps the others."""
    kept = []
    for one in checked:
        images, small = upscaling.large_enough(one.images)
        for failure in small:
            console.error(failed(failure))
        failures += small
        if images.pairs:
            kept.append(replace(one, images=images))
    return kept
