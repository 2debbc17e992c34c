"""The colour transform: monotone, smooth, neutral, local in nothing but its gains."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.tiny_transform import IDENTITY
from vaenhance import grading, thumbnails
from vaenhance.grading import Transform


def any_transform(seed: int, neutral: bool = False) -> Transform:
    """A strong transform: slopes of 0.3 to 2.7, gains up to 2 stops."""
    rng = np.random.default_rng(seed)
    slopes = np.exp(rng.uniform(-1.2, 0.5, (3, 9))).astype(np.float32)
    offsets = rng.uniform(-0.1, 0.1, 3).astype(np.float32)
    matrix = np.eye(3) + 0.3 * rng.uniform(0, 1, (3, 3))
    low = rng.uniform(0, 0.1, 3).astype(np.float32)
    return Transform(
        low=np.repeat(low[:1], 3) if neutral else low,
        high=np.full(3, 0.9, np.float32),
        slopes=np.repeat(slopes[:1], 3, axis=0) if neutral else slopes,
        offsets=np.repeat(offsets[:1], 3) if neutral else offsets,
        matrix=(matrix / matrix.sum(1, keepdims=True)).astype(np.float32),
        gains=rng.uniform(-2, 2, (6, 6)).astype(np.float32),
        tone=np.exp(rng.uniform(-1, 1, 9)).astype(np.float32),
        tone_offset=0.02,
    )


def noise_image(dtype, shape=(61, 83, 3)) -> np.ndarray:
    rng = np.random.default_rng(1)
    if dtype == np.float32:
        return rng.random(shape, np.float32)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


DTYPES = [np.uint8, np.uint16, np.float32]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_identity_gives_the_input_back(dtype) -> None:
    image = noise_image(dtype)
    result = grading.apply(image, IDENTITY)
    assert result.dtype == dtype
    largest = np.iinfo(dtype).max if dtype != np.float32 else 1
    error = np.abs(result.astype(float) - image).max() / largest
    assert error <= {np.uint8: 0, np.uint16: 2 / 65535, np.float32: 1e-4}[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
def test_strength_0_gives_exactly_the_input(dtype) -> None:
    image = noise_image(dtype)
    assert np.array_equal(grading.apply(image, any_transform(0), 0.0), image)


def test_eight_bits_are_the_same_with_a_table_of_what_is_stored() -> None:
    image, transform = noise_image(np.uint8), any_transform(2)
    nearly = float(np.nextafter(np.float32(1), np.float32(0)))  # blended instead
    assert np.array_equal(
        grading.apply(image, transform), grading.apply(image, transform, nearly)
    )


def test_a_stretch_is_that_of_pillow() -> None:
    image = (noise_image(np.uint8) // 3 + [40, 60, 20]).astype(np.uint8)
    low, high = thumbnails.extreme_values(image).astype(np.float32) / np.float32(255)
    stretch = dataclasses.replace(IDENTITY, low=low, high=high)
    expected = np.asarray(ImageOps.autocontrast(Image.fromarray(image)))
    difference = grading.apply(image, stretch).astype(int) - expected
    assert np.abs(difference).max() <= 1  # Pillow cuts what it should round


def test_strips_and_threads_give_the_same_pixels_as_the_whole(monkeypatch) -> None:
    image, transform = noise_image(np.uint8), any_transform(1)
    whole = grading.apply(image, transform, threads=1)
    monkeypatch.setattr(grading, "STRIP_PIXELS", 200)
    assert np.array_equal(grading.apply(image, transform, threads=3), whole)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("power", [0.0, -0.7, 0.7])
def test_brighter_stays_brighter_in_every_gray_and_16_bits_stay_smooth(
    seed, power
) -> None:
    transform = dataclasses.replace(
        any_transform(seed, neutral=True),
        gains=np.full((6, 6), 0.3, np.float32),
        power=power,
    )
    ramp = np.arange(65536, dtype=np.uint16)
    image = np.repeat(ramp.reshape(256, 256, 1), 3, axis=2)
    result = grading.apply(image, transform).reshape(-1, 3).astype(int)
    assert np.ptp(result, axis=1).max() <= 3  # gray stays gray, of 65535
    steps = np.diff(result[:, 1])
    assert steps.min() >= 0
    # No bands: a step is what the slope asks for, give or take two of 65535.
    smooth = np.convolve(steps, np.ones(33) / 33, "same")
    middle = (result[:, 1] > 700) & (result[:, 1] < 64000)
    assert middle.sum() > 10000
    # Taking a power back is steep at black, more so than the mean of 33 steps tells.
    middle[: 400 if power else 40] = middle[-40:] = False
    assert (np.abs(steps - smooth) <= 2 + 0.1 * smooth)[middle[:-1]].all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_a_power_is_taken_back_and_keeps_black_white_and_grays(dtype, strength) -> None:
    """Whatever the strength is: that of the power is in the power."""
    ramp = noise_image(dtype)
    ramp[0, :2] = [[0] * 3, [1 if dtype == np.float32 else np.iinfo(dtype).max] * 3]
    ramp[1] = ramp[1, :, :1]
    largest = 1 if dtype == np.float32 else np.iinfo(dtype).max
    for power in (-0.8, 0.5):
        undo = dataclasses.replace(IDENTITY, power=power)
        result = grading.apply(ramp, undo, strength)
        expected = (ramp / largest) ** 2.0**-power
        error = np.abs(result / largest - expected).max()
        assert error <= (0.51 / 255 if dtype == np.uint8 else 2e-4)
        assert np.allclose(result[0, :2], ramp[0, :2], rtol=1e-5)
        assert np.ptp(result[1].astype(float), axis=-1).max() == 0


def test_every_colour_follows_its_own_curve_monotonously() -> None:
    transform = dataclasses.replace(
        any_transform(3), matrix=np.eye(3, dtype=np.float32)
    )
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    result = grading.apply(ramp, dataclasses.replace(transform, gains=np.zeros((6, 6))))
    assert (np.diff(result[0].astype(int), axis=0) >= 0).all()


def test_a_gain_is_stops_and_has_no_edges() -> None:
    gains = np.zeros((6, 6), np.float32)
    gains[:, 3:] = -1.0
    image = np.full((300, 600, 3), 0.5, np.float32)
    result = grading.apply(image, dataclasses.replace(IDENTITY, gains=gains))
    light = grading.to_linear(result)[150, :, 0]
    assert light[[0, -1]] == pytest.approx([0.2140, 0.1070], abs=2e-3)
    assert (np.diff(light) <= 1e-6).all()  # falls once: no halo on either side
    assert np.abs(np.diff(light, 2)).max() < 2e-4  # and no crease


def test_curves_are_the_integral_of_their_slopes() -> None:
    slopes = np.exp(np.random.default_rng(2).normal(size=9))
    s = np.linspace(0, 1, 4001)
    dense = np.interp(s, np.linspace(0, 1, 9), slopes)
    integral = np.concatenate([[0], np.cumsum((dense[1:] + dense[:-1]) / 2)]) / 4000
    assert np.allclose(grading.curve(s, slopes, 0.1), 0.1 + integral, atol=1e-6)
    beyond = grading.curve(np.array([-0.1, 1.1]), slopes, 0.0)
    assert beyond == pytest.approx(
        [-0.1 * slopes[0], integral[-1] + 0.1 * slopes[-1]], abs=1e-6
    )


def test_the_domain_and_its_inverse() -> None:
    light = np.linspace(0, 4, 999)
    assert np.allclose(grading.from_domain(grading.to_domain(light)), light, atol=1e-9)
    assert grading.to_domain(np.array([1.0]))[0] == pytest.approx(1.0)


@pytest.mark.parametrize(("length", "cells"), [(1, 6), (7, 3), (96, 6), (500, 1)])
def test_spline_weights_sum_to_1(length, cells) -> None:
    weights = grading.spline(length, cells)
    assert weights.shape == (length, cells)
    assert weights.min() >= 0
    assert np.allclose(weights.sum(axis=1), 1)


@pytest.mark.parametrize("shape", [(16, 16), (480, 192), (200, 131), (5, 40), (1, 1)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_thumbnail_has_pixels_of_the_image_and_its_extremes(shape, dtype) -> None:
    image = noise_image(dtype, (*shape, 3))
    largest = np.iinfo(dtype).max if dtype != np.float32 else 1
    values = image / largest
    result = thumbnails.thumbnail(image, 16)
    assert result.shape == (16, 16, 3)
    assert result.dtype == np.float32
    assert np.allclose(result[8, 8], values.min(axis=(0, 1)), atol=1e-6)
    assert np.allclose(result[8, 9], values.max(axis=(0, 1)), atol=1e-6)
    place = int(0.5 * shape[0] / 16), int(0.5 * shape[1] / 16)
    assert np.allclose(result[0, 0], values[place], atol=1e-6)


def test_nothing_of_no_pixels() -> None:
    empty = np.zeros((0, 5, 3), np.uint8)
    assert grading.apply(empty, IDENTITY).shape == (0, 5, 3)
