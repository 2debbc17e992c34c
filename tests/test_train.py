"""Training: it learns, it resumes to the bit, it survives kills and bad steps."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny import SHALLOW, tiny_config
from vaenhance import checkpoint
from vaenhance.config import to_toml
from vaenhance.errors import UsageProblem
from vaenhance.photo import save_png
from vaenhance.runtime import import_tensorflow
from vaenhance.workflows.prepare import prepare

import_tensorflow()
from vaenhance.data.pipeline import Batch  # noqa: E402
from vaenhance.model.schedules import (  # noqa: E402
    is_mean_step,
    kl_weight,
    learning_rate,
)
from vaenhance.model.trainer import Trainer  # noqa: E402
from vaenhance.runtime import start_training  # noqa: E402
from vaenhance.workflows.train import train  # noqa: E402


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


LEARNING = tiny_config(training={"steps": 60, "learning_rate": 6e-3})


@pytest.fixture(scope="module")
def learnt(folder, tmp_path_factory) -> tuple[Path, dict[str, Any], Watcher]:
    """A run that is finished: its folder, its card, what its watcher was told."""
    target = tmp_path_factory.mktemp("learnt") / "m"
    return target, *run(folder, target, LEARNING)


def test_it_learns_and_leaves_a_whole_model(folder, learnt):
    target, card, watcher = learnt
    losses = [record["loss"] for record in watcher.records]
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.2
    assert {p.name for p in target.iterdir()} == {
        "config.json", "config.toml", "card.json", "model.weights.h5",
        "log.jsonl", "sheet.png", "curves.png", "resume",
    }  # fmt: skip
    assert card["training"]["steps"] == 60
    assert card["training"]["finished"]
    assert card["data"]["images"] == 11
    assert np.isfinite(card["scores"]["validation_psnr"])
    assert str(folder) not in (target / "card.json").read_text()
    log = log_of(target)
    assert [r["step"] for r in log if r["type"] == "train"] == [20, 40, 60]


def test_a_finished_run_is_done_at_once(folder, learnt, tmp_path):
    shutil.copytree(learnt[0], tmp_path / "m")
    _, watcher = run(folder, tmp_path / "m", LEARNING)
    assert watcher.records == []


# === Stopped in the middle ===

STOPPED = tiny_config(
    model=SHALLOW,
    training={
        "steps": 80,
        "checkpoint_steps": 20,
        "revive": 20,
        "revive_latents": True,
    },
)


@pytest.fixture(scope="module")
def straight(folder, tmp_path_factory) -> Path:
    """A run that nothing disturbed."""
    target = tmp_path_factory.mktemp("straight") / "m"
    run(folder, target, STOPPED)
    return target


@pytest.fixture(scope="module")
def resumed(folder, tmp_path_factory) -> tuple[Path, Watcher]:
    """A run that was interrupted, lost a part of its log, and went on to the end."""
    target = tmp_path_factory.mktemp("resumed") / "m"
    with pytest.raises(KeyboardInterrupt):
        run(folder, target, STOPPED, Watcher(interrupt_at=25))
    with (target / "log.jsonl").open("a") as log:
        log.write('{"type": "train", "step": 39}\n{"type": "tra')
    return target, run(folder, target, STOPPED)[1]


def assert_same_numbers(one: Path, other: Path) -> None:
    ours, theirs = numbers(one), numbers(other)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_resuming_is_the_same_to_the_bit(straight, resumed):
    target, watcher = resumed
    assert watcher.records[0]["step"] == 26
    assert_same_numbers(straight, target)
    weights = [(m / checkpoint.WEIGHTS).read_bytes() for m in (straight, target)]
    assert weights[0] == weights[1]


def test_silent_units_are_looked_for_when_it_is_due(straight, resumed):
    for target in (straight, resumed[0]):
        found = [line for line in log_of(target) if line["type"] == "revival"]
        assert [line["step"] for line in found] == [20, 40]  # 60 is in the last 40 %
        assert all(0 <= line["revived"] <= line["hidden_units"] for line in found)
        assert all(0 <= line["woken"] <= line["latent_channels"] for line in found)


def test_a_log_cut_short_is_mended(resumed):
    steps = [record["step"] for record in log_of(resumed[0])]
    assert steps == sorted(steps)
    assert steps[-1] == 80


@pytest.mark.slow
def test_kill_9_and_the_same_command_again(folder, straight, tmp_path, invoke):
    (tmp_path / "c.toml").write_text(to_toml(STOPPED))
    command = [
        "train", str(folder), str(tmp_path / "m"),
        "--config", str(tmp_path / "c.toml"), "--device", "cpu",
    ]  # fmt: skip
    first = subprocess.Popen(
        [sys.executable, "-m", "vaenhance", *command], stderr=subprocess.DEVNULL
    )
    state = tmp_path / "m" / checkpoint.STATE
    deadline = time.monotonic() + 120
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert state.exists()
    again = invoke(*command)
    assert again.stdout == ""
    assert "going on from step" in again.stderr
    assert "80 steps" in again.stderr
    assert_same_numbers(straight, tmp_path / "m")


# === Others ===


def test_weights_without_a_place_are_counted(folder, learnt, tmp_path):
    config = tiny_config(model=SHALLOW, training={"steps": 1})
    _, watcher = run(folder, tmp_path / "smaller", config, init=learnt[0])
    assert len(watcher.warnings) == 1
    assert re.fullmatch(r"\d+ weights of m are left out", watcher.warnings[0])


def test_fine_tuning_starts_from_the_weights(folder, learnt, tmp_path):
    config = tiny_config(training={"steps": 1, "learning_rate": 0.0})
    run(folder, tmp_path / "tuned", config, init=learnt[0])
    base, tuned = (
        checkpoint.load_weights(
            model,
            {
                k.removeprefix("network/"): v.shape
                for k, v in numbers(learnt[0]).items()
                if k.startswith("network/")
            },
        )
        for model in (learnt[0], tmp_path / "tuned")
    )
    assert all(np.array_equal(base[n], tuned[n]) for n in base)


def test_other_settings_are_refused_and_named(folder, learnt):
    with pytest.raises(UsageProblem, match=r"training\.batch \(4 there, 5 now\)"):
        prepare(folder, learnt[0], LEARNING.replace(training={"batch": 5}))
    longer = LEARNING.replace(training={"steps": 61})
    assert prepare(folder, learnt[0], longer).config == longer


def test_a_folder_with_other_files_is_not_touched(folder, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageProblem, match="not empty"):
        prepare(folder, tmp_path, tiny_config())


# === Single steps ===


def start(**sections: Any) -> Trainer:
    config = tiny_config(model=SHALLOW, **sections)
    return Trainer(config, start_training("cpu", "float32"))


@pytest.fixture(scope="module")
def batch() -> Batch:
    x = np.random.default_rng(0).random((4, 16, 16, 3), np.float32)
    unknown = np.full(4, -1, np.float32)
    return Batch(x, x.copy(), unknown, unknown.astype(np.int32))


@pytest.fixture(scope="module")
def compiled(batch) -> tuple[Trainer, Any, dict[str, Any]]:
    """A trainer that all tests share, its first state, what its first step said."""
    trainer = start()
    before = trainer.state()
    return trainer, before, trainer.step(batch, 0, 0.0)


@pytest.fixture
def trainer(compiled) -> Trainer:
    """As it was before its first step."""
    compiled[0].set_state(compiled[1])
    return compiled[0]


def test_a_step_that_is_not_finite_changes_nothing(trainer, batch):
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


def test_a_step_of_a_huge_gradient_is_left_out(compiled, batch):
    norm = compiled[2]["gradient_norm"]
    for limit, skipped in ((norm / 2, 1), (norm * 2, 0)):
        careful = start(training={"skip_norm": limit})
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


@pytest.mark.parametrize("part", [0.0, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("scales", [(1,), (2, 4), (1, 2, 3)])
def test_every_head_decodes_the_mean_in_its_share_of_the_steps(scales, part):
    config = tiny_config(model={"scales": scales}, objective={"mean_path": part})
    turns, heads = 40, len(scales)
    steps = [is_mean_step(config, number) for number in range(turns * heads)]
    for head in range(heads):  # they have their turn one after the other
        assert sum(steps[head::heads]) == pytest.approx(part * turns, abs=1e-6)
    # With one head a run goes on as it began.
    alone = [int((n + 1) * part) > int(n * part) for n in range(turns)]
    assert steps[::heads] == alone


def test_the_mean_path_takes_the_noise_away(trainer, batch):
    quiet = start(objective={"mean_path": 1.0}).step(batch, 5, 0.0)["loss"]
    assert quiet != trainer.step(batch, 5, 0.0)["loss"]


def test_the_articles_network_learns(tmp_path):
    rng = np.random.default_rng(0)
    shapes = np.zeros((64, 28, 28), np.uint8)
    for index, image in enumerate(shapes):
        top, left = rng.integers(4, 16, 2)
        image[top : top + 8, left : left + (4 if index % 2 else 8)] = 255
    source = tmp_path / "digits"
    source.mkdir()
    np.savez(source / "d.npz", x_train=shapes)
    from vaenhance.config import named_preset

    config = named_preset("mlp").replace(training={"steps": 150})
    _, watcher = run(source, tmp_path / "m", config)
    losses = [record["loss"] for record in watcher.records]
    assert np.mean(losses[-20:]) < 0.6 * np.mean(losses[:5])
