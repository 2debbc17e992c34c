"""σ of models whose stride is odd: places of 2 × 2 pixels that do not fit an image."""

from __future__ import annotations

import numpy as np
import pytest

import vaenhance
from tests.tiny import save_tiny_model, tiny_config
from vaenhance import photo
from vaenhance.api import Model
from vaenhance.checkpoint_calibration import Calibration, save_calibration
from vaenhance.workflows import calibrate as story

LEVEL = {
    "widths": (8,),
    "encoder_blocks": (0,),
    "decoder_blocks": (0,),
    "latent_channels": (4,),
}


def odd_model(folder, unshuffle: int, crop: int, **model) -> Model:
    config = tiny_config(
        model={**LEVEL, "unshuffle": unshuffle, **model}, data={"crop": crop}
    )
    save_tiny_model(folder, config)
    return vaenhance.load_model(folder, device="cpu", precision="float32")


def say_one_sigma(model: Model) -> None:
    """Writes a calibration that says σ = 0.05, and more where much changed."""
    features = 17 + (model.config.scales != (1,))
    kernel = np.zeros((features, 1), np.float32)
    kernel[0] = 0.1
    layers = [(kernel, np.log(np.full(1, 0.05, np.float32)))]
    mean, deviation = np.zeros(features, np.float32), np.ones(features, np.float32)
    save_calibration(model.folder, Calibration(mean, deviation, layers, model.checksum))


def picture(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, channels), np.float32)


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (201, 199, 3), np.uint8)
    photo.save_png(pixels, folder / "a.png")
    return folder


@pytest.mark.parametrize(("unshuffle", "crop"), [(3, 18), (1, 16)])
def test_what_is_calibrated_can_be_asked(tmp_path, photographs, unshuffle, crop):
    model = odd_model(tmp_path / "odd", unshuffle, crop)
    before = model.score(picture(67, 62))
    story.calibrate(model, photographs, crops=3)
    for height, width in ((67, 62), (64, 63), (1, 1)):
        image = picture(height, width)
        found = model.assess(image)
        assert np.array_equal(found.image, model.enhance(image))
        assert found.sigma.shape == (height, width)
        assert (found.sigma > 0).all()
    score = model.score(picture(67, 62))
    assert score.uncertainty > 0
    assert score.bits_per_dimension == before.bits_per_dimension


def test_the_sigma_of_tiles_is_that_of_the_whole(tmp_path):
    model = odd_model(tmp_path / "odd", 3, 18)
    say_one_sigma(model)
    image = picture(131, 154)
    one = model.assess(image, tile=0).sigma
    tiled = model.assess(image, tile=99, overlap=48).sigma
    # Places of another tile may begin a pixel later: of white noise, as here, their
    # means differ by a third at most (measured), and by nothing on the whole.
    np.testing.assert_allclose(tiled, one, rtol=0.5)
    assert tiled.mean() == pytest.approx(one.mean(), rel=0.02)


def test_enlarged_images_of_an_odd_stride_have_a_sigma(tmp_path):
    model = odd_model(tmp_path / "odd", 3, 18, scales=(1, 2))
    say_one_sigma(model)
    for scale in (1, 2):
        image = picture(20, 31)
        found = model.assess(image, scale=scale)
        assert np.array_equal(found.image, model.enhance(image, scale=scale))
        assert found.sigma.shape == (20 * scale, 31 * scale)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_place_at_the_end_is_of_the_pixels_that_are_there(scale):
    from vaenhance.model import assessment, decoder_scale

    y, x_hat = picture(7, 9)[None], picture(7 * scale, 9 * scale)[None]
    more = [(0, 0), (0, 1), (0, 1), (0, 0)]
    repeated = [(0, 0), (0, scale), (0, scale), (0, 0)]
    odd = decoder_scale.features(y, x_hat, [], (1, 2), scale).numpy()
    even = decoder_scale.features(
        np.pad(y, more, "symmetric"),
        np.pad(x_hat, repeated, "symmetric"),
        *([], (1, 2), scale),
    ).numpy()
    assert odd.shape == even.shape == (1, 4, 5, 15)
    # What was changed; gradients end where the image does.
    np.testing.assert_allclose(odd[..., 0], even[..., 0], atol=1e-5)
    np.testing.assert_allclose(odd[:, :3, :4, 4], even[:, :3, :4, 4], atol=1e-5)
    placed = assessment.by_place(x_hat, scale).mean(axis=-1)
    assert placed.shape == (1, 4, 5)
    last = x_hat[0, 6 * scale :, 8 * scale :].mean()
    assert placed[0, -1, -1] == pytest.approx(last, rel=1e-5)
