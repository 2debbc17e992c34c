"""The model card: where a model comes from, what it cost, how good it is."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from vaenhance import __version__
from vaenhance.config import Config
from vaenhance.config.plain import is_finite


def make_card(
    config: Config,
    facts: Mapping[str, Any],
    progress: Mapping[str, Any],
    scores: Mapping[str, float],
    is_finished: bool,
) -> dict[str, Any]:
    """Returns the card of a training run as plain data.

    Of the training folder only counts and a fingerprint are kept, no names.

    Args:
        config: of the run.
        facts: device, precision, images, megapixels, fingerprint, weights.
        progress: step, seconds, skipped, init, hours_before, teachers.
        scores: validation PSNR.
        is_finished: whether the run has reached its end.
    """
    words = config.card
    return {
        "title": words.title or f"{config.model.network} model",
        "purpose": words.purpose,
        "licence": words.licence,
        "data": {
            "description": words.data,
            "sources": list(words.sources),
            "images": facts["images"],
            "megapixels": facts["megapixels"],
            "fingerprint": facts["fingerprint"],
        },
        "training": {
            "finished": is_finished,
            "steps": progress["step"],
            "crops": progress["step"] * config.training.batch,
            "hours": round(progress["seconds"] / 3600, 3),
            "started_from": progress["init"],
            "hours_before": round(progress["hours_before"], 3),
            **({"teachers": progress["teachers"]} if progress["teachers"] else {}),
            "skipped_steps": progress["skipped"],
            "device": facts["device"],
            "processor": _processor(),
            "precision": facts["precision"],
            "seed": config.training.seed,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        },
        "network": {"weights": facts["weights"]},
        "scores": dict(scores),
        "limits": words.limits,
        "versions": versions(),
    }


def hours_of(card: Mapping[str, Any]) -> float:
    """Returns the hours of training that a card tells of, whoever has written it."""
    training = card.get("training")
    if not isinstance(training, Mapping):
        return 0.0
    told = (training.get(name, 0.0) for name in ("hours", "hours_before"))
    return float(sum(hours for hours in told if is_finite(hours)))


def versions() -> dict[str, str]:
    """Returns the versions of what the numbers depend on."""
    found = {"python": platform.python_version(), "vaenhance": __version__}
    for name in ("tensorflow", "keras", "numpy", "pillow"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    name = names[0] if names else platform.machine()
    return f"{name}, {os.cpu_count()} logical cores"
