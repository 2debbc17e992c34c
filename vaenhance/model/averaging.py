"""The averaged (EMA) copy of a network in training: what is evaluated and shipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def copy(network: Any, others: Sequence[Any]) -> None:
    """Starts the average, and what else begins with it, at the network's weights."""
    for other in others:
        for mine, variable in zip(other.variables, network.variables, strict=True):
            mine.assign(variable)


def follow(network: Any, averaged: Any, decay: Any, strategy: Any) -> None:
    """Moves the averaged weights towards the new ones.

    Args:
        network: in training.
        averaged: its copy.
        decay: part of the average that stays, a scalar tensor.
        strategy: that both live under.
    """
    pairs = zip(averaged.trainable_variables, network.trainable_variables, strict=True)
    for average, variable in pairs:
        strategy.extended.update(
            average.value,
            lambda mine, other: mine.assign_sub((1.0 - decay) * (mine - other)),
            args=(variable.value,),
        )
