"""What encoding asks of a model, and what a run keeps. Plain data and one protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

import vaenhance
from vaenhance.config import ModelConfig
from vaenhance.latents import Origin, Tile, TiledLatents


class Encoder(Protocol):
    """What this workflow needs of ``api.Model``."""

    @property
    def config(self) -> ModelConfig:
        """The network's shape; its colour channels matter here."""

    @property
    def conditioned_on_noise(self) -> bool:
        """Tells whether a noise level may be given."""

    @property
    def origin(self) -> Origin:
        """What a file of its latents says of it."""

    def encode_tiles(
        self,
        image: NDArray[Any],
        keep: Callable[[int, TiledLatents, Tile], None] | None = None,
        *,
        noise_sigma: float | None = None,
        scale: bool = False,
        draws: int = 0,
        seed: int = 0,
        tile: int | None = None,
        overlap: int | None = None,
        progress: Callable[[float], None] = lambda megapixels: None,
    ) -> TiledLatents:
        """Encodes one image, (H, W, C)."""


@dataclass(frozen=True)
class EncodeSettings:
    """How every photograph of a run is encoded, and what is kept of it."""

    noise_sigma: float | None = None  # [0, 1] units; None lets the model judge
    scale: bool = False  # also the posterior's standard deviations
    draws: int = 0  # from the posterior, instead of its mean
    seed: int = 0
    pool: int = 0  # cells a side of one vector an image, instead of latents
    tile: int | None = None  # pixels; None chooses, 0 is the whole image
    overlap: int | None = None  # pixels; None chooses
    strip_metadata: bool = False
    max_megapixels: float = 512.0
    fail_fast: bool = False

    @property
    def content(self) -> str:
        """Returns what the file holds, in the words of ``latents``."""
        if self.pool:
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
        return facts
