"""KL and reparameterisation against theory and against Monte Carlo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaenhance.runtime import import_tensorflow

tf = import_tensorflow()

from vaenhance.model.gaussian import (  # noqa: E402
    LOG_SCALE_BOUND,
    DiagonalGaussian,
    ResidualPosterior,
    kl_divergence,
    soft_bound,
    split_gaussian,
)


def gaussian(mean: float, log_scale: float, shape=(2, 3, 3, 4)) -> DiagonalGaussian:
    filled = [tf.fill(shape, tf.constant(v, tf.float32)) for v in (mean, log_scale)]
    return DiagonalGaussian(*filled)


values = st.floats(-2, 2, width=32)


@settings(max_examples=30, deadline=None)
@given(values, values, values, values)
def test_kl_is_never_negative_and_zero_for_equals(m1, s1, m2, s2):
    p, q = gaussian(m1, s1), gaussian(m2, s2)
    assert np.all(kl_divergence(q, p).numpy() >= -1e-4)
    assert np.allclose(kl_divergence(p, p), 0.0, atol=1e-5)


def test_kl_is_the_textbook_formula():
    q, p = gaussian(0.3, -0.5), gaussian(-0.2, 0.4)
    variance_q, variance_p = np.exp(-1.0), np.exp(0.8)
    each = 0.9 + (variance_q + 0.25) / (2 * variance_p) - 0.5
    assert np.allclose(kl_divergence(q, p), 36 * each, rtol=1e-5)


def test_kl_agrees_with_monte_carlo():
    q, p = gaussian(0.3, -0.5, (1, 1, 1, 1)), gaussian(-0.2, 0.4, (1, 1, 1, 1))
    epsilon = np.random.default_rng(0).standard_normal(200_000)
    z = 0.3 + np.exp(-0.5) * epsilon
    log_q = -0.5 * epsilon**2 + 0.5
    log_p = -0.5 * ((z + 0.2) / np.exp(0.4)) ** 2 - 0.4
    assert kl_divergence(q, p).numpy()[0] == pytest.approx(
        np.mean(log_q - log_p), abs=0.01
    )


def test_residual_form_is_the_same_posterior():
    prior = gaussian(0.7, -0.3)
    q = ResidualPosterior(
        prior, tf.fill([2, 3, 3, 4], 0.5), tf.fill([2, 3, 3, 4], -1.0)
    )
    assert np.allclose(q.gaussian.mean, 0.7 + np.exp(-0.3) * 0.5)
    assert np.allclose(q.kl_divergence(), kl_divergence(q.gaussian, prior), rtol=1e-5)


def test_the_ratio_at_a_draw_is_that_of_the_two_densities():
    rng = np.random.default_rng(4)
    shape = (3, 2, 2, 4)
    mean, scale, delta, factor, epsilon = rng.normal(0, 0.7, (5, *shape))
    prior = DiagonalGaussian(tf.constant(mean), tf.constant(scale))
    q = ResidualPosterior(prior, tf.constant(delta), tf.constant(factor))
    z = q.gaussian.sample(epsilon).numpy()

    def log_density(of: DiagonalGaussian) -> np.ndarray:
        away = (z - of.mean.numpy()) / np.exp(of.log_scale.numpy())
        return -0.5 * away**2 - of.log_scale.numpy()

    expected = (log_density(prior) - log_density(q.gaussian)).sum(axis=(1, 2, 3))
    assert np.allclose(q.log_ratio(tf.constant(epsilon)), expected)


def test_epsilon_zero_is_the_mean_and_the_scale_is_the_scale():
    q = gaussian(0.3, float(np.log(2.0)), (1, 1, 1, 50_000))
    assert np.allclose(q.sample(tf.zeros([1, 1, 1, 50_000])), 0.3)
    drawn = q.sample(tf.random.stateless_normal([1, 1, 1, 50_000], [0, 1])).numpy()
    assert drawn.mean() == pytest.approx(0.3, abs=0.05)
    assert drawn.std() == pytest.approx(2.0, abs=0.05)


def test_log_scales_are_bounded_and_float32():
    wild = tf.constant([[1e6, -1e6, 1e6, -1e6]], tf.bfloat16)
    _, log_scale = split_gaussian(wild)
    assert log_scale.dtype == tf.float32
    assert np.all(np.abs(log_scale) <= LOG_SCALE_BOUND)
    assert soft_bound(tf.constant(0.01)).numpy() == pytest.approx(0.01, rel=1e-4)
