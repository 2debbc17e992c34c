"""Contract of every layer and network: build, shape, dtype, config, gradients."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.tiny import TINY
from vaenhance.config import PRESETS, stride
from vaenhance.runtime import import_tensorflow

tf = import_tensorflow()
import keras  # noqa: E402

from vaenhance.model.blocks import DENSE, Patches, ResidualBlock, Upsample  # noqa: E402
from vaenhance.model.build import build_network, named  # noqa: E402
from vaenhance.model.objective import image  # noqa: E402

LAYERS = [
    (ResidualBlock(6), (2, 4, 6, 6)),
    (ResidualBlock(6, kernel=DENSE), (2, 4, 6, 6)),
    (ResidualBlock(6, leak=0.1), (2, 4, 6, 6)),
    (Upsample(5), (2, 8, 12, 5)),
    (Upsample(5, 1), (2, 4, 6, 5)),
    (Upsample(5, 7), (2, 28, 42, 5)),
    (Patches(5, 2), (2, 2, 3, 5)),
]
SMALL_MLP = dataclasses.replace(PRESETS["mlp"].model, image_size=8, hidden=(16,))
NETWORKS = [
    TINY,
    dataclasses.replace(TINY, residual=True, noise_map=False),
    dataclasses.replace(TINY, unshuffle=1, channels=1, likelihood="bernoulli"),
    dataclasses.replace(TINY, image_size=16),
    dataclasses.replace(TINY, leak=0.1, context_blocks=(1,) * len(TINY.widths)),
    dataclasses.replace(
        TINY,
        image_size=12,
        widths=(8, 8, 12),
        encoder_blocks=(1, 0, 1),
        decoder_blocks=(1, 1, 1),
        latent_channels=(2, 3, 5),
        strides=(1, 6),
    ),
    SMALL_MLP,
]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_layer_contract(layer, shape, policy):
    config = {**layer.get_config(), "dtype": policy}
    again = type(layer).from_config(config)
    own = {"width", "units", "factor", "kernel", "leak"} & set(config)
    assert all(again.get_config()[name] == config[name] for name in own)
    x = tf.random.stateless_normal([2, 4, 6, 6], [1, 2])
    with tf.GradientTape() as tape:
        out = again(x)
        loss = tf.reduce_mean(tf.square(tf.cast(out, tf.float32)))
    assert out.shape == shape
    assert out.dtype == keras.DTypePolicy(policy).compute_dtype
    gradients = tape.gradient(loss, again.trainable_variables)
    assert all(v.dtype == "float32" for v in again.trainable_variables)
    assert all(np.isfinite(g).all() for g in gradients)
    assert any(np.abs(g).max() > 0 for g in gradients)


def batch(config, count=2):
    side = config.image_size or 16
    shape = (count, side, side, config.channels)
    return tf.random.stateless_uniform(shape, [3, 4])


def noise(network, config, count=2):
    side = config.image_size or 16
    return [
        tf.random.stateless_normal([count, *shape], [5, level])
        for level, shape in enumerate(network.latent_shapes(side, side))
    ]


@pytest.mark.parametrize("config", NETWORKS)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_network_contract(config, policy):
    network = build_network(config, policy)
    y = batch(config)
    with tf.GradientTape() as tape:
        out, kl, latents = network.infer(
            y, tf.constant([-1.0, 0.1]), noise(network, config)
        )
        loss = tf.reduce_mean(out) + tf.add_n([tf.reduce_mean(k) for k in kl])
    assert out.shape == y.shape
    assert out.dtype == tf.float32
    assert all(k.shape == (2,) and k.dtype == tf.float32 for k in kl)
    shapes = network.latent_shapes(y.shape[1], y.shape[2])
    assert [tuple(z.shape[1:]) for z in latents] == shapes
    gradients = tape.gradient(loss, network.trainable_variables)
    assert all(g is not None and np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize(("leak", "learns"), [(0.0, False), (0.1, True)])
def test_units_that_are_negative_everywhere_learn_through_the_leak(leak, learns):
    block = ResidualBlock(6, leak=leak)
    x = tf.random.stateless_normal([2, 4, 6, 6], [1, 2])
    block.build(x.shape)
    block.first.bias.assign(tf.fill([6], -100.0))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(block(x))
    assert bool(np.any(tape.gradient(loss, block.first.kernel))) is learns


@pytest.mark.parametrize("config", [TINY, SMALL_MLP])
def test_a_logistic_network_gives_a_scale_beside_every_mean(config):
    logistic = dataclasses.replace(config, likelihood="logistic")
    network = build_network(logistic)
    y = batch(logistic)
    out = network.infer(y)[0]
    assert out.shape == (*y.shape[:3], 2 * logistic.channels)
    assert np.allclose(image("logistic", out), 0.5, atol=0.3)
    drawn = network.draw(noise(network, logistic), y.shape[1], y.shape[2])
    assert drawn.shape == out.shape


def test_levels_have_the_steps_that_are_asked_for():
    network = build_network(NETWORKS[5])
    assert network.latent_shapes(12, 12) == [(1, 1, 5), (6, 6, 3), (6, 6, 2)]
    default = build_network(TINY)
    assert default.latent_shapes(16, 24) == [(4, 6, 4), (8, 12, 4)]


def test_one_vector_makes_every_pixel_of_the_first_map_its_own():
    layer = Upsample(3, 4)
    maps = layer(tf.random.stateless_normal([1, 1, 1, 6], [1, 2])).numpy()[0]
    assert len(np.unique(maps.reshape(16, 3), axis=0)) == 16


@pytest.mark.parametrize("config", NETWORKS)
def test_weights_have_names_of_their_own(config):
    network = build_network(config)
    assert len(named(network.variables)) == len(network.variables)


@pytest.mark.parametrize("config", [c for c in NETWORKS if not c.residual])
def test_all_that_y_says_passes_through_the_latents(config):
    network = build_network(config)
    y = batch(config)
    out, _, latents = network.infer(y)
    again = network.decode(latents, y.shape[1], y.shape[2])
    assert np.array_equal(out, again)


def test_without_y_the_residual_leaves_what_the_latents_say():
    config = NETWORKS[1]
    network = build_network(config)
    y = batch(config)
    out, _, latents = network.infer(y)
    alone = network.decode(latents, 16, 16)
    assert np.allclose(out, alone - 0.5 + y, atol=1e-6)


def test_the_posterior_mean_is_deterministic_and_noise_matters():
    network = build_network(TINY)
    y = batch(TINY)
    mean = network.infer(y)[0]
    assert np.array_equal(mean, network.infer(y)[0])
    zeros = [0.0 * e for e in noise(network, TINY)]
    assert np.allclose(mean, network.infer(y, None, zeros)[0], atol=1e-6)
    assert not np.allclose(mean, network.infer(y, None, noise(network, TINY))[0])


def test_latents_of_an_image_stay_within_the_bound():
    free, bound = (
        build_network(dataclasses.replace(TINY, latent_bound=limit))
        for limit in (0.0, 1.5)
    )
    # Scales of the prior that run away, as on patterns that nobody trained on.
    for network in (free, bound):
        for name, variable in named(network.variables).items():
            is_scale = name.startswith("prior") and name.endswith("bias")
            value = tf.random.stateless_normal(variable.shape, [3, 4]) * 0.3
            variable.assign(value + 3.0 * is_scale)
    y = tf.random.stateless_uniform([1, 16, 16, 3], [1, 2])
    epsilons = [tf.ones([1, *shape]) for shape in bound.latent_shapes(16, 16)]
    for given in (None, epsilons):
        wild = free.infer(y, epsilons=given)[2]
        tame, _, latents = bound.infer(y, epsilons=given)
        assert max(np.abs(z).max() for z in wild) > 3
        assert max(np.abs(z).max() for z in latents) == 1.5
        # What is decoded are the latents that are told, so files of them give the same.
        np.testing.assert_array_equal(bound.decode(latents, 16, 16), tame)
    # Nor do draws leave it: an interpolation draws what an image was told as.
    far, farther = (
        bound.draw([factor * e for e in epsilons], 16, 16) for factor in (1e4, 1e5)
    )
    np.testing.assert_array_equal(far, farther)


def test_an_unknown_noise_level_is_not_zero_noise():
    network = build_network(TINY)
    y = batch(TINY, 1)
    unknown = network.infer(y, tf.constant([-1.0]))[0]
    assert np.array_equal(unknown, network.infer(y)[0])
    assert not np.array_equal(unknown, network.infer(y, tf.constant([0.0]))[0])


@pytest.mark.parametrize("name", [n for n in PRESETS if n != "look"])
def test_presets_build_and_draw(name):
    config = PRESETS[name].model
    network = build_network(config)
    side = config.image_size or stride(config)
    shapes = network.latent_shapes(side, side)
    drawn = network.draw([tf.zeros([1, *s]) for s in shapes], side, side)
    assert drawn.shape == (1, side, side, config.channels)
    assert np.isfinite(drawn).all()
