"""Model folders and training states on disk: the only reader and writer of weights.

A model is a folder: ``config.json`` (plain data with a schema version),
``model.weights.h5`` (numbers) and ``card.json`` (where the model comes from and
how good it is). It is rebuilt from our own code; nothing that a file says is
ever executed. Every file is replaced as a whole, so that a killed process
leaves the old one or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vaenhance import config as configuration
from vaenhance.checkpoint_files import (
    Arrays,
    check_digest,
    digest,
    locked,
    open_h5,
    parsed,
    read_group,
    read_json,
    remove_temporary,
    write_h5,
    write_json,
    write_text,
)
from vaenhance.config import Config, ModelConfig
from vaenhance.errors import ConfigError, ModelError

__all__ = [
    "builtin_models",
    "find_model",
    "is_look",
    "load_card",
    "load_config",
    "load_state",
    "load_weights",
    "locked",
    "named_config",
    "remove_leftovers",
    "save_card",
    "save_config",
    "save_model",
    "save_state",
    "weights_checksum",
    "write_text",
]

BUILTIN = Path(__file__).parent / "models"
CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
CARD = "card.json"
STATE = "resume/state.h5"
PREVIOUS_STATE = "resume/state.previous.h5"


# === Models ===


def builtin_models() -> list[str]:
    """Returns the names of the models inside the package."""
    if not BUILTIN.is_dir():
        return []
    return sorted(p.parent.name for p in BUILTIN.glob(f"*/{CONFIG}"))


def find_model(name_or_path: str | Path) -> Path:
    """Returns the folder of a built-in name or of a path.

    Raises:
        ModelError: neither; names what was tried.
    """
    name = str(name_or_path or "")
    if not name:  # as a path it would be the current folder
        raise ModelError("an empty name is no model's: is a variable not set?")
    if name in builtin_models():
        return BUILTIN / name
    path = Path(name)
    try:
        if path.is_dir():
            return path
    except OSError as error:
        raise ModelError(f"no model {name!r}: {error.strerror or error}") from error
    known = ", ".join(builtin_models()) or "none"
    raise ModelError(
        f"no model {name!r}: it is neither a built-in model ({known}) nor a folder"
    )


def save_model(
    folder: Path,
    config: Config,
    weights: Arrays,
    card: Mapping[str, Any],
    half: bool = True,
) -> str:
    """Writes a model folder, file by file.

    Args:
        folder: created if missing.
        config: kept as ``config.json``.
        weights: arrays by name.
        card: kept as ``card.json``, with the weights' checksum added.
        half: store numbers as float16 (half the size; costs less than 0.001 dB).

    Returns:
        The weights' checksum, as in the card.
    """
    save_config(folder, config)
    dtype = np.float16 if half else np.float32
    stored = {name: np.asarray(value, dtype) for name, value in weights.items()}
    checksum = digest(stored)
    write_h5(folder / WEIGHTS, {"weights": stored}, {"sha256": checksum})
    kept = _measured(folder, checksum)
    write_json(folder / CARD, {**kept, **card, "weights_sha256": checksum})
    return checksum


def _measured(folder: Path, checksum: str) -> dict[str, Any]:
    """Returns what a card that is there already says of the very same weights."""
    try:
        before = load_card(folder)
    except ModelError:
        return {}
    found = before.get("uncertainty")
    is_theirs = found is not None and before.get("weights_sha256") == checksum
    return {"uncertainty": found} if is_theirs else {}


def save_config(folder: Path, config: Config) -> None:
    """Writes ``config.json``; makes the folder a model's, if only a future one's."""
    folder.mkdir(parents=True, exist_ok=True)
    version = {"schema_version": configuration.SCHEMA_VERSION}
    write_json(folder / CONFIG, {**version, **configuration.to_dict(config)})


def load_config(folder: Path) -> Config:
    """Reads the configuration of a model folder.

    Raises:
        ModelError: it is missing, damaged or of a newer version.
    """
    data = read_json(folder / CONFIG)
    version = data.pop("schema_version", None)
    if type(version) is not int or version < 1:
        raise ModelError(f"{folder / CONFIG} is not a vaenhance model's configuration")
    if version > configuration.SCHEMA_VERSION:
        raise ModelError(
            f"{folder} was made by a newer vaenhance (schema {version}, this one "
            f"knows {configuration.SCHEMA_VERSION}): upgrade vaenhance"
        )
    try:
        return configuration.from_dict(data)
    except ConfigError as error:
        raise ModelError(f"{folder / CONFIG}: {error}") from error


def named_config(name_or_path: str | Path) -> tuple[str, ModelConfig]:
    """Returns the name of a model and the shape of its network.

    Raises:
        ModelError: it is missing or damaged.
    """
    folder = find_model(name_or_path)
    return folder.resolve().name, load_config(folder).model


def is_look(name_or_path: str | Path) -> bool:
    """Tells whether a model is one of looks, without loading its weights.

    Raises:
        ModelError: it is missing or damaged.
    """
    return named_config(name_or_path)[1].network == "look"


def load_card(folder: Path) -> dict[str, Any]:
    """Reads the model card; a number that is not finite, no JSON, becomes None.

    Raises:
        ModelError: it is missing or damaged.
    """
    text = json.dumps(read_json(folder / CARD))  # 1e999, too, is Infinity here
    return json.loads(text, parse_constant=lambda name: None)


def save_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Replaces the model card."""
    write_json(folder / CARD, card)


