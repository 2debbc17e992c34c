"""PSNR, SSIM and luma against definitions, golden values and properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaenhance import metrics


def waves() -> tuple[np.ndarray, np.ndarray]:
    """Two images (16, 20, 3) from a formula, so that golden values stay valid."""
    index = np.arange(16 * 20 * 3).reshape(16, 20, 3)
    x = 0.5 + 0.4 * np.sin(index * 0.11)
    return x, x + 0.1 * np.cos(index * 1.7)


def ssim_by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """Equation 13 of Wang et al. 2004, window by window, with no shortcut."""
    offset = np.arange(-5, 6)
    weights = np.exp(-(offset[:, None] ** 2 + offset[None, :] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    found = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a = x[top : top + 11, left : left + 11]
            b = y[top : top + 11, left : left + 11]
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            var_a = (weights * (a - mean_a) ** 2).sum()
            var_b = (weights * (b - mean_b) ** 2).sum()
            cov = (weights * (a - mean_a) * (b - mean_b)).sum()
            numerator = (2 * mean_a * mean_b + 1e-4) * (2 * cov + 9e-4)
            denominator = (mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)
            found.append(numerator / denominator)
    return float(np.mean(found))


def test_psnr_follows_its_definition():
    x = np.zeros((4, 5, 3), np.float32)
    assert metrics.psnr(x, x + np.float32(0.1)) == pytest.approx(20.0, abs=1e-5)
    assert metrics.psnr(x * 255, x * 255 + 25.5, 255.0) == pytest.approx(20.0)
    assert metrics.psnr(x, x) == math.inf


def test_psnr_of_bytes_does_not_wrap_around():
    black, white = np.zeros((3, 3), np.uint8), np.full((3, 3), 255, np.uint8)
    assert metrics.psnr(black, white, 255.0) == pytest.approx(0.0)
    assert metrics.psnr(white, black, 255.0) == pytest.approx(0.0)


def test_golden_values():
    # scikit-image 0.26.0: peak_signal_noise_ratio(data_range=1) and
    # structural_similarity(gaussian_weights=True, sigma=1.5,
    # use_sample_covariance=False, data_range=1.0, channel_axis=2).
    x, y = waves()
    assert metrics.psnr(x, y) == pytest.approx(23.005826895235924, abs=1e-10)
    assert metrics.ssim(x, y) == pytest.approx(0.9071146261024845, abs=1e-12)


def test_ssim_is_its_definition_across_strips():
    rng = np.random.default_rng(0)
    x = rng.random((metrics._STRIP + 25, 13))
    y = np.clip(x + 0.2 * rng.standard_normal(x.shape), 0, 1)
    assert metrics.ssim(x, y) == pytest.approx(ssim_by_definition(x, y), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(11, 24), st.integers(11, 24), st.integers(0, 2**31))
def test_ssim_is_symmetric_and_1_only_for_equals(height, width, seed):
    rng = np.random.default_rng(seed)
    x = rng.random((height, width, 3), np.float32)
    y = rng.random((height, width, 3), np.float32)
    assert metrics.ssim(x, x) == pytest.approx(1.0, abs=1e-9)
    assert metrics.ssim(x, y) == pytest.approx(metrics.ssim(y, x), abs=1e-12)
    assert metrics.ssim(x, y) < 0.9


def test_more_noise_scores_worse():
    x, _ = waves()
    noise = np.random.default_rng(1).standard_normal(x.shape)
    for score in (metrics.psnr, metrics.ssim):
        found = [score(x, x + sigma * noise) for sigma in (0.02, 0.1, 0.3)]
        assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("score", [metrics.psnr, metrics.ssim])
def test_shapes_are_never_broadcast(score):
    with pytest.raises(ValueError, match="one shape"):
        score(np.zeros((12, 12, 3)), np.zeros((12, 12, 1)))
    with pytest.raises(ValueError, match="with pixels"):
        score(np.zeros((0, 12)), np.zeros((0, 12)))


def test_ssim_needs_a_whole_window():
    with pytest.raises(ValueError, match="11x11"):
        metrics.ssim(np.zeros((10, 40)), np.zeros((10, 40)))


def test_luma_is_matlabs_rgb2ycbcr():
    corners = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    expected = np.array([16.0, 235.0, 81.481, 144.553, 40.966]) / 255.0
    np.testing.assert_allclose(metrics.luma(corners), expected, atol=1e-12)
    assert metrics.luma(corners.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8), np.zeros(())]
)
def test_luma_refuses_what_is_not_rgb_in_0_to_1(wrong):
    with pytest.raises(ValueError, match="luma expected"):
        metrics.luma(wrong)


def test_crop_border_takes_the_same_from_each_side():
    x, _ = waves()
    np.testing.assert_array_equal(metrics.crop_border(x, 3), x[3:-3, 3:-3])
    np.testing.assert_array_equal(metrics.crop_border(x, 0), x)


@pytest.mark.parametrize("border", [-1, 8, 9])
def test_crop_border_leaves_something(border):
    x, _ = waves()
    with pytest.raises(ValueError, match=r"20x16"):
        metrics.crop_border(x, border)
