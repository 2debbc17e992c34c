"""Beyond one answer: alternatives, their mean, σ, and keeping what is uncertain.

The story of one photograph's companions. They are written as they are made, so
that one of them is in memory at a time. Not for names: ``companions`` has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo
from vaenhance.api_resize import Size
from vaenhance.api_uncertainty import DRAWS, keep_uncertain
from vaenhance.errors import TargetTaken
from vaenhance.workflows.companions import HEAT, MEAN, SIGMA
from vaenhance.workflows.files import Files
from vaenhance.workflows.jobs import Job
from vaenhance.workflows.maps import heat_map, sigma_map

Array = NDArray[Any]
Told = Callable[[float], None]

DIALS = ("size", "consistent", "strength", "noise_sigma", "tile", "overlap")
SIGMA_PASSES = 1 + DRAWS  # of the network for σ: the mean and the draws


@dataclass(frozen=True)
class Exploring:
    """What is wanted beside, or instead of, the plain answer."""

    draws: int = 0  # alternatives, and their mean
    uncertainty: bool = False  # the map of σ and its heat map
    keep_uncertain: float | None = None  # σ in [0, 1] units above which y comes back
    seed: int = 0  # of the draws

    @classmethod
    def of_levels(
        cls, draws: int, uncertainty: bool, keep_uncertain: float | None, seed: int
    ) -> Exploring:
        """Takes the threshold on the 0-255 scale, as the command line has it."""
        kept = None if keep_uncertain is None else keep_uncertain / 255
        return cls(draws, uncertainty, kept, seed)

    @property
    def needs_sigma(self) -> bool:
        """Tells whether the model must be calibrated."""
        return self.uncertainty or self.keep_uncertain is not None

    @property
    def is_on(self) -> bool:
        """Tells whether there is more to do than to enhance."""
        return self.draws > 0 or self.needs_sigma


class Explorer(Protocol):
    """What of ``api.Model`` explores a photograph."""

    def draw(
        self,
        image: Array,
        number: int = 0,
        *,
        seed: int = 0,
        size: Size | None = None,
        consistent: bool = False,
        strength: float = 1.0,
        noise_sigma: float | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        progress: Told | None = None,
    ) -> Array:
        """Returns one alternative."""

    def assess(
        self,
        image: Array,
        *,
        seed: int = 0,
        size: Size | None = None,
        strength: float = 1.0,
        noise_sigma: float | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        progress: Told | None = None,
    ) -> Any:
        """Returns an ``api.Assessed``."""


def check(model: Any) -> None:
    """Refuses a model that is not calibrated, before any work.

    Raises:
        ModelError: says what to do.
    """
    model.calibration()


def answer(
    model: Any,
    picture: photo.Photo,
    job: Job,
    files: Files,
    wanted: Exploring,
    dials: dict[str, Any],
    report: Told,
) -> tuple[Array, float | None]:
    """Returns the pixels to write, after writing what lies beside them.

    Args:
        model: an ``Explorer``, or what enhances if nothing else is wanted.
        picture: the photograph as read.
        job: with its companions.
        files: writes them.
        wanted: draws, maps and so on.
        dials: what ``enhance`` is told; draws hear of those in ``DIALS``, and σ too,
            without ``consistent``.
        report: told megapixels as they are finished, of the photograph's own number.

    Returns:
        The pixels, and the root mean square of σ on the 0-255 scale where it is known.
    """
    times = _passes(job, wanted)
    shared = {name: value for name, value in dials.items() if name in DIALS}

    def told(part: int) -> dict[str, Any]:
        """The dials of what is so many of all passes."""
        return {**shared, "progress": lambda mp: report(mp * part / times)}

    pixels, overall = picture.pixels, None
    if wanted.needs_sigma:
        pixels, overall = _assessed(
            model, picture, job, files, wanted, told(SIGMA_PASSES)
        )
    elif not job.keeps_target:  # else only what lies beside it is missing
        pixels = model.enhance(picture.pixels, **{**dials, **told(1)})
    if wanted.draws:
        _write_draws(model, picture, job, files, wanted, told(1))
    return pixels, overall


def _assessed(
    model: Explorer,
    picture: photo.Photo,
    job: Job,
    files: Files,
    wanted: Exploring,
    dials: dict[str, Any],
) -> tuple[Array, float]:
    """Enhances with σ, writes the maps and keeps what is uncertain."""
    dials.pop("consistent", None)  # the command refuses it
    found = model.assess(picture.pixels, seed=wanted.seed, **dials)
    overall = 255.0 * float(np.sqrt(np.mean(np.square(found.sigma, dtype=np.float64))))
    for companion in job.companions:
        if companion.exists or companion.kind not in (SIGMA, HEAT):
            continue
        make = sigma_map if companion.kind == SIGMA else heat_map
        _write(files, job, companion.path, make(found.sigma))
    pixels = found.image
    if wanted.keep_uncertain is not None:
        pixels = keep_uncertain(picture.pixels, found, wanted.keep_uncertain)
    return pixels, overall


def _write_draws(
    model: Explorer,
    picture: photo.Photo,
    job: Job,
    files: Files,
    wanted: Exploring,
    dials: dict[str, Any],
) -> None:
    """Writes the alternatives of a photograph, one by one, and their mean."""
    missing = {c.kind: c.path for c in job.companions if not c.exists}
    if not any(kind == MEAN or kind.startswith("draw") for kind in missing):
        return
    total: Array | None = None
    for number in range(wanted.draws):
        drawn = model.draw(picture.pixels, number, seed=wanted.seed, **dials)
        if total is None:
            total = np.zeros(drawn.shape, _sum_type(drawn, wanted.draws))
        total += drawn
        if path := missing.get(f"draw{number + 1}"):
            _write(files, job, path, _encoded(files, job, picture, drawn))
    if MEAN in missing and total is not None:
        mean = np.empty(total.shape, picture.pixels.dtype)
        for rows in photo.strips(*total.shape[:2]):
            mean[rows] = np.rint(total[rows] / wanted.draws)
        _write(files, job, missing[MEAN], _encoded(files, job, picture, mean))


def _passes(job: Job, wanted: Exploring) -> int:
    """Returns how often the network sees a photograph."""
    missing = [c.kind for c in job.companions if not c.exists]
    has_draws = any(kind == MEAN or kind.startswith("draw") for kind in missing)
    first = SIGMA_PASSES if wanted.needs_sigma else int(not job.keeps_target)
    return max(first + (wanted.draws if has_draws else 0), 1)


def _encoded(files: Files, job: Job, picture: photo.Photo, pixels: Array) -> bytes:
    return files.encode(job, photo.with_pixels(picture, pixels))


def _write(files: Files, job: Job, path: Path, data: bytes) -> None:
    """Writes one companion, unless another run has made it in the meantime."""
    try:
        files.write_beside(job, path, data)
    except TargetTaken:
        if job.is_named:
            raise


def _sum_type(pixels: Array, count: int) -> type:
    largest = int(np.iinfo(pixels.dtype).max) * count
    return np.uint16 if largest <= 65535 else np.uint32
