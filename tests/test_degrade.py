"""The training pairs: kinds by their weights, ranges, told levels, seeds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.damage import RAMP, TEXTURE, rng
from vaenhance.config import PRESETS, Config, DegradationConfig
from vaenhance.data import codec
from vaenhance.data.degrade import GRID, KINDS, degrade, draw_kind
from vaenhance.data.pixels import to_8_bit
from vaenhance.errors import ConfigError

RESTORE = PRESETS["restore"].degradation


def only(kind: str, **settings) -> DegradationConfig:
    return DegradationConfig(**{**dict.fromkeys(KINDS, 0.0), kind: 3.0, **settings})


def pair(config, seed=0, crop=48, picture=RAMP):
    window = picture[: crop + GRID, : crop + GRID]
    return degrade(window, crop, config, rng(seed))


def test_kinds_come_as_often_as_their_weights_say():
    draws = rng()
    counts = Counter(draw_kind(RESTORE, draws) for _ in range(2000))
    total = sum(getattr(RESTORE, kind) for kind in KINDS)
    for kind in KINDS:
        part = getattr(RESTORE, kind) / total
        deviation = np.sqrt(2000 * part * (1 - part))
        assert abs(counts[kind] - 2000 * part) < 4 * deviation, kind


@pytest.mark.parametrize("kind", KINDS)
def test_only_ratios_of_weights_count(kind):
    draws = rng()
    assert {draw_kind(only(kind), draws) for _ in range(50)} == {kind}


def test_some_kind_must_have_a_weight():
    with pytest.raises(ConfigError, match="must be above 0"):
        Config().replace(degradation={"clean": 0.0})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_pairs_are_floats_of_the_crop(kind, channels):
    for seed in range(12):
        config = only(kind, jpeg_twice=0.5, noise_jpeg=0.5)
        x, y, told = pair(config, seed, 32, TEXTURE[..., :channels])
        for image in (x, y):
            assert image.shape == (32, 32, channels)
            assert image.dtype == np.float32
            assert image.flags.c_contiguous
            assert np.isfinite(image).all()
        assert told == -1.0
        if kind in ("jpeg", "camera", "soft"):
            assert np.array_equal(y, to_8_bit(y))
            assert not np.array_equal(x, y)


@pytest.mark.parametrize("kind", KINDS)
def test_windows_without_a_margin_will_do(kind):
    x, y, _ = degrade(RAMP[:16, :16], 16, only(kind, jpeg_twice=1.0), rng())
    assert np.array_equal(x, RAMP[:16, :16])
    assert y.shape == x.shape


@pytest.mark.parametrize("kind", KINDS)
def test_grain_belongs_to_x_and_never_lies_below_noise(kind):
    config = only(kind, grain=1.0, grain_sigma=(6.0, 6.0), jpeg_quality=(95, 95))
    x, y, _ = pair(config)
    plain, _, _ = pair(only(kind, jpeg_quality=(95, 95)))
    has_grain = not np.allclose(x, plain)
    assert has_grain == (kind in ("clean", "jpeg"))
    if has_grain:
        assert np.std(x - plain) == pytest.approx(6 / 255, rel=0.3)
        assert np.std(y - x) < np.std(y - plain)


@pytest.mark.parametrize("kind", ["jpeg", "camera", "soft"])
def test_y_shows_the_place_that_x_shows(kind):
    """Closer to x than to x shifted by a pixel, on the whole."""
    own, shifted = 0.0, 0.0
    picture = codec.jpeg(TEXTURE, 5, "4:2:0")  # big shapes, steep edges
    for seed in range(20):
        x, y, _ = pair(only(kind), seed, 48, picture)
        own += np.mean((y - x) ** 2)
        shifted += min(
            np.mean((y - np.roll(x, step, axis)) ** 2)
            for step in (-1, 1)
            for axis in (0, 1)
        )
    assert own < 0.8 * shifted


@pytest.mark.parametrize("kind", KINDS)
def test_damage_does_not_change_the_brightness(kind):
    pairs = [pair(only(kind, noise_sigma=(0, 25)), seed, 48) for seed in range(20)]
    differences = [float((y - x).mean()) for x, y, _ in pairs]
    assert abs(np.mean(differences)) < 2 / 255


def test_clean_crops_come_back_as_they_are():
    x, y, told = pair(DegradationConfig(clean=1.0))
    assert np.array_equal(x, y)
    assert told == -1.0


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_pair(kind):
    config = only(kind, noise_jpeg=0.5, jpeg_twice=0.5, noise_known=0.5)
    for seed in range(6):
        first, second = pair(config, seed), pair(config, seed)
        assert np.array_equal(first[0], second[0])
        assert np.array_equal(first[1], second[1])
        assert first[2] == second[2]
    if kind != "clean":
        assert not np.array_equal(pair(config, 0)[1], pair(config, 1)[1])


def test_another_weight_leaves_the_crops_of_the_same_kind_as_they_were():
    more = DegradationConfig(clean=1.0, noise=1.0, jpeg=0.5)
    less = DegradationConfig(clean=1.0, noise=1.0)
    same = sum(np.array_equal(pair(more, s)[1], pair(less, s)[1]) for s in range(60))
    # A fifth of the draws becomes JPEG, and another tenth goes from clean to noise.
    assert 30 <= same < 60


def test_the_told_level_is_the_level():
    config = only("noise", noise_sigma=(25.0, 25.0), unclipped=1.0, noise_known=1.0)
    x, y, told = pair(config)
    assert told == pytest.approx(25 / 255)
    assert (y - x).std() == pytest.approx(told, rel=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_levels_are_told_only_of_white_noise(kind):
    told = {pair(only(kind, noise_known=1.0), seed, 16)[2] for seed in range(8)}
    if kind == "noise":
        assert len(told) == 8
        assert min(told) >= 0
    else:
        assert told == {0.0 if kind in ("clean", "jpeg") else -1.0}
    after_jpeg = only("noise", noise_known=1.0, noise_jpeg=1.0)
    assert pair(after_jpeg)[2] == -1.0


def test_levels_are_told_as_often_as_stated():
    config = only("noise", noise_known=0.25, noise_sigma=(20, 20))
    told = sum(pair(config, seed, 8)[2] >= 0 for seed in range(400))
    assert 65 <= told <= 135  # 100 ± 4 standard deviations


def test_unclipped_crops_leave_the_range():
    strong = {"noise_sigma": (50, 50)}
    assert pair(only("noise", **strong, unclipped=1.0))[1].min() < 0.0
    y = pair(only("noise", **strong, unclipped=0.0))[1]
    assert y.min() >= 0.0
    assert np.array_equal(y, to_8_bit(y))


def test_three_tenths_of_the_crops_that_restore_sees_are_unclipped():
    picture = to_8_bit(RAMP)
    pairs = (pair(RESTORE, seed, 16, picture) for seed in range(1000))
    unclipped = sum(not np.array_equal(y, to_8_bit(y)) for x, y, _ in pairs)
    assert unclipped / 1000 == pytest.approx(0.3, abs=0.06)


def recorded(monkeypatch, config, count=20):
    """What is compressed: a list of (quality, chroma, offset) for each crop."""
    calls, crops = [], []
    original = codec.jpeg

    def record(x, quality, subsampling, offset):
        calls.append((quality, subsampling, offset))
        return original(x, quality, subsampling, offset)

    monkeypatch.setattr(codec, "jpeg", record)
    for seed in range(count):
        pair(config, seed, 16)
        crops.append(calls[:])
        calls.clear()
    return crops


def test_twice_is_two_compressions_with_other_grids(monkeypatch):
    crops = recorded(monkeypatch, only("jpeg", jpeg_twice=1.0))
    assert {len(crop) for crop in crops} == {2}
    assert {crop[0][2] for crop in crops} == {(0, 0)}
    assert len({crop[1][2] for crop in crops}) > 15
    assert sum(crop[0][0] == crop[1][0] for crop in crops) < 4
    once = recorded(monkeypatch, only("jpeg", jpeg_twice=0.0))
    assert {len(crop) for crop in once} == {1}


@pytest.mark.parametrize(
    ("kind", "key", "bounds"),
    [
        ("jpeg", "jpeg_quality", (5, 95)),
        ("noise", "jpeg_quality", (30, 40)),
        ("camera", "camera_quality", (60, 98)),
        ("soft", "soft_quality", (70, 72)),
    ],
)
def test_qualities_and_chroma_are_those_of_the_kind(monkeypatch, kind, key, bounds):
    part = {} if kind == "jpeg" else {f"{kind}_jpeg": 1.0}
    config = only(kind, **part, **{key: bounds}, chroma_420=1.0)
    crops = recorded(monkeypatch, config)
    qualities = [quality for crop in crops for quality, _, _ in crop]
    assert bounds[0] <= min(qualities) < max(qualities) <= bounds[1]
    assert {chroma for crop in crops for _, chroma, _ in crop} == {"4:2:0"}


def test_the_grid_of_one_compression_falls_anywhere_in_the_crop():
    places = set()
    for seed in range(60):
        x, _, _ = pair(only("jpeg"), seed, 16)
        # RAMP rises to the right: its corner says where the crop was cut.
        places.add(int(np.argmin(np.abs(RAMP[0, :, 0] - x[0, 0, 0]))) % 8)
    assert places == set(range(8))


def test_aligned_crops_start_at_a_corner_of_the_blocks():
    config = only("jpeg", jpeg_quality=(10, 10), chroma_420=1.0, jpeg_aligned=1.0)
    for seed in range(8):
        x, y, _ = pair(config, seed, 32)
        np.testing.assert_array_equal(x, RAMP[:32, :32])
        np.testing.assert_array_equal(y, codec.jpeg(RAMP[:32, :32], 10))


def test_some_crops_are_aligned_and_the_others_fall_anywhere():
    corners = 0
    for seed in range(400):
        x, _, _ = pair(only("jpeg", jpeg_aligned=0.5), seed, 16)
        corners += np.array_equal(x, RAMP[:16, :16])
    assert 165 < corners < 245


def test_a_part_of_the_cameras_has_coarse_noise(monkeypatch):
    steps = []

    def noted(x, camera, step, rng):
        steps.append(step)
        return x

    monkeypatch.setattr("vaenhance.data.degrade.add_coarse_noise", noted)
    config = only("camera", camera_coarse=0.5, camera_step=(1.2, 2.5))
    for seed in range(80):
        pair(config, seed, 16)
    coarse = [step for step in steps if step > 1]
    assert 25 < len(coarse) < 55
    assert 1.2 <= min(coarse) < 1.4
    assert 2.3 < max(coarse) <= 2.5


def test_soft_crops_are_softer():
    config = only(
        "soft", soft_noise=0.0, soft_jpeg=0.0, soft_blur=(1, 2), soft_scale=(0.5, 0.8)
    )
    for seed in range(30):
        x, y, _ = pair(config, seed, 48, TEXTURE)
        assert np.abs(np.diff(y, axis=1)).mean() < np.abs(np.diff(x, axis=1)).mean()


def test_soft_crops_may_be_noisy():
    settings = {"soft_jpeg": 0.0, "soft_blur": (0.3, 0.4), "soft_sigma": (10, 10)}
    flat = np.full((64, 64, 3), 0.5, np.float32)
    noisy = [
        pair(only("soft", soft_noise=0.5, **settings), seed, 48, flat)[1].std() * 255
        for seed in range(40)
    ]
    assert 8 <= sum(sigma > 1 for sigma in noisy) <= 32
    assert max(noisy) == pytest.approx(10, rel=0.05)


def test_a_softness_of_nothing_changes_nothing():
    nothing = {"soft_blur": (0, 0), "soft_motion": (0, 0), "soft_scale": (1, 1)}
    config = only("soft", soft_noise=0.0, soft_jpeg=0.0, **nothing)
    for seed in range(30):
        x, y, _ = pair(config, seed, 48, TEXTURE)
        assert y == pytest.approx(x, abs=0.501 / 255)  # y has 8 bits
