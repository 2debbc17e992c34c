"""The exponent of a changed gamma: how it is told, learnt, decided on and undone."""

from __future__ import annotations

import dataclasses
import types
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import save_tiny_model
from tests.tiny_look import LOOK_MODEL, look_config, save_tiny_look
from tests.tiny_transform import IDENTITY
from vaenhance.runtime import import_tensorflow, start_training

tf = import_tensorflow()

import vaenhance  # noqa: E402
from vaenhance import checkpoint, grading  # noqa: E402
from vaenhance.config import LookConfig  # noqa: E402
from vaenhance.data.looks import CORRECT, draw_pair  # noqa: E402
from vaenhance.data.pipeline import Batch  # noqa: E402
from vaenhance.errors import ConfigError, NotFinite  # noqa: E402
from vaenhance.model import look_exponent, step_noise  # noqa: E402
from vaenhance.model.build import build_network, read_weights  # noqa: E402
from vaenhance.model.look_exponent import decide, exponents, log_prior, log_q  # noqa: E402
from vaenhance.model.trainer import Trainer  # noqa: E402

COUNT = 5
TOLD = dataclasses.replace(LOOK_MODEL, exponents=COUNT)


def photograph(dtype=np.uint8, shape=(40, 56, 3)) -> np.ndarray:
    values = np.random.default_rng(0).random(shape, np.float32)
    if dtype == np.float32:
        return values
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("told") / "looks"
    save_tiny_model(root, look_config(model={"exponents": COUNT}))
    return root


@pytest.fixture
def model(folder, monkeypatch):
    """A model that says of everything that its exponent was √2."""
    model = vaenhance.load_look(folder)
    monkeypatch.setattr(model._inference, "power", lambda image, patches: 0.5)
    return model


# === The prior and the posterior ===


def test_the_prior_is_of_good_photographs_and_a_distribution() -> None:
    chances = np.exp(log_prior(21))
    assert chances.sum() == pytest.approx(1.0, abs=1e-5)
    assert chances[10] == pytest.approx(look_exponent.NOTHING)
    assert exponents(21)[[0, 10, 20]].tolist() == [-1.0, 0.0, 1.0]


def test_log_q_is_bayes_rule_and_shared_between_two_steps() -> None:
    evidence = np.random.default_rng(1).normal(size=(3, COUNT)).astype(np.float32)
    joint = np.exp(evidence) * np.exp(log_prior(COUNT))
    expected = np.log(joint / joint.sum(axis=1, keepdims=True))
    found = log_q(tf.constant([-1.0, 0.0, 0.25]), evidence).numpy()
    between = (expected[2, 2] + expected[2, 3]) / 2
    assert found == pytest.approx([expected[0, 0], expected[1, 2], between], abs=1e-5)


def test_a_gamma_beyond_the_last_step_counts_as_the_last() -> None:
    evidence = np.random.default_rng(1).normal(size=(4, COUNT)).astype(np.float32)
    evidence[2:] = evidence[:2]
    found = log_q(tf.constant([-2.5, 1.4, -1.0, 1.0]), evidence).numpy()
    assert found[:2] == pytest.approx(found[2:], abs=1e-6)
    assert (found < 0).all()


# === The decision ===


def test_without_evidence_nothing_is_undone() -> None:
    for values in (photograph(np.float32), np.full((9, 9, 3), 0.2)):
        assert decide(np.zeros(21), values) == 0.0


@pytest.mark.parametrize("true", [-0.8, -0.4, 0.3, 0.9])
def test_what_is_known_for_certain_is_undone(true) -> None:
    evidence = -((exponents(21) - true) ** 2) / (2 * 0.05**2)
    assert decide(evidence, photograph(np.float32)) == pytest.approx(true, abs=1e-6)


def test_the_more_a_good_photograph_costs_the_less_is_undone(monkeypatch) -> None:
    """More likely than not: free harm takes the gain, dear harm leaves it."""
    evidence = np.full(21, -20.0)
    evidence[[10, 16]] = 0.0, 1.5
    found = []
    for price in (0.0, 100.0):
        monkeypatch.setattr(look_exponent, "PRICE", price)
        found.append(decide(evidence, photograph(np.float32)))
    assert found[0] > 0
    assert found[1] == 0


