"""Points on a plane, coloured by class. One kind of point, one chart a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vaenhance.report.axes import FAINT, INK, PAPER, SMOOTH, Axes, number
from vaenhance.report.text import font, plain

Pixels = NDArray[np.uint8]

# Ten colours that are told apart on white (the palette "tab10" of many programs);
# the classes beyond take turns.
_COLOURS = (
    (31, 119, 180),
    (255, 127, 14),
    (44, 160, 44),
    (214, 39, 40),
    (148, 103, 189),
    (140, 86, 75),
    (227, 119, 194),
    (127, 127, 127),
    (188, 189, 34),
    (23, 190, 207),
)
_MOST_NAMES = 20  # classes that the legend has room for


def scatter(
    points: NDArray[np.floating],
    labels: Sequence[int],
    classes: Sequence[str],
    *,
    title: str,
    x_label: str,
    y_label: str,
    side: int = 760,
) -> Pixels:
    """Draw points, both axes at one scale, with a legend of their classes.

    Args:
        points: (N, 2) x and y; those that are not finite are left out.
        labels: The class of each, an index of ``classes``, or -1.
        classes: Names; without any all points have one colour.
        title: Above the chart.
        x_label: Below it.
        y_label: Above the vertical axis.
        side: Height of the picture; it is wider by the legend if there is one.

    Returns:
        The chart, uint8 (H, W, 3).

    Raises:
        ValueError: There is no finite point.
    """
    finite = np.isfinite(points).all(axis=1)
    kept: NDArray[np.float64] = points[finite].astype(np.float64)
    owners = np.asarray(labels)[finite]
    if not len(kept):
        raise ValueError("scatter expected at least one finite point. Received: none")
    width = side + (150 if classes else 0)
    axes = Axes((56, 64, side - 14, side - 46), *_ranges(kept, side))
    large = Image.new("RGB", (width * SMOOTH, side * SMOOTH), PAPER)
    draw = ImageDraw.Draw(large)
    axes.draw_grid(draw)
    # Fewer points are drawn larger; the order of the images mixes the classes.
    radius = SMOOTH * float(np.clip(90.0 / np.sqrt(len(kept)), 1.2, 4.0))
    for (x, y), owner in zip(kept.tolist(), owners.tolist(), strict=True):
        at, up = (value * SMOOTH for value in axes.place(x, y))
        box = (at - radius, up - radius, at + radius, up + radius)
        draw.ellipse(box, _colour(owner))
    canvas = large.reduce(SMOOTH)
    draw = ImageDraw.Draw(canvas)
    draw.text((16, 14), plain(title), INK, font(18))
    axes.draw_numbers(draw)
    draw.text((side / 2, side - 16), plain(x_label), FAINT, font(13), anchor="mm")
    draw.text((16, 50), plain(y_label), FAINT, font(13), anchor="lm")
    _draw_legend(draw, classes, owners, side)
    return np.asarray(canvas)


def _ranges(
    points: NDArray[np.float64], side: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The range of each axis: one scale for both, nothing left out."""
    low, high = points.min(axis=0), points.max(axis=0)
    spans = (high - low) * 1.06 + 1e-6
    # The frame is 690 wide and 650 high of 760.
    shape = np.array([side - 70, side - 110], np.float64)
    half = (spans / shape).max() * shape / 2
    middle = (low + high) / 2
    (x_low, y_low), (x_high, y_high) = middle - half, middle + half
    return (float(x_low), float(x_high)), (float(y_low), float(y_high))


def _colour(owner: int) -> tuple[int, int, int]:
    return _COLOURS[owner % len(_COLOURS)] if owner >= 0 else _COLOURS[0]


def _draw_legend(
    draw: ImageDraw.ImageDraw,
    classes: Sequence[str],
    owners: NDArray[np.int_],
    left: int,
) -> None:
    for index, name in enumerate(classes[:_MOST_NAMES]):
        top = 74 + 24 * index
        draw.ellipse((left + 4, top - 5, left + 14, top + 5), _colour(index))
        count = number(int((owners == index).sum()))
        text = f"{plain(name)[:14]}  {count}"
        draw.text((left + 22, top), text, INK, font(13), anchor="lm")
    if len(classes) > _MOST_NAMES:
        top = 74 + 24 * _MOST_NAMES
        more = f"and {len(classes) - _MOST_NAMES} more"
        draw.text((left + 4, top), more, FAINT, font(13), anchor="lm")
