"""Drawn windows: text, lines and flat shapes as on screenshots, and fine stripes.

Photographs hold few of them, and a network that has seen none rings and smears where
letters meet paper, and makes anything of woven cloth. Every pixel is drawn here, from a
seed; nothing is downloaded.
"""

from __future__ import annotations

import string
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

LETTERS = string.ascii_letters + string.digits + ".,:;()-/%&+='\"" + " " * 12
SIZES = (8, 32)  # pixels, height of the letters
PLAIN_PAPER = 0.5  # part of the windows on white or black
MOST_SHAPES = 4
STRIPED = 0.3  # part of the windows that is stripes or checks instead of text
PERIODS = (2.0, 32.0)  # pixels, of stripes
Colour = tuple[int, int, int]


def draw_graphic(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draws shapes, lines and rows of text on a background of one colour, or stripes.

    Args:
        side: pixels.
        rng: decides everything.

    Returns:
        (side, side, 3), 8 bits.
    """
    if rng.random() < STRIPED:
        return _draw_stripes(side, rng)
    paper = _paper(rng)
    picture = Image.new("RGB", (side, side), paper)
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(0, MOST_SHAPES + 1))):
        _draw_shape(pen, side, rng)
    _write(pen, side, paper, rng)
    return np.asarray(picture)


def _draw_stripes(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draws a window of stripes, or of two that cross, soft or hard, in two colours."""
    wave = _wave(side, rng)
    if rng.random() < 0.5:
        wave = wave * _wave(side, rng)
    hardness = float(np.exp(rng.uniform(0, np.log(20))))
    # How much of the first colour: 0 to 1, steeper where they meet the harder it is.
    part = 0.5 + 0.5 * np.tanh(hardness * wave)[..., None] / np.tanh(hardness)
    first, second = rng.integers(0, 256, (2, 3))
    return np.rint(part * first + (1 - part) * second).astype(np.uint8)


def _wave(side: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Returns a sine wave of any direction: (side, side), from -1 to 1."""
    angle = rng.uniform(0, np.pi)
    period = np.exp(rng.uniform(*np.log(PERIODS)))
    down, right = np.mgrid[:side, :side]
    along = right * np.cos(angle) + down * np.sin(angle)
    return np.sin(2 * np.pi * along / period + rng.uniform(0, 2 * np.pi))


def _paper(rng: np.random.Generator) -> Colour:
    if rng.random() < PLAIN_PAPER:
        level = 255 if rng.random() < 0.7 else 0
        return (level, level, level)
    return _colour(rng)


def _colour(rng: np.random.Generator) -> Colour:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return (red, green, blue)


def _draw_shape(pen: ImageDraw.ImageDraw, side: int, rng: np.random.Generator) -> None:
    left, right = sorted(int(v) for v in rng.integers(-side // 4, side * 5 // 4, 2))
    top, bottom = sorted(int(v) for v in rng.integers(-side // 4, side * 5 // 4, 2))
    box = (left, top, right, bottom)
    width = int(rng.integers(1, 5))
    which = int(rng.integers(4))
    if which == 0:
        pen.line(box, fill=_colour(rng), width=width)
    elif which == 1:
        pen.rectangle(box, fill=_colour(rng))
    elif which == 2:
        pen.rectangle(box, outline=_colour(rng), width=width)
    else:
        pen.ellipse(box, fill=_colour(rng))


def _write(
    pen: ImageDraw.ImageDraw, side: int, paper: Colour, rng: np.random.Generator
) -> None:
    size = int(rng.integers(SIZES[0], SIZES[1] + 1))
    ink = _ink(paper, rng)
    top = int(rng.integers(-size, size))
    while top < side:
        count = 2 * side // size + 2
        line = "".join(LETTERS[i] for i in rng.integers(0, len(LETTERS), count))
        left = int(rng.integers(-2 * size, size))
        pen.text((left, top), line, fill=ink, font=_font(size))
        top += int(size * rng.uniform(1.1, 2.0))


def _ink(paper: Colour, rng: np.random.Generator) -> Colour:
    """Returns a colour that can be read on the paper; often black or white."""
    dark = sum(paper) < 384
    level = 255 if dark else 0
    if rng.random() < 0.5:
        return (level, level, level)
    red, green, blue = (
        int(level + (value - level) * 0.5) for value in rng.integers(0, 256, 3)
    )
    return (red, green, blue)


@lru_cache(maxsize=SIZES[1])
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Comes with Pillow (Aileron, CC0), so windows are the same everywhere.
    return ImageFont.load_default(size)
