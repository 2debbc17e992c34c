"""A larger network starts as good as the one whose weights it takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import save_tiny_model, tiny_config
from vaenhance.model.build import build_network, named, read_weights
from vaenhance.model.growth import (
    NARROW,
    grown,
    with_blocks,
    with_inputs,
    with_latents,
    with_widths,
)
from vaenhance.model.trainer import Trainer
from vaenhance.runtime import start_training


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return read_weights(save_tiny_model(tmp_path_factory.mktemp("small") / "model"))


@pytest.fixture(scope="module")
def trainer(weights):
    deeper = {"encoder_blocks": (2, 1), "decoder_blocks": (1, 3)}
    return Trainer(tiny_config(model=deeper), start_training("cpu", "float32"))


@pytest.fixture(scope="module")
def missing(weights, trainer):
    return trainer.initialise_from(weights)


def assert_same(weights, trainer):
    """Asserts that a trainer's network does what the small one does."""
    small = build_network(tiny_config().model)
    for name, variable in named(small.variables).items():
        variable.assign(weights[name])
    y = np.random.default_rng(1).random((2, 16, 24, 3), np.float32)
    np.testing.assert_allclose(trainer.averaged(y), small(y), atol=1e-6)


def test_new_blocks_change_nothing_at_first(weights, trainer, missing):
    assert_same(weights, trainer)


def test_new_blocks_can_learn(trainer, missing):
    variables = named(trainer.network.variables)
    first = [name for name in missing if name.endswith("first/kernel")]
    assert {name.split("/")[0] for name in first} == {
        "encoder0_1",
        "decoder1_1",
        "decoder1_2",
    }
    assert all(np.std(variables[name]) > 0.05 for name in first)
    assert not [name for name in missing if "second" in name]


def test_nothing_is_added_for_another_network_without_blocks():
    layers = ("first/kernel", "second/kernel")
    shapes = {f"encoder0_0/{layer}": (3, 3, 8, 8) for layer in layers}
    assert with_blocks({"posterior/kernel": 0}, shapes) == {"posterior/kernel": 0}
    assert "encoder0_0/second/kernel" in with_blocks({"stem/kernel": 0}, shapes)


def test_a_layer_of_two_sizes_is_no_block():
    shapes = {"exponent/first/kernel": (55, 64), "exponent/second/kernel": (64, 64)}
    old = {"block0_0/second/kernel": 0}
    assert with_blocks(old, shapes) == old


@pytest.fixture(scope="module")
def wider(weights):
    model = {
        "latent_channels": tuple(2 * n for n in tiny_config().model.latent_channels)
    }
    trainer = Trainer(tiny_config(model=model), start_training("cpu", "float32"))
    assert not trainer.initialise_from(weights)
    return trainer


def test_new_latents_change_nothing_at_first(weights, wider):
    assert_same(weights, wider)


def test_new_latents_say_something_of_y(weights, wider):
    old = tiny_config().model.latent_channels[0]
    y = np.random.default_rng(1).random((2, 16, 24, 3), np.float32)
    seen = []
    wider.network.infer(y, observe=seen.append)
    finest = seen[-1]
    assert np.std(finest.delta_mean[..., old:]) > 0.01
    np.testing.assert_allclose(finest.delta_log_scale[..., old:], NARROW, atol=0.2)
    np.testing.assert_array_equal(finest.prior.mean[..., old:], 0)
    np.testing.assert_array_equal(finest.prior.log_scale[..., old:], 0)


def test_fewer_latents_are_not_made_from_more(weights):
    model = replace(tiny_config().model, latent_channels=(1, 1))
    fewer = named(build_network(model).variables)
    shapes = {name: tuple(variable.shape) for name, variable in fewer.items()}
    assert shapes["merge0/kernel"] != weights["merge0/kernel"].shape
    same = with_latents(weights, shapes, np.random.default_rng(0))
    assert all(same[name] is value for name, value in weights.items())


