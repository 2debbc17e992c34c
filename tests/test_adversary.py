"""The adversary of a VAE-GAN: off by default, weighed as said, resumed to the bit."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import pytest

from tests.test_prior import folder_of_classes
from tests.tiny import SHALLOW, save_tiny_model, tiny_config
from vaenhance.runtime import import_tensorflow, start_training

tf = import_tensorflow()

from vaenhance import checkpoint  # noqa: E402
from vaenhance.config import PRESETS, Config  # noqa: E402
from vaenhance.data.pipeline import Batch  # noqa: E402
from vaenhance.errors import ConfigError  # noqa: E402
from vaenhance.model.adversary import ENCODER, Adversary  # noqa: E402
from vaenhance.model.build import build_network, named  # noqa: E402
from vaenhance.model.trainer import Trainer  # noqa: E402

SMALL = {"width": 8, "layers": 1}


def adversarial(**settings: Any) -> Config:
    return tiny_config(adversarial={**SMALL, **settings})


def batches(count: int) -> list[Batch]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        x = rng.random((4, 16, 16, 3), np.float32)
        y = x + np.float32(0.1) * rng.standard_normal(x.shape, np.float32)
        unknown = np.full(4, -1, np.float32)
        found.append(Batch(x, y, unknown, unknown.astype(np.int32)))
    return found


def start(config: Config) -> Trainer:
    shallow = config.replace(model=SHALLOW)
    return Trainer(shallow, start_training("cpu", "float32"))


def steps(trainer: Trainer, numbers: range) -> list[Any]:
    given = batches(8)
    return [trainer.step(given[number], number, number / 8) for number in numbers]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name]) for name in one
    )


@pytest.fixture(scope="module")
def straight() -> tuple[list[Any], list[Any]]:
    """Five steps, the last three of them with an adversary.

    Returns the states before them, after the third and after the last; and what
    the steps said.
    """
    trainer = start(adversarial(weight=0.5, start=0.25))
    states, found = [trainer.state()], []
    for numbers in (range(3), range(3, 5)):
        found += steps(trainer, numbers)
        states.append(trainer.state())
    return states, found


@pytest.fixture(scope="module")
def plain() -> tuple[Any, list[Any]]:
    trainer = start(tiny_config())
    found = steps(trainer, range(5))
    return trainer.state(), found


def test_without_a_weight_there_is_none_and_before_its_time_it_changes_nothing(
    straight, plain
):
    assert set(plain[0]) == {"network", "averaged", "optimizer"}
    assert plain[1][:2] == straight[1][:2]
    assert plain[1][2] != straight[1][2]
    assert "discriminator_loss" not in straight[1][1]


def test_once_it_is_on_both_learn(straight, plain):
    (before, _, state), found = straight
    for values in found[2:]:
        assert 0 < values["discriminator_loss"] < 4
        assert 0 < values["adversarial_weight"] < 1e4
        assert len(values["kl"]) == 2 and values["skipped"] == 0
    assert not same(state["network"], plain[0]["network"])
    moved = {
        name
        for name, value in state["discriminator"].items()
        if not np.array_equal(value, before["discriminator"][name])
    }
    assert moved == set(state["discriminator"])


def test_a_resumed_run_is_the_same_to_the_bit(straight, tmp_path):
    (_, first, last), found = straight
    checkpoint.save_state(tmp_path, first, {"step": 3})
    shapes = {
        group: {name: value.shape for name, value in part.items()}
        for group, part in first.items()
    }
    saved = checkpoint.load_state(tmp_path, shapes)
    assert saved is not None
    trainer = start(adversarial(weight=0.5, start=0.25))
    trainer.set_state(saved[0])
    assert steps(trainer, range(3, 5)) == found[3:]
    state = trainer.state()
    for group in last:
        assert same(state[group], last[group]), group


@pytest.mark.parametrize("config", [tiny_config(), PRESETS["mlp"]])
def test_its_pull_at_the_last_layer_is_the_asked_part_of_the_others(config):
    config = config.replace(adversarial={"weight": 0.3, **SMALL})
    network, rival = build_network(config.model), Adversary(config)
    side, channels = config.model.image_size or 16, config.model.channels
    x = tf.random.stateless_uniform([2, side, side, channels], [1, 2])
    variables = [v.value for v in network.trainable_variables]
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(variables)
        x_hat = network.infer(x)[0]
        loss = tf.reduce_mean(tf.square(x - x_hat))
        deceived = rival.deceived(x_hat)
    weight = rival.weigh(tape, loss, deceived, network, 1)
    last = named(network.variables)["head/kernel"].value
    own, other = (tf.norm(tape.gradient(part, last)) for part in (loss, deceived))
    assert float(weight * other / own) == pytest.approx(0.3, rel=1e-4)
    both = rival.gradients(tape, loss, deceived, network, weight)
    parts = [tape.gradient(part, variables) for part in (loss, deceived)]
    for found, (mine, theirs) in zip(both, zip(*parts, strict=True), strict=True):
        if found is not None:
            np.testing.assert_allclose(found, mine + weight * theirs, atol=1e-5)


def test_of_the_decoder_only_the_encoder_feels_nothing():
    config = adversarial(weight=0.3, decoder_only=True)
    network, rival = build_network(config.model), Adversary(config)
    x = tf.random.stateless_uniform([2, 16, 16, 3], [1, 2])
    with tf.GradientTape(persistent=True) as tape:
        x_hat = network.infer(x)[0]
        loss = tf.reduce_mean(tf.square(x - x_hat))
        deceived = rival.deceived(x_hat)
    found = rival.gradients(tape, loss, deceived, network, tf.constant(2.0))
    alone = tape.gradient(loss, network.trainable_variables)
    names = list(named(network.trainable_variables))
    unmoved = {
        name
        for name, one, other in zip(names, found, alone, strict=True)
        if one is None or np.array_equal(one, other)
    }
    assert {name for name in names if name.startswith(ENCODER)} <= unmoved
    assert {"head/kernel", "decoder1_0/first/kernel", "merge0/kernel"}.isdisjoint(
        unmoved
    )


def test_the_discriminator_learns_to_tell_real_from_made():
    rival = Adversary(adversarial(weight=1.0, learning_rate=3e-3))
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(25):
        x = rng.random((8, 16, 16, 3), np.float32)
        flat = np.broadcast_to(x.mean(axis=(1, 2), keepdims=True), x.shape)
        contest = rival.contest(tf.constant(x), tf.constant(flat), tf.constant(1.0))
        rival.update(contest)
        losses.append(float(contest.judged[0]))
    assert losses[0] > 0.7
    assert losses[-1] < 0.3
    assert float(rival.deceived(flat)) > 0.5  # the decoder's loss: not taken for real
    assert float(rival.deceived(x)) < -0.5


def test_the_command_trains_with_it_and_the_model_does_not_have_it(tmp_path, invoke):
    images, target = folder_of_classes(tmp_path / "images"), tmp_path / "m"
    base = save_tiny_model(tmp_path / "base")
    settings = tmp_path / "s.toml"
    settings.write_text("[adversarial]\nstart = 0.0\nwidth = 8\nlayers = 1\n")
    invoke(
        *("train", images, target, "--init", base, "--config", settings),
        *("--adversarial", "0.2", "--steps", 20, "--batch", 2, "--device", "cpu"),
    )
    with h5py.File(target / "model.weights.h5") as file:
        names: list[str] = []
        file.visit(names.append)
    assert names and not any("discriminator" in name for name in names)
    with h5py.File(target / "resume" / "state.h5") as file:
        assert "discriminator" in file and "discriminator_optimizer" in file
    log = (target / "log.jsonl").read_text()
    assert '"discriminator_loss"' in log and '"adversarial_weight"' in log
    # A new run is without, until it asks for it.
    printed = invoke("train", "--init", target, "--print-config").stdout
    assert "[adversarial]\nweight = 0.0\n" in printed


@pytest.mark.parametrize(
    ("base", "sections", "words"),
    [
        ("look", {}, "network look"),
        ("mlp", {"data": {"binarize": "dynamic"}}, "binarize none"),
        ("restore", {"training": {"only_prior": True}}, "a prior alone"),
        ("restore", {"adversarial": {"layers": 9}}, "1..5"),
    ],
)
def test_where_it_has_nothing_to_judge_it_is_refused(base, sections, words):
    own = {"weight": 1.0, **sections.get("adversarial", {})}
    with pytest.raises(ConfigError, match=words):
        PRESETS[base].replace(**{**sections, "adversarial": own})
