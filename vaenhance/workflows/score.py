"""Scoring photographs: which of them need to be enhanced.

Reads and scores one after the other, reading ahead; nothing is written. Not for the
figures themselves; ``api.Model.score`` has them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from vaenhance import checkpoint, photo
from vaenhance.api_inputs import check_network, check_scored
from vaenhance.errors import UsageProblem
from vaenhance.workflows.conveyor import MEGAPIXELS_IN_FLIGHT, Conveyor
from vaenhance.workflows.files import Files, reason
from vaenhance.workflows.jobs import Job
from vaenhance.workflows.sources import STREAM, Sources, expand, is_stream


class Scored(Protocol):
    """The part of ``api.Score`` that is reported."""

    @property
    def noise(self) -> float:
        """[0, 1] units."""

    @property
    def bits_per_dimension(self) -> float:
        """Bits."""

    @property
    def uncertainty(self) -> float | None:
        """[0, 1] units."""


class Scorer(Protocol):
    """The part of ``api.Model`` that scores."""

    def score(self, image: NDArray[Any], *, seed: int = 0) -> Scored:
        """Scores one image (H, W, 3)."""


@dataclass
class Record:
    """One photograph and what was found."""

    source: Path | None  # None is standard input
    width: int | None = None
    height: int | None = None
    score: Scored | None = None
    seconds: float = 0.0
    error: str | None = None

    @property
    def name(self) -> str:
        """Returns what to call it."""
        return STREAM if self.source is None else str(self.source)

    def as_json(self) -> dict[str, Any]:
        """Returns the record for ``--json``: always all keys, null where unknown."""
        found = self.score
        levels = (
            None
            if found is None or found.uncertainty is None
            else (round(255 * found.uncertainty, 3))
        )
        return {
            "source": self.name,
            "width": self.width,
            "height": self.height,
            "noise": None if found is None else round(255 * found.noise, 3),
            "bits_per_dimension": (
                None if found is None else round(found.bits_per_dimension, 4)
            ),
            "uncertainty": levels,
            "seconds": round(self.seconds, 3),
            "error": self.error,
        }


def check_model(model: str) -> None:
    """Refuses a model that cannot score, by its configuration alone.

    Raises:
        ModelError: there is no such model.
        UsageProblem: it is not made for photographs.
    """
    name, config = checkpoint.named_config(model)
    check_network(name, config, wants_look=False)
    check_scored(name, config)


def find(paths: Sequence[str], *, recursive: bool) -> Sources:
    """Returns the photographs that the arguments stand for.

    Raises:
        UsageProblem: there are none.
    """
    found = expand(paths, recursive=recursive)
    if not found.found and not found.unreadable:
        raise UsageProblem(found.nothing_in(paths, recursive))
    return found


def score_photos(
    sources: Sequence[Path | None],
    load: Callable[[], Scorer],
    *,
    standard_input: bytes = b"",
    seed: int = 0,
    max_megapixels: float = 512.0,
) -> Iterator[Record]:
    """Scores photographs, each as it is; one that fails is a record like any other.

    Args:
        sources: None stands for standard input.
        load: gives the model, while the first photograph is being read.
        standard_input: the photograph without a name.
        seed: of the posterior's draw.
        max_megapixels: larger ones are refused.

    Raises:
        UsageProblem: the model is not made for photographs.
    """
    scored = 0

    def read(record: Record) -> NDArray[Any]:
        started = time.perf_counter()
        pixels = _read(record.source, standard_input, max_megapixels)
        record.height, record.width = pixels.shape[:2]
        record.seconds += time.perf_counter() - started
        return pixels

    def compute(record: Record, pixels: NDArray[Any]) -> None:
        nonlocal scored
        started = time.perf_counter()
        record.score = model.score(pixels, seed=seed)
        record.seconds += time.perf_counter() - started
        scored += 1

    belt: Conveyor[Record] = Conveyor(
        [Record(source) for source in sources],
        read=read,
        compute=compute,
        write=lambda record, nothing: None,
        weigh=lambda record: _megapixels(record.source),
        room=MEGAPIXELS_IN_FLIGHT,
        is_fatal=lambda error: isinstance(error, UsageProblem) and not scored,
    )
    try:
        belt.read_ahead()
        model = load()
        for record, error in belt.results():
            record.error = None if error is None else reason(error)
            yield record
    finally:
        belt.close()


def _read(source: Path | None, standard_input: bytes, most: float) -> NDArray[Any]:
    """Returns the pixels of a photograph; a pipe is emptied by this."""
    if source is None:
        return photo.read_photo(standard_input, max_megapixels=most).pixels
    if not is_stream(source):
        return photo.read_photo(source, max_megapixels=most).pixels
    files = Files(  # of this one only: what they keep of a pipe is not needed again
        b"", max_megapixels=most, quality=None, strip_metadata=False, unchanged=True
    )
    return files.read(Job(source, None)).pixels


def _megapixels(source: Path | None) -> float:
    """Returns the size by the header; what can be read once or not weighs nothing."""
    if source is None or is_stream(source):
        return 0.0
    try:
        return photo.probe(source).megapixels
    except Exception:  # reading it says why, later
        return 0.0
