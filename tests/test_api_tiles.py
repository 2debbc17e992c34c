"""Latents in tiles: decoding gives what enhancing gives, to the bit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import vaenhance
from tests.tiny import TINY, save_tiny_model, tiny_config
from vaenhance import api_tiles
from vaenhance.api import Model
from vaenhance.config import named_preset
from vaenhance.errors import OutOfMemory, UsageProblem

CUT = {"tile": 96, "overlap": 40}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder) -> Model:
    return vaenhance.load_model(folder, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def half(folder) -> Model:
    return vaenhance.load_model(folder, device="cpu", precision="bfloat16")


def picture(height: int = 90, width: int = 133, dtype: type = np.uint8) -> np.ndarray:
    values = np.random.default_rng(0).random((height, width, 3), np.float32)
    scale = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return (values * scale).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("options", [{}, CUT, {"noise_sigma": 0.1, **CUT}])
def test_decoding_tiles_is_enhancing(model, dtype, options):
    image = picture(dtype=dtype)
    latents = model.encode_tiles(image, **options)
    assert len(latents.tiles) == (9 if "tile" in options else 1)
    decoded = model.decode_tiles(latents, dtype)
    assert np.array_equal(decoded, model.enhance(image, **options))
    assert decoded.dtype == dtype


def test_decoding_tiles_is_enhancing_at_half_precision(half):
    image = picture(dtype=np.float32)
    decoded = half.decode_tiles(half.encode_tiles(image, **CUT), np.float32)
    assert np.array_equal(decoded, half.enhance(image, **CUT))


def test_one_tile_holds_the_latents_of_the_whole(model):
    image = picture(45, 61)
    whole = model.encode(image).levels
    (tile,) = model.encode_tiles(image).tiles
    assert list(tile) == ["level0", "level1"]
    for level, z in enumerate(whole):
        assert np.array_equal(tile[f"level{level}"], z[0])


def test_scales_stand_beside_the_same_means(model):
    image = picture(45, 61)
    (plain,), (both,) = (
        model.encode_tiles(image, scale=s).tiles for s in (False, True)
    )
    assert list(both) == ["level0", "level1", "scale0", "scale1"]
    for level in range(2):
        z, scale = both[f"level{level}"], both[f"scale{level}"]
        assert np.array_equal(z, plain[f"level{level}"])
        assert scale.shape == z.shape
        assert (scale > 0).all()


def test_draws_spread_as_the_scales_say(model):
    image = picture(20, 20)
    (means,) = model.encode_tiles(image, scale=True).tiles
    (drawn,) = model.encode_tiles(image, draws=40, seed=3).tiles
    assert drawn["level0"].shape == (40, *means["level0"].shape)
    # Of the coarsest level only: the others depend on what is drawn above them.
    z = (drawn["level0"] - means["level0"]) / means["scale0"]
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02


def test_scales_and_draws_exclude_each_other(model):
    with pytest.raises(UsageProblem, match="either draws"):
        model.encode_tiles(picture(20, 20), draws=2, scale=True)


def test_a_draw_depends_on_seed_and_number_alone(model):
    image = picture(20, 20)
    (two,) = model.encode_tiles(image, draws=2, seed=3).tiles
    (three,) = model.encode_tiles(image, draws=3, seed=3).tiles
    (other,) = model.encode_tiles(image, draws=2, seed=4).tiles
    assert np.array_equal(two["level1"], three["level1"][:2])
    assert not np.array_equal(two["level1"][0], two["level1"][1])
    assert not np.array_equal(two["level1"], other["level1"])


def test_draws_in_tiles_are_those_of_the_whole(model):
    image = picture(dtype=np.float32)
    whole, tiled = (
        model.decode_tiles(
            model.encode_tiles(image, draws=2, tile=tile, overlap=64), "f4", draw=1
        )
        for tile in (0, 96)
    )
    assert np.abs(whole - tiled).max() < 1 / 255
    assert np.abs(whole - model.enhance(image)).max() > 2 / 255


def test_tiles_can_be_handed_on_one_by_one(model):
    image = picture()
    kept: list = []
    found = model.encode_tiles(image, lambda n, _, tile: kept.append((n, tile)), **CUT)
    assert found.tiles == []
    assert [number for number, _ in kept] == list(range(9))
    count, shapes = model.tile_shapes(found)
    assert count == 9
    assert [z.shape for z in kept[0][1].values()] == shapes
    decoded = model.decode_tiles(found, tiles=(tile for _, tile in kept))
    assert np.array_equal(decoded, model.enhance(image, **CUT))


def test_out_of_memory_begins_again_with_smaller_tiles(model, monkeypatch):
    encode = model._inference.encode

    def small_memory(y, *rest, **named):
        if y.shape[1] > 150:
            raise OutOfMemory("no memory left")
        return encode(y, *rest, **named)

    monkeypatch.setattr(model._inference, "encode", small_memory)
    monkeypatch.setattr(model, "tile_limit", 0)
    monkeypatch.setattr(api_tiles, "SMALLEST_TILE", 128)
    numbers: list[int] = []
    image = picture(200, 140)
    found = model.encode_tiles(image, lambda number, *_: numbers.append(number))
    assert found.tiling.tile == model.tile_limit <= 150
    assert numbers == list(range(len(numbers)))
    monkeypatch.undo()
    assert model.encode_tiles(image).tiling.tile == 1024


def test_tiles_are_not_smaller_than_what_keeps_them_from_showing(model):
    image = picture(40, 30)
    asked = {None: 1024, 64: 448, 447: 448, 500: 500, 0: 0}
    for tile, given in asked.items():
        cut = model.encode_tiles(image, tile=tile).tiling
        assert (cut.tile, cut.overlap) == (given, 224 if given else 0)
    cut = model.encode_tiles(image, tile=64, overlap=16).tiling
    assert (cut.tile, cut.overlap) == (64, 16)


@pytest.mark.parametrize("network", ["mlp", "ladder"])
def test_models_of_one_size_have_one_tile(tmp_path, network):
    ladder = {**vars(TINY), "channels": 1, "image_size": 16}
    own = {"mlp": named_preset("mlp"), "ladder": tiny_config(model=ladder)}
    folder = save_tiny_model(tmp_path / network, own[network])
    fixed = vaenhance.load_model(folder, device="cpu", precision="float32")
    side, channels = fixed.config.image_size, fixed.config.channels
    image = picture(side, side)[..., :channels]
    latents = fixed.encode_tiles(image, scale=True)
    assert len(latents.tiles) == 1
    assert np.array_equal(fixed.decode_tiles(latents), fixed.enhance(image))
    draws = fixed.encode_tiles(image, draws=2)
    shapes = [(2, *shape) for shape in fixed.tile_shapes(draws)[1]]
    assert [z.shape for z in draws.tiles[0].values()] == shapes


def test_what_does_not_fit_is_refused(model, tmp_path):
    latents = model.encode_tiles(picture(20, 20))
    with pytest.raises(UsageProblem, match="another model or size"):
        model.decode_tiles(dataclasses.replace(latents, height=60))
    with pytest.raises(UsageProblem, match="another model or size"):
        model.decode_tiles(latents, tiles=[])
    cut = dataclasses.replace(latents.tiling, margin=0)
    with pytest.raises(UsageProblem, match="another model"):
        model.decode_tiles(dataclasses.replace(latents, tiling=cut))
    for shape in [(2, 8, 8, 3), (0, 5, 3)]:
        with pytest.raises(UsageProblem, match="expected one image"):
            model.encode_tiles(np.zeros(shape, np.uint8))
    residual = tiny_config(model={**vars(TINY), "residual": True})
    other = vaenhance.load_model(save_tiny_model(tmp_path / "r", residual))
    with pytest.raises(UsageProblem, match="adds its input"):
        other.decode_tiles(other.encode_tiles(picture(20, 20)))
