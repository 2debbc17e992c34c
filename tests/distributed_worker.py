"""Run by test_distributed as a process of its own: TensorFlow takes its devices once.

`devices FOLDER` compares one device with two, `worker SOURCE MODEL CONFIG RESULT`
is one of several workers that train together (who, says TF_CONFIG).
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from vaenhance.config import load_toml
from vaenhance.runtime import Runtime, import_tensorflow

STEPS = 5


def compare_devices(folder: Path) -> None:
    """Trains on one device, on two, and from one's state on the other."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    part = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [part, part])
    import_tensorflow()
    from tests.tiny import SHALLOW, tiny_config
    from vaenhance import checkpoint
    from vaenhance.data.pipeline import Batch
    from vaenhance.model.trainer import Trainer

    # A tight limit, so that the gradients of all devices together get clipped.
    # An adversary is there from the first step: joining later is another graph.
    config = tiny_config(
        model=SHALLOW,
        training={"batch": 8, "steps": STEPS, "clip_norm": 0.05},
        adversarial={"weight": 0.3, "start": 0.0, "width": 8, "layers": 1},
    )
    rng = np.random.default_rng(0)
    batches = []
    for _ in range(2 * STEPS):
        x = rng.random((8, 16, 16, 3), np.float32)
        y = x + np.float32(0.1) * rng.standard_normal(x.shape, np.float32)
        levels = np.linspace(-0.1, 0.1, 8, dtype=np.float32)
        batches.append(Batch(x, y, levels, np.full(8, -1, np.int32)))

    def trainer(count: int) -> Any:
        names = [f"/CPU:{i}" for i in range(count)]
        one = tf.distribute.OneDeviceStrategy(names[0])
        strategy = one if count == 1 else tf.distribute.MirroredStrategy(names)
        return Trainer(config, Runtime("CPU", "/CPU:0", "float32", strategy))

    def steps(trainer: Any, first: int) -> list[dict[str, Any]]:
        numbers = range(first, first + STEPS)
        return [trainer.step(batches[n], n, n / 20) for n in numbers]

    one, two = trainer(1), trainer(2)
    result: dict[str, Any] = {"start": farthest(one.state(), two.state())}
    result["one"], result["two"] = steps(one, 0), steps(two, 0)
    result["apart"] = farthest(one.state(), two.state())
    result["copies_apart"] = max(
        float(np.abs(np.subtract(*(np.asarray(c) for c in v.value.values))).max())
        for owner in (two.network, two.averaged, two.optimizer)
        for v in owner.variables
    )
    # A checkpoint of two devices goes on on one, and the other way round.
    shapes = {
        group: {name: value.shape for name, value in values.items()}
        for group, values in one.state().items()
    }
    for name, owner in (("one", one), ("two", two)):
        checkpoint.save_state(folder / name, owner.state(), {})
    one.set_state(checkpoint.load_state(folder / "two", shapes)[0])
    two.set_state(checkpoint.load_state(folder / "one", shapes)[0])
    result["on_one"], result["on_two"] = steps(one, STEPS), steps(two, STEPS)
    # A broken picture on the second device alone.
    before = two.state()
    bad = batches[0].y.copy()
    bad[7] = np.nan
    broken = dataclasses.replace(batches[0], y=bad)
    result["broken"] = two.step(broken, 2 * STEPS, 0.5)["skipped"]
    after = two.state()
    for state in (before, after):
        del state["averaged"], state["optimizer"]["learning_rate"]
    result["changed"] = farthest(before, after)
    (folder / "result.json").write_text(json.dumps(result))


def farthest(a: dict[str, Any], b: dict[str, Any]) -> float:
    return max(
        float(np.abs(value.astype(np.float64) - b[group][name]).max())
        for group, values in a.items()
        for name, value in values.items()
    )


def work(source: Path, target: Path, settings: Path, result: Path) -> None:
    """Is one worker; keeps what it saw."""
    import_tensorflow()
    from vaenhance.errors import VaenhanceError
    from vaenhance.workflows import train as workflow
    from vaenhance.workflows.prepare import prepare
    from vaenhance.workflows.signals import Terminated

    seen: dict[str, Any] = {"losses": [], "batches": [], "progress": []}
    trainers = []

    class Watched(workflow.Trainer):
        def __init__(self, *arguments: Any):
            super().__init__(*arguments)
            trainers.append(self)

        def step(self, batch: Any, number: int, progress: float) -> dict[str, Any]:
            seen["progress"].append(progress)
            seen["batches"].append([len(batch.x), float(batch.x.sum())])
            return super().step(batch, number, progress)

    class Watcher:
        def started(self, facts: Any) -> None:
            seen["facts"] = dict(facts)

        def stepped(self, record: Any) -> None:
            seen["losses"].append(record["loss"])
            result.with_suffix(".step").write_text(str(record["step"]))

        def saved(self, record: Any) -> None:
            seen["saved"] = record["step"]

        def stopping(self) -> None:
            pass

        def warned(self, line: str) -> None:
            seen["warning"] = line

    workflow.Trainer = Watched
    try:
        config = load_toml(settings)
        card = workflow.train(prepare(source, target, config), Watcher())
        seen["steps"], seen["end"] = card["training"]["steps"], "finished"
    except Terminated as stopped:
        seen["end"] = f"signal {stopped.number:d}"
    except VaenhanceError as error:
        seen["end"] = f"{type(error).__name__}: {error}"
    if trainers:
        values = [v for _, g in sorted(trainers[0].state().items()) for v in g.values()]
        np.savez(result.with_suffix(".npz"), *values)
    result.write_text(json.dumps(seen))


if __name__ == "__main__":
    what, *paths = sys.argv[1:]
    if what == "devices":
        compare_devices(*map(Path, paths))
    else:
        work(*map(Path, paths))
