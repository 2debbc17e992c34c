"""Sizes and scales from Python: of any kind of whole number, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.tiny import SHALLOW, TINY, save_tiny_model, tiny_config
from vaenhance import load_model
from vaenhance.errors import OutOfMemory, UsageProblem

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 16, 3), np.uint8)
FAR = 10**10


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "large"
    scales = {"scales": (2, 4), **SHALLOW}
    save_tiny_model(folder, tiny_config(model=scales))
    return load_model(folder, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "plain"
    save_tiny_model(folder, tiny_config(model=dataclasses.asdict(TINY) | SHALLOW))
    return load_model(folder, device="cpu", precision="float32")


@pytest.mark.parametrize(
    "size", [np.array([24, 32]), [24, 32], (np.uint8(24), np.int8(32))]
)
def test_a_size_is_two_whole_numbers_of_any_kind(model, size):
    expected = model.enhance(IMAGE, size=(24, 32))
    assert expected.shape == (24, 32, 3)
    assert np.array_equal(model.enhance(IMAGE, size=size), expected)
    decoded = model.decode_tiles(model.encode_tiles(IMAGE), size=size)
    assert np.array_equal(decoded, expected)
    assert model.sample(1, size=size).shape == (1, 24, 32, 3)


def test_small_kinds_of_whole_numbers_do_not_overflow(model):
    size = np.uint16(80), np.uint16(64)
    assert model.enhance(IMAGE, size=size).shape == (80, 64, 3)
    assert model.sample(1, size=(np.int8(100), np.int8(120))).shape == (1, 100, 120, 3)
    wide = np.zeros((4, 300, 3), np.uint8)
    assert model.enhance(wide, scale=np.uint8(2)).shape == (8, 600, 3)
    assert model.draw_posterior(wide, 1, scale=np.uint8(2)).shape == (1, 8, 600, 3)
    cut = model.enhance(wide, scale=2, tile=np.uint8(128), overlap=np.uint8(64))
    assert np.array_equal(cut, model.enhance(wide, scale=2, tile=128, overlap=64))
    assert model.decode(model.encode(wide), scale=2.0).shape == (1, 8, 600, 3)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((24, 32, 3), r"size must be \(height, width\), received \(24, 32, 3\)"),
        (24, r"size must be \(height, width\)"),
        (np.array(24), r"size must be \(height, width\), received array\(24\)"),
        ({24, 32}, r"size must be \(height, width\)"),
        ((24.5, 32), "height of a result must be a whole number, received 24.5"),
        ((24, "b"), "width of a result must be a whole number, received 'b'"),
        (((1, 2), 3), "must be a whole number"),
        ((24, 0), "width of a result must be 1 or more, received 0"),
        ((FAR, FAR), "cannot become 10000000000x10000000000"),
    ],
)
def test_what_is_no_size_is_refused(model, size, words):
    tiled = model.encode_tiles(IMAGE)
    for run in (
        lambda: model.enhance(IMAGE, size=size),
        lambda: model.enhance(IMAGE[None][:0], size=size),
        lambda: model.decode_tiles(tiled, size=size),
    ):
        with pytest.raises(UsageProblem, match=words):
            run()


@pytest.mark.parametrize("scale", ["2", [2], np.array([2, 2]), float("nan"), 77, -1])
def test_what_is_no_scale_is_refused(model, plain, scale):
    for one in (model, plain):
        tiled = one.encode_tiles(IMAGE)
        for run in (
            lambda one=one: one.enhance(IMAGE, scale=scale),
            lambda one=one: one.enhance(IMAGE[None][:0], scale=scale),
            lambda one=one: one.draw_posterior(IMAGE, 1, scale=scale),
            lambda one=one, tiled=tiled: one.decode_tiles(tiled, scale=scale),
        ):
            with pytest.raises(UsageProblem, match=r"scale|keeps the size"):
                run()


@pytest.mark.parametrize(
    ("asked", "size"), [({"scale": 2}, (40, 32)), ({"size": (30, 17)}, (30, 17))]
)
def test_no_images_are_enlarged_to_none(model, asked, size):
    for dtype in (np.uint8, np.float32):
        none = np.zeros((0, 20, 16, 3), dtype)
        made = model.enhance(none, **asked)
        assert made.shape == (0, *size, 3)
        assert made.dtype == dtype


def test_no_images_keep_their_size(plain):
    none = IMAGE[None][:0]
    assert plain.enhance(none).shape == none.shape
    with pytest.raises(UsageProblem, match="keeps the size"):
        plain.enhance(none, scale=2)


@pytest.mark.parametrize("size", [(FAR, FAR), (10**30, 8), (8, 2**40)])
@pytest.mark.parametrize("count", [0, 1])
def test_what_is_too_large_to_draw_says_so(plain, size, count):
    with pytest.raises((OutOfMemory, UsageProblem), match="too many to draw"):
        plain.sample(count, size=size)


def test_errors_of_the_caller_stay_what_they_are(plain):
    def fail(*_):
        raise ValueError("mine")

    for run in (
        lambda: plain.enhance(IMAGE, progress=fail),
        lambda: plain.encode_tiles(IMAGE, progress=fail),
        lambda: plain.encode_tiles(IMAGE, keep=fail),
    ):
        with pytest.raises(ValueError, match="mine"):
            run()
