"""Colour spaces: inverses, known colours, and the published pairs of CIEDE2000."""

from __future__ import annotations

import numpy as np
import pytest

from vaenhance import color

# Sharma, Wu & Dalal 2005, table 1: CIELAB of two colours, and their distance.
PUBLISHED = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def test_light_and_srgb_are_inverse_also_beyond_black_and_white() -> None:
    x = np.linspace(-0.2, 1.5, 1001)
    assert np.allclose(color.to_srgb(color.to_linear(x)), x, atol=1e-6)
    assert color.to_linear(np.array([0.0, 0.5, 1.0]))[1] == pytest.approx(0.21404, 1e-4)


def test_lab_and_srgb_are_inverse() -> None:
    x = np.random.default_rng(0).random((40, 3))
    assert np.allclose(color.from_lab(color.to_lab(x)), x, atol=1e-6)


def test_gray_has_no_colour_and_known_colours_are_where_they_should_be() -> None:
    grays = np.repeat(np.linspace(0, 1, 9)[:, None], 3, axis=1)
    lab = color.to_lab(grays)
    assert np.abs(lab[:, 1:]).max() < 0.02
    assert lab[[0, -1], 0] == pytest.approx([0.0, 100.0], abs=1e-3)
    red = color.to_lab(np.array([1.0, 0.0, 0.0]))
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.05)


@pytest.mark.parametrize(("first", "second", "distance"), PUBLISHED)
def test_ciede2000_gives_the_published_distances(first, second, distance) -> None:
    a, b = np.array(first), np.array(second)
    assert color.ciede2000(a, b) == pytest.approx(distance, abs=1e-4)
    assert color.ciede2000(b, a) == pytest.approx(distance, abs=1e-4)
    assert color.ciede2000(a, a) == 0
