"""The scale of the decoder: how far off E[x|z] is likely to be, pixel by pixel.

Training has one σ an image (``objective``); this is a σ for every place, in
p(x|z) = N(E[x|z], σ²). It is a small network on what is at hand when an image is
enhanced: what was changed, what texture came out, and how sure the posterior is
at every level. Its numbers are fitted afterwards on photographs whose originals
are known (``workflows/calibrate``); the VAE itself stays as it is.

Everything here is local, so that a tile gives the σ of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from vaenhance.model.gaussian import ResidualPosterior

GRID = 2  # pixels of y a side of a place that has a σ of its own
WINDOWS = (1, 3, 7, 15)  # places a side over which energies are averaged
FAINT = 1e-3  # root of an energy that counts as none, [0, 1] units
LOG_SIGMA = (-7.0, 0.0)  # bounds of log σ: a quarter of an 8-bit step, all of white


def features(
    y: Any,
    x_hat: Any,
    posteriors: Sequence[ResidualPosterior],
    scales: Sequence[int] = (1,),
    scale: int = 1,
) -> Any:
    """Returns what σ is guessed from, (B, ⌈H / GRID⌉, ⌈W / GRID⌉, F).

    What was changed of an enlarged image is what its means over the pixels of y differ
    from y. Models with other scales than 1 also say at which scale they are.

    Args:
        y: degraded images (B, H, W, C). Where H or W is odd, the last places are of
            the pixels that are there.
        x_hat: what was made of them, (B, scale·H, scale·W, C).
        posteriors: of every level, at the posterior mean.
        scales: of the model.
        scale: of x_hat.
    """
    change = y - _means(x_hat, scale)
    changed = _pooled(tf.square(change))
    energies: list[tuple[Any, tuple[int, ...]]] = [
        (changed, WINDOWS),
        (_pooled(_means(_gradient_energy(x_hat), scale)), WINDOWS),
    ]
    # White noise loses three quarters of its energy in means of 2 x 2 pixels and two
    # thirds in gray; that of cameras, blocks and blur lose less or more.
    coarse = _means(change, GRID)
    gray = tf.reduce_mean(change, -1, keepdims=True)
    for kind in (tf.square(coarse), _gradient_energy(coarse)):
        energies.append((tf.reduce_mean(kind, -1, keepdims=True), WINDOWS[-2:]))
    energies.append((_pooled(tf.square(gray)), WINDOWS[-2:]))
    found = [
        0.5 * tf.math.log(_averaged(energy, window) + FAINT**2)
        for energy, windows in energies
        for window in windows
    ]
    height, width = tf.shape(changed)[1], tf.shape(changed)[2]
    for q in posteriors:
        found += [_resized(part, height, width) for part in _sureness(q)]
    if tuple(scales) != (1,):
        found.append(tf.fill(tf.shape(changed), math.log2(scale)))
    return tf.concat(found, axis=-1)


def feature_count(levels: int, scales: Sequence[int] = (1,)) -> int:
    """Returns F of ``features`` of a network with so many levels and such scales."""
    count = 2 * len(WINDOWS) + 3 * len(WINDOWS[-2:]) + 3 * levels
    return count + int(tuple(scales) != (1,))


def log_sigma(values: Any, layers: Sequence[tuple[Any, Any]]) -> Any:
    """Returns log σ (B, h, w, 1) of features, by a small network.

    Args:
        values: (B, h, w, F) features, standardised.
        layers: (kernel (in, out), bias (out,)) of each; the last has one output.
    """
    return tf.clip_by_value(unbounded(values, layers), *LOG_SIGMA)


def unbounded(values: Any, layers: Sequence[tuple[Any, Any]]) -> Any:
    """Returns what the network says before it is bounded; see ``log_sigma``."""
    h = values
    for kernel, bias in layers[:-1]:
        h = tf.nn.gelu(tf.tensordot(h, kernel, 1) + bias)
    kernel, bias = layers[-1]
    return tf.tensordot(h, kernel, 1) + bias


def _sureness(q: ResidualPosterior) -> list[Any]:
    """Returns (B, h, w, 1) means over the channels of a level: log KL, log-scales."""
    return [
        tf.math.log(tf.reduce_mean(q.nats(), -1, keepdims=True) + FAINT),
        tf.reduce_mean(q.prior.log_scale, -1, keepdims=True),
        tf.reduce_mean(q.delta_log_scale, -1, keepdims=True),
    ]


def _gradient_energy(x: Any) -> Any:
    """Returns the squared differences to the right and lower neighbours, summed."""
    across = tf.pad(x[:, :, 1:] - x[:, :, :-1], [[0, 0], [0, 0], [0, 1], [0, 0]])
    down = tf.pad(x[:, 1:] - x[:, :-1], [[0, 0], [0, 1], [0, 0], [0, 0]])
    return tf.square(across) + tf.square(down)


def _means(x: Any, side: int) -> Any:
    """Returns means over squares of so many pixels a side, or of what is there of one.

    "SAME" would begin with part of a square if more than a pixel were missing: only
    places of ``GRID`` may go beyond the image.
    """
    return x if side == 1 else tf.nn.avg_pool2d(x, side, side, "SAME")


def _pooled(x: Any) -> Any:
    """Returns means over colours and places, (B, ⌈H / GRID⌉, ⌈W / GRID⌉, 1)."""
    return _means(tf.reduce_mean(x, -1, keepdims=True), GRID)


def _averaged(energy: Any, window: int) -> Any:
    if window == 1:
        return energy
    return tf.nn.avg_pool2d(energy, window, 1, "SAME")


def _resized(part: Any, height: Any, width: Any) -> Any:
    """Brings a level's map to one value a place."""
    return tf.image.resize(part, [height, width], "nearest")
