"""Lights that stay bright: where they are, how often, and that dark ones need none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vaenhance.color import to_linear
from vaenhance.config import LookConfig
from vaenhance.data.lamps import Lamp, add_lamps, brighten, draw_lights
from vaenhance.data.light import Change, changed
from vaenhance.data.looks import CORRECT, draw_pair

ALWAYS = LookConfig(highlights=1.0, lamps=1.0)
NEVER = LookConfig(highlights=0.0, lamps=0.0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_only_what_gets_darker_has_lights_and_they_are_seeded() -> None:
    assert draw_lights(0.0, ALWAYS, rng()) == {}
    assert draw_lights(1.0, ALWAYS, rng()) == {}
    assert draw_lights(-3.0, NEVER, rng()) == {"highlights": 0.0, "lamps": ()}
    found = [draw_lights(-3.0, ALWAYS, rng(seed)) for seed in range(60)]
    assert found[7] == draw_lights(-3.0, ALWAYS, rng(7))
    stops = [one["highlights"] for one in found]
    assert 1.5 <= min(stops) < 2.0 < 4.0 < max(stops) <= 4.5
    assert {len(one["lamps"]) for one in found} == {1, 2, 3, 4}
    half = dataclasses.replace(ALWAYS, lamps=0.5)
    without = sum(not draw_lights(-1.0, half, rng(s))["lamps"] for s in range(60))
    assert 15 < without < 45


def test_what_is_white_stays_so_in_the_dark_and_the_rest_does_not() -> None:
    x = np.repeat(np.linspace(0, 1, 64, dtype=np.float32)[None, :, None], 3, axis=2)
    plain = changed(x, Change(stops=-3.0), rng())
    lit = changed(x, Change(stops=-3.0, highlights=3.0), rng())
    assert lit[0, -1] == pytest.approx(1.0)
    assert plain[0, -1] == pytest.approx(np.full(3, 0.39), abs=0.01)
    dark = to_linear(x)[..., 0] < 0.5
    assert np.array_equal(lit[dark], plain[dark])
    assert (np.diff(lit[0, :, 1]) >= 0).all()
    light = to_linear(x)
    assert brighten(light, 0.0) is light


def test_a_lamp_is_where_it_is_said_round_and_of_its_colour() -> None:
    lamp = Lamp(row=0.25, column=0.75, radius=0.05, light=(8.0, 4.0, 2.0))
    light = add_lamps(np.zeros((80, 160, 3), np.float32), (lamp,))
    assert np.unravel_index(light[..., 0].argmax(), (80, 160)) in (
        (19, 119), (19, 120), (20, 119), (20, 120),
    )  # fmt: skip
    assert light[20, 120] == pytest.approx([8.16, 4.08, 2.04], rel=0.02)
    # The same distance across and down: 6 of 8 pixels.
    assert light[20, 126, 0] == pytest.approx(light[26, 120, 0], rel=0.2)
    assert light[70, 10].max() < 0.01
    assert not add_lamps(np.zeros((4, 4, 3), np.float32), ()).any()


def test_a_lamp_is_in_the_picture_that_is_wanted_and_in_the_extremes() -> None:
    config = dataclasses.replace(
        ALWAYS, style=0.0, unchanged=0.0, single=1.0, exposure=(-4.0, -4.0)
    )
    image = np.full((90, 120, 3), 60, np.uint8)
    image[::7] = 30
    bright = 0
    for seed in range(40):
        x, y, told = draw_pair(image, image, 32, config, rng(seed))
        assert told == CORRECT
        if y[..., :3].mean() > 0.1 or x.max() < 0.9:
            continue  # a change of another kind, or a lamp between the pixels
        bright += 1
        assert y[16, 17].max() >= y[:10].max() > 0
        assert y[16, 17].max() > 0.3  # far above what so dark a photograph has
    assert bright > 0
