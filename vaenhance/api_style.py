"""A model of looks as ``encode`` wants its models: one vector for each photograph.

The vector is a style, look and colours one behind the other; ``enhance --style`` takes
a file of them. There are no tiles, scales or draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.api_look import LookModel
from vaenhance.config import ModelConfig
from vaenhance.latents import Origin, Tile, TiledLatents
from vaenhance.tiling_grid import Tiling


class StyleEncoder:
    """Encodes photographs to styles, for ``workflows.encode``.

    Args:
        model: of looks.
    """

    precision = "float32"

    def __init__(self, model: LookModel) -> None:
        self.model = model

    @property
    def config(self) -> ModelConfig:
        """Returns the network's shape."""
        return self.model.config

    @property
    def origin(self) -> Origin:
        """Returns what a file of this model's styles says of it."""
        model = self.model
        return Origin(model.name, model.checksum, self.precision, 1, 0, (1,))

    def encode_tiles(
        self,
        image: NDArray[Any],
        keep: Callable[[int, TiledLatents, Tile], None],
        *,
        progress: Callable[[float], None] = lambda megapixels: None,
        **ladder: Any,
    ) -> TiledLatents:
        """Hands on the style of an image as ``vectors``; see ``Model.encode_tiles``.

        Args:
            image: (H, W, 3).
            keep: is given (0, latents, {"vectors": (D + 6,)}).
            progress: told the megapixels of the image.
            ladder: what a style does not have; the command has refused it.
        """
        height, width = image.shape[:2]
        latents = TiledLatents(height, width, Tiling(tile=0, overlap=0, stride=1))
        style = self.model.style(image)
        keep(0, latents, {"vectors": np.concatenate([style.look, style.colours])})
        progress(height * width / 1e6)
        return latents
