"""Bad light and other looks: what changes the tone and colour of a good photograph.

Each function takes and returns float32 (H, W, 3) in [0, 1], does nothing at amount 0,
and has no randomness but that of the generator it is given. Light is linear where
light is meant (exposure, white balance, vignette, haze), sRGB where editing is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

import numpy as np

from vaenhance.color import LUMINANCE, to_linear, to_srgb
from vaenhance.config import LookConfig
from vaenhance.data.lamps import Lamp, add_lamps, brighten
from vaenhance.data.pixels import LUMA, Pixels, to_8_bit

# In the order in which they happen: air, lens, lamp, camera, editing.
KINDS = (
    "haze",
    "vignette",
    "white_balance",
    "exposure",
    "low_light",
    "saturation",
    "gamma",
    "contrast",
    "levels",
    "split_toning",
)
# Of changes that are mixed: the chance of each kind, and how much of its range.
MIXED, MIXED_STRENGTH = 0.35, 0.75
LOW_LIGHT = -1.5  # stops that noise comes with, at most
FARTHEST = 4.0
READ_NOISE = 0.01  # its variance, beside that of white's shot noise


@dataclass(frozen=True)
class Change:
    """One change of tone and colour; zeros change nothing.

    Attributes:
        stops: exposure, in linear light.
        noise: variance of the shot noise of white, linear light.
        contrast: around mid-gray; −1 is gray.
        gamma: log2 of the exponent.
        black: what black becomes.
        white: what is added to white.
        balance: stops of (red against blue, green).
        saturation: −1 is gray.
        toning: added to (shadows, lights), (2, 3).
        vignette: stops in the farthest corner.
        centre: of the vignette, parts of (height, width).
        haze: part of the light that is haze.
        air: colour of the haze, linear light.
        highlights: stops above white of what is white.
        lamps: that are in the picture.
    """

    stops: float = 0.0
    noise: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    black: float = 0.0
    white: float = 0.0
    balance: tuple[float, float] = (0.0, 0.0)
    saturation: float = 0.0
    toning: Pixels = field(default_factory=lambda: np.zeros((2, 3), np.float32))
    vignette: float = 0.0
    centre: tuple[float, float] = (0.5, 0.5)
    haze: float = 0.0
    air: tuple[float, float, float] = (0.8, 0.8, 0.8)
    highlights: float = 0.0
    lamps: tuple[Lamp, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Tells whether every image comes back as it is."""
        others = ("centre", "air", "toning", "balance")
        values = [getattr(self, f.name) for f in fields(self) if f.name not in others]
        return not any([*values, *self.balance, self.toning.any()])


def draw_change(
    config: LookConfig, rng: np.random.Generator, kinds: tuple[str, ...] | None = None
) -> Change:
    """Draws a change: of one kind, or of several mixed.

    Args:
        config: how often and how strong.
        rng: decides everything.
        kinds: of ``KINDS``, if not drawn; at full strength when there is one.
    """
    is_single = rng.random() < config.single
    drawn = rng.random(len(KINDS))
    if kinds is None:
        chance = max(MIXED, float(drawn.min()))
        mixed = tuple(k for k, d in zip(KINDS, drawn, strict=True) if d <= chance)
        kinds = (_drawn_kind(config, rng),) if is_single else mixed
    strength = 1.0 if len(kinds) == 1 else MIXED_STRENGTH
    change: dict[str, object] = {}
    for kind in kinds:
        own = _DRAW[kind](config, rng, strength)
        if kind != "exposure" or "low_light" not in kinds:
            change |= own
    return Change(**change)  # type: ignore[arg-type]


def _drawn_kind(config: LookConfig, rng: np.random.Generator) -> str:
    own = dict.fromkeys(("exposure", "low_light"), config.exposure_weight)
    own |= {"gamma": config.gamma_weight, "white_balance": config.balance_weight}
    ends = np.cumsum([own.get(kind, 1.0) for kind in KINDS])
    return KINDS[int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))]


