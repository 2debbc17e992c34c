"""The agreement of an enlarged image with the small one, against Pillow's filter."""

from __future__ import annotations

import numpy as np
import pytest

from vaenhance.runtime import import_tensorflow

tf = import_tensorflow()

from vaenhance.config import ObjectiveConfig  # noqa: E402
from vaenhance.data import codec  # noqa: E402
from vaenhance.model import agreement  # noqa: E402
from vaenhance.model.objective import evidence  # noqa: E402

RNG = np.random.default_rng(0)
SCALES = (2, 3, 4)
LEAST = 0.5 * np.log(2 * np.pi * agreement.FLOOR**2)


def pair(scale: int, side: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Two clean images and what Pillow makes of them on 8 bits."""
    large = codec.to_size(
        RNG.random((5, 5, 6), np.float32), (scale * side,) * 2, "bicubic"
    )
    x = np.clip(large.reshape(scale * side, scale * side, 2, 3), 0.1, 0.9)
    x = np.ascontiguousarray(x.transpose(2, 0, 1, 3))
    y = [codec.to_size(image, (side, side), "bicubic", is_8_bit=True) for image in x]
    return x, np.stack(y)


@pytest.mark.parametrize("scale", SCALES)
def test_the_filter_is_pillows(scale):
    x = RNG.random((1, 10 * scale, 12 * scale, 3), np.float32)
    expected = codec.to_size(x[0], (10, 12), "bicubic")[2:-2, 2:-2]
    found = agreement._shrunk(tf.constant(x), scale).numpy()[0]
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize("scale", SCALES)
def test_what_shrinks_to_y_pays_nothing_more_than_the_floor(scale):
    x, y = pair(scale)
    penalty = agreement.agreement_penalty(x, y, x).numpy()
    assert penalty == pytest.approx([LEAST] * 2, abs=0.1)


@pytest.mark.parametrize("scale", SCALES)
def test_detail_that_y_does_not_show_costs_little_and_a_wrong_tone_much(scale):
    x, y = pair(scale)
    checks = 0.05 * (-1.0) ** np.indices(x.shape)[1:3].sum(axis=0)
    fine = agreement.agreement_penalty(x, y, (x + checks).astype(np.float32)).numpy()
    tone = agreement.agreement_penalty(x, y, x + np.float32(0.05)).numpy()
    assert fine == pytest.approx([LEAST] * 2, abs=0.3)
    assert tone == pytest.approx([0.5 * np.log(2 * np.pi * 0.05**2)] * 2, abs=0.1)


def test_a_damaged_small_image_need_not_be_agreed_with():
    x, y = pair(2)
    y[1] += RNG.normal(0, 3 / 255, y[1].shape).astype(np.float32)
    first, second = agreement.agreement_penalty(x, y, x + np.float32(0.05)).numpy()
    assert first > LEAST + 1
    assert second == 0


def test_the_loss_has_the_term_with_its_weight_and_only_for_enlargement():
    x, y = pair(2)
    mean, kl = x + np.float32(0.02), [tf.constant([2.0, 3.0])]

    def loss(weight: float, small: np.ndarray) -> float:
        config = ObjectiveConfig(agreement=weight)
        return float(evidence("gaussian", config, x, mean, kl, 1.0, small).loss)

    term = agreement.agreement_penalty(x, y, mean).numpy().mean()
    assert loss(0.5, y) - loss(0.0, y) == pytest.approx(0.5 * term, rel=1e-4)
    assert loss(0.5, x) == loss(0.0, x)


def test_its_gradient_is_finite_where_nothing_is_wrong():
    x, y = pair(4)
    mean = tf.Variable(x)
    with tf.GradientTape() as tape:
        penalty = tf.reduce_sum(agreement.agreement_penalty(x, y, mean))
    assert np.isfinite(tape.gradient(penalty, mean).numpy()).all()
