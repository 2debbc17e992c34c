"""Steps of the optimisers: their size, their direction, which weights take which."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.tiny import tiny_config
from tests.tiny_look import LOOK_MODEL
from vaenhance.runtime import import_tensorflow

tf = import_tensorflow()
import keras  # noqa: E402 - the runtime has silenced TensorFlow by now

from vaenhance.config import TrainingConfig  # noqa: E402
from vaenhance.model.build import build_network, named  # noqa: E402
from vaenhance.model.optimizer import (  # noqa: E402
    MUON_STEP,
    NEWTON_SCHULZ,
    build_optimizer,
    orthogonalise,
)


@pytest.mark.parametrize("shape", [(12, 12), (72, 8), (8, 40)])
def test_orthogonalised_steps_keep_directions_and_lose_sizes(shape):
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=shape).astype(np.float32)
    matrix[:, 0] *= 10  # one direction much stronger than the others
    found = orthogonalise(tf.constant(matrix)).numpy()
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    sizes = np.linalg.svd(found, compute_uv=False)
    assert found.shape == shape
    assert sizes.min() > 0.5
    assert sizes.max() < 1.4
    assert np.sum(found * (u @ v)) / np.linalg.norm(found) / np.sqrt(len(v)) > 0.95


@pytest.mark.parametrize("shape", [(40, 12), (12, 40)])
def test_the_short_way_gives_the_published_iteration(shape):
    rng = np.random.default_rng(5)
    u, s, v = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    matrix = (u * np.logspace(0, -4, len(s))) @ v
    x = matrix / np.linalg.norm(matrix)
    a, b, c = NEWTON_SCHULZ
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    found = orthogonalise(tf.constant(matrix, tf.float32)).numpy()
    np.testing.assert_allclose(found, x, atol=1e-3 * np.abs(x).max())


def trained(config: TrainingConfig, name: str, shape, gradient) -> np.ndarray:
    """Returns by how much one step changes a weight."""
    with tf.device("CPU"):
        layer = keras.layers.Layer(name=name)
        weight = layer.add_weight(shape=shape, initializer="zeros", name="kernel")
        optimizer = build_optimizer(config)
        optimizer.build([weight])
        optimizer.apply([tf.constant(gradient)], [weight])
    return weight.numpy()


def test_which_weights_take_which_step():
    told = {"classes": ("a", "b"), "context_blocks": (1, 1), "prior_width": 4}
    looks = dataclasses.replace(LOOK_MODEL, exponents=5)
    optimizer = build_optimizer(TrainingConfig(optimizer="muon"))
    words = ("stem", "head", "prior", "posterior")
    for model in (tiny_config(model=told).model, looks):
        for name, variable in named(build_network(model).variables).items():
            is_adams = len(variable.shape) == 1 or any(word in name for word in words)
            assert optimizer._should_use_adamw(variable) == is_adams, name
    # No kernels, and so it has been: runs that are gone on with depend on it.
    ladder = named(build_network(tiny_config(model=told).model).variables)
    for name in ("start", "context0/class/gain", "context1/class/bias"):
        assert not optimizer._should_use_adamw(ladder[name])


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_muon_steps_are_of_one_size_whatever_the_gradients(scale):
    rng = np.random.default_rng(0)
    gradient = scale * rng.normal(size=(3, 3, 16, 24)).astype(np.float32)
    config = TrainingConfig(optimizer="muon", learning_rate=0.01)
    step = trained(config, "decoder", gradient.shape, gradient)
    root_mean_square = np.sqrt(np.mean(step**2))
    assert root_mean_square == pytest.approx(0.01 * MUON_STEP, rel=0.25)
    assert np.sum(step * gradient) < 0


@pytest.mark.parametrize(
    ("name", "shape"),
    [("stem", (3, 3, 4, 8)), ("decoder", (8,)), ("head", (1, 1, 8, 3))],
)
def test_the_other_weights_take_adams_step(name, shape):
    rng = np.random.default_rng(1)
    gradient = rng.normal(size=shape).astype(np.float32)
    muon = TrainingConfig(optimizer="muon", learning_rate=0.01)
    adam = TrainingConfig(optimizer="adam", learning_rate=0.01)
    np.testing.assert_allclose(
        trained(muon, name, shape, gradient),
        trained(adam, name, shape, gradient),
        rtol=1e-3,
    )
