"""How ``enhance`` treats photographs, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vaenhance.workflows.enlarging import Enlargement
from vaenhance.workflows.explore import Exploring
from vaenhance.workflows.grade import GradeSettings


@dataclass(frozen=True)
class EnhanceSettings:
    """How every photograph of a run is treated."""

    strength: float = 1.0  # of the photo model: 0 leaves it out, 1 is its answer
    grade: GradeSettings = field(default_factory=GradeSettings)  # light and style
    enlargement: Enlargement | None = None  # None keeps the size
    noise_sigma: float | None = None  # [0, 1] units; None lets the model judge
    label: str | None = None  # class as which images are drawn anew
    tile: int | None = None  # pixels; None chooses, 0 is the whole image
    overlap: int | None = None  # pixels; None chooses
    quality: int | None = None  # 1 to 100; None is 95
    strip_metadata: bool = False
    max_megapixels: float = 512.0
    fail_fast: bool = False
    exploring: Exploring = field(default_factory=Exploring)

    @property
    def dials(self) -> dict[str, Any]:
        """Returns what the model is told of every photograph."""
        names = ("strength", "noise_sigma", "label", "tile", "overlap")
        return {name: getattr(self, name) for name in names}

    @property
    def needs_photo_model(self) -> bool:
        """Tells whether the photo model has anything to do."""
        return self.strength > 0 or self.enlargement is not None

    @property
    def changes_nothing(self) -> bool:
        """Tells whether photographs come back as they are, without any model."""
        return not self.needs_photo_model and not self.grade.does_anything
