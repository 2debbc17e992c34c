"""Sheets hold their images to the pixel; charts show what they were given."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaenhance import report
from vaenhance.report import axes, text


def flat(height: int, width: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def contains(picture: np.ndarray, image: np.ndarray) -> bool:
    """Whether the image stands somewhere in the picture, unchanged."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, image.shape)
    return bool((windows == image).all(axis=(-3, -2, -1)).any())


def coloured(picture: np.ndarray) -> np.ndarray:
    """Where a picture is neither white nor gray: where the lines are."""
    levels = picture.astype(int)
    return np.ptp(levels, axis=2) > 40


# === sheet ===


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 5),
    st.integers(0, 2**31),
)
def test_every_image_is_on_the_sheet_unchanged(shapes, gap, seed):
    rng = np.random.default_rng(seed)
    rows = [
        [rng.integers(0, 256, (h, w, 3), np.uint8) for h, w in row] for row in shapes
    ]
    picture = report.sheet(rows, gap=gap)
    assert picture.dtype == np.uint8
    assert all(contains(picture, image) for row in rows for image in row)


def test_layout_is_exact():
    images = [[flat(6, 8, 50), flat(6, 4, 100)], [flat(2, 8, 150)]]
    picture = report.sheet(images, gap=3)
    assert picture.shape == (3 + 6 + 3 + 2 + 3, 3 + 8 + 3 + 4 + 3, 3)
    np.testing.assert_array_equal(picture[3:9, 3:11], images[0][0])
    np.testing.assert_array_equal(picture[3:9, 14:18], images[0][1])
    np.testing.assert_array_equal(picture[12:14, 3:11], images[1][0])


def test_floats_are_clipped_and_rounded_and_gray_is_spread():
    values = np.array([[-0.5, 0.0, 0.5, 1.0, 7.0, np.nan]], np.float32)
    picture = report.sheet([[values]], gap=0)
    assert picture.shape == (1, 6, 3)
    assert picture[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0]
    assert (picture == picture[..., :1]).all()


def test_captions_stand_above_and_leave_the_images_alone():
    images = [[flat(20, 90, 200), flat(20, 90, 90)], [flat(20, 90, 10)] * 2]
    bare, titled = report.sheet(images), report.sheet(images, labels=["before", "x"])
    band = titled.shape[0] - bare.shape[0]
    assert band > 0
    np.testing.assert_array_equal(titled[4 + band :], bare[4:])
    assert titled[4 : 4 + band].max() > 150
    each = report.sheet(images, labels=["a", "b", "c", "d"])
    assert each.shape[0] == bare.shape[0] + 2 * band


def test_a_long_caption_stays_within_its_column():
    column = 60
    images = [[flat(9, column, 0), flat(9, column, 0)]]
    long = report.sheet(images, labels=["a very long name of a photograph.jpg", ""])
    ground = long[0, 0]
    outside = np.delete(long[4:-13], np.s_[4 : 4 + column], axis=1)
    assert (outside == ground).all()
    assert (long[4:-13, 4 : 4 + column] != ground).any()


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Müller 3\N{MULTIPLICATION SIGN}3", "Muller 3x3"),
        ("a\N{EN DASH}b", "a-b"),
        ("山.png", "?.png"),
    ],
)
def test_captions_hold_no_character_the_font_lacks(name, plain):
    assert text.plain(name) == plain


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        ([], None, "at least one image"),
        ([[]], None, "at least one image"),
        ([[flat(2, 2, 0)] * 2], ["one"], "expected 2 labels"),
        ([[np.zeros((2, 2, 4))]], None, r"\(2, 2, 4\)"),
        ([[np.zeros((2, 2, 3), np.uint16)]], None, "uint16"),
    ],
)
def test_sheet_says_what_is_wrong(rows, labels, message):
    with pytest.raises(ValueError, match=message):
        report.sheet(rows, labels=labels)


# === curves ===


def test_curves_have_the_size_asked_for_and_a_line_in_each_panel():
    line = [(float(i), float(i * i)) for i in range(20)]
    picture = report.curves(
        {"loss": line, "PSNR": line}, title="t", x_label="step", size=(600, 300)
    )
    assert picture.shape == (300, 600, 3)
    assert coloured(picture)[:, :300].any()
    assert coloured(picture)[:, 300:].any()


def test_a_rising_line_rises_and_is_independent_of_the_order_given():
    points = [(float(i), float(i)) for i in range(50)]
    picture = report.curves({"a": points}, title="", x_label="")
    rows, columns = np.nonzero(coloured(picture))
    assert np.corrcoef(rows, columns)[0, 1] < -0.95
    again = report.curves({"a": points[::-1]}, title="", x_label="")
    np.testing.assert_array_equal(picture, again)


def test_first_wild_values_do_not_flatten_the_rest():
    calm = [(float(i), math.sin(i / 20)) for i in range(200)]
    picture = report.curves({"a": [(-1.0, 1e9), *calm]}, title="", x_label="")
    rows, _ = np.nonzero(coloured(picture))
    # the sine alone has to fill most of the panel's height
    assert np.ptp(np.quantile(rows, (0.1, 0.9))) > 200


def test_points_that_are_not_finite_are_left_out():
    good = [(0.0, 1.0), (1.0, 2.0), (3.0, 1.5)]
    bad = [*good[:2], (2.0, math.nan), (2.5, math.inf), good[2]]
    np.testing.assert_array_equal(
        report.curves({"a": bad}, title="", x_label=""),
        report.curves({"a": good}, title="", x_label=""),
    )


@pytest.mark.parametrize("points", [[], [(3.0, 5.0)], [(0.0, 0.0), (1.0, 0.0)]])
def test_degenerate_series_draw(points):
    picture = report.curves({"a": points}, title="t", x_label="x")
    assert coloured(picture).any() == bool(points)


def test_curves_say_what_is_wrong():
    with pytest.raises(ValueError, match="at least one series"):
        report.curves({}, title="", x_label="")
    with pytest.raises(ValueError, match=r"size=\(50, 50\)"):
        report.curves({"a": []}, title="", x_label="", size=(50, 50))


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(1, 12))
def test_ticks_are_few_round_and_inside(low, width, most):
    high = low + width
    ticks = axes.ticks(low, high, most)
    assert len(ticks) <= most + 1
    slack = 1e-9 * (width + abs(low))  # of the floats themselves
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    if most >= 3:
        assert ticks


@pytest.mark.parametrize(
    ("value", "largest", "expected"),
    [
        (0.0012345, None, "0.001234"),
        (1234.5, None, "1234"),
        (15000, None, "15k"),
        (5000, 15000, "5k"),
        (0, 15000, "0"),
        (-2.5e6, None, "-2.5M"),
        (3e9, None, "3G"),
    ],
)
def test_numbers_are_short(value, largest, expected):
    assert axes.number(value, largest) == expected
