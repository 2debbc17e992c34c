"""The parts of a network that is larger or told more than the one it starts from.

Inputs that it was not told have weights of zero, so have the latents that the decoder
has not heard of and the channels that a wider level has more, and a residual block
whose last convolution is zero hands on what it is given: the new network begins as good
as the one whose weights it takes (Net2Net, Chen et al. 2016).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What the names of a block's convolutions have in the middle; both have one shape.
FIRST, LAST = "/first/", "/second/"
WIDENED = re.compile(  # the layers of the ladder whose channels are a level's width
    r"(stem|head|head\d+|(down|mix|prior|posterior|merge)\d+|upsample\d+/project"
    r"|((encoder|decoder)\d+_|context\d+/block)\d+/(first|second))/kernel"
)
# Of strides above 2 these are matrices: one side of them is all positions of a patch.
PATCHED = re.compile(r"(down|upsample)(\d+)/(project/)?kernel")
LATENT = re.compile(r"(prior|posterior|merge)\d+/(kernel|bias)")  # at both ends of z
NARROW = -2.0  # log-scale of new latents, relative to the prior: they say something


def grown(
    weights: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Returns weights with all that a larger network needs to be as good at first.

    Args:
        weights: arrays by name, of the smaller network; not changed.
        shapes: of all weights of the network to be started, by name.
        rng: for what has to be random, so that something can be learnt.
    """
    weights = with_inputs(with_blocks(weights, shapes), shapes)
    return with_latents(with_widths(weights, shapes, rng), shapes, rng)


def with_blocks(
    weights: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Any]:
    """Adds zeros for the last convolutions of the blocks that have no weights yet.

    Args:
        weights: arrays by name, of the smaller network; not changed.
        shapes: of all weights of the network to be started, by name.

    Returns:
        The weights and the zeros. The first convolutions of the new blocks are left
        out: they have to be random, or nothing could be learnt.
    """
    is_ladder = "stem/kernel" in weights  # of any other network blocks must be known
    known = {name.split(LAST)[0] for name in weights if LAST in name}
    blocks = {
        block
        for block in (name.split(LAST)[0] for name in shapes if LAST in name)
        # Other layers call parts of theirs so, too: they are not added to anything.
        if shapes.get(f"{block}{FIRST}kernel") == shapes.get(f"{block}{LAST}kernel")
    }
    made = {
        name: np.zeros(shape, np.float32)
        for name, shape in shapes.items()
        if LAST in name and name.split(LAST)[0] in blocks - known
    }
    return {**weights, **made} if known or is_ladder else dict(weights)


def with_inputs(
    weights: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Any]:
    """Adds zeros for the inputs of dense layers that are told more than before.

    Args:
        weights: arrays by name; not changed.
        shapes: of all weights of the network to be started, by name.

    Returns:
        The weights. What is new has to come behind what is old.
    """
    result = dict(weights)
    for name, value in weights.items():
        wanted = shapes.get(name, value.shape)
        is_matrix = value.ndim == len(wanted) == 2 and value.shape[1] == wanted[1]
        # Tables of classes are matrices as well: others are not the old ones and more.
        # New channels of patches come behind the old ones of their positions instead.
        is_dense = name.endswith("/kernel") and not PATCHED.fullmatch(name)
        if is_matrix and is_dense and value.shape[0] < wanted[0]:
            result[name] = np.pad(value, [(0, wanted[0] - value.shape[0]), (0, 0)])
    return result


