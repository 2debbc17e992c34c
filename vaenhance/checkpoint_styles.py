"""Named styles in a model folder: ``styles.json``, numbers under names.

    {"dusk": {"look": [0.1, ...], "colours": [30.2, ...]}, ...}

A folder need not have any. Nothing else is kept there, and no name is a path.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vaenhance.checkpoint_files import read_json, write_text
from vaenhance.config.plain import is_finite
from vaenhance.config.suggest import shown
from vaenhance.errors import ModelError
from vaenhance.grading_style import STATISTICS, Style

STYLES = "styles.json"
DIGITS = 4  # behind the point
LARGEST = 1e6  # latents are of the order of 1


def style_names(folder: Path) -> list[str]:
    """Returns the names of a model's styles, sorted.

    Raises:
        ModelError: the file is damaged.
    """
    return sorted(_read(folder))


def load_styles(folder: Path, size: int) -> dict[str, Style]:
    """Reads a model's named styles; none where there is no file.

    Args:
        folder: the model.
        size: numbers that a look of this model has.

    Raises:
        ModelError: the file is damaged, or of another model.
    """
    sizes = {"look": size, "colours": STATISTICS}
    styles = {}
    for name, parts in _read(folder).items():
        is_whole = isinstance(parts, dict) and parts.keys() == sizes.keys()
        if not is_whole or not all(_fits(parts[k], n) for k, n in sizes.items()):
            raise ModelError(f"{folder / STYLES} is damaged: {shown(name)} is no style")
        found = {key: np.array(parts[key], np.float32) for key in sizes}
        styles[name] = Style(**found)
    return styles


def save_styles(folder: Path, styles: Mapping[str, Style]) -> None:
    """Replaces a model's named styles; of none, nothing is written."""
    lines = []
    for name, style in sorted(styles.items()):
        parts = {
            key: [round(float(value), DIGITS) for value in values]
            for key, values in vars(style).items()
        }
        lines.append(f"  {json.dumps(name)}: {json.dumps(parts)}")
    if not lines:
        return
    write_text(folder / STYLES, "{\n" + ",\n".join(lines) + "\n}\n")


def _read(folder: Path) -> dict[str, Any]:
    return read_json(folder / STYLES) if (folder / STYLES).exists() else {}


def _fits(values: Any, size: int) -> bool:
    if not isinstance(values, list) or len(values) != size:
        return False
    return all(is_finite(value) and abs(value) <= LARGEST for value in values)