def test_an_answer_that_is_not_finite_is_no_decision(folder, monkeypatch) -> None:
    model = vaenhance.load_look(folder)
    lost = tf.fill([1, COUNT], np.nan)
    monkeypatch.setattr(model._inference, "_exponent", lambda image, patches: lost)
    with pytest.raises(NotFinite):
        model.enhance(photograph())


# === Training ===


def exponent_config(**more):
    plan = {"only_exponent": True, "learning_rate": 1e-2, "warmup_steps": 0}
    return look_config(
        model={"exponents": COUNT},
        objective={"beta": 100.0, **more.pop("objective", {})},
        look={"style": 0.5},
        training={**plan, **more},
    )


def batch_of(config) -> Batch:
    image = photograph(shape=(60, 80, 3))
    pairs = [
        draw_pair(image, image, 16, config.look, np.random.default_rng(i), True)
        for i in range(4)
    ]
    x, y, told = (np.stack([np.asarray(p[i]) for p in pairs]) for i in range(3))
    return Batch(x[:, 2::4, 2::4], y, told.astype(np.float32), np.full(4, -1))


def test_only_the_exponent_learns_and_the_rest_stays_to_the_bit(tmp_path) -> None:
    old = read_weights(save_tiny_look(tmp_path / "old"))
    config = exponent_config()
    trainer = Trainer(config, start_training("cpu", "float32"))
    missing = trainer.initialise_from(old)
    assert missing
    assert all(name.startswith("exponent/") for name in missing)
    before = trainer.state()["network"]
    batch = batch_of(config)
    losses = [trainer.step(batch, i, i / 9)["loss"] for i in range(8)]
    assert losses[-1] < losses[0]
    state = trainer.state()
    for part in ("network", "averaged"):
        for name, value in state[part].items():
            is_same = np.array_equal(value, before[name])
            assert is_same != name.startswith("exponent/"), name


def test_what_is_dropped_is_new_in_every_step_and_a_function_of_its_number() -> None:
    config = exponent_config(learning_rate=0.0, objective={"mean_path": 1.0})
    trainer = Trainer(config, start_training("cpu", "float32"))
    batch = batch_of(config)
    losses = [trainer.step(batch, i, 0.0)["loss"] for i in range(8)]
    assert len(set(losses)) == 8  # only what is dropped differs: there is no noise
    assert losses == [trainer.step(batch, i, 0.0)["loss"] for i in range(8)]


def test_the_number_of_devices_does_not_change_what_is_dropped(monkeypatch) -> None:
    exponent = build_network(TOLD).exponent
    rng = np.random.default_rng(0)
    summary = rng.random((4, 12), np.float32)
    patches = rng.random((4, 8, 8, 27), np.float32)
    seed = step_noise.step_seed(3, tf.constant(7, tf.int64))
    whole = exponent(summary, patches, seed).numpy()
    assert not np.allclose(whole, exponent(summary, patches).numpy())
    assert not np.allclose(whole, exponent(summary, patches, seed + 1).numpy())
    parts = []
    for number in range(2):
        context = types.SimpleNamespace(
            replica_id_in_sync_group=number, num_replicas_in_sync=2
        )
        monkeypatch.setattr(
            step_noise.tf.distribute, "get_replica_context", lambda c=context: c
        )
        own = slice(2 * number, 2 * number + 2)
        parts.append(exponent.call(summary[own], patches[own], seed))
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_the_gradient_ends_before_everything_else() -> None:
    network = build_network(TOLD)
    y = np.random.default_rng(0).random((2, 16, 16, 34), np.float32)
    with tf.GradientTape() as tape:
        summary = network.describe(y[..., :3])[0]
        evidence = network.exponent(summary, y[..., 6:-1], tf.constant([1, 2]))
        loss = tf.reduce_mean(log_q(tf.constant([0.3, 0.0]), evidence))
    gradients = tape.gradient(loss, network.trainable_variables)
    own = {id(v) for v in network.exponent.trainable_variables}
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert (gradient is not None) == (id(variable) in own)


