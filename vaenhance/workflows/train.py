"""The story of ``vaenhance train``: build or resume, step, save.

Imports TensorFlow; what can be checked without it is in ``prepare``. Prints
nothing: an ``Observer`` is told what happens.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vaenhance import checkpoint, runtime
from vaenhance.config import to_toml
from vaenhance.data.pipeline import Batch, Pipeline
from vaenhance.model.inference import read_weights
from vaenhance.model.trainer import Trainer
from vaenhance.workflows.card import make_card
from vaenhance.workflows.journal import Journal
from vaenhance.workflows.prepare import Prepared
from vaenhance.workflows.validation import Validation


class Observer(Protocol):
    """Who is told what happens."""

    def started(self, facts: Mapping[str, Any]) -> None:
        """Device, precision, weights, first step."""

    def stepped(self, record: Mapping[str, Any]) -> None:
        """A step is done; ``done`` is the part of the run behind us."""

    def saved(self, record: Mapping[str, Any]) -> None:
        """A checkpoint is on disk; validation PSNR where there is one."""

    def warned(self, line: str) -> None:
        """Something is wrong, but the run goes on."""


@dataclass
class Progress:
    """Where a run is; saved with every checkpoint."""

    step: int = 0  # steps done
    seconds: float = 0.0  # of training, over all sittings
    skipped: int = 0  # steps whose gradient was not finite
    init: str = ""  # name of the model whose weights were the start
    hours_before: float = 0.0  # of training that went into those weights


def train(
    prepared: Prepared,
    observer: Observer,
    *,
    device: str = "auto",
    init: Path | None = None,
) -> dict[str, Any]:
    """Trains a model, or goes on where its last checkpoint was.

    Args:
        prepared: images, settings and model folder.
        observer: is told of progress.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        init: model folder whose weights are the start of a new run.

    Returns:
        The model card.

    Raises:
        DeviceError: the device is not there.
        ModelError: ``init`` or the saved state is damaged.
        KeyboardInterrupt: after saving.
    """
    plan = prepared.config.training
    sitting = runtime.start_training(device, plan.precision)
    if plan.deterministic:
        runtime.make_deterministic()
    run = _Run(prepared, Trainer(prepared.config, sitting), sitting, observer)
    run.restore_or_start(init)
    return run.go()


class _Run:
    """One sitting of a training run."""

    def __init__(
        self,
        prepared: Prepared,
        trainer: Trainer,
        sitting: runtime.Runtime,
        observer: Observer,
    ):
        self.folder, self.config = prepared.folder, prepared.config
        self.trainer, self.observer = trainer, observer
        self.pipeline = Pipeline(prepared.training, self.config, observer.warned)
        self.validation = Validation(prepared.held_out, self.config)
        self.journal = Journal(self.folder)
        self.progress = Progress()
        self.facts: dict[str, Any] = {
            "device": sitting.device,
            "precision": sitting.precision,
            "images": len(prepared.training),
            "megapixels": round(prepared.training.megapixels, 1),
            "fingerprint": prepared.fingerprint,
            "weights": int(sum(np.prod(v.shape) for v in trainer.network.variables)),
        }
        self._clock = 0.0

    def restore_or_start(self, init: Path | None) -> None:
        """Takes the last checkpoint, the weights of ``init``, or random weights."""
        shapes = {
            group: {name: value.shape for name, value in part.items()}
            for group, part in self.trainer.state().items()
        }
        saved = checkpoint.load_state(self.folder, shapes)
        if saved is not None:
            groups, progress = saved
            self.trainer.set_state({g: dict(part) for g, part in groups.items()})
            if progress.pop("fingerprint", None) != self.facts["fingerprint"]:
                self.observer.warned("the images are not those the run began with")
            self.progress = Progress(**progress)
        elif init is not None:
            missing = self.trainer.initialise_from(read_weights(init))
            before = checkpoint.load_card(init).get("training", {})
            hours = before.get("hours", 0.0) + before.get("hours_before", 0.0)
            self.progress = Progress(init=init.resolve().name, hours_before=hours)
            if missing:
                self.observer.warned(
                    f"{len(missing)} weights do not fit {init.name} and start afresh"
                )
        # From here on the folder is this run's, even if nothing else gets written.
        checkpoint.save_config(self.folder, self.config)
        checkpoint.remove_leftovers(self.folder)
        self.journal.begin(self.progress.step)

    def go(self) -> dict[str, Any]:
        """Steps until the end of the run; saves on the way and when interrupted."""
        self.observer.started({**self.facts, "step": self.progress.step})
        last_save = self._clock = time.monotonic()
        try:
            batches = self.pipeline.batches(self.progress.step)
            while self.done() < 1.0:
                self._step(next(batches))
                if self._is_save_due(last_save) and self.done() < 1.0:
                    self.save()
                    last_save = time.monotonic()
        except KeyboardInterrupt:
            self.save()
            raise
        finally:
            self.pipeline.close()
        return self.save()

    def done(self) -> float:
        """Returns the part of the run that is behind us, 0..1."""
        plan = self.config.training
        if plan.minutes:
            return self.progress.seconds / (60.0 * plan.minutes)
        return self.progress.step / plan.steps

    def _is_save_due(self, last_save: float) -> bool:
        plan = self.config.training
        if plan.checkpoint_steps and self.progress.step % plan.checkpoint_steps == 0:
            return True
        return time.monotonic() - last_save >= 60.0 * plan.checkpoint_minutes

    def _step(self, batch: Batch) -> None:
        values = self.trainer.step(batch, self.progress.step, self.done())
        now = time.monotonic()
        # From step to step: waiting for data is training time too, saving is not.
        self.progress.seconds += now - self._clock
        self._clock = now
        self.progress.step += 1
        self.progress.skipped += int(values["skipped"])
        record = {
            "step": self.progress.step,
            "done": self.done(),
            "seconds": self.progress.seconds,
            "images": len(batch.x),
            "dimensions": int(np.prod(batch.x.shape[1:])),
            **values,
        }
        self.journal.step(record, self.progress.skipped)
        self.observer.stepped(record)

    def save(self) -> dict[str, Any]:
        """Writes state, model, validation sheet and curves; returns the card."""
        progress = dataclasses.asdict(self.progress)
        state = self.trainer.state()
        checkpoint.save_state(
            self.folder, state, {**progress, "fingerprint": self.facts["fingerprint"]}
        )
        scores = self.validation.run(self.trainer.restore, self.folder / "sheet.png")
        is_finished = self.done() >= 1.0
        card = make_card(self.config, self.facts, progress, scores, is_finished)
        checkpoint.save_model(self.folder, self.config, state["averaged"], card)
        checkpoint.write_text(self.folder / "config.toml", to_toml(self.config))
        step, seconds = self.progress.step, self.progress.seconds
        self.journal.write("validation", step, seconds, scores)
        self.journal.draw_curves()
        self.observer.saved({"step": step, **scores})
        self._clock = time.monotonic()
        return card
