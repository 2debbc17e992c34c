"""Loads the model of a command, and says on what it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaenhance.cli import console
from vaenhance.errors import UsageProblem

if TYPE_CHECKING:
    from vaenhance.api import Model
    from vaenhance.api_look import LookModel


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


def load_looks(model: str, device: str) -> LookModel:
    """Does for a model of looks what ``load`` does for one of images."""
    console.detail(f"loading model {model} ...")
    from vaenhance.api_look import load_look

    looks = load_look(model, device=device)
    console.message(f"device: {looks.device}, float32")
    return looks


def check_noise(model: str) -> None:
    """Refuses to tell a noise level to a model that takes none, by its configuration.

    Raises:
        ModelError: there is no such model.
        UsageProblem: it takes none.
    """
    from vaenhance.checkpoint import named_config
    from vaenhance.workflows.enhance_settings import TAKES_NO_LEVEL

    if not named_config(model)[1].noise_map:
        raise UsageProblem(TAKES_NO_LEVEL)


def check_class(model: str, label: str | None) -> None:
    """Refuses a class that the model does not know, by its configuration alone.

    Args:
        model: built-in name or folder.
        label: name of a class; None is always fine.

    Raises:
        ModelError: there is no such model.
        UsageProblem: the model does not know it.
    """
    if label is None:
        return
    from vaenhance.api_inputs import class_number
    from vaenhance.checkpoint import named_config

    name, config = named_config(model)
    class_number(name, config.classes, label)
