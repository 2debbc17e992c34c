"""The terms of the ELBO against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaenhance.runtime import import_tensorflow

tf = import_tensorflow()

from vaenhance.config import ObjectiveConfig  # noqa: E402
from vaenhance.model.objective import (  # noqa: E402
    bernoulli_log_likelihood,
    evidence,
    gaussian_log_likelihood,
    image,
    logistic_log_likelihood,
    split_logistic,
)

X = np.random.default_rng(0).random((2, 4, 4, 3), np.float32)


def test_calibrated_sigma_is_the_best_sigma():
    mean = X + 0.1
    best = gaussian_log_likelihood(X, mean, 1e-6).numpy()
    for sigma in (0.05, 0.09, 0.1, 0.11, 0.2):
        density = -0.5 * ((X - mean) / sigma) ** 2 - math.log(
            sigma * math.sqrt(2 * math.pi)
        )
        assert np.all(density.sum(axis=(1, 2, 3)) <= best + 1e-3)


def test_halving_the_error_gains_d_log_two():
    first = gaussian_log_likelihood(X, X + 0.2, 1e-6).numpy()
    second = gaussian_log_likelihood(X, X + 0.1, 1e-6).numpy()
    assert np.allclose(second - first, 48 * math.log(2), rtol=1e-4)


def test_a_perfect_match_is_finite():
    assert np.isfinite(gaussian_log_likelihood(X, X, 0.002)).all()


def test_bernoulli_is_the_cross_entropy():
    logits = np.full(X.shape, 0.7, np.float32)
    p = 1 / (1 + math.exp(-0.7))
    expected = (X * math.log(p) + (1 - X) * math.log(1 - p)).sum(axis=(1, 2, 3))
    assert np.allclose(bernoulli_log_likelihood(X, logits), expected, rtol=1e-5)


LEVELS = np.arange(256, dtype=np.float32).reshape(256, 1, 1, 1) / np.float32(255)


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.5, 1.5, width=32), st.floats(-30, 30, width=32))
def test_the_256_masses_of_a_logistic_sum_to_one(mean, raw):
    given = np.broadcast_to(np.float32([mean, raw]), (256, 1, 1, 2))
    masses = np.exp(logistic_log_likelihood(LEVELS, given).numpy().astype(np.float64))
    assert masses.sum() == pytest.approx(1.0, abs=2e-4)
    assert masses.min() >= 0.0


def test_a_logistic_has_the_masses_of_its_distribution_function():
    given = np.broadcast_to(np.float32([0.4, 1.0]), (256, 1, 1, 2))
    scale = np.exp(split_logistic(given)[1].numpy()[0, 0, 0, 0])
    ends = (np.arange(1, 256) - 0.5) / 255
    below = 1 / (1 + np.exp(-(ends - 0.4) / scale))
    expected = np.diff(np.concatenate([[0.0], below, [1.0]]))
    found = np.exp(logistic_log_likelihood(LEVELS, given).numpy())
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-7)


def test_a_logistic_has_gradients_everywhere():
    given = tf.Variable(np.float32([[0.4, 30.0], [50.0, -30.0], [-50.0, 0.0]]))
    with tf.GradientTape() as tape:
        every = tf.repeat(given[:, None, None, :], 256, axis=0)
        loss = logistic_log_likelihood(np.tile(LEVELS, (3, 1, 1, 1)), every)
    assert np.isfinite(loss).all()
    assert np.isfinite(tape.gradient(loss, given)).all()
    assert np.array_equal(image("logistic", every), every[..., :1])


def test_loss_is_minus_elbo_per_dimension():
    kl = [tf.constant([3.0, 5.0]), tf.constant([1.0, 1.0])]
    terms = evidence("gaussian", ObjectiveConfig(), X, X + 0.1, kl, 0.5)
    elbo = terms.log_likelihood.numpy() - 0.5 * np.array([4.0, 6.0])
    assert terms.loss.numpy() == pytest.approx(-elbo.mean() / 48, rel=1e-5)


def charged(balance: bool, kl: list, beta: float) -> float:
    """Returns what the loss has of the KL, in nats an image."""
    config = ObjectiveConfig(beta=1.0, balance=balance)
    both = [evidence("gaussian", config, X, X + 0.1, kl, b).loss for b in (beta, 0.0)]
    return float(48 * (both[0] - both[1]))


def test_balance_charges_the_level_that_says_much_until_beta_has_risen():
    kl = [tf.constant([3.0, 6.0]), tf.constant([1.0, 2.0])]
    # Shares 3/4 and 1/4: weights 1.5 and 0.5, half of the way 1.25 and 0.75.
    assert charged(False, kl, 0.5) == pytest.approx(0.5 * 6.0, rel=1e-3)
    assert charged(True, kl, 0.5) == pytest.approx(
        0.5 * (1.25 * 4.5 + 0.75 * 1.5), rel=1e-3
    )
    assert charged(True, kl, 1.0) == pytest.approx(6.0, rel=1e-3)


def test_balance_moves_no_weights_by_itself():
    config = ObjectiveConfig(beta=1.0, balance=True)
    kl = [tf.constant([3.0, 6.0]), tf.constant([1.0, 2.0])]
    with tf.GradientTape() as tape:
        tape.watch(kl)
        loss = evidence("gaussian", config, X, X + 0.1, kl, 0.5).loss
    found = [48 * 2 * g.numpy() for g in tape.gradient(loss, kl)]
    assert found[0] == pytest.approx([0.5 * 1.25] * 2, rel=1e-3)
    assert found[1] == pytest.approx([0.5 * 0.75] * 2, rel=1e-3)


def test_balance_bears_levels_that_say_nothing():
    kl = [tf.zeros(2), tf.zeros(2)]
    assert np.isfinite(charged(True, kl, 0.3))


def test_free_bits_are_free():
    config = ObjectiveConfig(free_bits=2.0)
    below = [tf.constant([0.5, 1.9])]
    with tf.GradientTape() as tape:
        tape.watch(below)
        loss = evidence("gaussian", config, X, X + 0.1, below, 1.0).loss
    assert np.all(tape.gradient(loss, below)[0].numpy() == 0.0)
    above = [tf.constant([2.5, 3.0])]
    with tf.GradientTape() as tape:
        tape.watch(above)
        loss = evidence("gaussian", config, X, X + 0.1, above, 1.0).loss
    assert np.all(tape.gradient(loss, above)[0].numpy() > 0.0)
