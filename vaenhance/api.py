"""The Python interface: load a model; enhance, encode, decode, sample arrays.

    import vaenhance
    model = vaenhance.load_model("photo")
    better = model.enhance(image)            # (H, W, 3), same type as the input

Commands that enhance, encode, decode, draw and measure are built on this and on
``api_look``; ``train`` and ``calibrate`` go deeper. No files but the model's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import checkpoint, runtime, tiling
from vaenhance.api_enhance import Enhancing
from vaenhance.api_inputs import check_network, checked_scale
from vaenhance.api_interpolate import Interpolation
from vaenhance.api_likelihood import Likelihood
from vaenhance.api_posterior import Posterior
from vaenhance.api_score import Scores
from vaenhance.checkpoint import builtin_models, find_model
from vaenhance.config import ModelConfig, stride
from vaenhance.errors import UsageProblem
from vaenhance.latents import Entry, LatentReader, LatentWriter, Origin, TiledLatents

Pixels = NDArray[np.float32]

# Pixels mirrored around an image (docs/design.md); models of any size only.
MARGIN = 32


@dataclass(frozen=True)
class Latents:
    """What the encoder makes of images: posterior means, coarse to fine.

    Attributes:
        levels: (B, h, w, c) float32 of each level. They cover the images and what
            is mirrored around them: ``Model.margin`` pixels at the top and left, as
            many or some more, up to the network's stride, at the bottom and right.
        height: of the images, pixels, without what is mirrored.
        width: of the images, pixels, without what is mirrored.
    """

    levels: list[Pixels]
    height: int
    width: int


def load_model(
    name_or_path: str | Path = "photo",
    *,
    device: str = "auto",
    precision: str = "auto",
) -> Model:
    """Loads a built-in model by name, or a model folder.

    Args:
        name_or_path: ``photo`` and so on, or a folder made by ``vaenhance train``.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        precision: ``auto`` (bfloat16 where the processor is fast at it),
            ``float32``, ``bfloat16`` or ``float16``.

    Raises:
        ModelError: missing, damaged, or of a newer version.
        UsageProblem: it is a model of looks.
        DeviceError: the device is not there.
    """
    folder = find_model(name_or_path)
    config = checkpoint.load_config(folder).model
    check_network(folder.resolve().name, config, wants_look=False)
    card = checkpoint.load_card(folder)
    sitting = runtime.start(device, precision)
    return Model(folder, config, card, sitting)


class Model(Enhancing, Interpolation, Scores, Posterior, Likelihood):
    """A trained VAE, ready to use. Made by ``load_model``.

    Attributes:
        folder: where it was read from.
        name: of the model's folder.
        config: the network's shape.
        settings: all that it was trained with.
        card: where the model comes from, as plain data.
        device: for people, e.g. "CPU (2 cores)".
        precision: float32, bfloat16 or float16.
        margin: pixels mirrored around images before the network sees them.
        checksum: SHA-256 of its weights.
        tile_limit: largest tile that memory has allowed so far, pixels; 0 = any.
    """

    def __init__(
        self,
        folder: Path,
        config: ModelConfig,
        card: dict[str, Any],
        sitting: runtime.Runtime,
    ):
        from vaenhance.model.inference import Inference

        self.folder = folder
        self.name = folder.resolve().name
        self.config = config
        self.settings = checkpoint.load_config(folder)
        self.card = card
        self.device = sitting.device
        self.precision = sitting.precision
        step = stride(config)
        self.margin = -(-MARGIN // step) * step if self.is_any_size else 0
        self.tile_limit = 0
        self._inference = Inference(folder, config, sitting)
        self.checksum = checkpoint.weights_checksum(folder)

    @property
    def conditioned_on_noise(self) -> bool:
        """Tells whether the model takes a noise level."""
        return self.config.noise_map

    @property
    def is_any_size(self) -> bool:
        """Tells whether the model takes images of any size."""
        return self.config.network == "ladder" and not self.config.image_size

    @property
    def origin(self) -> Origin:
        """Returns what a file of this model's latents says of it."""
        side = self.config.image_size or stride(self.config)
        steps = [
            side // shape[0] for shape in self._inference.latent_shapes(side, side)
        ]
        own = stride(self.config), self.margin, tuple(steps)
        return Origin(self.name, self.checksum, self.precision, *own)

    def encode(
        self,
        image: NDArray[Any],
        *,
        noise_sigma: float | None = None,
        label: str | None = None,
    ) -> Latents:
        """Returns the posterior means of an image or a batch, as a whole.

        Args:
            image: as for ``enhance``.
            noise_sigma: as for ``enhance``.
            label: class of the images, if the model knows it and it is known.

        Raises:
            UsageProblem: as for ``enhance``, or there are no pixels.
        """
        y = self._framed(image, noise_sigma)
        height, width = image.shape[-3:-1]
        own = self.label_of(label)
        return Latents(self._inference.encode(y, noise_sigma, label=own), height, width)

    def decode(
        self,
        latents: Latents,
        *,
        scale: int | None = None,
        label: str | None = None,
    ) -> Pixels:
        """Returns the images of latents, not clipped.

        Args:
            latents: of ``encode``.
            scale: one of the model's ``scales``; None takes the first.
            label: as for ``encode``.

        Returns:
            (B, scale·H, scale·W, C) float32.

        Raises:
            UsageProblem: the latents' shapes or the scale are not this model's, or
                levels are not of the same images.
        """
        times = checked_scale(self.name, self.config, scale)
        place = tiling.padded_place(
            latents.height, latents.width, self.margin, stride(self.config)
        )
        padded = [side.stop - side.start for side in place]
        self._check_levels([z.shape[1:] for z in latents.levels], padded)
        batches = [len(z) for z in latents.levels]
        if min(batches) < 1 or len(set(batches)) > 1:
            raise UsageProblem(
                "expected latents of the same images at every level, 1 or more, "
                f"received {batches} images, coarse to fine"
            )
        images = self._inference.decode(
            latents.levels, *padded, times, self.label_of(label)
        )
        rows, columns = (
            slice(times * self.margin, times * (self.margin + side))
            for side in (latents.height, latents.width)
        )
        return images[:, rows, columns]


__all__ = [
    "Entry",
    "LatentReader",
    "LatentWriter",
    "Latents",
    "Model",
    "TiledLatents",
    "builtin_models",
    "find_model",
    "load_model",
]