def changed(x: Pixels, change: Change, rng: np.random.Generator) -> Pixels:
    """Applies a change; the result is rounded to 8 bits, unless nothing changes.

    Args:
        x: photograph.
        change: what is done.
        rng: where noise comes from.
    """
    if change.is_nothing:
        return x
    size = x.shape if change.noise > 0 else (1, 1, 1)
    return _changed(x, change, rng.standard_normal(size, dtype=np.float32))


def changed_extremes(extremes: Pixels, change: Change) -> Pixels:
    """Applies a change to the darkest and brightest values of a photograph, (2, 3).

    As most changes are monotone, they stay the extremes. Noise makes them more extreme:
    of so many pixels one lies ``FARTHEST`` deviations off.
    """
    if change.is_nothing:
        return extremes
    grain = np.array([[[-FARTHEST], [FARTHEST]]], np.float32)
    anywhere = replace(change, vignette=0.0, lamps=())
    return _changed(extremes[None], anywhere, grain)[0]


def _changed(x: Pixels, change: Change, grain: Pixels) -> Pixels:
    light = add_lamps(brighten(to_linear(x), change.highlights), change.lamps)
    light = add_haze(light, change.haze, change.air)
    if change.vignette:
        light = add_vignette(light, change.vignette, change.centre)
    light = balance(light, *change.balance)
    light = expose(light, change.stops, change.noise, grain)
    y = to_srgb(np.clip(light, 0.0, 1.0))
    y = saturate(y, change.saturation)
    if change.gamma:  # a power costs as much as all the rest
        y = y ** np.float32(2.0**change.gamma)
    y = np.clip(0.5 + np.float32(1 + change.contrast) * (y - np.float32(0.5)), 0, 1)
    y = y * np.float32(1 + change.white - change.black) + np.float32(change.black)
    y = tone(np.clip(y, 0, 1), change.toning)
    return to_8_bit(y)


# === The changes ===


def expose(light: Pixels, stops: float, noise: float, grain: Pixels) -> Pixels:
    """Changes the exposure of linear light; little light is noisy.

    Args:
        light: linear.
        stops: each doubles the light.
        noise: variance of the shot noise of white; what is dark has less of it, but
            more beside its light. Read noise has a hundredth of it, everywhere.
        grain: standard normal noise of the light's shape.
    """
    light = light * np.float32(2.0**stops)
    if noise <= 0:
        return light
    variance = np.float32(noise) * (np.maximum(light, 0) + np.float32(READ_NOISE))
    noisy: Pixels = light + np.sqrt(variance) * grain
    return noisy


def balance(light: Pixels, temperature: float, tint: float) -> Pixels:
    """Changes the colour of the lamp by stops; a white keeps its luminance."""
    gains = np.exp2(np.array([temperature / 2, tint, -temperature / 2]))
    gains /= gains @ LUMINANCE
    result: Pixels = light * gains.astype(np.float32)
    return result


def add_vignette(light: Pixels, stops: float, centre: tuple[float, float]) -> Pixels:
    """Darkens linear light away from a centre: by ``stops`` in the farthest corner."""
    height, width = light.shape[:2]
    down = ((np.arange(height) + 0.5) / height - centre[0])[:, None]
    across = ((np.arange(width) + 0.5) / width - centre[1])[None]
    squared = down**2 + across**2
    farthest = sum((abs(c - 0.5) + 0.5) ** 2 for c in centre)
    fall = np.exp2(-stops * squared / farthest).astype(np.float32)
    result: Pixels = light * fall[..., None]
    return result


def add_haze(light: Pixels, part: float, air: tuple[float, float, float]) -> Pixels:
    """Mixes the light of the air into linear light (Koschmieder's law)."""
    part32 = np.float32(part)
    result: Pixels = light * (1 - part32) + part32 * np.array(air, np.float32)
    return result