def with_widths(
    weights: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Adds the channels that levels have more than before.

    What makes a new channel is random, of the size of the weights beside it; what
    reads one is zero. So nothing changes yet, and there is something to learn from.

    Args:
        weights: arrays by name; not changed.
        shapes: of all weights of the network to be started, by name.
        rng: for the random weights.
    """
    result = dict(weights)
    before = {name: value.shape for name, value in weights.items()}
    for name, value in weights.items():
        wanted = shapes.get(name, value.shape)
        if name == "start" and value.shape[:-1] == wanted[:-1]:
            result[name] = _with_random(value, wanted[-1], 1, rng)
        is_widened = name in shapes and WIDENED.fullmatch(name)
        if not is_widened or value.ndim != len(wanted):
            continue
        read, written = _parts(name, before)
        if (read, written) != _parts(name, shapes):
            continue  # of another stride: the places of a patch are others
        made = value
        if not name.startswith(("stem", "merge")):  # these read y, and latents
            made = _with_unread(made, wanted[-2], read)
        if not name.startswith(("head", "prior", "posterior")):  # these make x, and z
            made = _with_random(made, wanted[-1], written, rng)
            bias = name.replace("/kernel", "/bias")
            if wanted[-1] > value.shape[-1] and bias in weights:
                column = weights[bias][:, None]  # one for each of the kernel's outputs
                result[bias] = _with_unread(column, wanted[-1], written)[:, 0]
        result[name] = made
    return result


def _parts(name: str, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    """Returns how many times a kernel reads, and makes, all channels of a level.

    Args:
        name: of the kernel.
        shapes: of all weights of a ladder that has it, by name.
    """
    layer = PATCHED.fullmatch(name)
    if not layer or len(shapes[name]) != 2:
        return 2 if name.startswith("mix") else 1, 1  # the decoder's and encoder's
    is_down = layer[1] == "down"  # it has the number of the level below what it reads
    (width,) = shapes[f"merge{int(layer[2]) - is_down}/bias"]
    positions = shapes[name][0 if is_down else 1] // width
    return (positions, 1) if is_down else (1, positions)


def _with_unread(value: NDArray[np.float32], count: int, parts: int) -> Any:
    """Adds inputs with weights of zero behind those of each part of a kernel's."""
    more = (count - value.shape[-2]) // parts
    if more <= 0:
        return value
    pieces = np.split(value, parts, axis=-2)
    padding = [*[(0, 0)] * (value.ndim - 2), (0, more), (0, 0)]
    return np.concatenate([np.pad(piece, padding) for piece in pieces], axis=-2)


def _with_random(value: NDArray[np.float32], count: int, parts: int, rng: Any) -> Any:
    """Adds random outputs to each part, as large in the mean as those there are."""
    more = (count - value.shape[-1]) // parts
    if more <= 0:
        return value
    pieces = value.reshape(*value.shape[:-1], parts, -1)
    new = rng.normal(0, float(np.std(value)), (*pieces.shape[:-1], more))
    wider = np.concatenate([pieces, new.astype(np.float32)], axis=-1)
    return wider.reshape(*value.shape[:-1], count)


def with_latents(
    weights: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Adds what a level needs for more channels of z than before.

    The posterior means of the new ones are random sums of the features, their prior is
    N(0, 1), and the decoder's weights of them are zero: they change nothing yet, and
    say enough for the decoder to learn from.

    Args:
        weights: arrays by name; not changed.
        shapes: of all weights of the network to be started, by name.
        rng: for the random sums.
    """
    result = dict(weights)
    for name, value in weights.items():
        wanted = shapes.get(name, value.shape)
        kind = LATENT.fullmatch(name)
        if not kind or value.ndim != len(wanted) or value.size >= math.prod(wanted):
            continue
        if kind[1] == "merge":
            if kind[2] == "kernel" and value.shape[-1] == wanted[-1]:
                result[name] = _with_unread(value, wanted[-2], 1)
        elif value.shape[:-1] == wanted[:-1]:
            result[name] = _wider_gaussian(value, wanted, kind[1], rng)
    return result


def _wider_gaussian(
    value: NDArray[np.float32],
    wanted: tuple[int, ...],
    kind: str,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Widens both halves, means and log-scales, of a kernel or a bias."""
    means, log_scales = np.split(value, 2, axis=-1)
    new = (*wanted[:-1], (wanted[-1] - value.shape[-1]) // 2)
    is_bias = len(wanted) == 1
    mean, log_scale = np.zeros(new, np.float32), np.zeros(new, np.float32)
    if kind == "posterior" and is_bias:
        log_scale += NARROW
    elif kind == "posterior":
        fan_in = int(np.prod(wanted[:-1]))
        mean = rng.normal(0, fan_in**-0.5, new).astype(np.float32)
    return np.concatenate([means, mean, log_scales, log_scale], axis=-1)
