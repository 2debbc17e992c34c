"""OpenCV's non-local means as a row of the tables."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from vaenhance import metrics
from vaenhance.workflows import baselines

needs_opencv = pytest.mark.skipif(
    importlib.util.find_spec("cv2") is None, reason="OpenCV is an extra"
)


def scene(channels: int = 3) -> np.ndarray:
    """Smooth colours with one edge, as a photograph has."""
    ramp = np.linspace(0.3, 0.6, 48, dtype=np.float32)
    image = np.stack([ramp + 0 * ramp[:, None], ramp[:, None] + 0 * ramp], axis=-1)
    image = np.concatenate([image, image[..., :1] * 0.5], axis=-1)
    image[:, 24:] += np.float32(0.25)
    return image[..., :channels].copy()


def noisy(x: np.ndarray, sigma: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    return x + np.float32(sigma / 255) * rng.standard_normal(x.shape, np.float32)


def test_a_missing_opencv_is_explained(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert 'pip install "vaenhance[benchmark]"' in str(baselines.why_missing())


@needs_opencv
def test_an_opencv_that_is_there_is_found():
    assert baselines.why_missing() is None


@needs_opencv
@pytest.mark.parametrize("channels", [1, 3])
def test_noise_goes_and_the_shape_stays(channels):
    x = scene(channels)
    y = noisy(x, 25)
    done: list[float] = []
    answer = baselines.NonLocalMeans(20, 20).enhance(y, progress=done.append)
    assert (answer.shape, answer.dtype) == (x.shape, np.float32)
    assert metrics.psnr(x, answer) > metrics.psnr(x, y) + 6
    assert sum(done) == pytest.approx(48 * 48 / 1e6)


@needs_opencv
def test_colours_are_given_in_opencvs_order():
    import cv2

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (24, 24, 3), np.uint8)
    answer = baselines.non_local_means(image, h=9, h_color=12)
    bgr = np.ascontiguousarray(image[..., ::-1])
    expected = cv2.fastNlMeansDenoisingColored(bgr, None, 9, 12, 3, 21)
    np.testing.assert_array_equal(answer, expected[..., ::-1])


@needs_opencv
@pytest.mark.parametrize("sigma", [10.0, 50.0])
def test_the_best_of_the_grid_is_taken(sigma):
    x = scene()
    examples = [(x, noisy(x, sigma))]
    best = baselines.tuned(examples, sigma)
    found = (best.template, best.h / sigma, best.h_color / sigma)
    assert found in [pytest.approx(one) for one in baselines.GRID]
    scores = [
        metrics.psnr(x, baselines.NonLocalMeans(h * sigma, c * sigma, t).enhance(y))
        for t, h, c in baselines.GRID
        for _, y in examples
    ]
    assert metrics.psnr(x, best.enhance(examples[0][1])) == max(scores)
    assert len(set(scores)) > 1


@needs_opencv
def test_without_a_noise_level_the_true_error_is_taken():
    x = scene()
    y = noisy(x, 30)
    found, told = baselines.tuned([(x, y)], None), baselines.tuned([(x, y)], 30.0)
    assert found.h == pytest.approx(told.h, rel=0.05)
    assert baselines.tuned([(x, x)], None).h > 0  # 0 would divide by 0 in OpenCV
