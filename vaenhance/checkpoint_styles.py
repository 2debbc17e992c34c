"""Named looks in a model folder: ``styles.json``, numbers under names.

A folder need not have any. Nothing else is kept there, and no name is a path.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.checkpoint_files import read_json, write_text
from vaenhance.errors import ModelError

STYLES = "styles.json"

Look = NDArray[np.float32]


def style_names(folder: Path) -> list[str]:
    """Returns the names of a model's looks, sorted.

    Raises:
        ModelError: the file is damaged.
    """
    return sorted(_read(folder))


def load_styles(folder: Path, size: int) -> dict[str, Look]:
    """Reads a model's named looks; none where there is no file.

    Args:
        folder: the model.
        size: numbers that a look of this model has.

    Raises:
        ModelError: the file is damaged, or of another model.
    """
    looks = {}
    for name, values in _read(folder).items():
        if not _is_look(values, size):
            raise ModelError(f"{folder / STYLES} is damaged: {name} is no look")
        looks[name] = np.array(values, np.float32)
    return looks


def save_styles(folder: Path, looks: Mapping[str, Look]) -> None:
    """Replaces a model's named looks; of none, nothing is written."""
    rounded = {
        name: [round(float(value), 5) for value in look]
        for name, look in sorted(looks.items())
    }
    lines = [
        f"  {json.dumps(name)}: {json.dumps(look)}" for name, look in rounded.items()
    ]
    if not lines:
        return
    write_text(folder / STYLES, "{\n" + ",\n".join(lines) + "\n}\n")


def _read(folder: Path) -> dict[str, Any]:
    return read_json(folder / STYLES) if (folder / STYLES).exists() else {}


def _is_look(values: Any, size: int) -> bool:
    if not isinstance(values, list) or len(values) != size:
        return False
    return all(type(v) in (int, float) and math.isfinite(v) for v in values)
