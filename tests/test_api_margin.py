"""What is mirrored around an image: it helps the border, and nobody else sees it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

import vaenhance
from tests.tiny import TINY, save_tiny_model, tiny_config
from vaenhance import api_tiles
from vaenhance.api import Latents, Model
from vaenhance.errors import OutOfMemory, UsageProblem

SIZES = [(1, 1), (1, 7), (5, 33), (45, 61), (64, 40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder) -> Model:
    return vaenhance.load_model(folder, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def half(folder) -> Model:
    return vaenhance.load_model(folder, device="cpu", precision="bfloat16")


def picture(height: int = 40, width: int = 56) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


@pytest.mark.parametrize("size", SIZES)
def test_decode_of_encode_is_enhance_to_the_bit(model, size):
    image = picture(*size)
    latents = model.encode(image, noise_sigma=0.1)
    assert (latents.height, latents.width) == size
    decoded = model.decode(latents)
    assert decoded.shape == (1, *size, 3)
    assert np.array_equal(decoded[0], model.enhance(image, noise_sigma=0.1))


def test_decode_of_encode_is_enhance_at_half_precision_too(half):
    image = picture(45, 61)
    assert np.array_equal(half.decode(half.encode(image))[0], half.enhance(image))


def test_decode_of_encode_is_enhance_where_operations_are_joined(folder):
    # oneDNN joins a convolution with the sum after it, where it can; processors that
    # multiply bfloat16 use it by themselves.
    script = f"""
import numpy as np, sys, vaenhance
model = vaenhance.load_model({str(folder)!r}, device="cpu", precision="float32")
image = np.random.default_rng(0).random((45, 61, 3), np.float32)
decoded = model.decode(model.encode(image))[0]
sys.exit(not np.array_equal(decoded, model.enhance(image)))
"""
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"}
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, env=environment, check=False).returncode == 0


def test_a_batch_is_encoded_as_its_images_are(model):
    batch = np.stack([picture(5, 9), 1 - picture(5, 9)])
    decoded = model.decode(model.encode(batch))
    assert np.allclose(decoded, model.enhance(batch), atol=1e-5)


def test_latents_cover_the_image_and_what_is_mirrored(model):
    # 45 + 2 * 32 = 109 rows, 61 + 2 * 32 = 125 columns; the stride is 4.
    latents = model.encode(picture(45, 61))
    assert [z.shape for z in latents.levels] == [(1, 28, 32, 4), (1, 56, 64, 4)]
    assert model.margin == 32
    without = Latents([z[:, 8:-8, 8:-8] for z in latents.levels], 45, 61)
    with pytest.raises(UsageProblem, match="another model or size"):
        model.decode(without)


def test_the_border_is_as_good_as_the_middle(model, monkeypatch):
    # An image that goes on as its own mirror image has no border where ours ends.
    image = picture(40, 40)
    continued = np.pad(image, ((64, 64), (64, 64), (0, 0)), mode="symmetric")
    expected = model.enhance(continued, tile=0)[64:-64, 64:-64]
    error = np.abs(model.enhance(image) - expected).max()
    monkeypatch.setattr(model, "margin", 0)
    before = np.abs(model.enhance(image) - expected).max()
    assert before > 0.02
    assert error < before / 20


def test_one_pixel_is_a_plane_of_its_colour(model):
    pixel = np.full((1, 1, 3), 0.3, np.float32)
    plane = np.full((104, 104, 3), 0.3, np.float32)
    expected = model.enhance(plane)[48, 48]
    assert np.abs(model.enhance(pixel)[0, 0] - expected).max() < 1 / 255


def test_the_margin_is_a_multiple_of_the_stride(tmp_path):
    deep = dataclasses.replace(TINY, unshuffle=3)  # a stride of 6
    config = tiny_config(model=vars(deep), data={"crop": 12})
    odd = vaenhance.load_model(
        save_tiny_model(tmp_path / "odd", config), device="cpu", precision="float32"
    )
    assert odd.margin == 36
    image = picture(20, 31)
    assert np.array_equal(odd.decode(odd.encode(image))[0], odd.enhance(image))
    tiled = odd.enhance(image, tile=60, overlap=48)
    assert np.abs(tiled - odd.enhance(image)).max() < 1 / 255


def test_a_model_of_one_size_sees_nothing_else(tmp_path):
    config = tiny_config(model={**vars(TINY), "image_size": 16})
    fixed = vaenhance.load_model(
        save_tiny_model(tmp_path / "fixed", config), device="cpu", precision="float32"
    )
    assert fixed.margin == 0
    image = picture(16, 16)
    expected = fixed._inference.restore(image[None], None)[0]
    assert np.array_equal(fixed.enhance(image), expected)
    latents = fixed.encode(image)
    assert [z.shape[1:3] for z in latents.levels] == [(4, 4), (8, 8)]
    assert np.array_equal(fixed.decode(latents)[0], expected)


def test_memory_may_run_out_because_of_what_is_mirrored(model, monkeypatch):
    # 120 pixels a side are less than the smallest tile, 184 are not.
    whole = model.enhance(picture(120, 120))
    restore = model._inference.restore

    def small_memory(y, *rest):
        if max(y.shape) > 128:
            raise OutOfMemory("no memory left")
        return restore(y, *rest)

    monkeypatch.setattr(model._inference, "restore", small_memory)
    monkeypatch.setattr(model, "tile_limit", 0)
    monkeypatch.setattr(api_tiles, "SMALLEST_TILE", 128)
    result = model.enhance(picture(120, 120))
    assert model.tile_limit == 128
    assert np.abs(result - whole).max() < 1 / 255


def test_what_has_no_pixels_is_given_back_or_refused(model):
    for shape in [(0, 5, 3), (0, 8, 8, 3), (2, 4, 0, 3)]:
        empty = np.zeros(shape, np.uint8)
        assert model.enhance(empty).shape == shape
        with pytest.raises(UsageProblem, match="expected pixels"):
            model.encode(empty)
