"""White Gaussian noise: stated statistics, identity at strength 0."""

from __future__ import annotations

import numpy as np
import pytest

from tests.damage import RAMP, neighbours, rng
from vaenhance.data.noise import add_gaussian_noise, add_grain


@pytest.mark.parametrize("sigma", [5 / 255, 25 / 255, 50 / 255])
def test_noise_has_the_stated_statistics(sigma):
    noise = add_gaussian_noise(RAMP, sigma, rng()) - RAMP
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 4 * sigma / np.sqrt(noise.size)
    assert noise.std() == pytest.approx(sigma, rel=0.02)


def test_noise_is_white():
    noise = add_gaussian_noise(RAMP, 0.1, rng()) - RAMP
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.05
    assert all(abs(correlation) < 0.05 for correlation in neighbours(noise))


def test_noise_is_as_strong_in_the_dark_as_in_the_light():
    noise = add_gaussian_noise(RAMP, 0.1, rng()) - RAMP
    assert noise[:, :32].std() == pytest.approx(noise[:, -32:].std(), rel=0.05)


def test_strength_zero_is_the_identity():
    assert np.array_equal(add_gaussian_noise(RAMP, 0.0, rng()), RAMP)


def test_the_image_that_is_given_stays_as_it_is():
    before = RAMP.copy()
    add_gaussian_noise(RAMP, 0.1, rng())
    assert np.array_equal(RAMP, before)


@pytest.mark.parametrize("sigma", [2 / 255, 6 / 255])
def test_grain_is_gray_and_of_the_stated_strength_at_mid_gray(sigma):
    gray = np.full((128, 128, 3), 0.5, np.float32)
    grain = add_grain(gray, sigma, rng()) - gray
    assert grain.std() == pytest.approx(sigma, rel=0.1)
    assert abs(grain.mean()) < sigma / 10
    assert np.corrcoef(grain[..., 0].ravel(), grain[..., 1].ravel())[0, 1] > 0.7


def test_grain_is_weaker_in_black_and_white_and_stays_in_the_range():
    ends = np.stack([np.zeros((64, 64, 3)), np.ones((64, 64, 3))]).astype(np.float32)
    for end in ends:
        grained = add_grain(end, 10 / 255, rng())
        assert 0.0 <= grained.min() <= grained.max() <= 1.0
        assert np.abs(grained - end).mean() < 0.3 * 10 / 255
    assert np.array_equal(add_grain(RAMP, 0.0, rng()), RAMP)
