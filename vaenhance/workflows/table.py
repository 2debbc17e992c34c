"""Remake the published tables: one set of images, every method, every degradation.

Not for choosing the images, which ``standards`` does, nor for showing the tables.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vaenhance import metrics
from vaenhance.data.pixels import LUMA, middle, to_8_bit
from vaenhance.errors import PhotoError, VaenhanceError
from vaenhance.workflows import baselines, upscaling
from vaenhance.workflows.enhancer import Enhancer, estimate, psnr_and_ssim
from vaenhance.workflows.evaluate import Degradation, Settings, degrade_image
from vaenhance.workflows.files import reason
from vaenhance.workflows.pairs import Failure, Pair, count_megapixels, read
from vaenhance.workflows.published import published
from vaenhance.workflows.standards import AS_IT_IS, Checked, ImageSet, Task, Y

Array = NDArray[np.floating]
Result = TypeVar("Result")

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


def check(images: ImageSet) -> Checked:
    """Reads every image of a set once, and leaves out those that cannot be measured.

    Without any that can be, the set is empty.
    """
    pairs: list[Pair] = []
    failures: list[Failure] = []
    sizes = set()
    is_gray = True
    for pair in images.pairs:
        try:
            x, _ = read(pair)
        except PhotoError as error:
            failures.append(Failure(f"{images.name}/{pair.name}", str(error)))
            continue
        pairs.append(pair)
        sizes.add((x.shape[0], x.shape[1]))
        is_gray = is_gray and x.shape[2] == 1
    readable = replace(images, pairs=tuple(pairs), sizes=frozenset(sizes))
    return Checked(readable, tuple(failures), is_gray, count_megapixels(pairs))


def work(checked: Checked, model: Enhancer) -> float:
    """Megapixels of a set that the methods have to enhance."""
    columns = sum(len(task.columns) for task in checked.tasks(model.config))
    methods = 1 if does_enlarge(model) or baselines.why_missing() else 2
    return checked.megapixels * columns * methods


def measure_set(
    checked: Checked,
    model: Enhancer,
    title: str,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda megapixels: None,
) -> Iterator[Table | Failure]:
    """Measure all tasks of a set.

    Args:
        checked: The set, not empty.
        model: Is measured beside the input and the baseline.
        title: What the model's row is called.
        seed: Of the noise; each image has its own, by its name.
        progress: Called with the megapixels that a method has enhanced.

    Yields:
        A table for each task and measure. Before it, a failure for each image that
        something failed on: all figures of this table and of the later ones are
        without it. Without any image left there is no table.
    """
    bench = _Bench(checked, checked.images, model, title, seed, progress)
    for task in checked.tasks(model.config):
        columns = []
        for row in task.columns:
            columns.append(bench.column(task, row))
            yield from bench.failures
            bench.failures.clear()
        if not bench.images.pairs:
            return
        for number, measure in enumerate(checked.measures(task)):
            lines = _lines(columns, number, bench.images, task)
            lines += _published(bench.images, task, measure)
            yield Table(bench.images, task, measure, tuple(lines))


def methods(
    model: Enhancer,
    title: str,
    middles: Sequence[tuple[Array, Array]],
    row: Degradation,
) -> dict[str, Enhancer]:
    """What answers one degradation, by the names of the rows; no middles, no OpenCV."""
    found: dict[str, Enhancer] = {}
    if middles:
        found[baselines.NAME] = baselines.tuned(middles, row.noise)
    return {**found, title: model}


# PSNR and SSIM of one image, by the names of the rows; one pair for each measure.
Scores = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True)
class _Column:
    """One degradation: scores by the images, settings by the names of the rows."""

    scores: dict[str, Scores]
    settings: dict[str, dict[str, Any]]


@dataclass
class _Bench:
    """Measures a set, and loses the images that something fails on."""

    checked: Checked
    images: ImageSet  # those that nothing has failed on
    model: Enhancer
    title: str
    seed: int
    progress: Callable[[float], None]
    failures: list[Failure] = field(default_factory=list)  # not told yet

    def column(self, task: Task, row: Degradation) -> _Column:
        """One degradation of a task, in every measure."""
        if task.enlarges:
            return _Column(self._each(lambda pair: self._enlarge(pair, task, row)), {})
        middles: dict[str, tuple[Array, Array]] = {}
        if baselines.why_missing() is None:
            # An image that only the model fails on has a say in the filter's settings.
            middles = self._each(lambda pair: self._middle(pair, task, row))
        asked = methods(self.model, self.title, list(middles.values()), row)
        scores = self._each(lambda pair: self._enhance(pair, task, row, asked))
        settings = {
            name: method.settings
            for name, method in asked.items()
            if isinstance(method, baselines.NonLocalMeans)
        }
        return _Column(scores, settings)

    def _each(self, measure: Callable[[Pair], Result]) -> dict[str, Result]:
        """What comes of each image, by its name."""
        found: dict[str, Result] = {}
        for pair in self.images.pairs:
            # What one image is too much for, the next may do.
            try:
                found[pair.name] = measure(pair)
            except (VaenhanceError, MemoryError) as error:
                name = f"{self.images.name}/{pair.name}"
                self.failures.append(Failure(name, reason(error)))
        kept = tuple(pair for pair in self.images.pairs if pair.name in found)
        self.images = replace(self.images, pairs=kept)
        return found

    def _example(self, pair: Pair, task: Task, row: Degradation) -> tuple[Array, Array]:
        x = take(read(pair)[0], task.takes)
        return x, degrade_image(x, row, Settings(seed=self.seed), pair.name)

    def _middle(self, pair: Pair, task: Task, row: Degradation) -> tuple[Array, Array]:
        x, y = self._example(pair, task, row)
        return middle(x, baselines.TUNING_SIDE), middle(y, baselines.TUNING_SIDE)

    def _enhance(
        self, pair: Pair, task: Task, row: Degradation, asked: dict[str, Enhancer]
    ) -> Scores:
        x, y = self._example(pair, task, row)
        answers = {INPUT: y}
        for name, method in asked.items():
            if isinstance(method, baselines.NonLocalMeans):  # takes gray and colours
                answers[name] = method.enhance(y, progress=self.progress)
            else:
                answers[name] = estimate(method, y, None, self.progress)
        measures = self.checked.measures(task)
        return {
            name: [psnr_and_ssim(x, answer, luma=m == Y) for m in measures]
            for name, answer in answers.items()
        }

    def _enlarge(self, pair: Pair, task: Task, row: Degradation) -> Scores:
        """Pillow's filters stand where noise has OpenCV."""
        x, y = upscaling.shrunk(take(read(pair)[0], task.takes), row.scale)
        answers = upscaling.answers(self.model, y, row.scale)
        self.progress(x.shape[0] * x.shape[1] / 1e6)
        return {
            name if name in upscaling.FILTERS else self.title: [
                upscaling.bordered(x, answer, row.scale)
            ]
            for name, answer in answers.items()
        }


def does_enlarge(model: Enhancer) -> bool:
    """Whether a model makes images larger."""
    return max(model.config.scales) > 1


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


def _lines(
    columns: Sequence[_Column], number: int, images: ImageSet, task: Task
) -> list[Line]:
    """The rows that are measured here, in one measure, and the one that could not be.

    Args:
        columns: Of the table.
        number: Of the measure.
        images: Those that count: all others are in some of the columns only.
        task: Of the table.
    """
    names = [pair.name for pair in images.pairs]
    lines = []
    for method in columns[0].scores[names[0]]:
        every = [[c.scores[name][method][number] for name in names] for c in columns]
        settings = tuple(c.settings[method] for c in columns if method in c.settings)
        figures = tuple(_mean(pairs) for pairs in every)
        lines.append(Line(method, "measured", figures, settings=settings))
    why = baselines.why_missing()
    if why is not None and not task.enlarges:
        lines.insert(1, Line(baselines.NAME, "left out", source=why))
    return lines


def _mean(pairs: Sequence[tuple[float, float]]) -> Figure:
    psnr, ssim = zip(*pairs, strict=True)
    return Figure(statistics.fmean(psnr), statistics.fmean(ssim))


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
