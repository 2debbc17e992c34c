"""Drawn windows: seeded, of all kinds of colour, with edges to be sharp at."""

from __future__ import annotations

import numpy as np
import pytest

from tests.damage import rng
from tests.tiny import tiny_config
from vaenhance.data import graphics
from vaenhance.data.graphics import draw_graphic
from vaenhance.data.windows import draw_window


@pytest.mark.parametrize("side", [16, 80, 144])
def test_every_seed_is_a_picture_of_its_own(side):
    pictures = [draw_graphic(side, rng(seed)) for seed in range(12)]
    assert all(p.shape == (side, side, 3) and p.dtype == np.uint8 for p in pictures)
    assert len({p.tobytes() for p in pictures}) == 12
    assert np.array_equal(pictures[3], draw_graphic(side, rng(3)))


def test_pages_are_flat_with_steep_edges():
    pictures = [draw_graphic(96, rng(seed)).astype(int) for seed in range(40)]
    flat = [np.mean(np.abs(np.diff(p, axis=1)).max(-1) == 0) for p in pictures]
    steep = [np.abs(np.diff(p, axis=1)).max() for p in pictures]
    assert np.median(flat) > 0.5
    assert np.median(steep) > 120


def test_their_part_of_the_windows_is_the_configured_one():
    photograph = np.full((64, 64, 3), 77, np.uint8)

    def drawn(part: float) -> float:
        config = tiny_config(data={"graphics": part})
        windows = [draw_window(photograph, config, rng(seed)) for seed in range(300)]
        return float(np.mean([not np.allclose(w, 77 / 255) for w in windows]))

    assert drawn(0.0) == 0.0
    assert drawn(1.0) == 1.0
    assert drawn(0.3) == pytest.approx(0.3, abs=0.08)


def test_stripes_are_fine_and_wide_soft_and_hard():
    windows = [graphics._draw_stripes(96, rng(seed)) for seed in range(60)]
    gray = [window.astype(float).mean(-1) for window in windows]
    # How many waves there are across the window, whichever way they lie.
    spectra = [np.abs(np.fft.fft2(plane - plane.mean()))[:48] for plane in gray]
    places = [np.unravel_index(np.argmax(s), s.shape) for s in spectra]
    waves = [float(np.hypot(down, min(right, 96 - right))) for down, right in places]
    assert min(waves) < 6 and max(waves) > 30
    colours = [len(np.unique(w.reshape(-1, 3), axis=0)) for w in windows]
    assert min(colours) < 100 < max(colours)


def test_some_windows_are_stripes(monkeypatch):
    marker = np.full((96, 96, 3), 7, np.uint8)
    monkeypatch.setattr(graphics, "_draw_stripes", lambda *_: marker)
    drawn = [draw_graphic(96, rng(seed)) is marker for seed in range(300)]
    assert np.mean(drawn) == pytest.approx(graphics.STRIPED, abs=0.08)
