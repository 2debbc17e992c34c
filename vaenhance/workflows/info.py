"""What there is to know about a model folder, or about this installation.

Reads only: no weights are loaded, and TensorFlow starts only to list devices.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vaenhance import checkpoint, config, runtime
from vaenhance.checkpoint_styles import style_names
from vaenhance.errors import ModelError
from vaenhance.workflows import card


def builtin_models() -> dict[str, str]:
    """The models inside the package: name -> title."""
    return {
        name: _title(checkpoint.find_model(name))
        for name in checkpoint.builtin_models()
    }


def describe_model(name: str) -> dict[str, Any]:
    """Everything a model folder says about itself.

    Args:
        name: A built-in model, or the path of a folder.

    Returns:
        Plain data: ``name``, ``built_in``, ``folder``, ``weights_megabytes``,
        ``styles`` (names, of a model of looks), ``card`` and ``config``.

    Raises:
        ModelError: There is no such model, or its folder is damaged.
    """
    folder = checkpoint.find_model(name)
    settings = checkpoint.load_config(folder)
    weights = folder / checkpoint.WEIGHTS
    if not weights.is_file():
        raise ModelError(f"{folder} is no complete model: no {weights.name}")
    return {
        "name": folder.resolve().name,
        "built_in": name in checkpoint.builtin_models(),
        "folder": str(folder),
        "weights_megabytes": round(weights.stat().st_size / 1e6, 2),
        "styles": style_names(folder),
        "card": checkpoint.load_card(folder),
        "config": config.to_dict(settings),
    }


def describe_installation() -> dict[str, Any]:
    """Versions and built-in models, without starting TensorFlow."""
    return {"versions": card.versions(), "models": builtin_models()}


def describe_devices() -> dict[str, Any]:
    """What TensorFlow can compute on; starts it, which takes seconds.

    Returns:
        Plain data: ``devices``, ``gpu_reason`` (why there is no GPU, or empty)
        and ``auto_precision``, at least. Where TensorFlow itself does not start,
        there are no devices, and ``error`` says why.
    """
    try:
        return runtime.describe()
    except ImportError as error:
        # The one question that a broken installation has to be able to answer.
        return {"devices": [], "gpu_reason": "", "error": str(error)}


def _title(folder: Path) -> str:
    try:
        return str(checkpoint.load_card(folder).get("title", ""))
    except ModelError as error:
        return str(error)
