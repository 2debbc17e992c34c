"""Other sizes strip by strip: what Pillow makes of the whole, in floats."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from vaenhance import photo
from vaenhance.photo import resampling

PICTURE = np.random.default_rng(1).random((37, 23, 3), np.float32)
SIZES = [(74, 46), (111, 60), (37, 23), (20, 11), (1, 1), (55, 200)]


def whole(picture, size, name):
    planes = [
        Image.fromarray(np.ascontiguousarray(picture[..., channel])).resize(
            size[::-1], Image.Resampling[name.upper()]
        )
        for channel in range(picture.shape[2])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["bicubic", "lanczos"])
@pytest.mark.parametrize("height", [1, 5, 37])
def test_strips_give_what_the_whole_gives(size, name, height, monkeypatch):
    # A few rows at a time, where a photograph has a million pixels at a time.
    monkeypatch.setattr(
        resampling,
        "strips",
        lambda h, w: [slice(y, min(y + 3, h)) for y in range(0, h, 3)],
    )
    given = ((y, PICTURE[y : y + height]) for y in range(0, 37, height))
    made = list(photo.resized_strips(given, PICTURE.shape[:2], size, name))
    assert [top for top, _ in made] == list(range(0, size[0], 3))
    together = np.concatenate([strip for _, strip in made])
    assert np.abs(together - whole(PICTURE, size, name)).max() < 1e-5


def test_a_picture_that_shrinks_is_never_held_whole():
    picture = np.random.default_rng(2).random((1600, 1600, 3), np.float32)
    given = ((y, picture[y : y + 100].copy()) for y in range(0, 1600, 100))
    made = np.zeros((100, 100, 3), np.float32)
    tracemalloc.start()
    try:
        for top, strip in photo.resized_strips(
            given, (1600, 1600), (100, 100), "lanczos"
        ):
            made[top : top + len(strip)] = strip
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < picture.nbytes / 2
    assert np.abs(made - whole(picture, (100, 100), "lanczos")).max() < 1e-5


@pytest.mark.parametrize("size", [(900, 1000), (17, 30)])
def test_a_strip_as_large_as_those_of_tiles_gives_the_same(size):
    picture = np.random.default_rng(3).random((1500, 1100, 1), np.float32)
    given = iter([(0, picture[:1300]), (1300, picture[1300:])])
    made = list(photo.resized_strips(given, (1500, 1100), size, "lanczos"))
    assert len(made) > 1
    together = np.concatenate([strip for _, strip in made])
    assert np.abs(together - whole(picture, size, "lanczos")).max() < 2e-5


def test_rows_alone_are_those_of_the_whole():
    expected = whole(PICTURE, (80, 50), "bicubic")
    rows = slice(31, 47)
    needed = photo.rows_needed(rows, 37, 80, "bicubic")
    assert 0 < needed.start < needed.stop < 37
    made = photo.resized_rows(
        PICTURE[needed], needed.start, (37, 23), (80, 50), rows, "bicubic"
    )
    assert np.abs(made - expected[rows]).max() < 1e-5
