"""Changes of light: nothing at 0, seeded, within the range, and what they say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vaenhance.color import LUMINANCE, to_linear
from vaenhance.config import LookConfig
from vaenhance.data import light
from vaenhance.data.light import KINDS, Change, changed, draw_change

CONFIG = LookConfig()


def photograph(seed: int = 0, shape=(24, 30, 3)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.random((6, 6, 3))
    rows, columns = (np.linspace(0, 5.99, n).astype(int) for n in shape[:2])
    return coarse[rows][:, columns].astype(np.float32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_nothing_is_exactly_nothing() -> None:
    x = photograph()
    assert Change().is_nothing
    assert changed(x, Change(), rng()) is x
    assert np.allclose(light.expose(x, 0.0, 0.0, np.zeros(1)), x)
    assert np.allclose(light.balance(x, 0.0, 0.0), x, atol=1e-6)
    assert np.allclose(light.add_vignette(x, 0.0, (0.2, 0.9)), x)
    assert np.allclose(light.add_haze(x, 0.0, (1, 1, 1)), x)
    assert np.allclose(light.saturate(x, 0.0), x, atol=1e-6)
    assert np.allclose(light.tone(x, np.zeros((2, 3), np.float32)), x)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_something_and_is_decided_by_its_seed(kind) -> None:
    x = photograph()
    results = []
    for seed in (1, 1, 2):
        source = rng(seed)
        change = draw_change(CONFIG, source, (kind,))
        results.append(changed(x, change, source))
    y = results[0]
    assert y.dtype == np.float32
    assert y.min() >= 0
    assert y.max() <= 1
    assert np.array_equal(y, results[1])
    assert not np.array_equal(y, results[2])
    assert not np.allclose(y, x, atol=1e-3)
    assert np.allclose(y * 255, np.round(y * 255), atol=1e-4)  # 8 bits


@pytest.mark.parametrize("kind", KINDS)
def test_ranges_of_nothing_draw_nothing(kind) -> None:
    fields = dataclasses.fields(LookConfig)
    names = [f.name for f in fields if isinstance(getattr(CONFIG, f.name), tuple)]
    nothing = {name: (0.0, 0.0) for name in names} | {"white": (1.0, 1.0)}
    config = dataclasses.replace(CONFIG, **nothing)
    assert draw_change(config, rng(), (kind,)).is_nothing or kind == "low_light"
    if kind == "low_light":
        assert draw_change(config, rng(), (kind,)).noise == 0


def test_single_and_mixed_changes() -> None:
    single = dataclasses.replace(CONFIG, single=1.0)
    mixed = dataclasses.replace(CONFIG, single=0.0)

    def touched(change: Change) -> int:
        names = ("contrast", "gamma", "saturation", "vignette", "haze", "stops")
        return sum(bool(getattr(change, name)) for name in names)

    source = rng()
    assert max(touched(draw_change(single, source)) for _ in range(50)) == 1
    assert max(touched(draw_change(mixed, source)) for _ in range(50)) >= 3
    changes = [draw_change(mixed, source) for _ in range(50)]
    assert not any(change.is_nothing for change in changes)


def test_single_changes_come_as_often_as_their_weights_say() -> None:
    weights = {"exposure_weight": 0.0, "gamma_weight": 8.0, "balance_weight": 4.0}
    config = dataclasses.replace(CONFIG, single=1.0, **weights)
    source = rng()
    drawn = [draw_change(config, source) for _ in range(400)]
    assert not any(change.stops for change in drawn)
    assert 0.35 < np.mean([bool(change.gamma) for change in drawn]) < 0.5
    assert 0.15 < np.mean([any(change.balance) for change in drawn]) < 0.28


def test_exposure_is_stops_of_linear_light() -> None:
    x = photograph() * 0.5
    y = changed(x, Change(stops=-1.0), rng())
    assert np.allclose(to_linear(y), to_linear(x) / 2, atol=4e-3)
    assert draw_change(CONFIG, rng(3), ("exposure",)).stops < 2


def test_low_light_is_dark_and_its_noise_is_seeded_and_fair() -> None:
    change = draw_change(
        dataclasses.replace(CONFIG, noise=(1e-3, 1e-3)), rng(), ("low_light",)
    )
    assert change.stops <= light.LOW_LIGHT
    assert change.noise == 1e-3
    flat = np.full((200, 200, 3), 0.25, np.float32)
    grain = rng().standard_normal(flat.shape, dtype=np.float32)
    noisy = light.expose(flat, -2.0, 1e-3, grain)
    expected = np.sqrt(1e-3 * (0.0625 + light.READ_NOISE))
    assert noisy.std() == pytest.approx(expected, rel=0.02)
    assert noisy.mean() == pytest.approx(0.0625, rel=0.01)


def test_white_balance_keeps_the_luminance_of_white() -> None:
    white = np.ones((1, 1, 3), np.float32)
    tinted = light.balance(white, 0.8, -0.3)[0, 0]
    assert tinted @ LUMINANCE == pytest.approx(1.0, abs=1e-5)
    assert np.log2(tinted[0] / tinted[2]) == pytest.approx(0.8, abs=1e-4)


def test_a_vignette_is_darkest_in_the_farthest_corner() -> None:
    flat = np.ones((200, 300, 3), np.float32)
    lit = light.add_vignette(flat, 2.0, (0.5, 0.5))[..., 0]
    assert lit[100, 150] == pytest.approx(1.0, abs=0.01)
    assert lit[0, 0] == lit.min()
    assert lit[0, 0] == pytest.approx(0.25, abs=0.01)
    aside = light.add_vignette(flat, 2.0, (0.0, 0.0))[..., 0]
    assert aside[-1, -1] == aside.min()
    assert aside[-1, -1] == pytest.approx(0.25, abs=0.01)
    beside = light.add_vignette(flat, 2.0, (0.5, 0.1))[..., 0]
    assert beside[0, -1] == beside.min()
    assert beside[0, -1] == pytest.approx(0.25, abs=0.01)


def test_haze_lifts_black_and_keeps_its_own_colour() -> None:
    air = (0.8, 0.7, 0.6)
    black = np.zeros((2, 2, 3), np.float32)
    assert np.allclose(light.add_haze(black, 0.5, air), np.array(air) / 2)
    same = np.broadcast_to(np.array(air, np.float32), (2, 2, 3))
    assert np.allclose(light.add_haze(same, 0.5, air), same)


def test_saturation_of_minus_1_is_gray_and_grays_never_change() -> None:
    gray = light.saturate(photograph(), -1.0)
    assert np.ptp(gray, axis=-1).max() < 1e-6
    assert np.allclose(light.saturate(gray, 0.8), gray, atol=1e-6)


def test_contrast_gamma_and_levels() -> None:
    x = np.repeat(np.linspace(0, 1, 52, dtype=np.float32)[None, :, None], 3, 2)
    flat = changed(x, Change(contrast=-1.0), rng())
    assert np.ptp(flat) == 0
    bright = changed(x, Change(gamma=-1.0), rng())
    assert np.allclose(bright, np.sqrt(x), atol=3e-3)
    lifted = changed(x, Change(black=0.2, white=-0.1), rng())
    assert lifted[0, [0, -1], 0] == pytest.approx([0.2, 0.9], abs=2e-3)
