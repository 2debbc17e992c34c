"""Frames one after the other, as one file that moves.

Not for sheets. A photograph that someone keeps is no animation.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

#: Extension of files that are animations -> format. A .png is a picture; .apng moves.
ANIMATIONS = {".gif": "GIF", ".apng": "PNG", ".webp": "WEBP"}


def animation(
    frames: Sequence[Pixels],
    format: str,
    *,
    seconds: float = 0.1,
    icc_profile: bytes | None = None,
) -> bytes:
    """Encodes frames that follow each other for ever.

    Args:
        frames: uint8 (H, W, 3), all of one size.
        format: ``GIF`` (256 colours a frame), ``PNG`` (exact) or ``WEBP``.
        seconds: that each is shown.
        icc_profile: colour profile of the pixels; GIF has no place for one.

    Returns:
        The bytes of the file; the same for the same input.
    """
    images = [Image.fromarray(np.ascontiguousarray(frame)) for frame in frames]
    options: dict[str, Any] = {}
    if format == "WEBP":
        options |= {"quality": 95, "method": 4}
    if format != "GIF" and icc_profile:
        options["icc_profile"] = icc_profile
    stream = BytesIO()
    images[0].save(
        stream,
        format,
        save_all=True,
        append_images=images[1:],
        duration=max(round(1000 * seconds), 20),  # viewers slow down what is faster
        loop=0,
        **options,
    )
    return stream.getvalue()
