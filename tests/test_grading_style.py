"""Styles: measured colours, their means, and transforms bent until they are met."""

from __future__ import annotations

import numpy as np
import pytest

from tests.test_grading import IDENTITY, any_transform
from vaenhance import grading
from vaenhance.color import to_lab
from vaenhance.grading_style import (
    Style,
    between,
    matched,
    mean_style,
    measured,
    statistics,
)


def picture(seed: int, low=0.1, high=0.9) -> np.ndarray:
    """Patches of colour with some structure, float32."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(low, high, (8, 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
    fine = rng.normal(0, 0.03, (64, 64, 3))
    return np.clip(coarse + fine, 0, 1).astype(np.float32)


def result_of(image: np.ndarray, wanted: np.ndarray, start=IDENTITY) -> np.ndarray:
    return grading.apply(image, matched(start, image, wanted))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("start", [IDENTITY, any_transform(3)], ids=["same", "any"])
def test_colours_of_the_reference_are_met(seed, start) -> None:
    image = picture(seed)
    wanted = statistics(picture(seed + 10, 0.2, 0.7) * np.float32([1.0, 0.8, 0.6]))
    before = np.linalg.norm(statistics(image) - wanted)
    after = np.linalg.norm(statistics(result_of(image, wanted, start)) - wanted)
    assert after < 0.25 * before


def test_colours_that_are_there_already_change_nearly_nothing() -> None:
    image = picture(1)
    assert np.abs(result_of(image, statistics(image)) - image).max() < 0.01


def test_impossible_colours_leave_a_sound_transform() -> None:
    image = picture(2)
    for wanted in (
        [0, 90, -90, 60, 80, 80],
        [100, 0, 0, 0, 0, 0],
        [50, 0, 0, 99, 0, 0],
    ):
        found = matched(IDENTITY, image, np.array(wanted, np.float32))
        for part in (found.slopes, found.tone):
            assert part.min() > 0.1
            assert part.max() < 6
        assert np.allclose(found.matrix.sum(axis=1), 1, atol=1e-5)
        ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
        rises = np.diff(grading.apply(ramp, found)[0].astype(int).sum(axis=-1))
        assert rises.min() >= 0


def test_one_colour_has_a_style_too() -> None:
    flat = np.full((8, 8, 3), 0.5, np.float32)
    wanted = statistics(picture(3))
    assert np.isfinite(result_of(flat, wanted)).all()
    gray = result_of(picture(4), statistics(flat))
    assert to_lab(gray)[..., 1:].std() < 0.6 * to_lab(picture(4))[..., 1:].std()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_measuring_knows_every_depth_and_size(dtype) -> None:
    image = np.repeat(np.repeat(picture(5), 9, axis=0), 9, axis=1)
    largest = np.iinfo(dtype).max if dtype != np.float32 else 1
    stored = (image * largest).astype(dtype)
    assert np.allclose(measured(stored), statistics(image), atol=0.7)


def test_means_and_ways_between_styles() -> None:
    first = Style(np.float32([1, 0]), np.arange(6, dtype=np.float32))
    second = Style(np.float32([0, 1]), np.full(6, 10, np.float32))
    mean = mean_style([first, second])
    assert mean.look == pytest.approx([0.5, 0.5])
    assert mean.colours == pytest.approx((first.colours + 10) / 2)
    for method in ("linear", "spherical"):
        start, end = (between(first, second, part, method) for part in (0.0, 1.0))
        assert np.allclose(start.look, first.look)
        assert np.allclose(end.look, second.look)
        assert np.allclose(end.colours, 10)
    half = between(first, second, 0.5, "spherical")
    assert np.linalg.norm(half.look) == pytest.approx(1.0)
    assert np.allclose(half.colours, mean.colours)
