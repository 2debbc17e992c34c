"""The frame of a chart: ranges, round numbers, grid. Draws no data."""

from __future__ import annotations

import math

from PIL import ImageDraw

from vaenhance.report.text import font

Box = tuple[float, float, float, float]  # left, top, right, bottom
Point = tuple[float, float]

PAPER, INK = (255, 255, 255), (45, 48, 54)
FAINT, GRID = (120, 125, 133), (231, 233, 236)
SMOOTH = 3  # drawn this many times larger, then averaged down


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) inside the range."""
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough * 0.999)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [n * step for n in range(first, last + 1)]


def number(value: float, largest: float | None = None) -> str:
    """Four digits at most, in thousands or millions where the largest is long."""
    largest = abs(value) if largest is None else largest
    for limit, unit, name in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if largest >= limit:
            return f"{value / unit:.4g}{name}" if value else "0"
    return f"{value:.4g}"


class Axes:
    """Where a chart is on the picture, and what its axes cover."""

    def __init__(
        self, frame: Box, x_range: tuple[float, float], y_range: tuple[float, float]
    ) -> None:
        self.frame = frame
        self.x_range, self.y_range = x_range, y_range
        left, top, right, bottom = frame
        self.x_ticks = ticks(*x_range, most=int((right - left) // 50))
        self.y_ticks = ticks(*y_range, most=int((bottom - top) // 30))

    def place(self, x: float, y: float) -> Point:
        """Data -> picture; y beyond the axis is held at its end."""
        left, top, right, bottom = self.frame
        (x_low, x_high), (y_low, y_high) = self.x_range, self.y_range
        y = min(max(y, y_low), y_high)
        return (
            left + (x - x_low) / (x_high - x_low) * (right - left),
            bottom - (y - y_low) / (y_high - y_low) * (bottom - top),
        )

    def draw_grid(self, draw: ImageDraw.ImageDraw) -> None:
        """Lines at the round numbers, on the enlarged picture."""
        left, top, right, bottom = (side * SMOOTH for side in self.frame)
        for tick in self.y_ticks:
            y = self.place(self.x_range[0], tick)[1] * SMOOTH
            draw.line((left, y, right, y), GRID, SMOOTH)
        for tick in self.x_ticks:
            x = self.place(tick, self.y_range[0])[0] * SMOOTH
            draw.line((x, top, x, bottom), GRID, SMOOTH)
        draw.line((left, bottom, right, bottom), FAINT, SMOOTH)

    def draw_numbers(self, draw: ImageDraw.ImageDraw) -> None:
        """The numbers at the axes, on the final picture."""
        left, bottom = self.frame[0], self.frame[3]
        largest_x = max(map(abs, self.x_ticks), default=0.0)
        largest_y = max(map(abs, self.y_ticks), default=0.0)
        for tick in self.y_ticks:
            place = (left - 6, self.place(self.x_range[0], tick)[1])
            draw.text(place, number(tick, largest_y), FAINT, font(11), anchor="rm")
        for tick in self.x_ticks:
            place = (self.place(tick, self.y_range[0])[0], bottom + 5)
            draw.text(place, number(tick, largest_x), FAINT, font(11), anchor="mt")
