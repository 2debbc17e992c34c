"""Loads the model of a command, and says on what it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaenhance.cli import console

if TYPE_CHECKING:
    from vaenhance.api import Model


def load(model: str, device: str, precision: str) -> Model:
    """Starts TensorFlow and reads the weights.

    Args:
        model: built-in name or folder.
        device: as ``--device``.
        precision: as ``--precision``.

    Raises:
        ModelError: the model is missing or damaged.
        DeviceError: the device is not there.
    """
    console.detail(f"loading model {model} ...")
    from vaenhance.api import load_model

    network = load_model(model, device=device, precision=precision)
    console.message(f"device: {network.device}, {network.precision}")
    return network
