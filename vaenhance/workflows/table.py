"""Remake the published tables: one set of images, every method, every degradation.

Not for choosing the images, which ``standards`` does, nor for showing the tables.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import metrics
from vaenhance.data.pixels import LUMA, middle, to_8_bit
from vaenhance.errors import PhotoError
from vaenhance.workflows import baselines, upscaling
from vaenhance.workflows.enhancer import Enhancer, estimate, psnr_and_ssim
from vaenhance.workflows.evaluate import Degradation, Settings, degrade_image
from vaenhance.workflows.pairs import Failure, Pair, count_megapixels, read
from vaenhance.workflows.published import published
from vaenhance.workflows.standards import AS_IT_IS, GRAY, ImageSet, Task, Y

Array = NDArray[np.floating]

INPUT = "input"


@dataclass(frozen=True)
class Figure:
    """Means over the images of a set."""

    psnr: float  # dB
    ssim: float | None  # None in figures that are not from here


@dataclass(frozen=True)
class Line:
    """One method in a table; the figures belong to the task's columns."""

    method: str
    kind: str  # "measured", "published" or "left out"
    figures: tuple[Figure, ...] = ()
    source: str = ""  # who published it, or why it is left out
    # The settings that were best, one for each column.
    settings: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Table:
    """One task on one set, measured in one way."""

    images: ImageSet
    task: Task
    measure: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Checked:
    """A set whose images can be read."""

    images: ImageSet
    failures: tuple[Failure, ...]
    is_gray: bool
    megapixels: float  # of all its images

    def tasks(self, enlarges: bool = False) -> list[Task]:
        """The tasks that say something; in gray, colour JPEG is that of Y.

        Args:
            enlarges: The model makes images larger, or else keeps their size.
        """
        tasks = [task for task in self.images.tasks if task.enlarges == enlarges]
        if self.is_gray and any(task.takes == Y for task in tasks):
            tasks = [task for task in tasks if task.takes != AS_IT_IS]
        return tasks

    def measures(self, task: Task) -> tuple[str, ...]:
        """On what the task is measured; gray images have only themselves."""
        is_plain = self.is_gray and task.takes == AS_IT_IS
        return (GRAY,) if is_plain else task.measures

    def work(self, enlarges: bool = False) -> float:
        """Megapixels that the methods have to enhance; the model as for ``tasks``."""
        columns = sum(len(task.columns) for task in self.tasks(enlarges))
        methods = 1 if enlarges or baselines.why_missing() else 2
        return self.megapixels * columns * methods


def check(images: ImageSet) -> Checked:
    """Reads every image of a set once, and leaves out those that cannot be measured.

    Without any that can be, the set is empty.
    """
    pairs: list[Pair] = []
    failures: list[Failure] = []
    is_gray = True
    for pair in images.pairs:
        try:
            x, _ = read(pair)
        except PhotoError as error:
            failures.append(Failure(f"{images.name}/{pair.name}", str(error)))
            continue
        pairs.append(pair)
        is_gray = is_gray and x.shape[2] == 1
    readable = ImageSet(
        images.name, images.folder, tuple(pairs), images.tasks, images.expected
    )
    return Checked(readable, tuple(failures), is_gray, count_megapixels(pairs))


def measure_set(
    checked: Checked,
    model: Enhancer,
    title: str,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda megapixels: None,
) -> Iterator[Table]:
    """Measure all tasks of a set.

    Args:
        checked: The set, not empty.
        model: Is measured beside the input and the baseline.
        title: What the model's row is called.
        seed: Of the noise; each image has its own, by its name.
        progress: Called with the megapixels that a method has enhanced.

    Yields:
        A table for each task and measure.
    """
    for task in checked.tasks(does_enlarge(model)):
        measure_column = _measure_scale if task.enlarges else _measure_column
        columns = [
            measure_column(checked, task, row, model, title, seed, progress)
            for row in task.columns
        ]
        for number, measure in enumerate(checked.measures(task)):
            lines = _lines([column[number] for column in columns], task)
            lines += _published(checked.images, task, measure)
            yield Table(checked.images, task, measure, tuple(lines))


def methods(
    model: Enhancer,
    title: str,
    middles: Sequence[tuple[Array, Array]],
    row: Degradation,
) -> dict[str, Enhancer]:
    """What answers one degradation, by the names of the rows."""
    found: dict[str, Enhancer] = {}
    if baselines.why_missing() is None:
        found[baselines.NAME] = baselines.tuned(middles, row.noise)
    return {**found, title: model}