def saturate(y: Pixels, amount: float) -> Pixels:
    """Moves colours away from their gray, or towards it; clipped to [0, 1]."""
    gray = (y @ LUMA)[..., None]
    result: Pixels = np.clip(gray + np.float32(1 + amount) * (y - gray), 0, 1)
    return result


def tone(y: Pixels, colours: Pixels) -> Pixels:
    """Adds a colour to the shadows and another to the lights; clipped to [0, 1]."""
    gray = (y @ LUMA)[..., None]
    shadows, lights = (1 - gray) ** 2, gray**2
    result: Pixels = np.clip(y + shadows * colours[0] + lights * colours[1], 0, 1)
    return result


# === How much of each ===

_Drawn = dict[str, object]


def _between(
    bounds: tuple[float, ...], rng: np.random.Generator, strength: float
) -> float:
    return strength * rng.uniform(bounds[0], bounds[1])


def _exposure(c: LookConfig, rng: np.random.Generator, strength: float) -> _Drawn:
    return {"stops": _between(c.exposure, rng, strength)}


def _low_light(c: LookConfig, rng: np.random.Generator, strength: float) -> _Drawn:
    darkest = min(c.exposure[0], 0.0)
    stops = rng.uniform(darkest, max(darkest, LOW_LIGHT))
    return {"stops": stops * strength, "noise": _between(c.noise, rng, 1.0)}


def _contrast(c: LookConfig, rng: np.random.Generator, strength: float) -> _Drawn:
    return {"contrast": _between(c.contrast, rng, strength)}


def _gamma(c: LookConfig, rng: np.random.Generator, strength: float) -> _Drawn:
    return {"gamma": _between(c.gamma, rng, strength)}


def _levels(c: LookConfig, rng: np.random.Generator, strength: float) -> _Drawn:
    white = rng.uniform(c.white[0], c.white[1]) - 1
    return {"black": _between(c.black, rng, strength), "white": strength * white}


def _white_balance(c: LookConfig, rng: np.random.Generator, strength: float) -> _Drawn:
    stops = (_between(b, rng, strength) for b in (c.temperature, c.tint))
    return {"balance": tuple(stops)}


def _saturation(c: LookConfig, rng: np.random.Generator, strength: float) -> _Drawn:
    return {"saturation": _between(c.saturation, rng, strength)}


def _split_toning(c: LookConfig, rng: np.random.Generator, strength: float) -> _Drawn:
    colours = rng.standard_normal((2, 3))
    colours -= colours.mean(axis=1, keepdims=True)
    colours /= np.abs(colours).max(axis=1, keepdims=True)
    return {"toning": (_between(c.toning, rng, strength) * colours).astype(np.float32)}


def _vignette(c: LookConfig, rng: np.random.Generator, strength: float) -> _Drawn:
    # Half of them as a lens makes them; the others as a lamp or a window does.
    spread = 0.5 if rng.random() < 0.5 else 0.0
    centre = rng.uniform(0.5 - spread, 0.5 + spread, 2)
    stops = _between(c.vignette, rng, strength)
    return {"vignette": stops, "centre": (float(centre[0]), float(centre[1]))}


def _haze(c: LookConfig, rng: np.random.Generator, strength: float) -> _Drawn:
    gray = rng.uniform(0.5, 0.95)
    air = np.clip(gray * np.exp2(rng.uniform(-0.2, 0.2, 3)), 0, 1)
    return {"haze": _between(c.haze, rng, strength), "air": tuple(air.tolist())}


_DRAW: dict[str, Callable[[LookConfig, np.random.Generator, float], _Drawn]] = {
    "haze": _haze,
    "vignette": _vignette,
    "white_balance": _white_balance,
    "exposure": _exposure,
    "low_light": _low_light,
    "saturation": _saturation,
    "gamma": _gamma,
    "contrast": _contrast,
    "levels": _levels,
    "split_toning": _split_toning,
}
