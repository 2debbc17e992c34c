"""Numbers, sizes and types that make no sense: refused wherever they go in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import vaenhance
from tests.tiny import SHALLOW, TINY, calibrate_tiny_model, save_tiny_model, tiny_config
from vaenhance.api import Latents, Model
from vaenhance.api_drawing import class_numbers
from vaenhance.errors import LatentError, ModelError, UsageProblem
from vaenhance.latents import LatentReader

NAMES = ("dark", "light")
NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    config = tiny_config(model={**vars(TINY), **SHALLOW})
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", config)
    calibrate_tiny_model(folder)
    return vaenhance.load_model(folder, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def classy(tmp_path_factory) -> Model:
    own = {"image_size": 16, "noise_map": False, "classes": NAMES, **SHALLOW}
    config = tiny_config(model={**vars(TINY), **own}, data={"crop": 16, "labels": True})
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "classy", config)
    return vaenhance.load_model(folder, device="cpu", precision="float32")


def picture(dtype: type = np.float32) -> np.ndarray:
    values = np.random.default_rng(0).random((16, 24, 3), np.float32)
    return values if dtype == np.float32 else (255 * values).astype(dtype)


# === Latents ===


@pytest.mark.parametrize("dtype", ["i8", bool, "i4", "f2", "f8", "foo", None])
def test_tiles_are_decoded_to_types_of_images_only(model, dtype):
    tiled = model.encode_tiles(picture(np.uint8))
    with pytest.raises(UsageProblem, match="expected uint8, uint16 or float32, rec"):
        model.decode_tiles(tiled, dtype)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (2, "there are 2 draws, from 0, and no draw 2"),
        (5, "no draw 5"),
        (-1, "draw must be 0 or more, received -1"),
        (-9, "received -9"),
        (0.5, "draw must be a whole number, received 0.5"),
    ],
)
def test_a_draw_that_is_not_there_is_named(model, draw, words):
    drawn = model.encode_tiles(picture(), draws=2)
    with pytest.raises(UsageProblem, match=words):
        model.decode_tiles(drawn, "f4", draw=draw)


def test_means_are_no_draws(model):
    tiled = model.encode_tiles(picture())
    assert np.array_equal(
        model.decode_tiles(tiled, "f4", draw=0), model.decode_tiles(tiled, "f4")
    )
    with pytest.raises(UsageProblem, match="expected draw 0, received 3"):
        model.decode_tiles(tiled, "f4", draw=3)


@pytest.mark.parametrize("counts", [(1, 2), (0, 0), (1, 0)])
def test_levels_are_of_the_same_images(model, counts):
    found = model.encode(picture())
    levels = [
        np.repeat(z, n, axis=0) for z, n in zip(found.levels, counts, strict=True)
    ]
    with pytest.raises(UsageProblem, match=rf"1 or more, received \[{counts[0]}, "):
        model.decode(Latents(levels, found.height, found.width))


# === Drawing ===


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"size": (0, 0)}, "height of a drawn image must be 1 or more, received 0"),
        ({"size": (-5, 40)}, "received -5"),
        ({"size": (40, -5)}, "width of a drawn image must be 1 or more"),
        ({"size": (40.5, 40)}, "whole number, received 40.5"),
        ({"size": (40, 40, 3)}, r"size must be \(height, width\)"),
        ({"size": 40}, r"size must be \(height, width\)"),
        ({"temperature": NAN}, "temperature must be a finite number, 0 or more, rec"),
        ({"temperature": -1}, "received -1"),
        ({"temperature": INF}, "received inf"),
        ({"temperature": (1.0, -0.5)}, "temperature must be"),
        ({"temperature": "a"}, "temperature must be"),
        ({"seed": 1.5}, "seed must be a whole number, received 1.5"),
        ({"seed": None}, "seed must be a whole number, received None"),
        ({"count": -1}, "count must be 0 or more, received -1"),
        ({"count": 2.5}, "count must be a whole number"),
    ],
)
def test_what_cannot_be_drawn_is_refused(model, asked, words):
    with pytest.raises(UsageProblem, match=words):
        model.sample(**{"count": 1, "size": (8, 8), **asked})


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("", "unknown class ''; known: dark"),
        (3, "the name of a class, received 3"),
        ([3], "a class"),
    ],
)
def test_no_name_is_not_every_class(classy, label, words):
    with pytest.raises(UsageProblem, match=words):
        classy.sample(1, label=label)
    assert class_numbers("m", NAMES, None) == class_numbers("m", NAMES, ()) == [0, 1]


def test_an_unknown_own_class_is_not_the_likeliest(classy):
    for y in (np.zeros((16, 16, 3), np.uint8), np.zeros((0, 16, 16, 3), np.uint8)):
        with pytest.raises(UsageProblem, match="unknown class"):
            classy.redraw(y, "light", source="")


@pytest.mark.parametrize("kept", [-1, 3, 99, "a"])
def test_levels_that_are_not_there_cannot_be_kept(classy, kept):
    with pytest.raises(UsageProblem, match=f"kept must be .* received '?{kept}"):
        classy.redraw(np.zeros((16, 16, 3), np.uint8), "light", kept=kept)


def test_no_images_are_redrawn_as_none(classy):
    none = np.zeros((0, 16, 16, 3), np.uint8)
    found = classy.redraw(none, "light")
    assert found.shape == none.shape
    assert found.dtype == np.float32


# === Counts and tiles ===


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda m: m.draw_posterior(picture(), -1), "count must be 0 or more, rec"),
        (lambda m: m.draw_posterior(picture(), 1.5), "count must be a whole"),
        (lambda m: m.draw(picture(), 1.5), "number must be a whole number, received"),
        (lambda m: m.bound_likelihood(picture()[None], first=-1), "first must be 0"),
        (lambda m: m.bound_likelihood(picture()[None], 1.5), "samples must be a"),
        (lambda m: m.assess(picture(), draws=-1), "draws must be 0 or more, rec"),
        (lambda m: m.assess(picture(), draws=1.5), "draws must be a whole number"),
        (lambda m: m.enhance(picture(), tile=-1), "tile must be 0 or more, received -"),
        (lambda m: m.enhance(picture(), tile=64.5), "tile must be a whole number"),
        (lambda m: m.enhance(picture(), overlap=-5), "overlap must be 0 or more, rec"),
        (lambda m: m.encode_tiles(picture(), tile=-1), "tile must be 0 or more"),
        (lambda m: m.assess(picture(), tile=-1), "tile must be 0 or more"),
        (lambda m: m.interpolate(picture(), picture(), 2.5), "frames must be a whole"),
    ],
)
def test_numbers_that_count_nothing_are_refused(
    model, run: Callable[[Model], object], words
):
    with pytest.raises(UsageProblem, match=words):
        run(model)


# === What is of the wrong kind ===


@pytest.mark.parametrize("strength", ["a", None, NAN, INF, -0.1, 1.1, [1.0]])
def test_strength_is_a_part(model, strength):
    with pytest.raises(UsageProblem, match=r"strength must be in 0\.\.1, received"):
        model.enhance(picture(), strength=strength)


@pytest.mark.parametrize("sigma", ["a", NAN, -0.1, 1.1])
def test_a_noise_level_is_a_part(model, sigma):
    with pytest.raises(UsageProblem, match=r"noise_sigma must be in 0\.\.1, received"):
        model.enhance(picture(), noise_sigma=sigma)


@pytest.mark.parametrize("levels", ["0", ["0"], [0.5], [], [2], [-1], 0, np.array([])])
def test_levels_between_images_are_numbers_of_levels(model, levels):
    with pytest.raises(UsageProblem, match="has the levels 0 to 1, received"):
        model.interpolate(picture(), picture(), 3, levels=levels)


@pytest.mark.parametrize("levels", [[0], {1}, (1, 0, 1), np.array([0, 1]), range(2)])
def test_levels_may_be_any_collection(model, levels):
    assert len(list(model.interpolate(picture(), picture(), 2, levels=levels))) == 2


@pytest.mark.parametrize("draws", [1.5, "2", -1])
def test_draws_of_tiles_are_counted(model, draws):
    with pytest.raises(UsageProblem, match="draws must be"):
        model.encode_tiles(picture(), draws=draws)


@pytest.mark.parametrize("name", [None, ""])
def test_no_name_is_no_model(name):
    with pytest.raises(ModelError, match="is a variable not set"):
        vaenhance.load_model(name)


def test_a_number_is_no_model():
    with pytest.raises(ModelError, match="no model '3'"):
        vaenhance.load_model(3)


def test_a_folder_is_no_file_of_latents(tmp_path):
    with pytest.raises(LatentError, match="cannot be read: Is a directory"):
        LatentReader(tmp_path)
