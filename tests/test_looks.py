"""Training pairs of looks: shapes, seeds, what is told, and transferred colours."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vaenhance.color import to_lab
from vaenhance.config import LookConfig
from vaenhance.data.looks import (
    CORRECT,
    KEEP,
    SPARSE,
    draw_pair,
    shrunken,
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
        unchanged += np.array_equal(x, y[..., :3])
    assert 4 <= unchanged <= 24  # a fifth of them
    all_good = dataclasses.replace(LIGHT, unchanged=1.0)
    x, y, _ = pair(all_good)
    assert np.array_equal(x, y[..., :3])


def test_a_style_of_the_same_photograph_changes_both_windows_alike() -> None:
    own = dataclasses.replace(STYLE, foreign=0.0, haze=(0.7, 0.7), single=1.0)
    told = {pair(own, seed)[2] for seed in range(10)}
    assert told == {KEEP}
    # Haze lifts the blacks of what is wanted and of the reference by the same.
    found = [pair(own, seed)[:2] for seed in range(40)]
    hazy = [(x.min(), y[..., 3:].min()) for x, y in found if x.min() > 0.3]
    assert hazy
    assert np.allclose([a for a, _ in hazy], [b for _, b in hazy], atol=0.05)


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


def test_shrunken_photographs_keep_their_mean_and_small_ones_everything() -> None:
    image = photograph(6).repeat(4, axis=0).repeat(4, axis=1)
    small = shrunken(image, 30)
    assert small.shape == (60, 80, 3)
    assert small.mean() == pytest.approx(image.mean(), abs=0.6)
    assert shrunken(photograph(6), 64) is not None
    assert shrunken(photograph(6), 64).shape == (90, 120, 3)