@pytest.fixture(scope="module")
def broad(weights):
    """A trainer of a network that is wider, deeper and has more latents."""
    small = tiny_config().model
    model = {
        "widths": tuple(width + 8 for width in small.widths),
        "decoder_blocks": (2, 2),
        "latent_channels": tuple(count + 1 for count in small.latent_channels),
    }
    trainer = Trainer(tiny_config(model=model), start_training("cpu", "float32"))
    missing = trainer.initialise_from(weights)
    assert all("decoder" in name and "/first/" in name for name in missing)
    return trainer


def test_new_channels_change_nothing_at_first(weights, broad):
    assert_same(weights, broad)


def test_new_channels_can_learn(broad):
    y = np.random.default_rng(1).random((2, 16, 24, 3), np.float32)
    network = broad.network
    old = tiny_config().model.widths[0]
    with tf.GradientTape() as tape:
        out, _, _ = network.infer(y)
        loss = tf.reduce_mean((out - y) ** 2)
    slope = tape.gradient(loss, network.heads[0].kernel)
    assert np.all(network.heads[0].kernel[:, :, old:] == 0)
    assert np.all(np.std(network.stem.kernel[..., old:], (0, 1, 2)) > 0.01)
    assert np.all(np.any(slope[:, :, old:] != 0, (0, 1, 3)))


def test_channels_of_both_inputs_stay_where_they_are_read():
    old = {"mix0/kernel": np.arange(1, 5.0).reshape(1, 1, 4, 1)}
    made = with_widths(old, {"mix0/kernel": (1, 1, 6, 1)}, np.random.default_rng(0))
    assert made["mix0/kernel"].ravel().tolist() == [1, 2, 0, 3, 4, 0]


def test_channels_of_patches_stay_at_their_positions():
    shapes = {
        "merge0/bias": (1,),
        "down1/kernel": (9, 1),
        "upsample0/project/kernel": (1, 9),
    }
    wider = {
        "merge0/bias": (2,),
        "down1/kernel": (18, 1),
        "upsample0/project/kernel": (1, 18),
    }
    old = {
        name: np.arange(1.0, 1 + max(shape)).reshape(shape)
        for name, shape in shapes.items()
    }
    old["upsample0/project/bias"] = np.arange(1, 10.0)
    wider["upsample0/project/bias"] = (18,)
    made = grown(old, wider, np.random.default_rng(0))
    down, up = made["down1/kernel"].ravel(), made["upsample0/project/kernel"].ravel()
    for at_old in (down, up, made["upsample0/project/bias"]):
        assert at_old[::2].tolist() == list(range(1, 10))
    assert not np.any(down[1::2]) and not np.any(made["upsample0/project/bias"][1::2])
    assert np.all(up[1::2] != 0)  # what makes a new channel is random


def test_patches_of_another_stride_start_anew():
    old = {"merge0/bias": np.ones(2), "down1/kernel": np.ones((18, 3))}
    shapes = {"merge0/bias": (2,), "down1/kernel": (32, 3)}
    made = grown(old, shapes, np.random.default_rng(0))
    assert made["down1/kernel"].shape == (18, 3)  # and does not fit


def test_a_narrower_network_does_not_take_a_part(weights):
    model = replace(tiny_config().model, widths=(4, 4))
    narrow = named(build_network(model).variables)
    shapes = {name: tuple(variable.shape) for name, variable in narrow.items()}
    same = grown(weights, shapes, np.random.default_rng(0))
    assert all(same[name] is value for name, value in weights.items())


def test_kernels_are_told_more_and_tables_of_other_classes_are_not_longer():
    old = {"told/kernel": np.ones((2, 3)), "class1/gain": np.ones((2, 3))}
    shapes = {"told/kernel": (4, 3), "class1/gain": (4, 3)}
    made = with_inputs(old, shapes)
    assert np.array_equal(made["told/kernel"], [[1.0] * 3] * 2 + [[0.0] * 3] * 2)
    assert made["class1/gain"].shape == (2, 3)  # and does not fit: starts at nothing
