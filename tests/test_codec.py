"""JPEG and resampling of training images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.damage import RAMP, TEXTURE, rng
from vaenhance.data.blur import gaussian_blur
from vaenhance.data.codec import (
    ENLARGING,
    SHRINKING,
    half_chroma,
    jpeg,
    resample,
    resize,
)
from vaenhance.data.pixels import LUMA, to_8_bit
from vaenhance.metrics import psnr

SMOOTH = gaussian_blur(TEXTURE, 2.0)


def block_steps(x: np.ndarray) -> np.ndarray:
    """Mean difference of neighbouring columns, by the place of the column modulo 8."""
    steps = np.abs(np.diff(x.mean(axis=-1), axis=1)).mean(axis=0)
    return np.array([steps[place::8].mean() for place in range(8)])


def test_jpeg_quality_orders_the_error():
    errors = [np.mean((jpeg(TEXTURE, q) - TEXTURE) ** 2) for q in (10, 50, 95)]
    assert errors[0] > errors[1] > errors[2] > 0


def test_jpeg_gives_8_bits():
    y = jpeg(TEXTURE * 1.5 - 0.2, 30)
    assert y.shape == TEXTURE.shape
    assert y.dtype == np.float32
    assert np.array_equal(y, to_8_bit(y))


def test_jpeg_subsampling_costs_colour_only():
    colour = np.zeros((32, 32, 3), np.float32)
    colour[:, ::2, 0] = 1.0
    full, half = (
        np.mean((jpeg(colour, 95, s) - colour) ** 2) for s in ("4:4:4", "4:2:0")
    )
    assert half > 4 * full
    gray = rng().random((32, 32, 1), np.float32)
    assert jpeg(gray, 90).shape == gray.shape


@pytest.mark.parametrize("offset", [0, 3, 7])
def test_the_block_grid_lies_where_it_should(offset):
    y = jpeg(RAMP, 5, "4:4:4", (0, offset))
    # Blocks of a steep ramp at quality 5 meet in steps; the step between columns
    # 7 and 8 of the padded image is the one at 7 - offset here.
    assert np.argmax(block_steps(y)) == (7 - offset) % 8


def test_an_offset_changes_the_blocks_and_not_the_place():
    first, second = (jpeg(SMOOTH, 60, "4:4:4", o) for o in ((0, 0), (5, 3)))
    assert first.shape == second.shape == SMOOTH.shape
    assert not np.array_equal(first, second)
    for y in (first, second):
        error = np.mean((y - SMOOTH) ** 2)
        assert error < np.mean((np.roll(y, 1, axis=0) - SMOOTH) ** 2)
        assert error < np.mean((np.roll(y, 1, axis=1) - SMOOTH) ** 2)


@settings(max_examples=30)
@given(st.floats(0.5, 0.99), st.sampled_from(SHRINKING), st.sampled_from(ENLARGING))
def test_resampling_blurs_and_does_not_shift(factor, shrinking, enlarging):
    x = to_8_bit(SMOOTH)
    y = resample(x, factor, shrinking, enlarging)
    assert y.shape == x.shape
    assert y.dtype == np.float32
    assert y.mean() == pytest.approx(x.mean(), abs=1e-3)
    # Where a shifted copy would fit better, there is a shift: half a pixel each way.
    for axis in (0, 1):
        forth = np.mean((y - (x + np.roll(x, 1, axis)) / 2)[1:, 1:] ** 2)
        back = np.mean((y - (x + np.roll(x, -1, axis)) / 2)[:-1, :-1] ** 2)
        assert forth == pytest.approx(back, rel=0.25)


def test_resampling_by_1_is_the_identity():
    assert np.array_equal(resample(RAMP, 1.0, "hamming", "bicubic"), RAMP)


def test_resampling_loses_more_the_smaller_the_factor():
    errors = [
        np.mean((resample(TEXTURE, f, "lanczos", "lanczos") - TEXTURE) ** 2)
        for f in (0.9, 0.7, 0.5)
    ]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_gray_images_keep_their_channel():
    gray = rng().random((20, 20, 1), np.float32)
    assert resample(gray, 0.5, "hamming", "bicubic").shape == gray.shape
    small = resize((gray * 255).astype(np.uint8), 8)
    assert small.shape == (8, 8, 1)
    assert small.dtype == np.uint8


# === Chroma ===


def test_half_chroma_keeps_luma_and_takes_fine_colour():
    noise = rng(0).random((32, 48, 3), np.float32)
    x = np.float32(0.4) + np.float32(0.2) * noise
    made = half_chroma(x)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made @ LUMA, x @ LUMA, atol=1e-6)

    def fine(image):
        difference = image[..., 2] - image @ LUMA
        return np.abs(np.fft.rfft2(difference))[:, -6:].mean()

    assert fine(made) < 0.15 * fine(x)


def test_half_chroma_is_what_libjpeg_leaves():
    down, right = np.mgrid[:64, :64] / 9.0
    planes = [0.5 + 0.3 * np.sin(down * a + right) for a in (0.5, 1.0, 1.5)]
    x = np.stack(planes, -1).astype(np.float32)
    x[20:40, 20:40] = (0.8, 0.2, 0.3)
    left = jpeg(x, 100, "4:2:0")
    assert psnr(half_chroma(x), left) > psnr(x, left) + 6


def test_half_chroma_leaves_gray_and_flat_colours():
    gray = np.repeat(np.random.default_rng(0).random((7, 9, 1), np.float32), 3, -1)
    np.testing.assert_allclose(half_chroma(gray), gray, atol=1e-6)
    flat = np.full((8, 6, 3), (0.9, 0.1, 0.4), np.float32)
    np.testing.assert_allclose(half_chroma(flat), flat, atol=1e-6)
