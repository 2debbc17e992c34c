"""Tiles: every pixel once, no seams, bounded strips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaenhance.tiling import (
    enhance_strips,
    from_float,
    make_grid,
    read_padded,
    tile_weights,
    to_float,
)

sides = st.integers(1, 300)
tiles = st.sampled_from([0, 40, 64, 96])
overlaps = st.sampled_from([0, 8, 24, 32])


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
