"""How many weights a network of a configuration has, without building it.

A configuration from a stranger may ask for more memory than there is, with every
number in its range. Not exact: never too low, and seldom a third too high.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any

from vaenhance.errors import ConfigError

MOST_WEIGHTS = 2**28  # 1 GiB as float32; the shipped models have up to 3 million
MOST_BLOCKS = 1024  # to build more takes minutes
_LOOK_EXTRA = 65_536  # what a model of looks has whatever its settings


def check_size(model: Any, start_side: int) -> None:
    """Refuses a network that would take gigabytes.

    Args:
        model: a ``ModelConfig`` whose settings are in their ranges.
        start_side: positions a side of its coarsest level that are its own.

    Raises:
        ConfigError: says how many weights it would have.
    """
    blocks = sum(map(sum, (model.encoder_blocks, model.decoder_blocks)))
    blocks += sum(model.context_blocks)
    blocks += len(model.widths) * (model.prior_blocks + model.prior_steps)
    if blocks > MOST_BLOCKS:
        raise ConfigError(f"model has {blocks} blocks; at most {MOST_BLOCKS}")
    weights = most_weights(model, start_side)
    if weights > MOST_WEIGHTS:
        raise ConfigError(
            f"model would have about {weights / 1e6:,.0f} million weights, more than "
            f"{MOST_WEIGHTS / 1e6:,.0f}: use fewer or narrower layers"
        )


def most_weights(model: Any, start_side: int) -> int:
    """Returns a bound of the number of weights; arguments as of ``check_size``."""
    if model.network == "ladder":
        return _ladder(model, start_side)
    return _mlp(model) if model.network == "mlp" else _look(model)


def _ladder(model: Any, start_side: int) -> int:
    widths, total = model.widths, 0
    planes = model.unshuffle**2 * model.channels + 2
    total += _layer(9 * planes, widths[0])
    factors = model.strides or (2,) * (len(widths) - 1)
    for (fine, coarse), factor in zip(pairwise(widths), factors, strict=True):
        total += _layer(factor**2 * fine, coarse)
        total += _layer(coarse, fine * (factor**2 if factor > 2 else 1))
    contexts = model.context_blocks or (0,) * len(widths)
    for i, (width, latent) in enumerate(
        zip(widths, model.latent_channels, strict=True)
    ):
        side = start_side if i + 1 == len(widths) else 1
        blocks = model.encoder_blocks[i] + model.decoder_blocks[i] + contexts[i]
        total += 2 * blocks * _layer(9 * width, width)
        total += 2 * _layer(width, 2 * latent) + _layer(latent, width)
        total += _layer(18 * width, width)
        total += len(model.classes) * (1 + side**2) * width
        if model.prior_width:
            total += _fitted(model, width, latent, side)
    last = model.channels * 2 * model.unshuffle**2
    total += sum(_layer(9 * widths[0], last * scale**2) for scale in model.scales)
    return total + start_side**2 * widths[-1]


def _fitted(model: Any, width: int, latent: int, side: int) -> int:
    """Of a level's fitted prior."""
    own = model.prior_width
    step = _layer(9 * (latent + own), own) + _layer(own, own)
    step += _layer(9 * own, latent + 1)
    total = _layer(width, own) + _layer(own, 2 * latent)
    total += 2 * model.prior_blocks * _layer(9 * own, own) + model.prior_steps * step
    return total + len(model.classes) * (1 + side**2) * own


def _mlp(model: Any) -> int:
    pixels, latent = model.image_size**2 * model.channels, model.latent_channels[0]
    up = (pixels, *model.hidden, 2 * latent)
    down = (latent, *model.hidden_decoder, 2 * pixels)
    return sum(_layer(*pair) for way in (up, down) for pair in pairwise(way))


def _look(model: Any) -> int:
    total, channels = _LOOK_EXTRA, 8
    for width, blocks in zip(model.widths, model.encoder_blocks, strict=True):
        total += _layer(9 * channels, width) + 2 * blocks * _layer(9 * width, width)
        channels = width
    width, latent = model.hidden[0], model.latent_channels[0]
    total += _layer(channels + 256, width) + _layer(width + 1, width)
    total += _layer(width, 2 * latent)
    sizes = (width + latent, *model.hidden_decoder, 16 * model.curve_knots + 64)
    total += sum(_layer(*pair) for pair in pairwise(sizes))
    return total + _layer(channels + sizes[-2], 64)


def _layer(*sides: int) -> int:
    """Of a matrix and its bias."""
    return prod(sides) + sides[-1]
