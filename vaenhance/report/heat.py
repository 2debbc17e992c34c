"""A map of numbers as colours, with a scale below that says what they mean.

For looking; the numbers themselves are kept elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vaenhance.report.text import font

Pixels = NDArray[np.uint8]

LONGEST = 2048  # pixels a side of the map; larger ones are averaged down
HEIGHT = 40  # pixels of the scale below
# Matplotlib's "inferno" (CC0) at ninths: from black over purple and orange to yellow,
# rising in lightness, so that it reads in gray too.
COLORS = np.array(
    [
        *((0, 0, 4), (27, 12, 65), (74, 12, 107), (120, 28, 109), (165, 44, 96)),
        *((207, 68, 70), (237, 105, 37), (251, 155, 6), (247, 209, 61)),
        (252, 255, 164),
    ],
    np.float32,
)
ENDS = (0.5, 1, 2, 3, 5, 10, 15, 20, 30, 50, 100, 255)  # of the scale


def heat_map(values: NDArray[np.float32]) -> Pixels:
    """Draws a map of numbers.

    The scale goes from 0 to the smallest of ``ENDS`` that only one number in 200
    exceeds, so that maps can be compared by reading it.

    Args:
        values: (H, W), at least one, not negative.

    Returns:
        uint8 (H', W', 3): the map, reduced to at most ``LONGEST`` a side, and the
        scale below.
    """
    reduced = _reduced(values)
    high = float(np.quantile(reduced, 0.995))
    end = next((e for e in ENDS if e >= high), ENDS[-1])
    picture = colors(reduced / np.float32(end))
    width = max(picture.shape[1], 160)
    canvas = Image.new("RGB", (width, picture.shape[0] + HEIGHT), (0, 0, 0))
    canvas.paste(Image.fromarray(picture), ((width - picture.shape[1]) // 2, 0))
    _draw_scale(canvas, picture.shape[0], end)
    return np.asarray(canvas)


def colors(values: NDArray[np.float32]) -> Pixels:
    """Returns the colours of numbers in 0..1, larger ones cut off: (..., 3) uint8."""
    at = np.clip(values, 0.0, 1.0) * np.float32(len(COLORS) - 1)
    low = np.minimum(at.astype(np.intp), len(COLORS) - 2)
    part = (at - low)[..., None]
    mixed = COLORS[low] * (1 - part) + COLORS[low + 1] * part
    return np.rint(mixed).astype(np.uint8)


def _reduced(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Averages squares of places until the longer side is short enough."""
    factor = -(-max(values.shape) // LONGEST)
    if factor == 1:
        return values
    height, width = (max(side // factor, 1) for side in values.shape)
    part = values[: height * factor, : width * factor]
    steps = min(factor, part.shape[0]), min(factor, part.shape[1])
    cells = part.reshape(height, steps[0], width, steps[1])
    means: NDArray[np.float32] = cells.mean(axis=(1, 3))
    return means


def _draw_scale(canvas: Image.Image, top: int, end: float) -> None:
    width, edge = canvas.width, 8
    ramp = colors(np.linspace(0, 1, width - 2 * edge, dtype=np.float32)[None])
    canvas.paste(Image.fromarray(np.repeat(ramp, 10, axis=0)), (edge, top + 6))
    draw = ImageDraw.Draw(canvas)
    for part, anchor in ((0.0, "la"), (0.5, "ma"), (1.0, "ra")):
        text = f"{end * part:g}" + (" of 255" if part == 1 else "")
        place = edge + part * (width - 2 * edge), top + 20
        draw.text(place, text, (225, 225, 228), font(12), anchor=anchor)
