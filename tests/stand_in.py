"""A model without TensorFlow, for tests of everything around a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vaenhance
from vaenhance.config import ModelConfig


class Negative:
    """Its answer is the negative of the photograph, its pixels repeated if larger."""

    device = "a test"
    precision = "float32"
    conditioned_on_noise = False
    config = ModelConfig()

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.loaded: list[tuple[str, str, str]] = []

    def enhance(self, image, *, strength=1.0, progress=None, **settings):
        self.calls.append({"shape": image.shape, "strength": strength, **settings})
        top = np.iinfo(image.dtype).max
        mixed = image * (1 - strength) + (top - image.astype(float)) * strength
        progress(image.shape[0] * image.shape[1] / 1e6)
        if "size" in settings:
            sides = zip(image.shape[:2], settings["size"], strict=True)
            mixed = mixed[np.ix_(*(np.arange(t) * n // t for n, t in sides))]
        return np.rint(mixed).astype(image.dtype)


def install(monkeypatch: pytest.MonkeyPatch) -> Negative:
    """Makes it the model that --model photo loads; `loaded` tells with what."""
    fake = Negative()

    def load_model(name, *, device, precision):
        fake.loaded.append((name, device, precision))
        return fake

    monkeypatch.setattr(vaenhance, "load_model", load_model)
    monkeypatch.setattr("vaenhance.api.find_model", lambda name: Path(name))
    return fake
