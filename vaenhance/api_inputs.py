"""What the Python interface refuses, and in which words. Changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.config import ModelConfig
from vaenhance.errors import UsageProblem


def check_input(
    name: str,
    config: ModelConfig,
    image: NDArray[Any],
    *,
    strength: float = 1.0,
    noise_sigma: float | None = None,
) -> None:
    """Refuses what a model cannot enhance or encode.

    Args:
        name: of the model, for the message.
        config: of the model.
        image: should be (H, W, C) or (B, H, W, C); uint8, uint16 or finite float32.
        strength: should be in 0..1.
        noise_sigma: should be in 0..1, and None for a model that takes no level.

    Raises:
        UsageProblem: one of them is not so.
    """
    channels, own = config.channels, config.image_size
    if image.ndim not in (3, 4) or image.shape[-1] != channels:
        raise UsageProblem(
            f"model {name} takes {'gray' if channels == 1 else 'colour'} "
            f"images{f' of {own} pixels a side' if own else ''}: expected "
            f"(H, W, {channels}) or a batch of them, received shape {image.shape}"
        )
    if image.dtype not in (np.uint8, np.uint16, np.float32):
        raise UsageProblem(
            f"expected float32 in [0, 1], uint8 or uint16, received {image.dtype}"
        )
    if image.dtype == np.float32 and not np.isfinite(image).all():
        raise UsageProblem("the image holds values that are not finite")
    if not 0.0 <= strength <= 1.0:
        raise UsageProblem(f"strength must be in 0..1, received {strength}")
    if noise_sigma is not None and not config.noise_map:
        raise UsageProblem(f"model {name} does not take a noise level")
    if noise_sigma is not None and not 0.0 <= noise_sigma <= 1.0:
        raise UsageProblem(f"noise_sigma must be in 0..1, received {noise_sigma}")
    if own and image.shape[-3:-1] != (own, own):
        raise UsageProblem(f"model {name} takes images of {own}x{own} pixels only")
