"""The terms of the ELBO against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vaenhance.runtime import import_tensorflow

tf = import_tensorflow()

from vaenhance.config import ObjectiveConfig  # noqa: E402
from vaenhance.model.objective import (  # noqa: E402
    bernoulli_log_likelihood,
    evidence,
    gaussian_log_likelihood,
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


def test_loss_is_minus_elbo_per_dimension():
    kl = [tf.constant([3.0, 5.0]), tf.constant([1.0, 1.0])]
    terms = evidence("gaussian", ObjectiveConfig(), X, X + 0.1, kl, 0.5)
    elbo = terms.log_likelihood.numpy() - 0.5 * np.array([4.0, 6.0])
    assert terms.loss.numpy() == pytest.approx(-elbo.mean() / 48, rel=1e-5)


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
