"""How training pairs of the network ``look`` are made; a section of ``Config``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LookConfig:
    """How pairs for network look are made: bad light to mend, looks to take over."""

    style: float = 0.2  # part of the pairs that take over a reference's look
    foreign: float = 0.3  # part of those whose reference is another photograph
    unchanged: float = 0.15  # part of the rest that is good already
    highlights: float = 0.25  # part of what is darkened whose white stays white
    lamps: float = 0.15  # part of what is darkened that has lamps in it
    single: float = 0.65  # part of the changes that is of one kind; the rest is mixed
    exposure_weight: float = 1.5  # of exposure and low light among these; others: 1
    balance_weight: float = 1.0  # of white balance: hard to tell from a coloured scene
    gamma_weight: float = 3.0  # hard to tell from what is dark or light by itself
    exposure: tuple[float, ...] = (-5.0, 2.0)  # range, stops in linear light
    contrast: tuple[float, ...] = (-0.6, 0.6)  # range; -1 is gray, 0 nothing
    gamma: tuple[float, ...] = (-1.0, 1.0)  # range of the exponent's log2
    black: tuple[float, ...] = (-0.1, 0.25)  # range of what black becomes
    white: tuple[float, ...] = (0.65, 1.15)  # range of what white becomes
    temperature: tuple[float, ...] = (-0.8, 0.8)  # range, stops of red against blue
    tint: tuple[float, ...] = (-0.3, 0.3)  # range, stops of green
    saturation: tuple[float, ...] = (-0.8, 0.8)  # range; -1 is gray, 0 nothing
    toning: tuple[float, ...] = (0.0, 0.12)  # range; colour of shadows and lights
    vignette: tuple[float, ...] = (0.0, 2.5)  # range, stops in the darkest corner
    haze: tuple[float, ...] = (0.0, 0.7)  # range; part of the light that is haze
    noise: tuple[float, ...] = (0.0, 0.002)  # range; variance of white's shot noise