def load_weights(folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
    """Reads the weights of a model folder.

    Args:
        folder: the model.
        shapes: name and shape of every array that the network needs.

    Returns:
        float32 arrays by name.

    Raises:
        ModelError: missing, damaged, or the weights of another network.
    """
    path = folder / WEIGHTS
    with open_h5(path) as file:
        stored = read_group(file, "weights", shapes)
        check_digest(file, digest(stored), path)
    if not all(np.isfinite(value).all() for value in stored.values()):
        raise ModelError(f"{path} holds values that are not finite")
    return {name: value.astype(np.float32) for name, value in stored.items()}


def weights_checksum(folder: Path) -> str:
    """Returns the SHA-256 that a model's weights claim; ``load_weights`` checks it.

    Raises:
        ModelError: they are missing or damaged.
    """
    with open_h5(folder / WEIGHTS) as file:
        return file.text("sha256")


# === Training states ===


def remove_leftovers(folder: Path) -> None:
    """Deletes the temporary files of a process that was killed while writing.

    Only for the one process that trains this model.
    """
    for path in (folder, folder / STATE):
        remove_temporary(path if path.is_dir() else path.parent)


def save_state(
    folder: Path, groups: Mapping[str, Arrays], progress: Mapping[str, Any]
) -> None:
    """Writes everything a resumed run needs; keeps the state before it.

    Args:
        folder: the model folder.
        groups: arrays by name by group (network, averaged, optimizer).
        progress: plain data: step, seconds and so on.
    """
    path = folder / STATE
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = _flat(groups)
    text = json.dumps(progress, sort_keys=True)
    attributes = {"sha256": digest(flat, text), "progress": text}
    if path.exists():
        path.replace(folder / PREVIOUS_STATE)
    write_h5(path, groups, attributes)


def load_state(
    folder: Path, shapes: Mapping[str, Mapping[str, tuple[int, ...]]]
) -> tuple[dict[str, Arrays], dict[str, Any]] | None:
    """Reads the newest undamaged training state, or None if there is none.

    Raises:
        ModelError: there are states, but every one is damaged or another network's.
    """
    found = [p for p in (folder / STATE, folder / PREVIOUS_STATE) if p.exists()]
    if not found:
        return None
    problem: ModelError | None = None
    for path in found:
        try:
            return _read_state(path, shapes)
        except ModelError as error:
            problem = problem or error
    raise problem or ModelError(f"{folder}: no usable state")


def _read_state(
    path: Path, shapes: Mapping[str, Mapping[str, tuple[int, ...]]]
) -> tuple[dict[str, Arrays], dict[str, Any]]:
    with open_h5(path) as file:
        groups = {
            name: read_group(file, name, wanted) for name, wanted in shapes.items()
        }
        text = file.text("progress")
        check_digest(file, digest(_flat(groups), text), path)
        return groups, parsed(text, path)


def _flat(groups: Mapping[str, Arrays]) -> Arrays:
    return {
        f"{group}/{name}": value
        for group, part in groups.items()
        for name, value in part.items()
    }
