"""Degradations: range, identity at strength 0, stated statistics, seeds."""

from __future__ import annotations

import numpy as np
import pytest

from vaenhance.config import DegradationConfig
from vaenhance.data.degrade import (
    GRID,
    add_gaussian_noise,
    degrade,
    gaussian_blur,
    jpeg,
    to_8_bit,
)

RAMP = np.linspace(0.1, 0.9, 96, dtype=np.float32)[None, :, None] * np.ones(
    (96, 1, 3), np.float32
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("sigma", [5 / 255, 25 / 255, 50 / 255])
def test_noise_has_the_stated_statistics(sigma):
    noise = add_gaussian_noise(RAMP, sigma, rng()) - RAMP
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 4 * sigma / np.sqrt(noise.size)
    assert noise.std() == pytest.approx(sigma, rel=0.02)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.05


def test_strength_zero_is_the_identity():
    assert np.array_equal(add_gaussian_noise(RAMP, 0.0, rng()), RAMP)
    assert np.array_equal(gaussian_blur(RAMP, 0.0), RAMP)


def test_8_bits_are_8_bits():
    noisy = to_8_bit(add_gaussian_noise(RAMP, 0.3, rng()))
    assert noisy.min() >= 0.0
    assert noisy.max() <= 1.0
    assert np.array_equal(np.round(noisy * 255), noisy * 255)


def test_jpeg_quality_orders_the_error():
    texture = rng().random((64, 64, 3), np.float32)
    errors = [np.mean((jpeg(texture, q) - texture) ** 2) for q in (10, 50, 95)]
    assert errors[0] > errors[1] > errors[2] > 0


def test_jpeg_subsampling_costs_colour_only():
    colour = np.zeros((32, 32, 3), np.float32)
    colour[:, ::2, 0] = 1.0
    full, half = (
        np.mean((jpeg(colour, 95, s) - colour) ** 2) for s in ("4:4:4", "4:2:0")
    )
    assert half > 4 * full
    gray = rng().random((32, 32, 1), np.float32)
    assert jpeg(gray, 90).shape == gray.shape


def test_blur_keeps_the_mean_and_has_the_stated_width():
    assert np.allclose(gaussian_blur(RAMP, 1.5).mean(), RAMP.mean(), atol=1e-5)
    dot = np.zeros((61, 61, 1), np.float32)
    dot[30, 30] = 1.0
    spread = gaussian_blur(dot, 2.0)[..., 0]
    assert spread.sum() == pytest.approx(1.0, abs=1e-5)
    offsets = np.arange(61) - 30
    variance = (spread.sum(axis=0) * offsets**2).sum()
    assert np.sqrt(variance) == pytest.approx(2.0, rel=0.01)


def pair(config, seed=0, crop=48):
    return degrade(RAMP[: crop + GRID, : crop + GRID], crop, config, rng(seed))


def test_clean_crops_come_back_as_they_are():
    x, y, told = pair(DegradationConfig(clean=1.0))
    assert np.array_equal(y, to_8_bit(x)) or np.array_equal(x, y)
    assert told == -1.0


def test_the_same_seed_gives_the_same_pair():
    config = DegradationConfig(clean=0.0, noise=1.0, jpeg=0.5, noise_known=0.5)
    for seed in range(5):
        first, second = pair(config, seed), pair(config, seed)
        assert np.array_equal(first[0], second[0])
        assert np.array_equal(first[1], second[1])
        assert first[2] == second[2]
    assert not np.array_equal(pair(config, 0)[1], pair(config, 1)[1])


def test_the_told_level_is_the_level():
    config = DegradationConfig(
        clean=0.0, noise=1.0, noise_sigma=(25.0, 25.0), unclipped=1.0, noise_known=1.0
    )
    x, y, told = pair(config)
    assert told == pytest.approx(25 / 255)
    assert (y - x).std() == pytest.approx(told, rel=0.03)


def test_probabilities_are_kept():
    config = DegradationConfig(clean=0.25, noise=1.0, noise_sigma=(20, 20), unclipped=1)
    clean = sum(np.array_equal(*pair(config, seed, 16)[:2]) for seed in range(400))
    assert 70 <= clean <= 130  # 100 ± 3.5 standard deviations


def test_what_is_neither_clean_nor_noisy_is_jpeg():
    config = DegradationConfig(clean=0.0, noise=0.0, jpeg_quality=(10, 10))
    for seed in range(5):
        x, y, told = pair(config, seed)
        assert not np.array_equal(x, to_8_bit(y))
        assert np.array_equal(y, to_8_bit(y))
        assert told == -1.0


def test_unclipped_crops_leave_the_range():
    config = DegradationConfig(
        clean=0.0, noise=1.0, noise_sigma=(50, 50), unclipped=1.0
    )
    assert pair(config)[1].min() < 0.0
    clipped = DegradationConfig(
        clean=0.0, noise=1.0, noise_sigma=(50, 50), unclipped=0.0
    )
    assert pair(clipped)[1].min() >= 0.0
