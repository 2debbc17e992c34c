"""Heads of several scales: shapes, how they start, how they are fitted."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from tests.tiny import TINY, tiny_config
from vaenhance.config import Config, from_dict, to_dict
from vaenhance.errors import ConfigError
from vaenhance.runtime import import_tensorflow, start_training

tf = import_tensorflow()

from vaenhance.data.pipeline import Batch  # noqa: E402
from vaenhance.model import new_heads  # noqa: E402
from vaenhance.model.build import build_network, named  # noqa: E402
from vaenhance.model.new_heads import fit_heads, with_heads  # noqa: E402
from vaenhance.model.trainer import Trainer  # noqa: E402

LARGE = dataclasses.replace(TINY, scales=(2, 3, 4))


def random_weights(network, seed=0):
    rng = np.random.default_rng(seed)
    for variable in network.variables:
        variable.assign(rng.normal(0, 0.1, variable.shape).astype(np.float32))


def pictures(count=2, side=16, seed=3):
    shape = (count, side, side, 3)
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.mark.parametrize("scale", LARGE.scales)
def test_a_scale_gives_so_many_times_the_size_from_the_same_latents(scale):
    network, y = build_network(LARGE), pictures()
    out, kl, latents = network.infer(y, scale=scale)
    assert out.shape == (2, 16 * scale, 16 * scale, 3)
    first, kl_of_first, _ = network.infer(y)
    assert first.shape[1] == 16 * LARGE.scales[0]
    assert all(map(np.array_equal, kl, kl_of_first))
    assert np.allclose(network.decode(latents, 16, 16, scale), out, atol=1e-6)
    zeros = [tf.zeros([2, *shape]) for shape in network.latent_shapes(16, 16)]
    assert network.draw(zeros, 16, 16, scale).shape == out.shape


def test_one_scale_has_the_weights_that_models_always_had():
    old = set(named(build_network(TINY).variables))
    assert {"head/kernel", "head/bias"} <= old
    new = set(named(build_network(LARGE).variables))
    assert new - old == {
        f"head{scale}/{part}" for scale in LARGE.scales for part in ("kernel", "bias")
    }
    plain = to_dict(Config())
    del plain["model"]["scales"]
    assert from_dict(plain).model.scales == (1,)


@pytest.mark.parametrize("unshuffle", [1, 2])
def test_new_heads_enlarge_the_old_ones_answer_by_nearest_neighbour(unshuffle):
    small = build_network(dataclasses.replace(TINY, unshuffle=unshuffle))
    random_weights(small)
    config = dataclasses.replace(LARGE, unshuffle=unshuffle)
    weights = {k: v.numpy() for k, v in named(small.variables).items()}
    large = build_network(config)
    for name, variable in named(large.variables).items():
        variable.assign(with_heads(weights, config)[name])
    y = pictures()
    expected = small.infer(y)[0].numpy()
    for scale in config.scales:
        repeated = expected.repeat(scale, axis=1).repeat(scale, axis=2)
        assert np.allclose(large.infer(y, scale=scale)[0], repeated, atol=1e-6)


def test_heads_that_fit_and_heads_of_other_models_are_left_alone():
    large = build_network(LARGE)
    weights = {k: v.numpy() for k, v in named(large.variables).items()}
    assert with_heads(weights, LARGE).keys() == weights.keys()
    gray = build_network(dataclasses.replace(TINY, channels=1))
    weights = {k: v.numpy() for k, v in named(gray.variables).items()}
    assert with_heads(weights, LARGE).keys() == weights.keys()


def test_fitting_finds_the_heads_that_made_the_images():
    network = build_network(LARGE)
    random_weights(network)
    unknown = np.full(4, -1, np.float32)

    def batches():
        for seed, scale in itertools.product(range(6), LARGE.scales):
            y = pictures(4, seed=seed)
            x = network.infer(y, scale=scale)[0].numpy()
            yield Batch(x, y, unknown, np.full(len(x), -1, np.int32))

    made = list(batches())
    for head in network.heads:
        head.kernel.assign(0.9 * head.kernel)
        head.bias.assign(head.bias + 0.1)
    wrong = [network.infer(b.y, scale=b.scale)[0].numpy() - b.x for b in made]
    fit_heads(network, made, LARGE.scales)
    left = [network.infer(b.y, scale=b.scale)[0].numpy() - b.x for b in made]
    most = [max(np.abs(error).max() for error in errors) for errors in (left, wrong)]
    assert most[0] < 0.02 * most[1]


def trained(scales):
    """Returns a trainer, and a function that makes the batch of a step."""
    config = tiny_config(model={"scales": scales})
    unknown = np.full(4, -1, np.float32)

    def batch(step):
        scale = scales[step % len(scales)]
        x, y = pictures(4, 16 * scale, step), pictures(4, seed=step)
        return Batch(x, y, unknown, unknown.astype(np.int32))

    return Trainer(config, start_training("cpu", "float32")), batch


@pytest.mark.parametrize(
    ("before", "now", "fitted"),
    [((1,), (1, 2), {2}), ((2, 4), (2, 3, 4), {3}), ((1, 2), (1, 2), set())],
)
def test_heads_that_a_model_has_are_not_fitted_again(before, now, fitted, monkeypatch):
    monkeypatch.setattr(new_heads, "FITTED_BATCHES", 2)
    old = build_network(dataclasses.replace(TINY, scales=before))
    random_weights(old)
    weights = {k: v.numpy() for k, v in named(old.variables).items()}
    start, batch = trained(now)
    start.initialise_from(weights)
    begun = start.state()
    start.fit_new_heads(batch)
    state = start.state()
    for group in ("network", "averaged"):
        changed = {
            name
            for name, value in state[group].items()
            if not np.array_equal(value, begun[group][name])
        }
        parts = ("kernel", "bias")
        assert changed == {f"head{s}/{part}" for s in fitted for part in parts}


@pytest.mark.parametrize("scales", [(), (2, 1), (2, 2), (0,), (5,)])
def test_scales_rise_and_stay_in_reach(scales):
    with pytest.raises(ConfigError, match="scales"):
        tiny_config(model={"scales": scales})


def test_a_fixed_size_and_the_residual_form_have_scale_1_only():
    for other in ({"image_size": 16}, {"residual": True}):
        with pytest.raises(ConfigError, match="must be \\[1\\]"):
            tiny_config(model={"scales": (2,), **other})


@pytest.mark.parametrize("likelihood", ["bernoulli", "logistic"])
def test_heads_of_other_likelihoods_are_not_fitted_as_values(likelihood):
    """A head of logits or of locations and scales is no image to be near to."""
    config = dataclasses.replace(TINY, scales=(2,), likelihood=likelihood)
    assert new_heads.missing_heads({"head/kernel": np.zeros(1)}, config) == set()
    config = dataclasses.replace(config, likelihood="gaussian")
    assert new_heads.missing_heads({"head/kernel": np.zeros(1)}, config) == {2}
