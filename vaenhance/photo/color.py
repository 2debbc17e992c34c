"""Bring the colour modes a model cannot take to RGB.

Only CMYK and CIE L*a*b* are converted, because no RGB numbers are stored in such
files; RGB and gray keep their numbers and their profile. Not a colour management
of anything else.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from vaenhance.photo.model import Array


@cache
def srgb_profile() -> bytes:
    """An sRGB profile that is the same bytes every day."""
    return of_one_day(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )


def of_one_day(profile: bytes) -> bytes:
    """Returns a profile without the time of its creation, which LittleCMS notes."""
    return profile[:24] + bytes.fromhex("07d0 0001 0001 0000 0000 0000") + profile[36:]


def _transform(mode: str, profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
    """Transform from a stored mode to sRGB; None without a usable profile."""
    try:
        if profile:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
        elif mode == "LAB":  # needs no profile: its numbers are colours already
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            return None
        return ImageCms.buildTransform(
            source,
            ImageCms.ImageCmsProfile(BytesIO(srgb_profile())),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        return _transform(mode, None) if profile else None


def is_of_rgb(profile: bytes | None) -> bool:
    """Tells whether a profile describes RGB, and so must not stand in a gray file."""
    return profile is not None and profile[16:20] == b"RGB "


def is_of_gray(profile: bytes | None) -> bool:
    """Tells whether a profile describes gray: it must not stand where colours are."""
    return profile is not None and profile[16:20] == b"GRAY"


def of_colors(profile: bytes | None) -> bytes | None:
    """Returns a profile unless it describes gray, for files that have colours."""
    return None if is_of_gray(profile) else profile


class Converter:
    """Converts strips of one picture to RGB.

    Args:
        mode: Pillow's name of the stored mode: ``"CMYK"``, ``"LAB"`` or ``"L"``.
        profile: Profile embedded in the file; a damaged one counts as none.

    Attributes:
        icc_profile: Profile of the result: sRGB, or None when there was nothing to
            convert from and Pillow's plain formula is used.
    """

    def __init__(self, mode: str, profile: bytes | None) -> None:
        self._transform = _transform(mode, profile)
        self.icc_profile = srgb_profile() if self._transform else None

    def __call__(self, strip: Image.Image) -> Array:
        """Convert a strip to (h, w, 3) uint8."""
        if self._transform is None:
            return np.asarray(strip.convert("RGB"))
        return np.asarray(ImageCms.applyTransform(strip, self._transform))
