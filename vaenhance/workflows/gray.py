"""Models of one channel for photographs, which have three wherever they go.

What a gray photograph holds three times is shown once, and the answer is repeated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.errors import PhotoError

Array = NDArray[Any]

HAS_COLOURS = "the model takes gray images, and this one has colours"


def for_photographs(model: Any) -> Any:
    """Returns a model that takes (H, W, 3): itself, or a ``GrayModel`` around it."""
    return model if model.config.channels == 3 else GrayModel(model)


class GrayModel:
    """A model of one channel that takes and gives three equal ones.

    Photographs with colours are refused by ``PhotoError``: each for itself.
    """

    def __init__(self, model: Any):
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def enhance(self, image: Array, **told: Any) -> Array:
        """Returns ``Model.enhance`` of (H, W, 3)."""
        return _repeated(self._model.enhance(_gray(image), **told))

    def draw(self, image: Array, number: int = 0, **told: Any) -> Array:
        """Returns ``Model.draw`` of (H, W, 3)."""
        return _repeated(self._model.draw(_gray(image), number, **told))

    def assess(self, image: Array, **told: Any) -> Any:
        """Returns ``Model.assess`` of (H, W, 3)."""
        found = self._model.assess(_gray(image), **told)
        return replace(found, image=_repeated(found.image))

    def score(self, image: Array, **told: Any) -> Any:
        """Returns ``Model.score`` of (H, W, 3)."""
        return self._model.score(_gray(image), **told)


def is_gray(image: Array) -> bool:
    """Tells whether the channels of (H, W, 3) are equal."""
    return bool((image[..., 1:] == image[..., :1]).all())


def _gray(image: Array) -> Array:
    if not is_gray(image):
        raise PhotoError(HAS_COLOURS)
    return np.ascontiguousarray(image[..., :1])


def _repeated(image: Array) -> Array:
    return np.repeat(image, 3, axis=-1)