def test_pairs_have_patches_of_every_second_place_and_the_exponent() -> None:
    image = photograph(shape=(90, 120, 3))
    gamma = LookConfig(style=0.0, unchanged=0.0, single=1.0, gamma_weight=1e3)
    drawn = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        _, y, told = draw_pair(image, image, 32, gamma, rng, True)
        assert y.shape == (32, 32, 34)
        assert told == CORRECT
        patches = y[..., 6:-1]
        assert np.array_equal(patches[::2, ::2], patches[1::2, 1::2])
        assert np.ptp(y[..., -1]) == 0
        drawn.append(y[0, 0, -1])
        # Patches are changed as the photograph is: their pixels are the image's.
        powered = np.rint(255 * (image / np.float32(255)) ** 2.0 ** drawn[-1])
        assert np.isin(np.rint(255 * patches[0, 0]), powered).all()
    assert len(set(drawn)) == 6
    kept = dataclasses.replace(gamma, style=1.0)
    y = draw_pair(image, image, 32, kept, np.random.default_rng(0), True)[1]
    assert y.shape == (32, 32, 34)
    assert not y[..., 6:].any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {"exponents": 4}}, "odd"),
        ({"model": {"exponents": 1}}, "at least 3"),
        ({"training": {"only_exponent": True}}, r"model\.exponents"),
    ],
)
def test_impossible_settings_are_refused(changes, words) -> None:
    with pytest.raises(ConfigError, match=words):
        look_config().replace(**changes)


# === What is undone ===


def test_an_older_folder_undoes_nothing(tmp_path) -> None:
    model = vaenhance.load_look(save_tiny_look(tmp_path / "old"))
    assert model.power(photograph()) == 0.0
    data = checkpoint.read_json(tmp_path / "old" / "config.json")
    del data["model"]["exponents"], data["training"]["only_exponent"]
    checkpoint.write_json(tmp_path / "old" / "config.json", data)
    assert vaenhance.load_look(tmp_path / "old").config.exponents == 0


def test_nothing_is_undone_where_the_rule_says_no(folder, monkeypatch) -> None:
    model = vaenhance.load_look(folder)
    monkeypatch.setattr(model._inference, "power", lambda image, patches: 0.0)
    image = photograph()
    own = model.encode(image, mend=True)
    assert np.array_equal(model.enhance(image), model.enhance(image, own))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_power_goes_first_and_the_look_is_that_of_what_it_makes(model, dtype):
    image = photograph(dtype)
    own = model.encode(image, mend=True)
    expected = model.enhance(image, own, power=0.5)
    result = model.enhance(image)
    assert result.dtype == dtype
    assert np.array_equal(result, expected)
    assert not np.array_equal(result, model.enhance(image, own))
    assert np.array_equal(model.enhance(image, strength=0.0), image)


def test_the_strength_is_the_exponents_too(model, monkeypatch) -> None:
    monkeypatch.setattr(model, "_transform", lambda thumbnail, look: IDENTITY)
    image = photograph(np.float32)
    for strength in (0.3, 1.0):
        result = model.enhance(image, strength=strength)
        expected = image**2.0 ** (-0.5 * strength)
        assert np.abs(result - expected).max() < 2e-4


def test_styles_and_looks_that_are_given_undo_nothing(model) -> None:
    image, style = photograph(), model.style(photograph())
    for look in (style, style.look):
        assert model.transform(image, look).power == 0.0
        expected = grading.apply(image, model.transform(image, look))
        assert np.array_equal(model.enhance(image, look), expected)


def test_the_evidence_is_the_same_each_time(folder) -> None:
    network = build_network(TOLD)
    y = np.random.default_rng(0).random((2, 16, 16, 30), np.float32)
    summary = network.describe(y[..., :3])[0]
    first, again = (network.exponent(summary, y[..., 3:]) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.shape == (2, COUNT)
