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
    Checked,
    ImageSet,
    Task,
    Y,
    find_sets,
)

if TYPE_CHECKING:
    from vaenhance.api import Model

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
        UsageProblem: There are no images, or the model cannot be measured on any of
            the sets.
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
    usable = _for_model(checked, model, network)
    if story.does_enlarge(network):
        usable = _large_enough(usable, network, failures)
    title = f"vaenhance {model}, {network.precision}"
    with console.Progress(sum(story.work(one, network) for one in usable)) as bar:
        for one in usable:
            bar.note(one.images.name)
            found = story.measure_set(
                one, network, title, seed=seed, progress=bar.advance
            )
            tables = _heard(found, failures)
            if as_json:
                common = {"model": model, "precision": network.precision}
                for table in tables:
                    for row in records(table, seed, failures):
                        console.json_line({**common, **row})
            else:
                _say(_set_lines(tables, seed))
    if failures:
        console.message(f"{len(failures)} could not be measured.")
    return 1 if failures else 0


def heading(images: ImageSet) -> Iterator[str]:
    """The name of a set, and whether it is all of it."""
    count = f"{len(images.pairs)} image{'s' if len(images.pairs) != 1 else ''}"
    yield f"## {images.name}: {count} in {images.folder}"
    if images.expected is not None and not images.is_complete:
        yield ""
        yield (
            f"Not the whole set, which has {images.expected}: published figures are "
            "left out."
        )
    if images.is_other:
        yield ""
        yield f"{_other(images)}."
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
    yield from markdown(cells)
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


def markdown(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, the first row its heading."""
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


def _set_lines(tables: Iterator[story.Table], seed: int) -> Iterator[str]:
    """The tables of a set; its heading again where an image has been lost."""
    shown: ImageSet | None = None
    for table in tables:
        if table.images != shown:
            shown = table.images
            yield from heading(shown)
        yield from lines(table, seed)


def _heard(
    found: Iterator[story.Table | Failure], failures: list[Failure]
) -> Iterator[story.Table]:
    """The tables alone; failures are said at once, and collected."""
    for one in found:
        if isinstance(one, Failure):
            console.error(failed(one))
            failures.append(one)
        else:
            yield one


def _for_model(checked: Sequence[Checked], model: str, network: Model) -> list[Checked]:
    """The sets that a model can be measured on; says what is left out, and why.

    Raises:
        UsageProblem: There are none.
    """
    usable, still, colourful = [], [], []
    for one in checked:
        name = one.images.name
        colours = [task.name for task in one.too_colourful(network.config)]
        if colours:
            colourful.append(f"{name} ({', '.join(colours)})")
        if one.tasks(network.config):
            usable.append(one)
        elif not colours:
            still.append(name)
    said = []
    if colourful:
        said.append(
            f"model {model} takes gray images, and colours are left out on "
            + ", ".join(colourful)
        )
    if still:
        said.append(
            f"model {model} enlarges, and papers measure no enlargement on "
            + ", ".join(still)
        )
    if not usable:
        raise UsageProblem("; ".join(said))
    said += [_other(one.images) for one in usable if one.images.is_other]
    for reason in said:
        console.message(reason)
    return usable


def _other(images: ImageSet) -> str:
    """Why a set of other sizes has no published figures."""
    height, width = images.parts or (0, 0)
    return (
        f"{images.name} is published in parts of {width}x{height} pixels: figures of "
        "other sizes, such as the originals, cannot be compared, and the published "
        "ones are left out"
    )


def _large_enough(
    usable: Sequence[Checked], network: Model, failures: list[Failure]
) -> list[Checked]:
    """Names images that are too small for a model that enlarges; keeps the others."""
    kept = []
    for one in usable:
        tasks = one.tasks(network.config)
        most = max(row.scale for task in tasks for row in task.columns)
        images, small = upscaling.large_enough(one.images, most)
        for failure in small:
            console.error(failed(failure))
        failures += small
        if images.pairs:
            kept.append(replace(one, images=images))
    return kept
