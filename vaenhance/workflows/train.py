"""The story of ``vaenhance train``: build or resume, step, save.

Imports TensorFlow; what can be checked without it is in ``prepare``. Prints
nothing: an ``Observer`` is told what happens.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vaenhance import checkpoint, runtime
from vaenhance.checkpoint_files import reason_of
from vaenhance.config import to_toml
from vaenhance.data.pipeline import Batch, Pipeline
from vaenhance.errors import ConfigError, PhotoError, VaenhanceError
from vaenhance.model.build import left_out, read_weights
from vaenhance.model.revival import BATCHES, REVIVED_UNTIL
from vaenhance.model.trainer import Trainer
from vaenhance.workflows.card import hours_of, make_card
from vaenhance.workflows.class_looks import ClassLooks
from vaenhance.workflows.journal import Journal
from vaenhance.workflows.prepare import Prepared
from vaenhance.workflows.progress import Observer, Progress
from vaenhance.workflows.signals import SIGNALS, Signals, Terminated
from vaenhance.workflows.teachers import check_same_teachers, described
from vaenhance.workflows.validation import Validation


def train(
    prepared: Prepared,
    observer: Observer,
    *,
    device: str = "auto",
    init: Path | None = None,
    teachers: Sequence[Path] = (),
) -> dict[str, Any]:
    """Trains a model, or goes on where its last checkpoint was.

    Args:
        prepared: images, settings and model folder.
        observer: is told of progress.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        init: model folder whose weights are the start of a new run.
        teachers: model folders that teach in place of those weights.

    Returns:
        The model card.

    Raises:
        ConfigError: the batch cannot be shared out to the devices.
        DeviceError: the device is not there.
        ModelError: ``init`` or the saved state is damaged, or the folder is in use.
        Terminated: after saving, because of Ctrl-C or another signal.
        VaenhanceError: the folder cannot be written into.
    """
    plan = prepared.config.training
    sitting = runtime.start_training(device, plan.precision)
    if plan.batch % sitting.replicas:
        raise ConfigError(
            f"training.batch must be a multiple of the {sitting.replicas} devices "
            f"that share it, received {plan.batch}"
        )
    if plan.deterministic:
        runtime.make_deterministic()
    with contextlib.ExitStack() as stack:
        if sitting.is_chief:
            stack.enter_context(checkpoint.locked(prepared.folder))
        run = _Run(prepared, sitting, observer, teachers)
        try:
            run.restore_or_start(init)
        except OSError as error:
            raise VaenhanceError(
                f"cannot write in {prepared.folder}: {reason_of(error)}"
            ) from error
        return run.go()


class _Run:
    """One sitting of a training run."""

    def __init__(
        self,
        prepared: Prepared,
        sitting: runtime.Runtime,
        observer: Observer,
        teachers: Sequence[Path],
    ):
        self.folder, self.config = prepared.folder, prepared.config
        self.trainer = Trainer(self.config, sitting, teachers)
        self.observer = observer
        self.is_chief = sitting.is_chief
        self.pipeline = Pipeline(
            prepared.training,
            self.config,
            observer.warned,
            part=(sitting.worker, sitting.workers),
        )
        self.validation = Validation(prepared.held_out, self.config, observer.warned)
        self.class_looks = ClassLooks(prepared)
        self.journal = Journal(self.folder)
        self.progress = Progress(teachers=described(teachers))
        self.facts: dict[str, Any] = {
            "device": sitting.device,
            "precision": sitting.precision,
            "images": len(prepared.training),
            "megapixels": round(prepared.training.megapixels, 1),
            "fingerprint": prepared.fingerprint,
            "weights": self.trainer.network.count_params(),
            "is_chief": sitting.is_chief,
        }
        self._clock = 0.0
        self._saved_step = -1

    def restore_or_start(self, init: Path | None) -> None:
        """Takes the last checkpoint, the weights of ``init``, or random weights."""
        if self.is_chief:
            if not self._restore() and init is not None:
                self._initialise(init)
            # From here on the folder is this run's, even if nothing else gets
            # written.
            checkpoint.save_config(self.folder, self.config)
            checkpoint.remove_leftovers(self.folder)
            self.journal.begin(self.progress.step)
        # The other workers need not see the folder.
        self.trainer.follow_the_chief()
        done = self.progress
        said, _ = self.trainer.workers.agree(
            [done.step, done.seconds, done.skipped, float(bool(done.init))], []
        )
        done.step, done.seconds, done.skipped = int(said[0]), said[1], int(said[2])
        self._is_random = not said[3]

    def _restore(self) -> bool:
        check_same_teachers(self.folder, self.progress)
        shapes = {
            group: {name: value.shape for name, value in part.items()}
            for group, part in self.trainer.state().items()
        }
        saved = checkpoint.load_state(self.folder, shapes)
        if saved is None:
            return False
        groups, progress = saved
        self.trainer.set_state({g: dict(part) for g, part in groups.items()})
        if progress.pop("fingerprint", None) != self.facts["fingerprint"]:
            self.observer.warned("the images are not those the run began with")
        self.progress = Progress(**progress)
        self._saved_step = self.progress.step
        return True

    def _initialise(self, init: Path) -> None:
        weights = read_weights(init)
        missing = self.trainer.initialise_from(weights)
        if self.config.training.only_prior:
            missing = [name for name in missing if not name.startswith("fitted")]
        self.trainer.fit_new_heads(self.pipeline.batch)
        self.progress.init = init.resolve().name
        self.progress.hours_before = hours_of(checkpoint.load_card(init))
        unused = left_out(self.trainer.network, weights)
        faults = (missing, "do not fit and start afresh"), (unused, "are left out")
        for found, why in faults:
            if found:
                self.observer.warned(f"{len(found)} weights of {init.name} {why}")

    def go(self) -> dict[str, Any]:
        """Steps until the end of the run; saves on the way and when interrupted."""
        done = {"step": self.progress.step, "done": self.done()}
        self.observer.started({**self.facts, **done})
        try:
            with Signals() as signals:
                wishes = self._loop(signals)
                if any(wishes):
                    self.observer.stopping()
                card = self._save_at_the_end()
                # No worker leaves while another is at work: the one that is left
                # alone would be aborted by TensorFlow, in the middle of saving.
                self.trainer.workers.agree([], [False])
        finally:
            self.pipeline.close()
        if any(wishes) and self.done() < 1.0:
            raise Terminated(SIGNALS[wishes.index(True)])
        return card

    def _loop(self, signals: Signals) -> list[bool]:
        """Steps until the end or a signal; returns which signals there were."""
        last_save = self._clock = time.monotonic()
        batches = self.pipeline.batches(self.progress.step)
        while True:
            # All workers go by the clock of one, and stop at the same step.
            said, wishes = self.trainer.workers.agree(
                [self.progress.seconds], signals.wishes()
            )
            self.progress.seconds = said[0]
            if self.done() >= 1.0 or any(wishes):
                return wishes
            if self._is_save_due(last_save):
                self._save_on_the_way()
                last_save = time.monotonic()
            self._step(next(batches))

    def _save_on_the_way(self) -> None:
        try:
            self.save()
        except (OSError, PhotoError) as error:
            self.observer.warned(
                f"cannot save at step {self.progress.step} ({reason_of(error)}); the "
                "checkpoint before is kept, and the run goes on"
            )

    def _save_at_the_end(self) -> dict[str, Any]:
        try:
            return self.save()
        except (OSError, PhotoError) as error:
            raise VaenhanceError(
                f"cannot save in {self.folder}: {reason_of(error)}. Make room and run "
                "the same command again: it goes on from the last checkpoint"
            ) from error

    def done(self) -> float:
        """Returns the part of the run that is behind us, 0..1."""
        plan = self.config.training
        if plan.minutes:
            return self.progress.seconds / (60.0 * plan.minutes)
        return self.progress.step / plan.steps

    def _is_save_due(self, last_save: float) -> bool:
        plan = self.config.training
        step = self.progress.step
        if step == self._saved_step:
            return False
        if plan.checkpoint_steps and step and step % plan.checkpoint_steps == 0:
            return True
        return time.monotonic() - last_save >= 60.0 * plan.checkpoint_minutes

    def _revive(self) -> None:
        """Lets what never says anything start anew, where that is due."""
        every, step = self.config.training.revive, self.progress.step
        is_random = self._is_random and not step  # such weights fire
        if not every or step % every or is_random or self.done() > REVIVED_UNTIL:
            return
        seen = [self.pipeline.batch(step + i) for i in range(BATCHES)]
        said = self.trainer.revive(seen, step)
        self.trainer.follow_the_chief()
        if self.is_chief:
            self.journal.write("revival", step, self.progress.seconds, said)

    def _step(self, batch: Batch) -> None:
        self._revive()
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
            "images": self.config.training.batch,
            "dimensions": int(np.prod(batch.x.shape[1:])),
            **values,
        }
        if self.is_chief:
            self._log(record)
        self.observer.stepped(record)

    def _log(self, record: dict[str, Any]) -> None:
        try:
            self.journal.step(record, self.progress.skipped)
        except OSError as error:  # a full disk is no reason to stop
            self.observer.warned(f"the log lacks a line ({reason_of(error)})")

    def save(self) -> dict[str, Any]:
        """Writes state, model, validation sheet and curves; returns the card."""
        progress = dataclasses.asdict(self.progress)
        if not self.is_chief:
            return make_card(self.config, self.facts, progress, {}, self.done() >= 1.0)
        state = self.trainer.state()
        checkpoint.save_state(
            self.folder, state, {**progress, "fingerprint": self.facts["fingerprint"]}
        )
        scores = self.validation.run(self.trainer.restore, self.folder / "sheet.png")
        is_finished = self.done() >= 1.0
        card = make_card(self.config, self.facts, progress, scores, is_finished)
        checkpoint.save_model(self.folder, self.config, state["averaged"], card)
        self.class_looks.save(self.folder, self.trainer.averaged)
        checkpoint.write_text(self.folder / "config.toml", to_toml(self.config))
        step, seconds = self.progress.step, self.progress.seconds
        self.journal.write("validation", step, seconds, scores)
        self.journal.draw_curves()
        self.observer.saved({"step": step, **scores})
        self._clock, self._saved_step = time.monotonic(), step
        return card
