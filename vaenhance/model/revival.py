"""Hidden units that never fire, and latents that say nothing, start anew.

Where the input of a ReLU is negative everywhere, its unit is silent, gets no gradient
and stays so for ever ("dying ReLU", Lu et al. 2019): its multiplications are wasted.
Such units take new incoming weights, and outgoing ones of zero (ReDo, Sokar et al.
2023): the network's function stays, and they can learn. Not for other networks than
the ladder, and not for the part of a fitted prior.

A latent whose posterior is its prior everywhere ("posterior collapse", Bowman et al.
2016) seldom comes back either: no later layer listens to it, so that nothing pays for
what it could say. Such channels get a posterior mean that tells something of y, and
later layers that do not listen yet.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vaenhance.config import Config
from vaenhance.data.pipeline import Batch

SILENT = 1e-3  # a unit that fires at fewer of the positions never fires
FIRING = 0.4  # part of the positions at which a new one fires at first
REVIVED_UNTIL = 0.6  # of a run: what starts anew has to learn
BATCHES = 8  # that are looked at; a kind of damage that is rare has units of its own
COLLAPSED = 0.01  # nats a position; a channel of less says nothing
WOKEN_SCALE = 0.3  # of a woken channel's posterior, the prior's being 1
KEPT = 2  # of which the inputs are kept, to choose the new biases by


@dataclass
class _Seen:
    """What a convolution was given and what it gave; of N positions."""

    firing: list[NDArray[Any]] = field(default_factory=list)  # (outputs,) each
    inputs: list[Any] = field(default_factory=list)  # (B, h, w, C) each


def start_anew(
    networks: Sequence[Any],
    batches: Sequence[Batch],
    number: int,
    config: Config,
) -> dict[str, int]:
    """Lets silent units and, where that is asked for, collapsed latents start anew.

    Args:
        networks: as in ``revive``.
        batches: what they are shown.
        number: of the step.
        config: says what starts anew, and the seed. Units that leak are left alone:
            they are heard below zero, too.

    Returns:
        What ``revive`` and ``wake`` return.
    """
    seed, said = config.training.seed + number, dict[str, int]()
    if not config.model.leak:
        said |= revive(networks, batches, seed)
    if config.training.revive_latents:
        said |= wake(networks, batches, seed)
    return said


def revive(
    networks: Sequence[Any], batches: Sequence[Batch], seed: int
) -> dict[str, int]:
    """Gives the silent units of a ladder new weights.

    Args:
        networks: the ladder that is looked at, and others of the same shape (its
            average) that the new weights are for, too.
        batches: what they are shown.
        seed: of the new weights.

    Returns:
        Units that started anew, ``revived``, and ``hidden_units`` in all.
    """
    pairs = [_pairs(network) for network in networks]
    seen = _look(networks[0], batches, [hidden for hidden, _ in pairs[0]])
    rng = np.random.default_rng([seed, 6])
    found = total = 0
    for place, record in enumerate(seen):
        rates = np.mean(record.firing, axis=0)
        silent = np.flatnonzero(rates < SILENT)
        found, total = found + len(silent), total + len(rates)
        if len(silent):
            shape = pairs[0][place][0].kernel.shape
            kernel, bias = _new_units(record.inputs, shape, len(silent), rng)
            for hidden, after in (part[place] for part in pairs):
                _put(hidden.kernel, kernel, (..., silent))
                _put(hidden.bias, bias, (silent,))
                _put(after.kernel, 0.0, (..., silent, slice(None)))
    return {"revived": found, "hidden_units": total}


def firing(network: Any, batches: Sequence[Batch]) -> dict[str, NDArray[Any]]:
    """Returns at which part of the positions each hidden unit of a ladder fires.

    Args:
        network: that is looked at.
        batches: what it is shown.

    Returns:
        (units,) in 0..1 by the name of their layer.
    """
    layers = [hidden for hidden, _ in _pairs(network)]
    seen = _look(network, batches, layers)
    return {
        layer.path.split("/", 1)[-1]: np.mean(record.firing, axis=0)
        for layer, record in zip(layers, seen, strict=True)
    }


def _look(
    network: Any,
    batches: Sequence[Batch],
    layers: Sequence[Any],
    observe: Callable[[Any], None] = lambda q: None,
) -> list[_Seen]:
    """Returns what layers are given and give; shows ``observe`` each posterior."""
    seen = [_Seen() for _ in layers]
    with _recorded(layers, seen):
        for batch in batches:
            y, sigma, label = map(
                tf.constant, (batch.y, batch.noise_sigma, batch.label)
            )
            network.look(y, sigma, observe=observe, label=label)
    return seen


def _pairs(network: Any) -> list[tuple[Any, Any]]:
    """Returns each layer with a ReLU, and the one that is told its units."""
    blocks = [b for level in (*network.up_blocks, *network.down_blocks) for b in level]
    mixed = zip(network.posterior_mix, network.posterior_head, strict=True)
    own = [*((block.first, block.second) for block in blocks), *mixed]
    # Last: what the others draw is the same with context blocks and without. Those of
    # the coarsest level are given a constant: units are off for ever, unless by class.
    *finer, coarsest = network.context
    told = [*finer, coarsest] if coarsest.condition is not None else finer
    blocks = [block for each in told for block in each.blocks]
    return [*own, *((block.first, block.second) for block in blocks)]


def wake(
    networks: Sequence[Any], batches: Sequence[Batch], seed: int
) -> dict[str, int]:
    """Gives the collapsed latent channels of a ladder a posterior that says something.

    Their posterior means become random directions of what the posterior sees, of a
    spread of 1 around a standard normal prior. The layers that read them start at
    zero, and take over the mean of what they were told.

    Args:
        networks: as in ``revive``.
        batches: what they are shown.
        seed: of the new weights.

    Returns:
        Channels that started anew, ``woken``, and ``latent_channels`` in all.
    """
    rng = np.random.default_rng([seed, 7])
    found = total = 0
    for level, (inputs, nats, means) in enumerate(_hear(networks[0], batches)):
        channels = np.flatnonzero(nats < COLLAPSED)
        found, total = found + len(channels), total + len(nats)
        if not len(channels):
            continue
        kernel = rng.standard_normal((inputs.shape[-1], len(channels)))
        kernel -= np.mean(kernel, axis=0)  # inputs of a ReLU: all would say "bright"
        kernel /= np.maximum(np.std(inputs @ kernel, axis=0), 1e-6)
        bias = -np.mean(inputs @ kernel, axis=0)
        scales = len(nats) + channels
        for network in networks:
            head, prior = network.posterior_head[level], network.prior_head[level]
            merge = network.merge[level]
            heard = np.asarray(merge.kernel).reshape(-1, *merge.kernel.shape[-2:])
            heard = heard.sum(0)[channels]
            merge.bias.assign_add(means[channels] @ heard)
            _put(merge.kernel, 0.0, (..., channels, slice(None)))
            _put(head.kernel, kernel, (..., channels))
            _put(head.bias, bias, (channels,))
            _put(head.kernel, 0.0, (..., scales))
            _put(head.bias, np.log(WOKEN_SCALE), (scales,))
            for places in (channels, scales):
                _put(prior.kernel, 0.0, (..., places))
                _put(prior.bias, 0.0, (places,))
    return {"woken": found, "latent_channels": total}


def _hear(network: Any, batches: Sequence[Batch]) -> list[tuple[Any, Any, Any]]:
    """Returns, for each level fine to coarse, what is known of its latents.

    What the posterior sees (N, C), nats a position of each channel and its mean.
    """
    said: list[tuple[Any, Any]] = []  # coarse to fine, batch by batch

    def observe(q: Any) -> None:
        both = q.nats(), q.gaussian.mean
        nats, mean = (np.mean(values, axis=(0, 1, 2)) for values in both)
        said.append((nats, mean))

    seen = _look(network, batches, network.posterior_head, observe)
    known = []
    for level, record in enumerate(reversed(seen)):
        inputs = [np.reshape(x, (-1, x.shape[-1])) for x in record.inputs]
        nats, means = np.mean(said[level :: len(seen)], axis=0)
        known.append((np.concatenate(inputs), nats, means))
    return known[::-1]


@contextlib.contextmanager
def _recorded(layers: Sequence[Any], seen: Sequence[_Seen]) -> Iterator[None]:
    """Notes what layers are given and give, as long as they run eagerly."""

    def listening(call: Any, record: _Seen) -> Any:
        def heard(x: Any) -> Any:
            out = call(x)
            axes = list(range(len(out.shape) - 1))
            fires = tf.reduce_mean(tf.cast(out > 0, tf.float32), axes)
            record.firing.append(fires.numpy())
            if len(record.inputs) < KEPT:
                record.inputs.append(tf.cast(x, tf.float32))
            return out

        return heard

    try:
        for layer, record in zip(layers, seen, strict=True):
            layer.call = listening(layer.call, record)
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("call", None)  # the class's own is there again


def _new_units(
    inputs: Sequence[Any],
    shape: tuple[int, ...],
    count: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns (kernel (…, C, count), bias (count,)) of units that fire now and then.

    He's scale, without the part along the mean of what they are given: it is what
    drives units far from zero.
    """
    fan_in = int(np.prod(shape[:-1]))
    kernel = rng.standard_normal((fan_in, count)) * np.sqrt(2.0 / fan_in)
    mean = np.mean([np.mean(x, axis=tuple(range(x.ndim - 1))) for x in inputs], axis=0)
    along = np.tile(mean, fan_in // len(mean))[:, None]
    kernel -= along @ (along.T @ kernel) / max(float(np.sum(along**2)), 1e-12)
    kernel = kernel.reshape(*shape[:-1], count).astype(np.float32)
    values = [_convolved(x, kernel) for x in inputs]
    drive = np.concatenate([v.numpy().reshape(-1, count) for v in values])
    return kernel, -np.quantile(drive, 1.0 - FIRING, axis=0).astype(np.float32)


def _convolved(x: Any, kernel: NDArray[np.float32]) -> Any:
    if kernel.ndim == 2:  # a dense layer
        return tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), kernel)
    return tf.nn.conv2d(x, kernel, 1, "SAME")


def _put(variable: Any, values: Any, place: tuple[Any, ...]) -> None:
    """Writes into a part of a variable."""
    array = np.asarray(variable).copy()
    array[place] = values
    variable.assign(array)
