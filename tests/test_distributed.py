"""Several devices and several workers learn what one learns, and share one folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny import SHALLOW, tiny_config
from vaenhance.config import Config, to_toml
from vaenhance.errors import ConfigError, DeviceError
from vaenhance.photo import save_png
from vaenhance.runtime import cluster
from vaenhance.workflows.signals import Terminated

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(__file__).with_name("distributed_worker.py")


def start(arguments: list[Any], **more: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    environment.pop("TF_CONFIG", None)
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        env={**environment, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen) -> None:
    out, error = process.communicate(timeout=600)
    assert process.returncode == 0, out + error


@pytest.fixture(scope="module")
def devices(tmp_path_factory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("devices")
    finish(start(["devices", folder]))
    return json.loads((folder / "result.json").read_text())


@pytest.mark.slow
def test_two_devices_learn_what_one_learns(devices):
    assert devices["start"] == 0.0
    for name in ("loss", "log_likelihood", "psnr", "gradient_norm"):
        one, two = ([step[name] for step in devices[n]] for n in ("one", "two"))
        assert one == pytest.approx(two, rel=1e-3), name
    # The gradients were longer than the limit: the clipping was tested too.
    assert all(step["gradient_norm"] > 0.05 for step in devices["one"])
    kls = [[step["kl"] for step in devices[name]] for name in ("one", "two")]
    assert np.allclose(*kls, rtol=2e-3)
    assert devices["apart"] < 1e-3


@pytest.mark.slow
def test_all_devices_keep_the_same_weights_and_averages(devices):
    assert devices["copies_apart"] == 0.0


@pytest.mark.slow
def test_a_checkpoint_of_two_devices_goes_on_on_one_and_back(devices):
    losses = [[step["loss"] for step in devices[name]] for name in ("on_one", "on_two")]
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)


@pytest.mark.slow
def test_a_step_that_is_not_finite_on_one_device_changes_none(devices):
    assert devices["broken"] == 1.0
    assert devices["changed"] == 0.0


# === Several workers ===

MORE = 4  # steps of a run that goes on


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(12):
        coarse = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
        save_png(np.kron(coarse, np.ones((8, 8, 1), np.uint8)), root / f"{index}.png")
    return root


def config(**training: Any) -> Config:
    defaults = {"batch": 8, "steps": 6, "checkpoint_steps": 3}
    return tiny_config(model=SHALLOW, training={**defaults, **training})


def start_workers(
    source: Path, folder: Path, settings: Config, count: int = 2
) -> list[subprocess.Popen]:
    ports = []
    for _ in range(count):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    (folder / "c.toml").write_text(to_toml(settings))
    hosts = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    return [
        start(
            ["worker", source, folder / "m", folder / "c.toml", folder / f"{i}.json"],
            TF_CONFIG=json.dumps(
                {"cluster": hosts, "task": {"type": "worker", "index": i}}
            ),
        )
        for i in range(count)
    ]


class Watcher:
    """Keeps the losses of a run in this process, which it may end at a step."""

    def __init__(self, stop: int = 0):
        self.losses: list[float] = []
        self.stop = stop

    def stepped(self, record: Any) -> None:
        self.losses.append(record["loss"])
        if record["step"] == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def train_alone(source: Path, target: Path, settings: Config, watcher: Watcher) -> None:
    from vaenhance.runtime import import_tensorflow

    import_tensorflow()
    from vaenhance.workflows.prepare import prepare
    from vaenhance.workflows.train import train

    train(prepare(source, target, settings), watcher)


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads((folder / f"{i}.json").read_text()) for i in range(2)]


def states(folder: Path) -> list[list[np.ndarray]]:
    found = []
    for i in range(2):
        with np.load(folder / f"{i}.npz") as arrays:
            found.append([arrays[name] for name in arrays.files])
    return found


def assert_same_state(folder: Path) -> None:
    first, second = states(folder)
    assert len(first) == len(second) > 10
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture(scope="module")
def stopped(photos, tmp_path_factory) -> Path:
    """A folder in which the second of two workers got SIGTERM after a step."""
    folder = tmp_path_factory.mktemp("stopped")
    workers = start_workers(photos, folder, config(minutes=1000.0))
    mark = folder / "1.step"
    deadline = time.monotonic() + 300
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    workers[1].send_signal(signal.SIGTERM)
    for process in workers:
        finish(process)
    return folder


@pytest.fixture(scope="module")
def resumed(photos, stopped, tmp_path_factory) -> Path:
    """The same folder, after both workers went on to the end."""
    folder = tmp_path_factory.mktemp("resumed")
    shutil.copytree(stopped, folder, dirs_exist_ok=True)
    steps = results(folder)[0]["saved"] + MORE
    for process in start_workers(photos, folder, config(steps=steps)):
        finish(process)
    return folder


@pytest.mark.slow
def test_a_signal_to_one_worker_stops_all_at_the_same_step(stopped):
    chief, other = results(stopped)
    assert chief["end"] == other["end"] == f"signal {signal.SIGTERM:d}"
    assert len(chief["losses"]) == len(other["losses"]) == chief["saved"]
    # Their clocks differ; the schedules go by the first one's.
    assert chief["progress"] == other["progress"]
    assert chief["progress"][-1] > 0 or len(chief["progress"]) == 1
    assert_same_state(stopped)


@pytest.mark.slow
def test_workers_go_on_where_they_were_stopped(stopped, resumed):
    steps = results(stopped)[0]["saved"] + MORE
    chief, other = results(resumed)
    assert chief["steps"] == other["steps"] == steps
    assert len(chief["losses"]) == len(other["losses"]) == MORE
    assert_same_state(resumed)


@pytest.mark.slow
def test_two_workers_train_one_model_and_one_of_them_writes_it(stopped, resumed):
    for folder in (stopped, resumed):
        chief, other = results(folder)
        assert chief["facts"]["is_chief"]
        assert not other["facts"]["is_chief"]
        assert chief["losses"] == other["losses"]
        # Each made its own half of every batch.
        sizes = [[size for size, _ in worker["batches"]] for worker in (chief, other)]
        assert sizes[0] == sizes[1] == [4] * len(chief["losses"])
        batches = zip(chief["batches"], other["batches"], strict=True)
        assert all(a != b for a, b in batches)
    # Only the first has saved, and nothing half-written lies about.
    assert chief["saved"] == chief["steps"]
    assert "saved" not in other
    assert {p.name for p in (resumed / "m").iterdir()} == {
        "config.json", "config.toml", "card.json", "model.weights.h5",
        "log.jsonl", "sheet.png", "resume",
    }  # fmt: skip


@pytest.mark.slow
def test_one_process_alone_learns_what_two_workers_learn(
    photos, stopped, resumed, tmp_path
):
    """From the same start and from the same data, stopped at the same step."""
    first, then = (results(folder)[0] for folder in (stopped, resumed))
    watcher, target = Watcher(stop=first["saved"]), tmp_path / "alone"
    with pytest.raises(Terminated):
        train_alone(photos, target, config(minutes=1000.0), watcher)
    assert watcher.losses == pytest.approx(first["losses"], rel=2e-3)
    watcher = Watcher()
    train_alone(photos, target, config(steps=then["steps"]), watcher)
    assert watcher.losses == pytest.approx(then["losses"], rel=2e-3)


def test_a_batch_that_cannot_be_shared_out_is_refused(photos, tmp_path, monkeypatch):
    from vaenhance import runtime
    from vaenhance.runtime import Runtime, import_tensorflow

    import_tensorflow()
    from vaenhance.workflows.prepare import prepare
    from vaenhance.workflows.train import train

    class Three:
        num_replicas_in_sync = 3

    three = Runtime("3 GPUs", "/GPU:0", "float32", Three())
    monkeypatch.setattr(runtime, "start_training", lambda *_: three)
    prepared = prepare(photos, tmp_path / "m", config())
    with pytest.raises(ConfigError, match=r"multiple of the 3 devices.*received 8"):
        train(prepared, None)
    assert not (tmp_path / "m").exists()


# === Who am I? ===


def tf_config(monkeypatch, value: Any) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    monkeypatch.setenv("TF_CONFIG", text)


def test_the_chief_comes_first_and_then_the_workers(monkeypatch):
    hosts = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "evaluator": ["d:1"]}
    found = []
    for kind, index in (("chief", 0), ("worker", 0), ("worker", 1)):
        task = {"type": kind, "index": index}
        tf_config(monkeypatch, {"cluster": hosts, "task": task})
        found.append(cluster())
    assert found == [(3, 0), (3, 1), (3, 2)]


@pytest.mark.parametrize("value", ["", {}, {"cluster": {"worker": ["a:1"]}}])
def test_a_cluster_of_one_is_none(monkeypatch, value):
    tf_config(monkeypatch, value)
    assert cluster() is None


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[]",
        {"cluster": {"worker": ["a:1", "b:1"]}},
        {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "ps", "index": 0}},
        {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker"}},
    ],
)
def test_a_tf_config_that_does_not_say_who_we_are_is_refused(monkeypatch, value):
    tf_config(monkeypatch, value)
    with pytest.raises(DeviceError, match="TF_CONFIG must name"):
        cluster()
