"""How ``encode`` treats photographs, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

import vaenhance


@dataclass(frozen=True)
class EncodeSettings:
    """How every photograph of a run is encoded, and what is kept of it."""

    noise_sigma: float | None = None  # [0, 1] units; None lets the model judge
    scale: bool = False  # also the posterior's standard deviations
    draws: int = 0  # from the posterior, instead of its mean
    seed: int = 0
    label: str | None = None  # class of all photographs; None tells none
    pool: int = 0  # cells a side of one vector an image, instead of latents
    styles: bool = False  # one style a photograph, of a model of looks
    tile: int | None = None  # pixels; None chooses, 0 is the whole image
    overlap: int | None = None  # pixels; None chooses
    strip_metadata: bool = False
    max_megapixels: float = 512.0
    fail_fast: bool = False

    @property
    def content(self) -> str:
        """Returns what the file holds, in the words of ``latents``."""
        if self.pool or self.styles:
            return "vectors"
        return "draws" if self.draws else "mean and scale" if self.scale else "mean"

    def facts(self) -> dict[str, float | str]:
        """Returns what the file says of these settings."""
        facts: dict[str, float | str] = {"vaenhance_version": vaenhance.__version__}
        if self.draws:
            facts |= {"draws": self.draws, "seed": self.seed}
        if self.pool:
            facts["pool"] = self.pool
        if self.noise_sigma is not None:
            facts["noise_sigma"] = self.noise_sigma
        if self.label is not None:
            facts["class"] = self.label
        return facts
