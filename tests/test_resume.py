"""Killed anywhere, told to stop anyhow: the folder always goes on to the same end.

The network is a stand-in of a few numbers here, so that every single write can be
the last one of a process; test_train does the same with the real one and kill -9.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.tiny import SHALLOW, tiny_config
from vaenhance import checkpoint, checkpoint_files
from vaenhance.config import to_toml
from vaenhance.errors import ModelError, UsageProblem, VaenhanceError
from vaenhance.photo import save_png
from vaenhance.runtime import Runtime, import_tensorflow
from vaenhance.workflows.prepare import prepare
from vaenhance.workflows.signals import PATIENCE, Signals, Terminated

import_tensorflow()
from vaenhance.workflows import train as workflow  # noqa: E402


class Killed(BaseException):
    """The process is gone: nobody may catch this."""


class StandIn:
    """A trainer of seven numbers, which depend on every batch and step before."""

    def __init__(self, config: Any, runtime: Any, teachers: Any):
        self.values = np.arange(7, dtype=np.float64)
        self.network = SimpleNamespace(count_params=lambda: len(self.values))
        self.averaged = self.network
        self.workers = SimpleNamespace(agree=lambda chief, votes: (chief, votes))

    def state(self) -> dict[str, dict[str, np.ndarray]]:
        groups = ("network", "averaged", "optimizer")
        return {group: {"w": self.values.copy()} for group in groups}

    def set_state(self, state: Any) -> None:
        self.values = np.array(state["network"]["w"])

    def follow_the_chief(self) -> None:
        pass

    def step(self, batch: Any, number: int, progress: float) -> dict[str, Any]:
        drawn = np.random.default_rng([number, 5]).random(7)
        self.values = np.sin(3 * self.values + drawn + float(batch.y.sum()))
        rest = {"log_likelihood": 1.0, "psnr": 20.0, "gradient_norm": 1.0}
        loss = float(self.values.sum())
        return {"loss": loss, "skipped": 0.0, "kl": [1.0], "rate": 0.1, **rest}

    def restore(self, y: Any, noise_sigma: Any, scale: int) -> Any:
        return y


class Watcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.warnings: list[str] = []

    def started(self, facts: Any) -> None:
        self.facts = facts

    def stepped(self, record: Any) -> None:
        self.steps.append(record["step"])

    def saved(self, record: Any) -> None:
        pass

    def stopping(self) -> None:
        pass

    def warned(self, line: str) -> None:
        self.warnings.append(line)


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(10):
        save_png(rng.integers(0, 256, (40, 40, 3), np.uint8), root / f"{index}.png")
    return root


@pytest.fixture
def train(photos, monkeypatch):
    monkeypatch.setattr(workflow, "Trainer", StandIn)
    alone = Runtime("CPU", "/CPU:0", "float32")
    monkeypatch.setattr(workflow.runtime, "start_training", lambda *_: alone)

    def run(target: Path, watcher: Watcher | None = None, **training: Any) -> Watcher:
        plan = {"steps": 9, "checkpoint_steps": 3, "batch": 2, **training}
        watcher = watcher or Watcher()
        workflow.train(prepare(photos, target, tiny_config(training=plan)), watcher)
        return watcher

    return run


def weights(target: Path) -> np.ndarray:
    shapes = {group: {"w": (7,)} for group in ("network", "averaged", "optimizer")}
    saved = checkpoint.load_state(target, shapes)
    assert saved is not None
    return saved[0]["network"]["w"]


class Killer:
    """Ends the process at the n-th time a file takes the place of another."""

    def __init__(self, monkeypatch: Any, at: int, is_after: bool):
        self.count = 0
        replace, unlink = Path.replace, Path.unlink

        def dying(path: Path, target: Any) -> Any:
            self.count += 1
            if self.count == at and not is_after:
                raise Killed
            result = replace(path, target)
            if self.count == at:
                raise Killed
            return result

        def late(path: Path, **options: Any) -> None:
            if self.count < at:  # the dead do not clean up
                unlink(path, **options)

        monkeypatch.setattr(Path, "replace", dying)
        monkeypatch.setattr(Path, "unlink", late)


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_killed_at_any_file_the_run_ends_the_same(
    train, tmp_path, monkeypatch, is_after
):
    train(tmp_path / "straight")
    wanted = weights(tmp_path / "straight")
    model = (tmp_path / "straight" / checkpoint.WEIGHTS).read_bytes()
    for at in itertools.count(1):
        target = tmp_path / f"killed{at}"
        with monkeypatch.context() as patch:
            killer = Killer(patch, at, is_after)
            try:
                train(target)
            except Killed:
                pass
            else:
                break
        assert killer.count == at
        train(target)
        assert np.array_equal(weights(target), wanted), at
        assert (target / checkpoint.WEIGHTS).read_bytes() == model
        names = [p.name for p in target.rglob("*")]
        assert not [n for n in names if n.endswith(checkpoint_files.TEMPORARY)]
    # config, log; four saves of state, sheet, config, weights, card, TOML, and the
    # state before moved aside.
    assert at > 20


def test_killed_while_the_log_is_mended_it_is_not_lost(train, tmp_path, monkeypatch):
    train(tmp_path / "m", steps=40, checkpoint_steps=20)
    before = (tmp_path / "m/log.jsonl").read_text()
    with monkeypatch.context() as patch:
        Killer(patch, 2, False)
        with pytest.raises(Killed):
            train(tmp_path / "m", steps=60)
    assert (tmp_path / "m/log.jsonl").read_text() == before


def test_a_longer_run_goes_on_where_the_shorter_one_ended(train, tmp_path):
    train(tmp_path / "m")
    watcher = train(tmp_path / "m", steps=12)
    assert watcher.steps == [10, 11, 12]
    train(tmp_path / "straight", steps=12)
    assert np.array_equal(weights(tmp_path / "m"), weights(tmp_path / "straight"))


def test_a_disk_that_is_full_for_a_while_costs_no_steps(train, tmp_path, monkeypatch):
    save_state, calls = checkpoint.save_state, []

    def sometimes(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        save_state(*arguments)

    monkeypatch.setattr(checkpoint, "save_state", sometimes)
    watcher = train(tmp_path / "m")
    assert watcher.steps == list(range(1, 10))
    assert ["No space left" in line for line in watcher.warnings] == [True]


def test_a_disk_that_is_full_at_the_end_is_said_and_the_run_goes_on_later(
    train, tmp_path, monkeypatch
):
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_state", full)
        with pytest.raises(VaenhanceError, match=r"No space left.*same command again"):
            train(tmp_path / "m", steps=2)
    assert train(tmp_path / "m", steps=2).steps == [1, 2]


def test_two_processes_cannot_train_one_folder(train, tmp_path):
    class Rival(Watcher):
        def stepped(self, record: Any) -> None:
            with pytest.raises(ModelError, match="another process is training"):
                train(tmp_path / "m")
            super().stepped(record)

    assert train(tmp_path / "m", Rival(), steps=2).steps == [1, 2]
    train(tmp_path / "m", steps=3)  # the lock is gone with its holder


def test_the_settings_are_still_checked_first(train, tmp_path):
    train(tmp_path / "m")
    kept = tmp_path / "m" / "config.toml"
    words = f"training.seed .*--config {kept}. to go on"
    with pytest.raises(UsageProblem, match=words):
        train(tmp_path / "m", seed=1)


@pytest.mark.parametrize(
    ("section", "key", "value", "is_used"),
    [
        ("look", "style", 0.125, False),
        ("look", "exposure", [-3.0, 1.0], False),
        ("adversarial", "width", 48, False),
        ("adversarial", "weight", 0.5, True),
        ("objective", "beta", 0.5, True),
        ("model", "network", "look", True),
    ],
)
def test_a_run_of_a_version_with_other_defaults_goes_on(
    train, tmp_path, section, key, value, is_used
):
    """Unless the run looks at them."""
    train(tmp_path / "m", steps=2)
    path = tmp_path / "m" / checkpoint.CONFIG
    data = json.loads(path.read_text())
    data[section][key] = value
    if value == "look":
        look = {"image_size": 64, "widths": [8], "encoder_blocks": [1]}
        data["model"] |= look | {"latent_channels": [4]}
        data["data"]["crop"] = 64
    path.write_text(json.dumps(data))
    if is_used:
        with pytest.raises(UsageProblem, match=f"other settings: .*{section}.{key}"):
            train(tmp_path / "m", steps=3)
    else:
        assert train(tmp_path / "m", steps=3).steps == [3]


# === Signals ===


class Impatient(Watcher):
    """Sends signals at a step, and again while the run is being saved."""

    def __init__(self, first: int, then: list[int]):
        super().__init__()
        self.first, self.then = first, then

    def stepped(self, record: Any) -> None:
        super().stepped(record)
        if record["step"] == 5:
            os.kill(os.getpid(), self.first)

    def stopping(self) -> None:
        for number in self.then:
            os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (signal.SIGINT, []),
        (signal.SIGINT, [signal.SIGINT]),
        (signal.SIGTERM, []),
        (signal.SIGTERM, [signal.SIGINT]),
        (signal.SIGHUP, []),
    ],
)
def test_a_signal_saves_first_and_a_second_one_does_no_harm(
    train, tmp_path, first, then
):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Terminated) as caught:
        train(tmp_path / "m", Impatient(first, then))
    assert caught.value.number == first
    assert signal.getsignal(signal.SIGINT) is before
    assert train(tmp_path / "m").steps == [6, 7, 8, 9]
    train(tmp_path / "straight")
    assert np.array_equal(weights(tmp_path / "m"), weights(tmp_path / "straight"))


def test_whoever_insists_ends_the_process_at_once(tmp_path):
    code = (
        "import os, signal\n"
        "from vaenhance.workflows.signals import Signals\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with Signals() as signals:\n"
        f"    for _ in range({PATIENCE - 1}): os.kill(os.getpid(), signal.SIGINT)\n"
        "    assert signals.wishes() == [True, False, False]\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    print('still here')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGINT, ""), done.stderr


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Signals() as signals:
            os.kill(os.getpid(), signal.SIGINT)
        assert not any(signals.wishes())
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)],
)
def test_the_exit_code_tells_which_signal_it_was(
    train, photos, tmp_path, invoke, monkeypatch, number, code
):
    class Disturbed(StandIn):
        def step(self, batch: Any, at: int, progress: float) -> dict[str, Any]:
            os.kill(os.getpid(), number)
            return super().step(batch, at, progress)

    monkeypatch.setattr(workflow, "Trainer", Disturbed)
    (tmp_path / "c.toml").write_text(to_toml(tiny_config()))
    command = ["train", photos, tmp_path / "m", "--config", tmp_path / "c.toml"]
    assert invoke(*command, exit_code=code).stdout == ""
    assert (tmp_path / "m" / checkpoint.STATE).exists()


@pytest.mark.slow
def test_the_command_saves_and_tells_the_shell(photos, tmp_path):
    config = tiny_config(model=SHALLOW, training={"steps": 1_000_000})
    (tmp_path / "c.toml").write_text(to_toml(config))
    command = [
        sys.executable, "-m", "vaenhance", "train", str(photos), str(tmp_path / "m"),
        "--config", str(tmp_path / "c.toml"), "--device", "cpu",
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A script in the background runs its commands with Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    log = tmp_path / "m/log.jsonl"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (log.exists() and log.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=300)
    assert process.returncode == 130, error
    assert out == ""
    assert error.strip().endswith("stopping: saving first")
    assert (tmp_path / "m" / checkpoint.STATE).exists()
    assert (tmp_path / "m" / checkpoint.CARD).exists()