@dataclass(frozen=True)
class _Column:
    """One degradation in one measure: figures and settings by the names of the rows."""

    figures: dict[str, Figure]
    settings: dict[str, dict[str, Any]]


def _measure_column(
    checked: Checked,
    task: Task,
    row: Degradation,
    model: Enhancer,
    title: str,
    seed: int,
    progress: Callable[[float], None],
) -> list[_Column]:
    """One degradation of a task, in every measure."""

    def examples() -> Iterator[tuple[Array, Array]]:
        for pair in checked.images.pairs:
            x = take(read(pair)[0], task.takes)
            yield x, degrade_image(x, row, Settings(seed=seed), pair.name)

    middles: list[tuple[Array, Array]] = []
    if baselines.why_missing() is None:
        side = baselines.TUNING_SIDE
        middles = [(middle(x, side), middle(y, side)) for x, y in examples()]
    asked = methods(model, title, middles, row)
    measures = checked.measures(task)
    found: dict[str, dict[str, list[tuple[float, float]]]] = {m: {} for m in measures}
    for x, y in examples():
        answers = {INPUT: y}
        for name, method in asked.items():
            answers[name] = estimate(method, y, None, progress)
        for measure, rows in found.items():
            for name, answer in answers.items():
                pair = psnr_and_ssim(x, answer, luma=measure == Y)
                rows.setdefault(name, []).append(pair)
    settings = {
        name: method.settings
        for name, method in asked.items()
        if isinstance(method, baselines.NonLocalMeans)
    }
    return [
        _Column({name: _mean(pairs) for name, pairs in rows.items()}, settings)
        for rows in found.values()
    ]


def _measure_scale(
    checked: Checked,
    task: Task,
    row: Degradation,
    model: Enhancer,
    title: str,
    seed: int,
    progress: Callable[[float], None],
) -> list[_Column]:
    """One scale of upscaling; Pillow's filters stand where noise has OpenCV."""
    rows: dict[str, list[tuple[float, float]]] = {}
    for pair in checked.images.pairs:
        x, y = upscaling.shrunk(take(read(pair)[0], task.takes), row.scale)
        answers = upscaling.answers(model, y, row.scale)
        progress(x.shape[0] * x.shape[1] / 1e6)
        for name, answer in answers.items():
            figures = upscaling.bordered(x, answer, row.scale)
            name = name if name in upscaling.FILTERS else title
            rows.setdefault(name, []).append(figures)
    return [_Column({name: _mean(pairs) for name, pairs in rows.items()}, {})]


def does_enlarge(model: Enhancer) -> bool:
    """Whether a model makes images larger."""
    return max(model.config.scales) > 1


def _mean(pairs: Sequence[tuple[float, float]]) -> Figure:
    psnr, ssim = zip(*pairs, strict=True)
    return Figure(statistics.fmean(psnr), statistics.fmean(ssim))


def take(x: Array, what: str) -> Array:
    """What a task takes of a clean image; a gray image is taken as it is.

    Args:
        x: float32 (H, W, C) in [0, 1].
        what: ``AS_IT_IS``, ``GRAY`` or ``Y``.

    Returns:
        float32, (H, W, C) or (H, W, 1); one plane is rounded to 8 bits.
    """
    if what == AS_IT_IS or x.shape[2] == 1:
        return x
    plane = metrics.luma(x) if what == Y else x @ LUMA
    return to_8_bit(plane[..., None].astype(np.float32))


def _lines(columns: Sequence[_Column], task: Task) -> list[Line]:
    """The rows that are measured here, and the one that could not be."""
    lines = [
        Line(
            name,
            "measured",
            tuple(column.figures[name] for column in columns),
            settings=tuple(c.settings[name] for c in columns if name in c.settings),
        )
        for name in columns[0].figures
    ]
    why = baselines.why_missing()
    if why is not None and not task.enlarges:
        lines.insert(1, Line(baselines.NAME, "left out", source=why))
    return lines


def _published(images: ImageSet, task: Task, measure: str) -> list[Line]:
    """The rows of others; only for a set that is what they measured."""
    if not images.is_whole:
        return []
    return [
        Line(
            one.method,
            "published",
            tuple(Figure(value, None) for value in one.psnr),
            one.source,
        )
        for one in published(images.name, task, measure)
    ]
