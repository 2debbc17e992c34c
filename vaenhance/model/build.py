"""From a configuration to a network with its weights created."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import checkpoint
from vaenhance.config import ModelConfig


def build_network(config: ModelConfig, policy: str = "float32") -> Any:
    """Returns a built ``Ladder``, ``DenseVAE`` or ``Look`` with random weights.

    Args:
        config: the network's shape.
        policy: Keras dtype policy, e.g. ``mixed_bfloat16``.
    """
    from vaenhance.model.ladder import Ladder
    from vaenhance.model.look import Look
    from vaenhance.model.mlp import DenseVAE

    networks: dict[str, Any] = {"ladder": Ladder, "mlp": DenseVAE, "look": Look}
    network = networks[config.network](config, policy)
    network.build()
    return network


def named(variables: list[Any]) -> dict[str, Any]:
    """Returns variables by path, without the model's own name in front."""
    return {v.path.partition("/")[2] or v.path: v for v in variables}


def take_over(network: Any, weights: Mapping[str, Any]) -> list[str]:
    """Gives a network the weights that fit it by name and shape.

    Returns:
        Names of those that do not, and stay as they are.
    """
    missing = []
    for name, variable in named(network.variables).items():
        if name in weights and weights[name].shape == tuple(variable.shape):
            variable.assign(weights[name])
        else:
            missing.append(name)
    return missing


def left_out(network: Any, weights: Iterable[str]) -> list[str]:
    """Returns the names of weights for which a network has no place.

    Without heads: those of other scales have been made of them.
    """
    own = named(network.variables)
    return [n for n in weights if n not in own and not n.startswith("head")]


def read_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Reads a model's weights, of the shapes that its own configuration gives.

    Raises:
        ModelError: missing or damaged.
    """
    network = build_network(checkpoint.load_config(folder).model)
    shapes = {name: tuple(v.shape) for name, v in named(network.variables).items()}
    return dict(checkpoint.load_weights(folder, shapes))
