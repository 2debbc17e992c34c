"""A training run's log: JSON lines in the model folder, and its curves."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vaenhance import checkpoint, photo, report

NAME = "log.jsonl"
EVERY = 20  # steps a line
_MEANS = ("loss", "log_likelihood", "psnr", "gradient_norm")
_ADVERSARIAL = ("discriminator_loss", "adversarial_weight")  # once it is at work


class Journal:
    """Collects steps and writes one line of means every ``EVERY`` of them.

    Args:
        folder: of the model.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._path = folder / NAME
        self._window: list[Mapping[str, Any]] = []

    def begin(self, step: int) -> None:
        """Drops the lines of steps that a killed sitting took after its checkpoint."""
        kept = [record for record in self.records() if record["step"] <= step]
        text = "".join(json.dumps(record) + "\n" for record in kept)
        checkpoint.write_text(self._path, text)  # a kill must not cost the log

    def step(self, record: Mapping[str, Any], skipped: int) -> None:
        """Takes note of one step.

        Args:
            record: step, seconds, loss, log_likelihood, psnr, gradient_norm, kl,
                rate, skipped; with an adversary at work its loss and weight.
            skipped: steps of the whole run that were left out.

        Raises:
            OSError: the line is due and cannot be written.
        """
        if not record["skipped"]:  # its numbers are none, and none is not JSON
            self._window.append(record)
        if record["step"] % EVERY or not self._window:
            return
        window, self._window = self._window, []
        names = [*_MEANS, *(k for k in _ADVERSARIAL if k in window[0])]
        means = {k: float(np.mean([r[k] for r in window])) for k in names}
        kl = np.mean([r["kl"] for r in window], axis=0).tolist()
        rest = {"kl": kl, "rate": record["rate"], "skipped": skipped}
        self.write("train", record["step"], record["seconds"], {**means, **rest})

    def write(
        self, kind: str, step: int, seconds: float, values: Mapping[str, Any]
    ) -> None:
        """Appends a line.

        Raises:
            OSError: it cannot be written; nothing is.
        """
        line = {"type": kind, "step": step, "seconds": round(seconds, 2), **values}
        data = json.dumps(line).encode() + b"\n"
        with self._path.open("ab", buffering=0) as log:
            end = log.seek(0, os.SEEK_END)
            try:
                if log.write(data) < len(data):  # the disk is full now
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                log.truncate(end)  # half a line would spoil the next one
                raise

    def records(self) -> list[dict[str, Any]]:
        """Returns all lines; one that a kill has cut short is passed over."""
        if not self._path.exists():
            return []
        found = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def draw_curves(self) -> None:
        """Draws loss, PSNR and KL over the steps into ``curves.png``."""
        records = [r for r in self.records() if r["type"] == "train"]
        if len(records) < 2:
            return
        series = {
            "loss: -ELBO per dimension": [(r["step"], r["loss"]) for r in records],
            "PSNR of the decoded image, dB": [(r["step"], r["psnr"]) for r in records],
            "KL, nats per image": [(r["step"], sum(r["kl"])) for r in records],
        }
        picture = report.curves(series, title="training", x_label="step")
        photo.save_png(picture, self._folder / "curves.png")
