"""Configurations as plain data and TOML, and back."""

from __future__ import annotations

import dataclasses
import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from vaenhance.config.presets import named_preset
from vaenhance.config.schema import Config, section_types, validate
from vaenhance.config.suggest import shown, unknown
from vaenhance.errors import ConfigError


def from_dict(data: Mapping[str, Any], base: Config | None = None) -> Config:
    """Lays plain data over a base configuration.

    Args:
        data: sections of settings, as TOML or JSON gives them.
        base: what is not named in ``data`` stays as here; default ``Config()``.

    Raises:
        ConfigError: for an unknown section or key (with a suggestion), a wrong
            type or an impossible value.
    """
    base = base or Config()
    types = section_types()
    changed = {}
    for name, values in data.items():
        if name not in types:
            raise ConfigError(unknown("section", name, types))
        if not isinstance(values, Mapping):
            raise ConfigError(f"[{name}] must be a section of settings")
        changed[name] = _section(types[name], getattr(base, name), name, values)
    return validate(dataclasses.replace(base, **changed))


def _section(cls: type, base: Any, name: str, values: Mapping[str, Any]) -> Any:
    hints = get_type_hints(cls)
    checked = {}
    for key, value in values.items():
        if key not in hints:
            raise ConfigError(unknown("setting", f"{name}.{key}", hints, name))
        checked[key] = _typed(f"{name}.{key}", value, hints[key])
    return dataclasses.replace(base, **checked)


def _typed(key: str, value: Any, hint: Any) -> Any:
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{key} must be a list, received {shown(value)}")
        return tuple(_typed(key, item, get_args(hint)[0]) for item in value)
    if hint is float and is_finite(value):
        return float(value)
    if hint is not float and type(value) is hint:
        return value
    raise ConfigError(f"{key} must be {_PLAIN[hint]}, received {shown(value)}")


def is_finite(value: Any) -> bool:
    """Tells whether plain data is a number that a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= sys.float_info.max  # an int may have any size


_PLAIN = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def load_toml(
    path: Path,
    base: Config | None = None,
    given: str | None = None,
    adapted: Callable[[Config], Config] = lambda preset: preset,
) -> Config:
    """Reads a configuration file over a base configuration.

    Args:
        path: the TOML file; a ``preset`` at its top goes before ``base``.
        base: what the file says nothing about.
        given: preset that was asked for elsewhere; the file may not contradict it.
        adapted: what is made of the file's own preset before it counts.

    Raises:
        ConfigError: the file cannot be read, is no TOML, names another preset than
            the given one, or ``from_dict`` objects.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read the configuration {path}: {error}") from error
    preset = data.pop("preset", None)
    try:
        if preset is not None:
            base = adapted(named_preset(preset))
        if preset is not None and given not in (None, preset):
            raise ConfigError(f"preset {preset!r} contradicts --preset {given}")
        return from_dict(data, base)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def to_dict(config: Config) -> dict[str, Any]:
    """Returns the configuration as plain data, the inverse of ``from_dict``."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def to_toml(config: Config) -> str:
    """Returns the configuration as TOML text, the inverse of ``load_toml``."""
    lines: list[str] = []
    for section, values in to_dict(config).items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {_as_toml(value)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)


def _as_toml(value: Any) -> str:
    """Returns JSON, whose numbers, strings, booleans and flat lists are TOML.

    But for two: JSON escapes what is beyond U+FFFF in halves, and DEL not at all.
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
