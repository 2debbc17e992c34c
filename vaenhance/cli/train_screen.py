"""What a training run shows on standard error: a bar, and a line where something is.

An ``Observer`` (``workflows.progress``); it never decides anything.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from vaenhance.cli import console
from vaenhance.config import Config


class Screen:
    """Shows a training run: one bar, and a line where something happens."""

    def __init__(self, settings: Config):
        plan = settings.training
        self._total = plan.minutes or plan.steps
        self._unit = "min" if plan.minutes else "steps"
        self._bar: console.Progress | None = None
        self._shown = 0.0
        self._images = 0
        self._began = 0.0
        self._is_chief = True

    def __enter__(self) -> Self:
        """Shows nothing yet."""
        return self

    def __exit__(self, *error: Any) -> None:
        """Takes the bar off."""
        if self._bar is not None:
            self._bar.__exit__(*error)

    def started(self, facts: Mapping[str, Any]) -> None:
        """Says on what the run computes and where it begins."""
        console.message(
            f"device: {facts['device']}, {facts['precision']}; "
            f"{facts['weights'] / 1e6:.2f} million weights"
        )
        if facts["step"]:
            console.message(f"going on from step {facts['step']}")
        self._is_chief = facts["is_chief"]
        self._shown = min(facts["done"], 1.0) * self._total
        self._bar = console.Progress(
            self._total,
            unit=self._unit,
            decimals=1 if self._unit == "min" else 0,
            initial=self._shown,
        )

    def stepped(self, record: Mapping[str, Any]) -> None:
        """Moves the bar."""
        if self._bar is None:
            return
        if not self._images:  # the first step is mostly TensorFlow's preparations
            self._began = time.monotonic()
            self._bar.start()
        rate = self._images / max(time.monotonic() - self._began, 1e-3)
        self._images += record["images"]
        kl = sum(record["kl"]) / record["dimensions"]
        self._bar.note(
            f"step {record['step']}, loss {record['loss']:.3f}, "
            f"PSNR {record['psnr']:.2f} dB, KL {kl:.3f}/dim, {rate:.0f} images/s"
        )
        now = min(record["done"], 1.0) * self._total
        self._bar.advance(now - self._shown)
        self._shown = now

    def saved(self, record: Mapping[str, Any]) -> None:
        """Says that a checkpoint is safe."""
        console.detail(f"saved at step {record['step']}{_score(record)}")

    def stopping(self) -> None:
        """Says what a signal has set going."""
        console.message("stopping: saving first")

    def warned(self, line: str) -> None:
        """Passes a warning on."""
        console.message(f"warning: {line}")

    def finished(self, model: Path, card: Mapping[str, Any]) -> None:
        """Says what there is now."""
        steps = card["training"]["steps"]
        if self._is_chief:
            score = _score(card["scores"])
            console.message(f"{model} is ready: {steps} steps{score}")
        else:
            console.message(f"done: {steps} steps; the first worker has the model")


def _score(scores: Mapping[str, Any]) -> str:
    value = scores.get("validation_psnr")
    return "" if value is None else f", validation PSNR {value:.2f} dB"
