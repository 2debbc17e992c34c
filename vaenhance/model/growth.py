"""The parts of a network that is deeper or told more than the one it starts from.

Inputs that it was not told have weights of zero, and a residual block whose last
convolution is zero hands on what it is given: the new network begins as good as the one
whose weights it takes (Net2Net, Chen et al. 2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

LAST = "/second/"  # what the names of a block's last convolution have in the middle


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
    known = {name.split(LAST)[0] for name in weights if LAST in name}
    made = {
        name: np.zeros(shape, np.float32)
        for name, shape in shapes.items()
        if LAST in name and known and name.split(LAST)[0] not in known
    }
    return {**weights, **made}


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
        is_dense = value.ndim == len(wanted) == 2 and value.shape[1] == wanted[1]
        if is_dense and value.shape[0] < wanted[0]:
            result[name] = np.pad(value, [(0, wanted[0] - value.shape[0]), (0, 0)])
    return result
