"""Training: it learns, it resumes to the bit, it survives kills and bad steps."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny import tiny_config
from vaenhance import checkpoint
from vaenhance.config import to_toml
from vaenhance.errors import UsageProblem
from vaenhance.photo import save_png
from vaenhance.runtime import import_tensorflow
from vaenhance.workflows.prepare import prepare

import_tensorflow()
from vaenhance.data.pipeline import Batch  # noqa: E402
from vaenhance.model.schedules import kl_weight, learning_rate  # noqa: E402
from vaenhance.model.trainer import Trainer  # noqa: E402
from vaenhance.runtime import start_training  # noqa: E402
from vaenhance.workflows.train import train  # noqa: E402

STATE_FILES = (checkpoint.WEIGHTS, checkpoint.CONFIG)


class Watcher:
    """Keeps what it is told; may send itself a signal at a step."""

    def __init__(self, interrupt_at: int = -1, number: int = signal.SIGINT):
        self.records: list[Any] = []
        self.warnings: list[str] = []
        self.interrupt_at = interrupt_at
        self.number = number

    def started(self, facts):
        self.facts = facts

    def stepped(self, record):
        self.records.append(record)
        if record["step"] == self.interrupt_at:
            os.kill(os.getpid(), self.number)

    def stopping(self):
        self.has_stopped = True

    def saved(self, record):
        pass

    def warned(self, line):
        self.warnings.append(line)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(12):
        coarse = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
        save_png(np.kron(coarse, np.ones((8, 8, 1), np.uint8)), root / f"{index}.png")
    return root


def run(source, target, config, watcher=None, **options):
    watcher = watcher or Watcher()
    card = train(prepare(source, target, config), watcher, **options)
    return card, watcher


def log_of(target: Path) -> list[dict[str, Any]]:
    text = (target / "log.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def numbers(target: Path) -> dict[str, np.ndarray]:
    import h5py

    with h5py.File(target / checkpoint.STATE) as file:
        found: dict[str, np.ndarray] = {}
        file.visititems(
            lambda name, node: (
                found.__setitem__(name, node[()])
                if isinstance(node, h5py.Dataset)
                else None
            )
        )
    return found


def test_it_learns_and_leaves_a_whole_model(folder, tmp_path):
    config = tiny_config(training={"steps": 60, "learning_rate": 6e-3})
    card, watcher = run(folder, tmp_path / "m", config)
    losses = [record["loss"] for record in watcher.records]
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.2
    assert {p.name for p in (tmp_path / "m").iterdir()} == {
        "config.json", "config.toml", "card.json", "model.weights.h5",
        "log.jsonl", "sheet.png", "curves.png", "resume",
    }  # fmt: skip
    assert card["training"]["steps"] == 60
    assert card["training"]["finished"]
    assert card["data"]["images"] == 11
    assert np.isfinite(card["scores"]["validation_psnr"])
    text = (tmp_path / "m" / "card.json").read_text()
    assert str(folder) not in text
    log = log_of(tmp_path / "m")
    assert [r["step"] for r in log if r["type"] == "train"] == [20, 40, 60]


def test_a_finished_run_is_done_at_once(folder, tmp_path):
    config = tiny_config()
    run(folder, tmp_path / "m", config)
    _, watcher = run(folder, tmp_path / "m", config)
    assert watcher.records == []


def test_resuming_is_the_same_to_the_bit(folder, tmp_path):
    config = tiny_config(training={"steps": 30})
    run(folder, tmp_path / "straight", config)
    with pytest.raises(KeyboardInterrupt):
        run(folder, tmp_path / "stopped", config, Watcher(interrupt_at=13))
    _, watcher = run(folder, tmp_path / "stopped", config)
    assert watcher.records[0]["step"] == 14
    straight, stopped = numbers(tmp_path / "straight"), numbers(tmp_path / "stopped")
    assert straight.keys() == stopped.keys()
    assert all(np.array_equal(straight[n], stopped[n]) for n in straight)
    weights = [(tmp_path / n / checkpoint.WEIGHTS).read_bytes() for n in
               ("straight", "stopped")]  # fmt: skip
    assert weights[0] == weights[1]


@pytest.mark.slow
def test_kill_9_and_the_same_command_again(folder, tmp_path):
    config = tiny_config(training={"steps": 80, "checkpoint_steps": 20})
    (tmp_path / "c.toml").write_text(to_toml(config))
    command = [
        sys.executable, "-m", "vaenhance", "train", str(folder), str(tmp_path / "m"),
        "--config", str(tmp_path / "c.toml"), "--device", "cpu",
    ]  # fmt: skip
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    state = tmp_path / "m" / checkpoint.STATE
    deadline = time.monotonic() + 120
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert state.exists()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert again.stdout == ""
    assert "going on from step" in again.stderr
    assert "80 steps" in again.stderr
    run(folder, tmp_path / "straight", config)
    killed, straight = numbers(tmp_path / "m"), numbers(tmp_path / "straight")
    assert all(np.array_equal(straight[n], killed[n]) for n in straight)


def test_a_log_cut_short_is_mended(folder, tmp_path):
    config = tiny_config(training={"steps": 40, "checkpoint_steps": 20})
    with pytest.raises(KeyboardInterrupt):
        run(folder, tmp_path / "m", config, Watcher(interrupt_at=25))
    with (tmp_path / "m/log.jsonl").open("a") as log:
        log.write('{"type": "train", "step": 39}\n{"type": "tra')
    run(folder, tmp_path / "m", config)
    steps = [record["step"] for record in log_of(tmp_path / "m")]
    assert steps == sorted(steps)
    assert steps[-1] == 40


def test_fine_tuning_starts_from_the_weights(folder, tmp_path):
    run(folder, tmp_path / "base", tiny_config())
    config = tiny_config(training={"steps": 1, "learning_rate": 0.0})
    run(folder, tmp_path / "tuned", config, init=tmp_path / "base")
    base, tuned = (
        checkpoint.load_weights(
            tmp_path / name,
            {
                k.removeprefix("network/"): v.shape
                for k, v in numbers(tmp_path / "base").items()
                if k.startswith("network/")
            },
        )
        for name in ("base", "tuned")
    )
    assert all(np.array_equal(base[n], tuned[n]) for n in base)


def test_other_settings_are_refused_and_named(folder, tmp_path):
    run(folder, tmp_path / "m", tiny_config())
    with pytest.raises(UsageProblem, match=r"training\.batch \(4 there, 5 now\)"):
        prepare(folder, tmp_path / "m", tiny_config(training={"batch": 5}))
    longer = tiny_config(training={"steps": 9})
    assert prepare(folder, tmp_path / "m", longer).config == longer


def test_a_folder_with_other_files_is_not_touched(folder, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageProblem, match="not empty"):
        prepare(folder, tmp_path, tiny_config())


def trainer_and_batch(**objective):
    config = tiny_config(objective=objective) if objective else tiny_config()
    rng = np.random.default_rng(0)
    x = rng.random((4, 16, 16, 3), np.float32)
    return Trainer(config, start_training("cpu", "float32")), Batch(
        x, x.copy(), np.full(4, -1, np.float32), np.full(4, -1, np.int32)
    )


def test_a_step_that_is_not_finite_changes_nothing():
    trainer, batch = trainer_and_batch()
    trainer.step(batch, 0, 0.0)
    before = trainer.state()
    bad = dataclasses.replace(batch, y=np.full_like(batch.y, np.nan))
    assert trainer.step(bad, 1, 0.0)["skipped"] == 1
    after = trainer.state()
    for group in ("network", "optimizer"):
        for name, value in before[group].items():
            if name != "learning_rate":
                assert np.array_equal(value, after[group][name]), name
    assert trainer.step(batch, 2, 0.0)["skipped"] == 0


def test_a_step_of_a_huge_gradient_is_left_out():
    trainer, batch = trainer_and_batch()
    norm = trainer.step(batch, 0, 0.0)["gradient_norm"]
    for limit, skipped in ((norm / 2, 1), (norm * 2, 0)):
        config = tiny_config(training={"skip_norm": limit})
        careful = Trainer(config, start_training("cpu", "float32"))
        assert careful.step(batch, 0, 0.0)["skipped"] == skipped


def test_schedules_rise_and_fall():
    config = tiny_config(objective={"beta": 0.5, "beta_warmup": 0.5})
    peak = config.training.learning_rate
    end = peak * config.training.final_rate
    assert learning_rate(config, 0, 0.0) == pytest.approx(peak / 2)
    assert learning_rate(config, 10, 0.0) == pytest.approx(peak)
    assert learning_rate(config, 10, 1.0) == pytest.approx(end)
    betas = [kl_weight(config, part) for part in (0.0, 0.25, 0.5, 1.0)]
    assert betas == [0, 0.25, 0.5, 0.5]


def test_the_mean_path_takes_the_noise_away():
    trainer, batch = trainer_and_batch(mean_path=1.0)
    other, _ = trainer_and_batch()
    quiet = [trainer.step(batch, 5, 0.0)["loss"]]
    noisy = [other.step(batch, 5, 0.0)["loss"]]
    assert quiet != noisy


@pytest.mark.parametrize("kind", ["npz", "png"])
def test_the_articles_network_learns(tmp_path, kind):
    rng = np.random.default_rng(0)
    shapes = np.zeros((64, 28, 28), np.uint8)
    for index, image in enumerate(shapes):
        top, left = rng.integers(4, 16, 2)
        image[top : top + 8, left : left + (4 if index % 2 else 8)] = 255
    source = tmp_path / "digits"
    source.mkdir()
    if kind == "npz":
        np.savez(source / "d.npz", x_train=shapes)
    else:
        for index, image in enumerate(shapes):
            save_png(image, source / f"{index:02}.png")
    from vaenhance.config import named_preset

    config = named_preset("mlp").replace(training={"steps": 150})
    _, watcher = run(source, tmp_path / "m", config)
    losses = [record["loss"] for record in watcher.records]
    assert np.mean(losses[-20:]) < 0.6 * np.mean(losses[:5])
