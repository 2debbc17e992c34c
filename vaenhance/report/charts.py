"""Small line charts, one panel for each series.

Not a plotting library: no styles, no legends, one kind of line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vaenhance.report.axes import FAINT, INK, PAPER, SMOOTH, Axes, Point, number
from vaenhance.report.text import font, plain

Pixels = NDArray[np.uint8]
# Distinct for colour-blind readers (Okabe and Ito), dark enough on white.
_LINES = ((0, 114, 178), (213, 94, 0), (0, 140, 105), (175, 85, 140), (110, 90, 20))


def curves(
    series: Mapping[str, Sequence[Point]],
    *,
    title: str,
    x_label: str,
    size: tuple[int, int] = (900, 600),
) -> Pixels:
    """Draw one small line chart for each series, all on the same x axis.

    Each panel names its series and gives the last value. A few extreme values
    (the first steps of a training) do not flatten the rest: the axis then
    covers the bulk, and the panel says what lies beyond it.

    Args:
        series: Name -> (x, y) points; points that are not finite are left out.
        title: Above the panels.
        x_label: Below them.
        size: Width and height of the picture in pixels.

    Returns:
        The chart, uint8 (H, W, 3).

    Raises:
        ValueError: There is no series, or no room for its panel.
    """
    if not series:
        raise ValueError("curves expected at least one series. Received: none")
    columns, lines = _layout(len(series), size)
    cell_width, cell_height = (size[0] - 24) / columns, (size[1] - 76) / lines
    if cell_width < 120 or cell_height < 80:
        raise ValueError(
            f"expected a picture with room for {len(series)} panels of 120x80 "
            f"pixels. Received: size={size}"
        )
    points = {
        name: [(float(x), float(y)) for x, y in given if math.isfinite(x + y)]
        for name, given in series.items()
    }
    x_values = [x for given in points.values() for x, _ in given]
    x_range = _widen(min(x_values, default=0.0), max(x_values, default=1.0))
    large = Image.new("RGB", (size[0] * SMOOTH, size[1] * SMOOTH), PAPER)
    panels = []
    for index, given in enumerate(points.values()):
        line, column = divmod(index, columns)
        left, top = 12 + column * cell_width, 44 + line * cell_height
        frame = (left + 56, top + 28, left + cell_width - 14, top + cell_height - 24)
        panel = _Panel(frame, x_range, _y_range([y for _, y in given]))
        panel.draw_line(ImageDraw.Draw(large), given, _LINES[index % len(_LINES)])
        panels.append(panel)
    # Text is drawn after averaging down, at its own size, so that it stays crisp.
    canvas = large.reduce(SMOOTH)
    draw = ImageDraw.Draw(canvas)
    draw.text((16, 14), plain(title), INK, font(18))
    draw.text((size[0] / 2, size[1] - 16), plain(x_label), FAINT, font(13), anchor="mm")
    for panel, (name, given) in zip(panels, points.items(), strict=True):
        panel.draw_text(draw, name, given)
    return np.asarray(canvas)


def _layout(count: int, size: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of panels that come closest to three by two each."""

    def distance(columns: int) -> float:
        rows = math.ceil(count / columns)
        shape = (size[0] / columns) / (size[1] / rows)
        empty = columns * rows - count
        return abs(math.log(shape / 1.5)) + 0.3 * empty

    columns = min(range(1, count + 1), key=distance)
    return columns, math.ceil(count / columns)


def _widen(low: float, high: float) -> tuple[float, float]:
    """A range that is never empty."""
    if high > low:
        return low, high
    margin = abs(low) * 0.1 or 1.0
    return low - margin, high + margin


def _y_range(values: Sequence[float]) -> tuple[float, float]:
    """All values, or the bulk where a few extremes would flatten it."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    inner_low, inner_high = (float(v) for v in np.quantile(values, (0.05, 0.95)))
    spread = inner_high - inner_low
    if spread > 0.0 and inner_low - low > 2.0 * spread:
        low = inner_low
    if spread > 0.0 and high - inner_high > 2.0 * spread:
        high = inner_high
    low, high = _widen(low, high)
    margin = 0.06 * (high - low)
    return low - margin, high + margin


class _Panel(Axes):
    """One line in its frame."""

    def draw_line(
        self,
        draw: ImageDraw.ImageDraw,
        points: Sequence[Point],
        colour: tuple[int, int, int],
    ) -> None:
        """Grid and line, on the enlarged picture."""
        self.draw_grid(draw)
        placed = [self.place(x, y) for x, y in sorted(points)]
        scaled = [(x * SMOOTH, y * SMOOTH) for x, y in placed]
        for start, end in pairwise(scaled):
            draw.line((*start, *end), colour, 2 * SMOOTH)
        radius = 3 * SMOOTH if len(scaled) == 1 else SMOOTH
        for x, y in scaled:  # also rounds the joints of the line
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)

    def draw_text(
        self, draw: ImageDraw.ImageDraw, name: str, points: Sequence[Point]
    ) -> None:
        """Name, last value and numbers at the axes, on the final picture."""
        left, top, right, _ = self.frame
        draw.text((left, top - 9), plain(name), INK, font(14), anchor="ls")
        draw.text((right, top - 9), self._remark(points), FAINT, font(13), "rs")
        self.draw_numbers(draw)

    def _remark(self, points: Sequence[Point]) -> str:
        """The last value, and what the axis leaves out."""
        if not points:
            return "no data"
        values = [y for _, y in sorted(points)]
        low, high = min(values), max(values)
        beyond = ""
        if high > self.y_range[1]:
            beyond = f" (highest {number(high)})"
        elif low < self.y_range[0]:
            beyond = f" (lowest {number(low)})"
        return f"last {number(values[-1])}{beyond}"
