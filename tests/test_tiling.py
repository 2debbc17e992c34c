"""Tiles: every pixel once, no seams, no darker border, bounded strips."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaenhance.api_resize import Aim
from vaenhance.api_tiles import blended
from vaenhance.tiling import (
    Tiling,
    compute_strips,
    enhance_strips,
    from_float,
    make_grid,
    padded_place,
    places,
    read_padded,
    tile_count,
    tile_weights,
    to_float,
)

sides = st.integers(1, 300)
tiles = st.sampled_from([0, 40, 64, 96])
overlaps = st.sampled_from([0, 8, 24, 32])
dtypes = st.sampled_from([np.uint8, np.uint16, np.float32])


def picture(height: int, width: int, dtype: type = np.float32) -> np.ndarray:
    values = np.random.default_rng([height, width]).random((height, width, 3))
    return (values * (1 if dtype == np.float32 else np.iinfo(dtype).max)).astype(dtype)


def enhance_tiled(image, compute, tiling, strength=1.0, progress=lambda mp: None):
    """Runs a function over an image, as the models do."""
    strips = compute_strips(
        lambda *place: compute(read_padded(image, place)),
        image.shape[:2],
        tiling,
        progress,
    )
    aim = Aim(image.shape[:2], image.shape[:2], 1)
    return blended(strips, image, aim, strength)


def blur(y: np.ndarray) -> np.ndarray:
    """A mean over 7 x 7 pixels that sees zeros outside, as a convolution does."""
    padded = np.pad(y, ((3, 3), (3, 3), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(0, 1))
    return windows.mean(axis=(-1, -2), dtype=np.float32)


@settings(max_examples=150, deadline=None)
@given(sides, tiles, overlaps, st.sampled_from([1, 4, 8]))
def test_grid_covers_the_side(length, tile, overlap, stride):
    grid = make_grid(length, tile, overlap, stride)
    assert grid.length >= length
    assert grid.length - length < stride
    covered = np.zeros(grid.length, int)
    for start in grid.starts:
        assert start % stride == 0
        covered[start : start + grid.tile] += 1
    assert covered.min() >= 1
    assert grid.starts[-1] + grid.tile == grid.length
    assert tile == 0 or grid.tile <= max(tile, stride)
    for first, second in zip(grid.starts, grid.starts[1:], strict=False):
        assert first < second
        assert first + grid.tile - second >= grid.overlap


@settings(max_examples=100, deadline=None)
@given(sides, sides, tiles, overlaps, st.sampled_from([1, 4, 8]))
def test_tiles_are_counted_without_a_list_of_them(height, width, tile, overlap, stride):
    cut = Tiling(tile, overlap, stride, 2 * stride)
    found = places((height, width), cut)
    rows, columns = found[0]
    sizes = rows.stop - rows.start, columns.stop - columns.start
    assert tile_count((height, width), cut) == (len(found), *sizes)


def test_a_file_that_claims_tiles_without_end_costs_nothing():
    count, *_ = tile_count((1, 500_000_000), Tiling(8, 0, 8))
    assert count == 62_500_000


@settings(max_examples=60, deadline=None)
@given(sides, tiles, overlaps)
def test_weights_are_a_partition_of_unity(length, tile, overlap):
    grid = make_grid(length, tile, overlap, 8)
    total = np.zeros(grid.length)
    for start, weight in zip(grid.starts, tile_weights(grid), strict=True):
        assert weight.min() >= 0
        total[start : start + grid.tile] += weight
    assert np.allclose(total, 1.0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(sides, sides, tiles, overlaps)
def test_the_identity_gives_the_image_back(height, width, tile, overlap):
    image = np.random.default_rng(height * 1000 + width).random(
        (height, width, 3), np.float32
    )
    rows = make_grid(height, tile, overlap, 8)
    columns = make_grid(width, tile, overlap, 8)
    done: list[float] = []
    strips = enhance_strips(
        lambda *place: read_padded(image, place),
        lambda y: y,
        rows,
        columns,
        done.append,
    )
    collected, expected_row = [], 0
    for top, strip in strips:
        assert top == expected_row
        assert len(strip) <= rows.tile
        expected_row += len(strip)
        collected.append(strip)
    result = np.concatenate(collected)[:height, :width]
    assert np.abs(result - image).max() < 1e-6
    assert sum(done) == pytest.approx(rows.length * columns.length / 1e6)


def test_pixels_near_an_inner_border_do_not_count():
    # A network sees padding there; three eighths of the overlap are left out.
    image = np.zeros((64, 256, 1), np.float32)
    rows, columns = make_grid(64, 96, 32, 8), make_grid(256, 96, 32, 8)

    def spoil(y):
        y = y.copy()
        y[:, :8] = y[:, -8:] = 9.0
        return y

    strips = enhance_strips(
        lambda *place: read_padded(image, place), spoil, rows, columns
    )
    result = np.concatenate([strip for _, strip in strips])
    assert np.all(result[:, 8:-8] == 0.0)


def test_a_tile_must_be_larger_than_the_overlap():
    with pytest.raises(ValueError, match="larger than the overlap"):
        make_grid(500, 64, 64, 8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_survive_the_way_through_floats(dtype):
    largest = np.iinfo(dtype).max
    values = np.arange(0, largest + 1, max(1, largest // 4096), dtype=dtype)
    assert np.array_equal(from_float(to_float(values), np.dtype(dtype)), values)
    wild = np.array([-0.5, 0.0, 1.0, 1.5], np.float32)
    assert from_float(wild, np.dtype(dtype)).tolist() == [0, 0, largest, largest]


# === Beyond the image ===


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.lists(st.integers(0, 40), min_size=4, max_size=4),
    dtypes,
)
def test_the_mirror_is_that_of_numpy_on_all_four_sides(height, width, margins, dtype):
    image = picture(height, width, dtype)
    above, below, left, right = margins
    place = slice(-above, height + below), slice(-left, width + right)
    expected = np.pad(
        to_float(image), ((above, below), (left, right), (0, 0)), mode="symmetric"
    )
    result = read_padded(image, place)
    assert result.dtype == np.float32
    assert np.array_equal(result, expected)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.lists(st.integers(-40, 60), min_size=2, max_size=2),
    st.lists(st.integers(1, 40), min_size=2, max_size=2),
)
def test_every_place_is_a_part_of_the_mirrored_image(height, width, starts, sides):
    # Also one that the image only touches, or that lies beyond it altogether: what
    # is mirrored must not depend on where a tile begins.
    image = picture(height, width)
    place = tuple(slice(s, s + n) for s, n in zip(starts, sides, strict=True))
    whole = np.pad(image, ((100, 100), (100, 100), (0, 0)), mode="symmetric")
    expected = whole[tuple(slice(s.start + 100, s.stop + 100) for s in place)]
    assert np.array_equal(read_padded(image, place), expected)


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.sampled_from([0, 8, 32]))
def test_what_the_network_sees_is_a_multiple_of_its_stride(height, width, margin):
    place = padded_place(height, width, margin, 8)
    for side, length in zip(place, (height, width), strict=True):
        assert side.start == -margin
        assert 0 <= side.stop - (length + margin) < 8
        assert (side.stop - side.start) % 8 == 0


@settings(max_examples=80, deadline=None)
@given(sides, sides, tiles, overlaps, st.sampled_from([0, 8, 32, 64]), dtypes)
def test_the_identity_changes_nothing_with_any_margin(
    height, width, tile, overlap, margin, dtype
):
    image = picture(height, width, dtype)
    done: list[float] = []
    tiling = Tiling(tile, overlap, 8, margin)
    result = enhance_tiled(image, lambda y: y, tiling, progress=done.append)
    assert result.dtype == image.dtype
    if dtype == np.float32:
        assert np.abs(result - image).max() < 1e-6
    else:
        assert np.array_equal(result, image)
    assert sum(done) == pytest.approx(height * width / 1e6)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2), (40, 70), (61, 130)])
@pytest.mark.parametrize("tile", [0, 64])
def test_the_border_is_computed_as_if_the_image_went_on(size, tile):
    image = picture(*size)
    result = enhance_tiled(image, blur, Tiling(tile, 24, 8, margin=32))
    continued = np.pad(image, ((3, 3), (3, 3), (0, 0)), mode="symmetric")
    assert np.abs(result - blur(continued)[3:-3, 3:-3]).max() < 1e-6


def test_without_a_margin_the_border_is_darker_and_with_one_it_is_not():
    gray = np.full((48, 80, 3), 128, np.uint8)
    without = enhance_tiled(gray, blur, Tiling(0, 0, 8))
    assert without[0, 0, 0] < 64
    assert without[24, 40, 0] == 128
    assert np.array_equal(enhance_tiled(gray, blur, Tiling(0, 0, 8, 32)), gray)


def test_half_the_strength_goes_half_the_way_at_the_border_too():
    image = picture(30, 44)
    tiling = Tiling(64, 24, 8, margin=32)
    full, half = (enhance_tiled(image, blur, tiling, s) for s in (1.0, 0.5))
    assert np.abs(half - (image + full) / 2).max() < 1e-6


def test_no_second_copy_of_the_image_is_made():
    # There are some float copies of a strip; beside them and the result nothing may
    # grow with the image.
    image = np.zeros((6000, 300, 3), np.uint8)
    tracemalloc.start()
    try:
        enhance_tiled(image, lambda y: y, Tiling(96, 32, 8, margin=32))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    strip = 96 * (300 + 64 + 8) * 3 * 4
    assert peak < image.nbytes + 6 * strip


def test_reading_a_tile_at_the_border_copies_the_tile_alone():
    image = np.zeros((200, 50_000, 3), np.uint8)
    tracemalloc.start()
    try:
        read_padded(image, (slice(-32, 64), slice(-32, 64)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 96 * 96 * 3 * 4


def test_tiles_that_leave_gaps_are_refused():
    with pytest.raises(ValueError, match="overlap of 0 or more"):
        make_grid(200, 64, -16, 8)
