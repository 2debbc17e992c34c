"""What stays bright in a dark photograph: lamps, windows, skies.

A photograph that is only darkened has its brightest places as its white, far below
the white of the file, and to stretch it is to mend it. Real dark scenes have light in
them that is white already. Light here is linear, and may be far above 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vaenhance.config import LookConfig
from vaenhance.data.pixels import Pixels

BRIGHT = 0.5  # linear light from which on a place may be brighter than it looks
MOST_LAMPS = 4
RADIUS = (0.006, 0.1)  # of the longer side
POWER = (1.0, 6.0)  # stops above white
GLOW = 0.02  # of a lamp's light, around it
WARMTH = (0.0, 1.5)  # stops of red against blue


@dataclass(frozen=True)
class Lamp:
    """A lamp in the picture.

    Attributes:
        row: of its middle, part of the height.
        column: part of the width.
        radius: part of the longer side.
        light: linear, of (red, green, blue).
    """

    row: float
    column: float
    radius: float
    light: tuple[float, float, float]


def draw_lights(
    stops: float, config: LookConfig, rng: np.random.Generator
) -> dict[str, Any]:
    """Draws what stays bright, the fields ``highlights`` and ``lamps`` of a change.

    Args:
        stops: exposure of the change; only what gets darker has such lights.
        config: how often.
        rng: decides everything; the same numbers are drawn in any case.
    """
    keeps, has_lamps, part = rng.random(3)
    count = int(rng.integers(1, MOST_LAMPS + 1))
    lamps = tuple(_draw_lamp(rng) for _ in range(MOST_LAMPS))[:count]
    if stops >= 0:
        return {}
    highlights = -stops * (0.5 + part) if keeps < config.highlights else 0.0
    return {
        "highlights": highlights,
        "lamps": lamps if has_lamps < config.lamps else (),
    }


def _draw_lamp(rng: np.random.Generator) -> Lamp:
    row, column = rng.random(2)
    radius = np.exp(rng.uniform(*np.log(RADIUS)))
    warmth = rng.uniform(*WARMTH)
    light = np.exp2(rng.uniform(*POWER) + warmth * np.array([0.5, 0.0, -0.5]))
    return Lamp(float(row), float(column), float(radius), tuple(light.tolist()))


def brighten(light: Pixels, stops: float) -> Pixels:
    """Makes the brightest places of linear light brighter: white by ``stops``."""
    if stops == 0:
        return light
    above = np.clip((light.mean(axis=-1) - BRIGHT) / (1 - BRIGHT), 0, 1)
    gain = np.exp2(np.float32(stops) * above * above * (3 - 2 * above))
    result: Pixels = light * gain[..., None]
    return result


def add_lamps(light: Pixels, lamps: tuple[Lamp, ...]) -> Pixels:
    """Adds lamps with their glow to linear light (H, W, 3)."""
    height, width = light.shape[:2]
    longer = max(height, width)
    for lamp in lamps:
        down = (np.arange(height, dtype=np.float32) + 0.5 - lamp.row * height) / longer
        across = (np.arange(width, dtype=np.float32) + 0.5 - lamp.column * width) / (
            longer
        )
        squared = (down[:, None] ** 2 + across[None] ** 2) / np.float32(lamp.radius**2)
        spread = np.exp(-(squared**2)) + np.float32(GLOW) / (1 + squared) ** 2
        light = light + spread[..., None] * np.array(lamp.light, np.float32)
    return light
