"""How ``enhance`` treats photographs, as plain data, and which models can do it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vaenhance import checkpoint
from vaenhance.api_inputs import check_class, check_network
from vaenhance.checkpoint_calibration import load_calibration
from vaenhance.errors import UsageProblem
from vaenhance.workflows.enlarging import Enlargement
from vaenhance.workflows.explore import Exploring
from vaenhance.workflows.grade import GradeSettings

TAKES_NO_LEVEL = (
    "--noise was given, but this model judges the noise by itself and takes no level: "
    "leave --noise out (or say auto), or choose a model that is conditioned on noise "
    "(vaenhance info lists them)"
)


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
        names = ("strength", "noise_sigma", "tile", "overlap")
        told = {name: getattr(self, name) for name in names}
        return told if self.label is None else {**told, "label": self.label}

    @property
    def needs_photo_model(self) -> bool:
        """Tells whether the photo model has anything to do."""
        return self.strength > 0 or self.enlargement is not None

    @property
    def changes_nothing(self) -> bool:
        """Tells whether photographs come back as they are, without any model."""
        return not self.needs_photo_model and not self.grade.does_anything


def check_models(model: str, settings: EnhanceSettings) -> None:
    """Refuses what the models cannot do, by their configurations alone.

    Args:
        model: name or folder of the photo model.
        settings: what is asked of it, and of the model of looks.

    Raises:
        ModelError: there is no such model.
        UsageProblem: a model is of another kind, or the class makes no sense.
    """
    grade = settings.grade
    if grade.does_anything:
        check_network(*checkpoint.named_config(grade.model), wants_look=True)
    if settings.label is not None and (
        settings.strength == 0 or settings.enlargement is not None
    ):
        raise UsageProblem(
            "--class draws an image anew in its own size: leave it out, or "
            "--strength 0 and what makes photographs larger"
        )
    if settings.noise_sigma is not None and not settings.needs_photo_model:
        raise UsageProblem(
            "--noise tells the photo model what to expect, and --strength 0 leaves it "
            "out: give one of them"
        )
    if settings.needs_photo_model:
        name, config = checkpoint.named_config(model)
        check_network(name, config, wants_look=False)
        if settings.label is not None:
            check_class(name, config, settings.label)
        if settings.noise_sigma is not None and not config.noise_map:
            raise UsageProblem(TAKES_NO_LEVEL)
        if settings.exploring.needs_sigma:
            _check_calibrated(name, checkpoint.find_model(model))


def _check_calibrated(name: str, folder: Path) -> None:
    if load_calibration(folder) is None:
        raise UsageProblem(
            f"model {name} is not calibrated: run vaenhance calibrate PHOTOS {folder}"
        )
