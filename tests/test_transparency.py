"""Colours under what is transparent, and alpha in another size."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from vaenhance import photo
from vaenhance.grading_style import measured
from vaenhance.photo import canvas
from vaenhance.photo.model import Photo
from vaenhance.photo.transparency import alpha_of_size

RED = (230, 60, 40)


def disk(size=(161, 175), hidden=(0, 0, 0), dtype=np.uint8):
    """A red disk on what nobody sees, with an edge of half transparency."""
    down, across = np.mgrid[: size[0], : size[1]]
    far = np.hypot(down - size[0] / 2, across - size[1] / 2)
    top = np.iinfo(dtype).max
    alpha = np.clip((22 - far) / 2, 0, 1)
    pixels = np.where(alpha[..., None] > 0, RED, hidden) * (top // 255)
    return Photo(pixels.astype(dtype), (alpha * top).astype(dtype), False, "PNG")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("hidden", [(0, 0, 0), (255, 255, 255)])
def test_hidden_pixels_near_the_edge_take_the_colour_of_what_is_seen(
    dtype, hidden, monkeypatch
):
    monkeypatch.setattr(canvas, "STRIP_PIXELS", 400)  # several strips
    picture = disk(hidden=hidden, dtype=dtype)
    made = photo.bled(picture)
    is_seen = picture.alpha > 0
    assert np.array_equal(made[is_seen], picture.pixels[is_seen])
    down, across = np.mgrid[:161, :175]
    far = np.hypot(down - 80.5, across - 87.5)
    top = np.iinfo(dtype).max // 255
    assert (made[far < 22 + 8] == np.multiply(RED, top)).all()
    assert (made[far > 22 + 24 * 1.5] == np.multiply(hidden, top)).all()
    assert made.dtype == dtype


def test_the_nearer_of_two_colours_is_taken():
    pixels = np.zeros((8, 64, 3), np.uint8)
    pixels[:, :20], pixels[:, 44:] = 200, 90
    alpha = np.full((8, 64), 255, np.uint8)
    alpha[:, 20:44] = 0
    made = photo.bled(Photo(pixels, alpha, False, "PNG"))
    assert (made[:, 20:26] == 200).all()
    assert (made[:, 38:44] == 90).all()


def test_hidden_colours_that_differ_are_kept():
    picture = disk()
    picture.pixels[0, 0] = (1, 2, 3)
    assert photo.bled(picture) is picture.pixels


@pytest.mark.parametrize("level", [0, 1, 255])
def test_where_all_or_nothing_is_hidden_nothing_changes(level):
    pixels = np.zeros((5, 7, 3), np.uint8)
    alpha = np.full((5, 7), level, np.uint8)
    assert photo.bled(Photo(pixels, alpha, False, "PNG")) is pixels
    assert photo.bled(Photo(pixels, None, False, "PNG")) is pixels


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (3, 1), (2, 5)])
def test_small_pictures_have_no_neighbours_outside(size):
    pixels = np.zeros((*size, 3), np.uint8)
    alpha = np.zeros(size, np.uint8)
    pixels[0, 0], alpha[0, 0] = 77, 9
    made = photo.bled(Photo(pixels, alpha, False, "PNG"))
    assert (made == 77).all()


def numbered(shape, seen, dtype=np.uint16):
    """A picture whose pixels say which they are, and its alpha: seen in a part."""
    alpha = np.zeros(shape, dtype)
    alpha[seen] = np.iinfo(dtype).max
    places = np.mgrid[: shape[0], : shape[1]]
    pixels = np.stack([*places, np.full(shape, 7)], axis=-1)
    pixels[alpha == 0] = 60000
    return pixels.astype(np.uint16), alpha


SUBJECT = np.s_[90:290, 40:300]


def test_seen_pixels_are_repeated_evenly_in_the_place_of_hidden_ones():
    pixels, alpha = numbered((400, 500), SUBJECT)
    made = photo.seen_everywhere(pixels, alpha)
    assert made.dtype == pixels.dtype
    assert np.array_equal(made[SUBJECT], pixels[SUBJECT])
    assert (made[..., 2] == 7).all()  # never one that is hidden
    down, across = np.moveaxis(made[..., :2].astype(int), -1, 0)
    counts = np.zeros(alpha.shape, int)
    np.add.at(counts, (down, across), 1)
    mean = 400 * 500 / (200 * 260)
    assert np.abs(counts[SUBJECT] - mean).max() < 2
    assert np.array_equal(made, photo.seen_everywhere(pixels, alpha))


def test_repeated_pixels_have_the_neighbours_that_they_have_in_the_picture():
    pixels, alpha = numbered((400, 500), SUBJECT)
    made = photo.seen_everywhere(pixels, alpha).astype(int)
    below, beside = made[1:] - made[:-1], made[:, 1:] - made[:, :-1]
    assert (below == (1, 0, 0)).all(axis=-1).mean() > 0.8
    assert (beside == (0, 1, 0)).all(axis=-1).mean() > 0.8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("radius", [12, 60, 150])
def test_what_is_measured_is_what_is_seen(dtype, radius):
    rng = np.random.default_rng(0)
    down, across = np.mgrid[:300, :400]
    alpha = (np.hypot(down - 150, across - 130) < radius).astype(dtype)
    gray = np.where(alpha > 0, rng.normal(134, 15, alpha.shape) + down / 9, 0)
    pixels = np.rint(gray).astype(dtype)[..., None].repeat(3, axis=-1)
    pixels *= np.iinfo(dtype).max // 255
    made = measured(photo.seen_everywhere(pixels, alpha))
    assert made == pytest.approx(measured(pixels[alpha > 0][None]), abs=0.5)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 5), (40, 3)])
def test_pictures_of_a_few_pixels_are_filled_too(size):
    pixels, alpha = np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8)
    assert photo.seen_everywhere(pixels, alpha) is pixels  # nothing is seen
    assert photo.seen_everywhere(pixels, alpha + 1) is pixels
    assert photo.seen_everywhere(pixels, None) is pixels
    pixels[-1, -1], alpha[-1, -1] = 77, 9
    assert (photo.seen_everywhere(pixels, alpha) == 77).all()


def test_filling_takes_little_more_than_the_result():
    pixels, alpha = numbered((1500, 2000), np.s_[300:1200, 500:1000])
    tracemalloc.start()
    made = photo.seen_everywhere(pixels, alpha)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < made.nbytes + 8e6


@pytest.mark.parametrize("size", [(200, 90), (41, 77), (100, 100)])
def test_alpha_is_what_pillow_makes_of_it_in_one_piece(size, monkeypatch):
    monkeypatch.setattr(canvas, "STRIP_PIXELS", 1000)  # several strips
    alpha = disk((83, 97)).alpha
    plane = Image.fromarray(alpha.astype(np.float32))
    filtered = plane.resize(size[::-1], Image.Resampling.BICUBIC)
    expected = np.clip(np.rint(np.asarray(filtered)), 0, 255)
    made = alpha_of_size(alpha, size)
    assert made.dtype == np.uint8
    assert np.abs(made - expected).max() <= 1
    assert (made == expected).mean() > 0.999
