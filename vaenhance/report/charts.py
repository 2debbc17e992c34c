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

from vaenhance.report.text import font, plain

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]  # left, top, right, bottom
Point = tuple[float, float]

_PAPER, _INK = (255, 255, 255), (45, 48, 54)
_FAINT, _GRID = (120, 125, 133), (231, 233, 236)
# Distinct for colour-blind readers (Okabe and Ito), dark enough on white.
_LINES = ((0, 114, 178), (213, 94, 0), (0, 140, 105), (175, 85, 140), (110, 90, 20))
_SMOOTH = 3  # drawn this many times larger, then averaged down


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
    large = Image.new("RGB", (size[0] * _SMOOTH, size[1] * _SMOOTH), _PAPER)
    panels = []
    for index, given in enumerate(points.values()):
        line, column = divmod(index, columns)
        left, top = 12 + column * cell_width, 44 + line * cell_height
        frame = (left + 56, top + 28, left + cell_width - 14, top + cell_height - 24)
        panel = _Panel(frame, x_range, _y_range([y for _, y in given]))
        panel.draw_line(ImageDraw.Draw(large), given, _LINES[index % len(_LINES)])
        panels.append(panel)
    # Text is drawn after averaging down, at its own size, so that it stays crisp.
    canvas = large.reduce(_SMOOTH)
    draw = ImageDraw.Draw(canvas)
    draw.text((16, 14), plain(title), _INK, font(18))
    draw.text(
        (size[0] / 2, size[1] - 16), plain(x_label), _FAINT, font(13), anchor="mm"
    )
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


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) inside the range."""
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough * 0.999)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [n * step for n in range(first, last + 1)]


def _number(value: float, largest: float | None = None) -> str:
    """Four digits at most, in thousands or millions where the largest is long."""
    largest = abs(value) if largest is None else largest
    for limit, unit, name in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if largest >= limit:
            return f"{value / unit:.4g}{name}" if value else "0"
    return f"{value:.4g}"


class _Panel:
    """One chart: where it is on the picture, and what its axes cover."""

    def __init__(
        self, frame: Box, x_range: tuple[float, float], y_range: tuple[float, float]
    ) -> None:
        self.frame = frame
        self.x_range, self.y_range = x_range, y_range
        left, top, right, bottom = frame
        self.x_ticks = _ticks(*x_range, most=int((right - left) // 50))
        self.y_ticks = _ticks(*y_range, most=int((bottom - top) // 30))

    def place(self, x: float, y: float) -> Point:
        """Data -> picture; y beyond the axis is held at its end."""
        left, top, right, bottom = self.frame
        (x_low, x_high), (y_low, y_high) = self.x_range, self.y_range
        y = min(max(y, y_low), y_high)
        return (
            left + (x - x_low) / (x_high - x_low) * (right - left),
            bottom - (y - y_low) / (y_high - y_low) * (bottom - top),
        )

    def draw_line(
        self,
        draw: ImageDraw.ImageDraw,
        points: Sequence[Point],
        colour: tuple[int, int, int],
    ) -> None:
        """Grid and line, on the enlarged picture."""
        left, top, right, bottom = (side * _SMOOTH for side in self.frame)
        for tick in self.y_ticks:
            y = self.place(self.x_range[0], tick)[1] * _SMOOTH
            draw.line((left, y, right, y), _GRID, _SMOOTH)
        for tick in self.x_ticks:
            x = self.place(tick, self.y_range[0])[0] * _SMOOTH
            draw.line((x, top, x, bottom), _GRID, _SMOOTH)
        draw.line((left, bottom, right, bottom), _FAINT, _SMOOTH)
        placed = [self.place(x, y) for x, y in sorted(points)]
        scaled = [(x * _SMOOTH, y * _SMOOTH) for x, y in placed]
        for start, end in pairwise(scaled):
            draw.line((*start, *end), colour, 2 * _SMOOTH)
        radius = 3 * _SMOOTH if len(scaled) == 1 else _SMOOTH
        for x, y in scaled:  # also rounds the joints of the line
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)

    def draw_text(
        self, draw: ImageDraw.ImageDraw, name: str, points: Sequence[Point]
    ) -> None:
        """Name, last value and numbers at the axes, on the final picture."""
        left, top, right, bottom = self.frame
        draw.text((left, top - 9), plain(name), _INK, font(14), anchor="ls")
        draw.text((right, top - 9), self._remark(points), _FAINT, font(13), "rs")
        largest_x = max(map(abs, self.x_ticks), default=0.0)
        largest_y = max(map(abs, self.y_ticks), default=0.0)
        for tick in self.y_ticks:
            place = (left - 6, self.place(self.x_range[0], tick)[1])
            draw.text(place, _number(tick, largest_y), _FAINT, font(11), anchor="rm")
        for tick in self.x_ticks:
            place = (self.place(tick, self.y_range[0])[0], bottom + 5)
            draw.text(place, _number(tick, largest_x), _FAINT, font(11), anchor="mt")

    def _remark(self, points: Sequence[Point]) -> str:
        """The last value, and what the axis leaves out."""
        if not points:
            return "no data"
        values = [y for _, y in sorted(points)]
        low, high = min(values), max(values)
        beyond = ""
        if high > self.y_range[1]:
            beyond = f" (highest {_number(high)})"
        elif low < self.y_range[0]:
            beyond = f" (lowest {_number(low)})"
        return f"last {_number(values[-1])}{beyond}"
