"""The focal frequency distance against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vaenhance.runtime import import_tensorflow

tf = import_tensorflow()

from vaenhance.config import ObjectiveConfig  # noqa: E402
from vaenhance.model.frequency import focal_frequency, sharpness_penalty  # noqa: E402
from vaenhance.model.objective import evidence  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.random((2, 16, 12, 3), np.float32)


def wave(size: float, cycles: int) -> np.ndarray:
    """An error of one frequency along the columns, (1, 16, 12, 1)."""
    phase = 2 * np.pi * cycles * np.arange(12) / 12
    row = (size * np.sqrt(2) * np.cos(phase)).astype(np.float32)
    return np.broadcast_to(row[None, None, :, None], (1, 16, 12, 1))


def test_equal_images_have_no_distance():
    assert focal_frequency(X, X).numpy() == pytest.approx([0, 0])


def test_of_one_frequency_the_distance_is_the_squared_error():
    found = focal_frequency(X, X + wave(0.1, 3)).numpy()
    assert found == pytest.approx([0.01, 0.01], rel=1e-4)


def test_of_two_frequencies_the_larger_counts_more():
    # Mean squares 0.04 and 0.01; weights 1 and one half: their amplitudes' ratio.
    found = focal_frequency(X, X + wave(0.2, 2) + wave(0.1, 5)).numpy()
    assert found == pytest.approx([0.04 + 0.01 / 2] * 2, rel=1e-4)


def test_it_is_at_most_the_squared_error_and_worst_for_structure():
    noise = RNG.normal(0, 0.1, X.shape).astype(np.float32)
    found = focal_frequency(X, X + noise).numpy()
    squares = np.square(noise).mean(axis=(1, 2, 3))
    assert (found < 0.7 * squares).all()
    assert (found > 0).all()


def test_the_gradient_is_finite_also_where_nothing_is_wrong():
    mean = tf.Variable(X)
    with tf.GradientTape() as tape:
        penalty = tf.reduce_sum(sharpness_penalty(X, mean, 0.02))
    assert np.isfinite(tape.gradient(penalty, mean).numpy()).all()


def test_the_loss_has_the_term_and_the_likelihood_has_not():
    mean = X + wave(0.1, 3)
    kl = [tf.constant([2.0, 3.0])]
    plain, sharp = (
        evidence("gaussian", ObjectiveConfig(focal_frequency=w), X, mean, kl, 1.0)
        for w in (0.0, 0.5)
    )
    added = 0.5 * np.mean(sharpness_penalty(X, mean, 0.002).numpy())
    assert sharp.loss.numpy() - plain.loss.numpy() == pytest.approx(added, rel=1e-4)
    assert np.array_equal(sharp.log_likelihood, plain.log_likelihood)
    assert np.array_equal(sharp.squared_error, plain.squared_error)
