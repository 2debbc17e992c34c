"""Colours that a file tells without a profile, as the ICC profile that says the same.

AVIF and HEIC tell primaries and transfer function by code points (ITU-T H.273,
"nclx"), PNG by the same in cICP, or by gAMA and cHRM. Where a photograph goes on in
a format that has no place for them, only a profile keeps its colours. What says sRGB,
or nothing, needs none. Not for light beyond white (PQ, HLG): 8 bits do not hold it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from vaenhance.color import to_linear
from vaenhance.errors import PhotoError
from vaenhance.photo.color import of_one_day

Place = tuple[float, ...]  # x and y of red, green, blue, white: CIE 1931

_D65 = (0.3127, 0.3290)
_SRGB: Place = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *_D65)
# H.273, table 2: colour primaries.
_PRIMARIES: dict[int, Place] = {
    1: _SRGB,
    2: _SRGB,  # unspecified
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
# H.273, table 3: transfer characteristics. The curves of television (1, 6, 7, 14, 15,
# and 11 and 12, which only go on beyond black and white) are written for photographs,
# too, and shown by everybody as sRGB's (13). Numbers that are reserved say nothing.
_OTHERS = {9, 10, 17}  # logarithmic, and of cinemas
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_UNUSUAL = {8, 10}  # film, and CIE XYZ
_HDR = {16: "PQ", 18: "HLG"}
_CLOSE = 0.005  # of a gamma or a place to sRGB's: rounded, not another colour space
_STEPS = 1024  # of the curve of sRGB


def profile_of_points(
    primaries: int, transfer: int, *, is_gray: bool = False
) -> bytes | None:
    """Returns the profile that code points stand for; None if they say sRGB.

    Args:
        primaries: of H.273, table 2.
        transfer: of H.273, table 3.
        is_gray: primaries do not matter then.

    Raises:
        PhotoError: they stand for light beyond white, or for no screen's colours.
    """
    if transfer in _HDR:
        raise PhotoError(
            f"high dynamic range ({_HDR[transfer]}) is not supported: convert it to "
            "an ordinary photograph first"
        )
    place = _SRGB if is_gray else _PRIMARIES.get(primaries, _SRGB)
    if transfer in _OTHERS or (primaries in _UNUSUAL and not is_gray):
        raise PhotoError(
            f"its colours (code points {primaries} and {transfer}) are not supported: "
            "convert them to sRGB first"
        )
    return _profile(place, _GAMMAS.get(transfer), is_gray)


def profile_of_png(
    chunks: Sequence[tuple[bytes, bytes]], *, is_gray: bool = False
) -> bytes | None:
    """Returns the profile that colour chunks stand for; None if they say sRGB.

    Args:
        chunks: cICP, sRGB, gAMA and cHRM by name, in any order.
        is_gray: the picture has no colours.

    Raises:
        PhotoError: as ``profile_of_points``.
    """
    found: Mapping[bytes, bytes] = dict(chunks)
    if b"cICP" in found:
        primaries, transfer = found[b"cICP"][:2]
        return profile_of_points(primaries, transfer, is_gray=is_gray)
    if b"sRGB" in found:
        return None
    gamma, place = None, _SRGB
    if b"gAMA" in found and (told := struct.unpack(">I", found[b"gAMA"])[0]):
        gamma = 1e5 / told
    if b"cHRM" in found and not is_gray:
        white, rest = (numbers := struct.unpack(">8I", found[b"cHRM"]))[:2], numbers[2:]
        place = tuple(value / 1e5 for value in (*rest, *white))
    return _profile(place, gamma, is_gray)


def _profile(place: Place, gamma: float | None, is_gray: bool) -> bytes | None:
    """Returns the profile of primaries and a gamma; None stands for sRGB's curve."""
    is_srgb = max(abs(a - b) for a, b in zip(place, _SRGB, strict=True)) < _CLOSE
    # Gamma 2.2 beside the primaries of sRGB is written where sRGB is meant.
    if is_srgb and (gamma is None or abs(1 / gamma - 1 / 2.2) < _CLOSE):
        return None
    return _made(place, gamma, is_gray)


@cache
def _made(place: Place, gamma: float | None, is_gray: bool) -> bytes | None:
    import imagecodecs

    told: dict[str, Any] = {"whitepoint": [*place[6:], 1.0]}
    if not is_gray:
        told["primaries"] = [n for i in (0, 2, 4) for n in (*place[i : i + 2], 1.0)]
    if gamma is None:
        told["transferfunction"] = _srgb_curve()
    else:
        told["gamma"] = gamma
    try:
        return of_one_day(imagecodecs.cms_profile("gray" if is_gray else "rgb", **told))
    except (ValueError, RuntimeError):  # places that no colours can have
        return None


def _srgb_curve() -> Any:
    """Returns linear light at equal steps of the numbers stored (IEC 61966-2-1)."""
    return np.rint(65535 * to_linear(np.linspace(0.0, 1.0, _STEPS))).astype(np.uint16)
