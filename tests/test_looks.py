"""Training pairs of looks: shapes, seeds, what is told, and transferred colours."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vaenhance.color import to_lab
from vaenhance.config import LookConfig
from vaenhance.data.light import Change, changed, changed_extremes
from vaenhance.data.looks import (
    CORRECT,
    KEEP,
    SPARSE,
    draw_pair,
    draw_thumbnail,
    sparse,
    transferred,
)

LIGHT = LookConfig(style=0.0)
STYLE = LookConfig(style=1.0)


def photograph(seed: int, shape=(90, 120, 3)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (9, 12, shape[2]))
    image = coarse.repeat(10, axis=0).repeat(10, axis=1)[: shape[0], : shape[1]]
    return image.astype(np.uint8)


def pair(config: LookConfig, seed: int = 0, channels: int = 3):
    image, other = photograph(1, (90, 120, channels)), photograph(2)
    return draw_pair(image, other, 32, config, np.random.default_rng(seed))


@pytest.mark.parametrize("config", [LIGHT, STYLE, LookConfig()])
@pytest.mark.parametrize("channels", [1, 3])
def test_pairs_have_their_shapes_ranges_and_seeds(config, channels) -> None:
    for seed in range(12):
        x, y, told = pair(config, seed, channels)
        again = pair(config, seed, channels)
        assert x.shape == (32, 32, 3)
        assert y.shape == (32, 32, 6)
        assert x.dtype == y.dtype == np.float32
        assert min(x.min(), y.min()) >= 0
        assert max(x.max(), y.max()) <= 1
        assert told in (CORRECT, KEEP)
        assert all(np.array_equal(a, b) for a, b in zip((x, y), again, strict=False))


def test_light_is_its_own_reference_and_part_of_it_is_unchanged() -> None:
    unchanged = 0
    for seed in range(60):
        x, y, told = pair(LIGHT, seed)
        assert told == CORRECT
        assert np.array_equal(y[..., :3], y[..., 3:])
        # In the middle of y stand the extremes.
        unchanged += np.array_equal(x[:10], y[:10, ..., :3])
    assert 4 <= unchanged <= 24  # a fifth of them
    all_good = dataclasses.replace(LIGHT, unchanged=1.0)
    x, y, _ = pair(all_good)
    assert np.array_equal(x[:10], y[:10, ..., :3])


def test_a_style_of_the_same_photograph_changes_both_windows_alike() -> None:
    own = dataclasses.replace(STYLE, foreign=0.0, haze=(0.7, 0.7), single=1.0)
    told = {pair(own, seed)[2] for seed in range(10)}
    assert told == {KEEP}
    # Haze lifts the blacks of what is wanted and of the reference by the same.
    found = [pair(own, seed)[:2] for seed in range(40)]
    hazy = [(x.min(), y[..., 3:].min()) for x, y in found if x.min() > 0.3]
    assert hazy
    assert np.allclose([a for a, _ in hazy], [b for _, b in hazy], atol=0.08)


def test_transfer_takes_over_the_mean_and_spread_of_colours() -> None:
    x = photograph(3).astype(np.float32) / 255 * 0.5 + 0.25
    reference = photograph(4).astype(np.float32) / 255 * 0.3 + [0.4, 0.3, 0.2]
    result = transferred(x, reference.astype(np.float32))
    assert result.shape == x.shape
    assert result.dtype == np.float32

    def statistics(image):
        lab = to_lab(image).reshape(-1, 3)
        return np.concatenate([lab.mean(0), lab.std(0)])

    before = np.linalg.norm(statistics(x) - statistics(reference))
    after = np.linalg.norm(statistics(result) - statistics(reference))
    assert after < 0.2 * before


def test_transfer_to_itself_changes_little_and_grays_stay_so() -> None:
    x = photograph(5).astype(np.float32) / 255
    assert np.abs(transferred(x, x) - x).mean() < 0.02
    gray = np.repeat(x[..., :1], 3, axis=-1)
    assert np.ptp(transferred(gray, gray), axis=-1).max() < 1e-3


def test_sparse_pixels_are_those_of_y() -> None:
    x, y, told = sparse(pair(dataclasses.replace(LIGHT, unchanged=1.0)))
    assert x.shape == (32 // SPARSE, 32 // SPARSE, 3)
    assert np.array_equal(x, y[SPARSE // 2 :: SPARSE, SPARSE // 2 :: SPARSE, :3])
    assert told == CORRECT


def test_a_thumbnail_is_pixels_of_a_window_and_its_extremes() -> None:
    image = photograph(6)
    picture, extremes, _ = draw_thumbnail(image, 16, np.random.default_rng(0))
    known = {tuple(pixel) for pixel in image.reshape(-1, 3)}
    found = {
        tuple(pixel) for pixel in np.rint(picture * 255).astype(int).reshape(-1, 3)
    }
    assert found <= known
    assert extremes.shape == (2, 3)
    assert (extremes[0] <= picture.min(axis=(0, 1)) + 1e-6).all()
    assert (extremes[1] >= picture.max(axis=(0, 1)) - 1e-6).all()


def test_extremes_change_as_the_pixels_do() -> None:
    x = photograph(7).astype(np.float32) / 255
    extremes = np.stack([x.min(axis=(0, 1)), x.max(axis=(0, 1))])
    for change in (Change(stops=-2.0), Change(gamma=0.5), Change(black=0.1)):
        y = changed(x, change, np.random.default_rng(0))
        expected = np.stack([y.min(axis=(0, 1)), y.max(axis=(0, 1))])
        assert np.allclose(changed_extremes(extremes, change), expected, atol=1e-6)
    quiet, noisy = (
        changed_extremes(extremes, Change(stops=-2.0, noise=n)) for n in (0.0, 1e-3)
    )
    assert (noisy[1] > quiet[1]).all()
    assert (noisy[0] <= quiet[0]).all()
    assert changed_extremes(extremes, Change()) is extremes
