"""Draws and σ of images of any size: tiles, seeds, the calibration they need."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import vaenhance
from tests.test_resampling import whole
from tests.tiny import calibrate_tiny_model, save_tiny_model, tiny_config
from vaenhance import checkpoint
from vaenhance.api import Model
from vaenhance.checkpoint_calibration import CALIBRATION, load_calibration
from vaenhance.config import named_preset, stride
from vaenhance.errors import ModelError, UsageProblem
from vaenhance.workflows import calibrate

CUT = {"tile": 96, "overlap": 48}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    calibrate_tiny_model(folder)
    return vaenhance.load_model(folder, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Model:
    """One that enlarges."""
    folder = tmp_path_factory.mktemp("models") / "large"
    save_tiny_model(folder, tiny_config(model={"scales": (2, 4)}))
    calibrate_tiny_model(folder, scales=(2, 4))
    return vaenhance.load_model(folder, device="cpu", precision="float32")


def picture(height: int = 21, width: int = 34) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


# === Draws ===


def test_draws_have_the_shape_of_the_image_and_differ(model):
    draws = model.draw_posterior(picture(), 3)
    assert draws.shape == (3, 21, 34, 3)
    assert draws.dtype == np.float32
    assert np.std(draws, axis=0).mean() > 1e-3


def test_a_draw_depends_on_its_number_and_the_seed_only(model):
    draws = model.draw_posterior(picture(), 3, seed=5)
    assert np.array_equal(model.draw_posterior(picture(), 1, seed=5)[0], draws[0])
    assert np.array_equal(model.draw(picture(), 2, seed=5), draws[2])
    assert not np.allclose(model.draw_posterior(picture(), 1, seed=6)[0], draws[0])
    assert model.draw_posterior(picture(), 0).shape == (0, 21, 34, 3)


def test_a_draw_without_randomness_is_the_enhanced_image(model, monkeypatch):
    drawn = model._noise
    monkeypatch.setattr(
        model, "_noise", lambda *given: [0 * epsilon for epsilon in drawn(*given)]
    )
    np.testing.assert_allclose(
        model.draw(picture()), model.enhance(picture(), tile=0), atol=1e-5
    )


def test_tiles_of_a_draw_are_those_of_the_whole(model):
    image = picture(150, 170)
    whole = model.draw(image, tile=0)
    assert np.abs(model.draw(image, **CUT) - whole).max() < 1 / 255
    assert np.abs(model.enhance(image, tile=0) - whole).max() > 10 / 255


def test_draws_keep_the_type_and_hear_strength_and_noise(model):
    image = (picture() * 255).astype(np.uint8)
    full, half = model.draw(image), model.draw(image, strength=0.5)
    assert full.dtype == np.uint8
    middle = (image.astype(float) + full) / 2
    assert np.abs(half - middle).max() <= 1
    assert np.array_equal(model.draw(image, strength=0), image)
    as_float = image.astype(np.float32) / np.float32(255)
    np.testing.assert_allclose(
        model.draw_posterior(image, 1), model.draw_posterior(as_float, 1), atol=1e-5
    )
    assert not np.array_equal(model.draw(image, noise_sigma=0.2), full)


def test_a_model_of_one_size_draws_too(tmp_path):
    folder = save_tiny_model(tmp_path / "digits", named_preset("mlp"))
    digits = vaenhance.load_model(folder, device="cpu")
    draws = digits.draw_posterior(np.zeros((28, 28, 1), np.uint8), 2)
    assert draws.shape == (2, 28, 28, 1)
    assert not np.allclose(draws[0], draws[1])
    with pytest.raises(UsageProblem, match="28x28"):
        digits.draw_posterior(np.zeros((30, 28, 1), np.uint8), 1)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), "draws are of one image"),
        (np.zeros((0, 8, 3), np.float32), "expected pixels"),
        (np.zeros((8, 8, 1), np.float32), "takes colour images"),
        (np.full((8, 8, 3), np.nan, np.float32), "not finite"),
    ],
)
def test_nonsense_is_refused(model, image, words):
    with pytest.raises(UsageProblem, match=words):
        model.draw_posterior(image, 1)


# === Sigma ===


def test_what_is_assessed_is_the_enhanced_image(model):
    image = picture()
    found = model.assess(image)
    np.testing.assert_allclose(found.image, model.enhance(image), atol=1e-5)
    assert found.sigma.shape == (21, 34)
    assert found.sigma.dtype == np.float32
    assert (found.sigma > 0).all()


def test_draws_add_to_the_decoders_variance(model):
    alone = model.assess(picture(), draws=0).sigma
    drawn = model.assess(picture(), draws=2).sigma
    spread = np.square(model.draw_posterior(picture(), 2) - model.enhance(picture()))
    added = np.square(drawn, dtype=float) - np.square(alone, dtype=float)
    assert added.min() > -1e-7
    assert added.mean() == pytest.approx(spread.mean(), rel=0.1)


def test_tiles_of_sigma_are_those_of_the_whole(model):
    image = (picture(150, 170) * 255).astype(np.uint8)
    seen: list[float] = []
    whole = model.assess(image, tile=0)
    tiled = model.assess(image, progress=seen.append, **CUT)
    assert np.abs(whole.image.astype(int) - tiled.image).max() <= 1
    assert np.abs(whole.sigma - tiled.sigma).max() < 0.02 * whole.sigma.mean()
    assert sum(seen) == pytest.approx(150 * 170 / 1e6)
    assert np.array_equal(model.assess(image, **CUT).sigma, tiled.sigma)


def test_the_smallest_images_have_a_sigma(model):
    assert model.assess(np.zeros((1, 1, 3), np.uint8)).sigma.shape == (1, 1)
    assert model.assess(np.zeros((0, 5, 3), np.uint8)).sigma.shape == (0, 5)


def test_a_model_that_is_not_calibrated_says_what_to_do(tmp_path):
    folder = save_tiny_model(tmp_path / "tiny")
    fresh = vaenhance.load_model(folder, device="cpu")
    assert not fresh.is_calibrated
    with pytest.raises(ModelError, match="vaenhance calibrate"):
        fresh.assess(picture())
    calibrate_tiny_model(folder, checksum="of other weights")
    with pytest.raises(ModelError, match="trained further"):
        fresh.assess(picture())
    calibrate_tiny_model(folder)
    assert fresh.is_calibrated


def test_keeping_what_is_uncertain(model):
    image = (picture() * 255).astype(np.uint8)
    found = model.assess(image)
    assert np.array_equal(vaenhance.keep_uncertain(image, found, 10.0), found.image)
    nothing = vaenhance.keep_uncertain(image, found, 1e-9)
    assert np.abs(nothing.astype(int) - image).max() <= 1
    doubtful = vaenhance.Assessed(found.image, np.full((21, 34), 0.2, np.float32))
    half = vaenhance.keep_uncertain(image, doubtful, 0.1)
    middle = (image.astype(float) + found.image) / 2
    assert np.abs(half - middle).max() <= 1


def test_the_input_of_a_smaller_answer_is_shrunk(model):
    from PIL import Image

    image = np.kron((picture() * 255).astype(np.uint8), np.ones((3, 3, 1), np.uint8))
    small = Image.fromarray(image).resize((34, 21), Image.Resampling.BICUBIC)
    answer = np.zeros((21, 34, 3), np.uint8)
    unsure = vaenhance.Assessed(answer, np.full((21, 34), 0.2, np.float32))
    found = vaenhance.keep_uncertain(image, unsure, 1e-9)
    assert np.abs(found.astype(int) - np.asarray(small)).max() <= 2


def test_only_what_was_assessed_is_kept(model):
    image = (picture() * 255).astype(np.uint8)
    found = model.assess(image)
    others = image / 255, image[..., :1], image[None], np.tile(image, (2, 1, 1))
    for other in others:
        with pytest.raises(UsageProblem, match="is not what the answer of uint8"):
            vaenhance.keep_uncertain(other, found, 0.1)
    for threshold in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageProblem, match="above 0"):
            vaenhance.keep_uncertain(image, found, threshold)


# === Enlarged ===


@pytest.mark.parametrize("scale", [2, 4])
def test_draws_are_enlarged_as_the_answer_is(large, scale):
    image = picture()
    drawn = large.draw(image, 1, seed=2, scale=scale)
    expected = large.draw_posterior(image, 2, 2, scale=scale)[1]
    assert np.abs(drawn - expected).max() < 1e-5
    size = (scale * 21 - 7, scale * 34 - 11)
    between = large.draw(image, 1, seed=2, size=size)
    assert np.abs(between - whole(drawn, size, "lanczos")).max() < 1e-5
    half = large.draw(image, 1, seed=2, scale=scale, strength=0.5)
    plain = whole(image, (scale * 21, scale * 34), "bicubic")
    assert np.abs(half - (plain + drawn) / 2).max() < 1e-5


def test_a_consistent_draw_shrinks_to_the_input(large):
    image = picture()
    drawn = large.draw(image, scale=2, consistent=True)
    plain = large.draw(image, scale=2)
    back, before = (whole(d, (21, 34), "bicubic") for d in (drawn, plain))
    assert np.square(back - image).mean() < 0.01 * np.square(before - image).mean()


@pytest.mark.parametrize("scale", [2, 4])
def test_sigma_is_of_every_pixel_of_the_enlarged_image(large, scale):
    image = (picture(50, 46) * 65535).astype(np.uint16)
    found = large.assess(image, scale=scale, tile=0)
    assert found.sigma.shape == (50 * scale, 46 * scale)
    assert (found.sigma > 0).all()
    assert found.image.dtype == np.uint16
    answer = large.enhance(image, scale=scale, tile=0)
    assert np.abs(found.image.astype(int) - answer).max() <= 1
    tiled = large.assess(image, scale=scale, tile=96, overlap=56)
    assert np.abs(tiled.sigma - found.sigma).max() < 0.02 * found.sigma.mean()
    size = (scale * 50 - 30, scale * 46 - 20)
    between = large.assess(image, size=size, tile=0)
    expected = whole(found.sigma[..., None], size, "lanczos")[..., 0]
    assert np.abs(between.sigma - expected).max() < 1e-5
    answer = large.enhance(image, size=size, tile=0)
    assert np.abs(between.image.astype(int) - answer).max() <= 1


def test_enlarged_draws_add_their_spread_to_sigma(large):
    alone, drawn = (
        np.square(large.assess(picture(), draws=n, scale=2).sigma, dtype=float)
        for n in (0, 2)
    )
    spread = large.draw_posterior(picture(), 2, scale=2)
    spread = np.square(spread - large.enhance(picture(), scale=2))
    assert (drawn - alone).mean() == pytest.approx(spread.mean(), rel=0.1)


def test_what_is_uncertain_is_blended_with_the_enlarged_input(large):
    image = (picture() * 255).astype(np.uint8)
    found = large.assess(image, scale=4)
    nothing = vaenhance.keep_uncertain(image, found, 1e-9)
    plain = large.enhance(image, scale=4, strength=0)
    assert np.abs(nothing.astype(int) - plain).max() <= 1
    assert np.array_equal(vaenhance.keep_uncertain(image, found, 10.0), found.image)
    weak = large.assess(image, scale=4, strength=0.5)
    middle = large.enhance(image, scale=4, strength=0.5)
    assert np.abs(weak.image.astype(int) - middle).max() <= 1
    assert np.array_equal(weak.sigma, found.sigma)


def test_features_of_an_enlarged_image_are_those_of_its_means():
    import tensorflow as tf

    from vaenhance.model.decoder_scale import features

    y, x_hat = tf.constant(picture(20, 24)[None]), tf.constant(picture(24, 20)[None])
    x_hat = tf.transpose(x_hat, [0, 2, 1, 3])
    small = features(y, x_hat, []).numpy()
    repeated = tf.repeat(tf.repeat(x_hat, 4, axis=1), 4, axis=2)
    large = features(y, repeated, [], (2, 4), 4).numpy()
    assert large.shape == (1, 10, 12, 15)
    assert (large[..., -1] == 2).all()  # log2 of the scale
    gradients = np.arange(14)[(np.arange(14) < 4) | (np.arange(14) > 7)]
    np.testing.assert_allclose(large[..., gradients], small[..., gradients], atol=1e-4)


def test_a_calibration_of_another_kind_of_model_is_refused(large):
    calibrate_tiny_model(large.folder)
    large._calibration = None
    try:
        with pytest.raises(ModelError, match="of another network"):
            large.assess(picture(), scale=2)
    finally:
        calibrate_tiny_model(large.folder, scales=(2, 4))


# === The calibration's file ===


@pytest.mark.parametrize("name", ["photo", "detail"])
def test_the_built_in_models_are_calibrated_for_their_weights(name):
    folder = checkpoint.find_model(name)
    own = load_calibration(folder)
    assert own is not None
    assert own.weights_sha256 == checkpoint.weights_checksum(folder)


@pytest.mark.parametrize("model", [{"strides": (9,)}, {"scales": (2, 4)}])
def test_crops_for_a_calibration_fit_the_network(model):
    config = tiny_config(model=model, data={"crop": 36})
    found = calibrate._cropping(config, seed=0, as_stored=True)
    assert found.data.crop % stride(config.model) == 0
    assert 128 <= found.data.crop < 220


def test_a_calibration_survives_its_file(tmp_path):
    calibrate_tiny_model(tmp_path, checksum="abc")
    first = load_calibration(tmp_path)
    assert first is not None
    assert first.weights_sha256 == "abc"
    assert load_calibration(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.update(schema_version=2),
        lambda data: data.pop("layers"),
        lambda data: data["feature_mean"].pop(),
        lambda data: data["layers"][0]["kernel"].pop(),
        lambda data: data["layers"][0]["bias"].append(1.0),
        lambda data: data["feature_deviation"].__setitem__(0, 0.0),
        lambda data: data["feature_mean"].__setitem__(0, float("inf")),
        lambda data: data["feature_mean"].__setitem__(0, "import os"),
    ],
)
def test_a_damaged_calibration_is_refused(tmp_path, damage):
    calibrate_tiny_model(tmp_path, checksum="abc")
    path: Path = tmp_path / CALIBRATION
    data = json.loads(path.read_text())
    damage(data)
    path.write_text(json.dumps(data))
    with pytest.raises(ModelError, match=r"calibration\.json"):
        load_calibration(tmp_path)
