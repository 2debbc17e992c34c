"""Arrays of an .npz that anyone may have written: nothing in it is run or believed."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import archives
from vaenhance.errors import UsageProblem


def read_npz(
    path: Path, keys: Sequence[str], beside: Mapping[str, str]
) -> tuple[str, NDArray[Any], NDArray[Any] | None]:
    """Returns the first of several arrays that is there, and one that goes with it.

    Args:
        path: the file.
        keys: names of arrays.
        beside: of each of them, the name of the other array.

    Returns:
        The name, the array, and the other one or None.

    Raises:
        UsageProblem: there is none of them, or the file is damaged or none.
    """
    try:
        if not zipfile.is_zipfile(path):  # an array, or nothing at all
            raise ValueError("it is no .npz file")
        # allow_pickle stays off: an .npz must not run code.
        with np.load(path, allow_pickle=False) as arrays:
            key = next((k for k in keys if k in arrays.files), None)
            if key is not None:
                images = _array(arrays, key)
                has_other = beside[key] in arrays.files
                return key, images, _array(arrays, beside[key]) if has_other else None
    except archives.FAULTS as error:
        raise UsageProblem(f"cannot read {path}: {archives.fault(error)}") from error
    raise UsageProblem(f"{path} has none of the arrays {', '.join(keys)}")


def _array(arrays: Mapping[str, Any], key: str) -> NDArray[Any]:
    found = arrays[key]  # bytes, if it does not begin as an array does
    if not isinstance(found, np.ndarray):
        raise ValueError(f"{key} is no array")
    return found
