"""Blur: kernels of sum 1, centred, of the stated width; brightness and edges kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.damage import RAMP, TEXTURE
from vaenhance.data.blur import (
    convolve,
    gaussian_blur,
    gaussian_kernel,
    motion_kernel,
)

ANGLES = st.floats(0, np.pi)
SIGMAS = st.floats(0.3, 3)


def moments(kernel: np.ndarray, angle: float = 0.0) -> tuple[float, float, float]:
    """Mean, variance along and variance across the angle, pixels."""
    radius = kernel.shape[0] // 2
    down, right = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    along = right * np.cos(angle) + down * np.sin(angle)
    across = down * np.cos(angle) - right * np.sin(angle)
    mean = max(abs((kernel * along).sum()), abs((kernel * across).sum()))
    return mean, (kernel * along**2).sum(), (kernel * across**2).sum()


def dot(side: int = 41) -> np.ndarray:
    picture = np.zeros((side, side, 1), np.float32)
    picture[side // 2, side // 2] = 1.0
    return picture


@given(SIGMAS, SIGMAS, ANGLES)
def test_gaussian_kernels_neither_brighten_nor_shift(along, across, angle):
    kernel = gaussian_kernel((along, across), angle)
    assert kernel.dtype == np.float32
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert moments(kernel)[0] < 1e-5
    assert np.allclose(kernel, kernel[::-1, ::-1])


@given(st.floats(0.8, 3), st.floats(0.8, 3), ANGLES)
def test_gaussian_kernels_have_the_stated_widths(along, across, angle):
    _, found_along, found_across = moments(
        gaussian_kernel((along, across), angle), angle
    )
    # The tails beyond REACH standard deviations are missing.
    assert np.sqrt(found_along) == pytest.approx(along, rel=0.02)
    assert np.sqrt(found_across) == pytest.approx(across, rel=0.02)


@given(st.floats(0, 20), ANGLES)
def test_motion_kernels_are_lines_of_the_stated_length(length, angle):
    kernel = motion_kernel(length, angle)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    mean, along, across = moments(kernel, angle)
    assert mean < 1e-4
    # A line of even density has the variance length²/12; sharing each point out to
    # its four pixels adds 0 to 1/4 in each direction.
    assert -0.01 <= along - length**2 / 12 <= 0.26
    assert -0.01 <= across <= 0.26


def test_a_movement_to_the_right_leaves_a_line_to_the_right():
    kernel = motion_kernel(6.0, 0.0)
    middle = kernel.shape[0] // 2
    assert kernel[middle].sum() == pytest.approx(1, abs=1e-5)
    assert motion_kernel(6.0, np.pi / 2)[:, middle].sum() == pytest.approx(1, abs=1e-5)


@settings(max_examples=20)
@given(st.floats(0.3, 3), st.floats(0.3, 3), ANGLES)
def test_convolution_gives_a_point_the_shape_of_the_kernel(along, across, angle):
    kernel = gaussian_kernel((along, across), angle)
    radius, middle = kernel.shape[0] // 2, 20
    spread = convolve(dot(), kernel)[..., 0]
    own = slice(middle - radius, middle + radius + 1)
    assert np.allclose(spread[own, own], kernel, atol=1e-6)
    assert spread.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("sigma", [0.6, 1.0, 2.0])
def test_the_two_gaussians_are_the_same(sigma):
    """One line after the other, and both at once with an angle that is none."""
    at_once = convolve(TEXTURE, gaussian_kernel((sigma, sigma), 0.3))
    assert np.allclose(gaussian_blur(TEXTURE, sigma), at_once, atol=2e-3)


@pytest.mark.parametrize("sigma", [0.3, 1.2, 2.5])
def test_blur_keeps_brightness_and_flat_places(sigma):
    blurred = gaussian_blur(TEXTURE, sigma)
    assert blurred.dtype == np.float32
    assert blurred.mean() == pytest.approx(TEXTURE.mean(), abs=1e-5)
    assert blurred.std() < TEXTURE.std()
    flat = np.full((9, 9, 3), 0.3, np.float32)
    assert np.allclose(gaussian_blur(flat, sigma), flat, atol=1e-6)


def test_the_stated_width_of_the_isotropic_blur():
    spread = gaussian_blur(dot(), 2.0)[..., 0]
    assert np.sqrt(moments(spread)[1]) == pytest.approx(2.0, rel=0.01)


def test_strength_zero_is_the_identity():
    assert np.array_equal(gaussian_blur(RAMP, 0.0), RAMP)
    assert np.allclose(convolve(TEXTURE, motion_kernel(0.0, 0.7)), TEXTURE, atol=1e-6)
