"""Enlarging arrays: sizes, tiles, kinds of numbers, consistency, latents, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from tests.test_resampling import whole
from tests.tiny import TINY, save_tiny_model, tiny_config
from vaenhance import load_model
from vaenhance.api_resize import make_consistent, target_size
from vaenhance.errors import UsageProblem
from vaenhance.metrics import psnr

LARGE = dataclasses.replace(TINY, scales=(2, 4))


def picture(height=61, width=45, dtype=np.uint8):
    """Smooth shapes with an edge: what enlarges well and tells a shift."""
    down, right = np.mgrid[:height, :width] / 12.0
    planes = [np.sin(down + c) * np.cos(right - c) for c in range(3)]
    image = 0.5 + 0.4 * np.stack(planes, -1)
    image[height // 3 : height // 2, width // 4 : width // 2] = (0.9, 0.2, 0.1)
    if dtype == np.float32:
        return image.astype(np.float32)
    return np.rint(image * np.iinfo(dtype).max).astype(dtype)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "large"
    save_tiny_model(folder, tiny_config(model={"scales": (2, 4)}))
    return load_model(folder, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "small")
    return load_model(folder, device="cpu", precision="float32")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        ({"scale": 2}, (122, 90)),
        ({"scale": 4.0}, (244, 180)),
        ({"scale": 1.5}, (92, 68)),
        ({"scale": 1}, (61, 45)),
        ({"size": (200, 77)}, (200, 77)),
    ],
)
def test_the_result_has_the_size_and_type_that_were_asked_for(
    model, dtype, wanted, size
):
    made = model.enhance(picture(dtype=dtype), **wanted)
    assert made.shape == (*size, 3)
    assert made.dtype == dtype
    assert made.std() > 0


def test_sizes_between_the_scales_come_from_the_next_larger_one(model):
    image = picture(dtype=np.float32)
    four = model.enhance(image, scale=4)
    made = model.enhance(image, scale=3)
    assert np.abs(made - whole(four, (183, 135), "lanczos")).max() < 1e-5
    two = model.enhance(image, scale=2)
    made = model.enhance(image, size=(100, 90))
    assert np.abs(made - whole(two, (100, 90), "lanczos")).max() < 1e-5


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tiles_differ_from_the_whole_by_less_than_one_level(model, scale):
    image = picture(150, 131, np.float32)
    one = model.enhance(image, scale=scale, tile=0)
    cut = model.enhance(image, scale=scale, tile=96, overlap=56)
    assert np.abs(cut - one).max() < 1 / 255


def test_a_batch_is_its_images_one_by_one(model):
    batch = np.stack([picture(), picture()[::-1]])
    made = model.enhance(batch, scale=2)
    assert np.array_equal(made[1], model.enhance(batch[1], scale=2))


def test_strength_leads_from_a_bicubic_filter_to_the_model(model):
    image = picture(dtype=np.float32)
    plain = whole(image, (122, 90), "bicubic")
    full = model.enhance(image, scale=2)
    for strength in (0.0, 0.25):
        made = model.enhance(image, scale=2, strength=strength)
        assert np.abs(made - (plain + strength * (full - plain))).max() < 1e-5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("wanted", [{"scale": 2}, {"scale": 3}, {"scale": 4}])
def test_a_consistent_result_shrinks_to_the_input(model, dtype, wanted):
    image = picture(dtype=dtype)
    top = 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)

    def shrunk(large):
        return whole((large / top).astype(np.float32), image.shape[:2], "bicubic")

    reference = (image / top).astype(np.float32)
    before = psnr(reference, shrunk(model.enhance(image, **wanted)))
    after = psnr(reference, shrunk(model.enhance(image, consistent=True, **wanted)))
    assert before < 35 < 45 < after


def test_what_is_consistent_already_stays():
    large = picture(80, 64, np.float32)
    image = whole(large, (40, 32), "bicubic")
    changed = large.copy()
    make_consistent(changed, image)
    assert np.abs(changed - large).max() < 1e-5


@pytest.mark.parametrize("scale", [2, 4])
def test_black_on_white_becomes_consistent_too(model, scale):
    large = np.full((160, 160, 3), 255, np.uint8)
    large[24:56, 20:140] = large[90:120, 30:60] = large[80:150, 100:110] = 0
    small = Image.fromarray(large).resize((160 // scale,) * 2, Image.Resampling.BICUBIC)
    image = np.asarray(small)
    made = Image.fromarray(model.enhance(image, scale=scale, consistent=True))
    again = np.asarray(made.resize(small.size, Image.Resampling.BICUBIC))
    assert psnr(image / np.float32(255), again / np.float32(255)) > 40


@pytest.mark.parametrize("size", [(30, 22), (61, 20), (40, 90)])
def test_what_becomes_smaller_is_not_changed_to_be_consistent(model, size):
    image = picture()
    plain = model.enhance(image, size=size)
    assert np.array_equal(model.enhance(image, size=size, consistent=True), plain)


@pytest.mark.parametrize("scale", [2, 4])
def test_latents_and_draws_give_images_of_the_same_scale(model, scale):
    image = picture(40, 32)
    latents = model.encode_tiles(image)
    again = model.decode_tiles(latents, image.dtype, scale=scale)
    assert np.array_equal(again, model.enhance(image, scale=scale))
    floats = picture(40, 32, np.float32)
    decoded = model.decode(model.encode(floats), scale=scale)[0]
    assert np.abs(decoded - model.enhance(floats, scale=scale, tile=0)).max() < 1e-5
    draws = model.draw_posterior(image, 2, scale=scale)
    assert draws.shape == (2, 40 * scale, 32 * scale, 3)
    assert not np.array_equal(draws[0], draws[1])


@pytest.mark.parametrize("wanted", [{"scale": 2}, {"scale": 3}, {"size": (2600, 60)}])
def test_latents_in_the_tiles_chosen_for_you_decode_to_the_same_pixels(model, wanted):
    image = picture(750, 20)
    latents = model.encode_tiles(image)
    assert len(latents.tiles) > 1
    made = model.decode_tiles(latents, image.dtype, **wanted)
    assert np.array_equal(made, model.enhance(image, **wanted))
    with pytest.raises(UsageProblem, match="up to 4"):
        model.decode_tiles(latents, scale=5)


def test_samples_have_the_size_that_was_asked_for(model):
    assert model.sample(1, size=(30, 21)).shape == (1, 30, 21, 3)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({}, "by how much"),
        ({"scale": 5}, "up to 4"),
        ({"scale": 0}, "up to 4"),
        ({"size": (61 * 5, 45)}, "cannot become"),
        ({"size": (0, 45)}, "height of a result must be 1 or more"),
        ({"scale": 2, "size": (9, 9)}, "not both"),
    ],
)
def test_sizes_out_of_reach_are_refused(model, wanted, words):
    with pytest.raises(UsageProblem, match=words):
        model.enhance(picture(), **wanted)


def test_a_model_that_keeps_the_size_says_so(small):
    with pytest.raises(UsageProblem, match="keeps the size"):
        small.enhance(picture(), scale=2)
    with pytest.raises(UsageProblem, match="consistent"):
        small.enhance(picture(), consistent=True)
    assert np.array_equal(small.enhance(picture(), scale=1), small.enhance(picture()))


def test_other_scales_of_latents_and_draws_are_refused(model):
    with pytest.raises(UsageProblem, match="no scale 3, only 2 and 4"):
        model.draw_posterior(picture(), 1, scale=3)


def test_target_sizes_are_rounded_and_never_empty():
    assert target_size((61, 45), 1.5) == (92, 68)
    assert target_size((1, 3), 0.2) == (1, 1)
