"""The heads of models that enlarge, at the start of their training.

A trunk that was trained at scale 1 knows most of what its new heads need: they begin
as copies of its old one, and are then fitted to a few batches by least squares.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vaenhance.config import ModelConfig
from vaenhance.data.pipeline import Batch
from vaenhance.model.heads import head_name
from vaenhance.model.ladder import Ladder

# Batches for each head: some hundred thousand positions for a few hundred unknowns.
FITTED_BATCHES = 24
# Pull towards the copy, as a part of the mean square of the features.
RIDGE = 1e-4


def missing_heads(weights: Mapping[str, Any], config: ModelConfig) -> set[int]:
    """Returns the scales of the heads for which there are no weights.

    Args:
        weights: arrays by name.
        config: of the model to be started. One that does not enlarge misses none, and
            what other likelihoods decode is not fitted by least squares.
    """
    if max(config.scales) == 1 or config.likelihood != "gaussian":
        return set()
    return {s for s in config.scales if f"{head_name(s)}/kernel" not in weights}


def with_heads(weights: dict[str, Any], config: ModelConfig) -> dict[str, Any]:
    """Adds the heads that a model needs, made from the head of scale 1.

    A head's output channels are (row, column, colour) of a block of unshuffle·scale
    pixels a side. Here every pixel of the block of scale 1 is repeated scale × scale
    times, so that the new head enlarges by nearest neighbour what the old one makes.

    Args:
        weights: arrays by name; not changed.
        config: of the model to be started.

    Returns:
        The weights, with ``head2`` and so on if they were missing and ``head`` fits.
    """
    old, block = head_name(1), config.unshuffle
    channels = block**2 * config.channels
    made = {}
    for part in ("kernel", "bias"):
        source = weights.get(f"{old}/{part}")
        if source is None or source.shape[-1] != channels:
            continue
        for scale in config.scales:
            name = f"{head_name(scale)}/{part}"
            if name not in weights:
                pixels = source.reshape(
                    *source.shape[:-1], block, block, config.channels
                )
                pixels = np.repeat(np.repeat(pixels, scale, -3), scale, -2)
                made[name] = pixels.reshape(*source.shape[:-1], channels * scale**2)
    return {**weights, **made}


def fit_heads(
    network: Ladder, batches: Iterable[Batch], scales: Collection[int]
) -> None:
    """Fits heads to batches by least squares; the trunk stays as it is.

    A head is linear in the features around a position, so its best weights for a
    fixed trunk are those of a ridge regression, at the cost of forward passes only.

    Args:
        network: these of its heads are changed.
        batches: of every one of the scales some; others are passed over.
        scales: of the heads.
    """
    sums: dict[int, tuple[NDArray[Any], NDArray[Any]]] = {}
    look = tf.function(lambda y, sigma: _around(network.look(y, sigma)[0]))
    for batch in batches:
        if batch.scale not in scales:
            continue
        features = look(tf.constant(batch.y), tf.constant(batch.noise_sigma)).numpy()
        block = network.config.unshuffle * batch.scale
        target = tf.nn.space_to_depth(2.0 * batch.x - 1.0, block).numpy()
        target = target.reshape(len(features), -1)
        gram, moment = features.T @ features, features.T @ target
        before = sums.get(batch.scale, (0.0, 0.0))
        sums[batch.scale] = before[0] + gram, before[1] + moment
    for scale, (gram, moment) in sums.items():
        head = network.heads[network.config.scales.index(scale)]
        kernel = np.asarray(head.kernel)
        start = np.concatenate(
            [kernel.reshape(-1, kernel.shape[-1]), np.asarray(head.bias)[None]]
        )
        ridge = RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
        change = np.linalg.solve(gram + ridge, moment - gram @ start)
        head.kernel.assign((start + change)[:-1].reshape(kernel.shape))
        head.bias.assign((start + change)[-1])


def _around(h: Any) -> Any:
    """Returns the 3×3 features around each position and a one, (N, 9·width + 1)."""
    h = tf.cast(h, tf.float32)
    sizes, steps = [1, 3, 3, 1], [1, 1, 1, 1]
    patches = tf.image.extract_patches(h, sizes, steps, steps, "SAME")
    rows = tf.reshape(patches, [-1, patches.shape[-1]])
    return tf.concat([rows, tf.ones_like(rows[:, :1])], axis=-1)
