"""Networks that are built and compiled once, for tests of what is around a network.

Compiling one again and again would take most of their time. Models are still found,
read and checked each time.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

_NETWORKS: dict[Any, Any] = {}


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets models of the same weights, device and precision have one network."""
    from vaenhance.runtime import import_tensorflow

    import_tensorflow()
    from vaenhance.model import inference, look_inference

    for module, name in ((inference, "Inference"), (look_inference, "LookInference")):
        monkeypatch.setattr(module, name, partial(_network, getattr(module, name)))


def _network(kind: Any, folder: Path, config: Any, sitting: Any) -> Any:
    from vaenhance.checkpoint import weights_checksum

    key = (kind, weights_checksum(folder), config, sitting)
    if key not in _NETWORKS:
        _NETWORKS[key] = kind(folder, config, sitting)
    return _NETWORKS[key]
