"""The calibration of a model: the numbers of its decoder's scale, as plain JSON.

Kept beside the weights in ``calibration.json`` and bound to them by their checksum,
because weights that are trained further need to be calibrated again. Not for
computing anything: ``model/decoder_scale`` does.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.checkpoint_files import read_json, write_json
from vaenhance.errors import ModelError

CALIBRATION = "calibration.json"
VERSION = 1
DIGITS = 6  # significant ones of each number
MOST = 4096  # units a layer; a guard against files of strangers

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Calibration:
    """What turns features into log σ (``model/decoder_scale``).

    Attributes:
        mean: (F,) of the features where it was fitted.
        deviation: (F,) their standard deviations, above 0.
        layers: (kernel (in, out), bias (out,)) of each.
        weights_sha256: of the weights that it belongs to.
    """

    mean: Array
    deviation: Array
    layers: list[tuple[Array, Array]]
    weights_sha256: str


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Writes ``calibration.json`` into a model folder, replaced as a whole."""
    data = {
        "schema_version": VERSION,
        "weights_sha256": calibration.weights_sha256,
        "feature_mean": _plain(calibration.mean),
        "feature_deviation": _plain(calibration.deviation),
        "layers": [
            {"kernel": _plain(kernel), "bias": _plain(bias)}
            for kernel, bias in calibration.layers
        ],
    }
    write_json(folder / CALIBRATION, data)


def load_calibration(folder: Path) -> Calibration | None:
    """Reads the calibration of a model; None if it has none.

    Raises:
        ModelError: it is damaged or of a newer version.
    """
    path = folder / CALIBRATION
    if not path.exists():
        return None
    data = read_json(path)
    if data.get("schema_version") != VERSION:
        raise ModelError(f"{path} is not a calibration that this version knows")
    try:
        return _parsed(data)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        why = " ".join(str(error).split())[:200]
        raise ModelError(f"{path} is damaged: {why}") from error


def _parsed(data: Mapping[str, Any]) -> Calibration:
    mean, deviation = (
        _numbers(data[f"feature_{part}"]) for part in ("mean", "deviation")
    )
    layers = [
        (_numbers(one["kernel"]), _numbers(one["bias"])) for one in data["layers"]
    ]
    sizes = [len(mean), *(bias.size for _, bias in layers)]
    expected = [((a, b), (b,)) for a, b in itertools.pairwise(sizes)]
    received = [(kernel.shape, bias.shape) for kernel, bias in layers]
    fits = mean.shape == deviation.shape and received == expected
    if not fits or not layers or sizes[-1] != 1:
        raise ValueError(f"layers of shapes {received}")
    if max(sizes) > MOST or (deviation <= 0).any():
        raise ValueError("numbers out of their range")
    return Calibration(mean, deviation, layers, str(data["weights_sha256"]))


def _numbers(data: Any) -> Array:
    values = np.asarray(data, np.float64)
    if not (np.abs(values) <= np.finfo(np.float32).max).all():
        raise ValueError("numbers out of their range")
    return values.astype(np.float32)


def _plain(array: Array) -> Any:
    """Returns an array as nested lists of numbers with few digits."""
    if array.ndim > 1:
        return [_plain(row) for row in array]
    return [float(f"{value:.{DIGITS}g}") for value in array]
