"""Draws from the posterior, and what the latents say: ``Model``'s other half."""

from __future__ import annotations

import numpy as np
import pytest

import vaenhance
from tests.tiny import save_tiny_model
from vaenhance.api import Model
from vaenhance.config import named_preset
from vaenhance.errors import UsageProblem


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    return vaenhance.load_model(folder, device="cpu", precision="float32")


def picture(height: int = 21, width: int = 34) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


def test_draws_have_the_shape_of_the_image_and_differ(model):
    draws = model.draw_posterior(picture(), 3)
    assert draws.shape == (3, 21, 34, 3)
    assert draws.dtype == np.float32
    assert np.std(draws, axis=0).mean() > 1e-3


def test_a_draw_depends_on_its_number_and_the_seed_only(model):
    draws = model.draw_posterior(picture(), 3, seed=5)
    assert np.array_equal(model.draw_posterior(picture(), 1, seed=5)[0], draws[0])
    assert not np.allclose(model.draw_posterior(picture(), 1, seed=6)[0], draws[0])
    assert model.draw_posterior(picture(), 0).shape == (0, 21, 34, 3)


def test_a_draw_without_randomness_is_the_enhanced_image(model, monkeypatch):
    drawn = model._epsilons
    monkeypatch.setattr(
        model, "_epsilons", lambda *given: [0 * epsilon for epsilon in drawn(*given)]
    )
    (draw,) = model.draw_posterior(picture(), 1)
    np.testing.assert_allclose(draw, model.enhance(picture(), tile=0), atol=1e-5)


def test_8_bit_pixels_are_those_of_floats(model):
    image = (picture() * 255).astype(np.uint8)
    as_float = image.astype(np.float32) / np.float32(255)
    np.testing.assert_allclose(
        model.draw_posterior(image, 1), model.draw_posterior(as_float, 1), atol=1e-5
    )


def test_the_noise_level_is_heard(model):
    unknown = model.draw_posterior(picture(), 1)
    told = model.draw_posterior(picture(), 1, noise_sigma=0.2)
    assert not np.allclose(unknown, told)
    levels = [model.describe_latents(picture(), noise_sigma=s) for s in (None, 0.2)]
    assert not np.allclose(levels[0][0].kl, levels[1][0].kl)


def test_latents_are_those_of_encode_and_their_kl_is_not_negative(model):
    batch = np.stack([picture(), 1 - picture()])
    levels, latents = model.describe_latents(batch), model.encode(batch)
    assert len(levels) == len(latents.levels) == 2
    for level, means in zip(levels, latents.levels, strict=True):
        assert np.array_equal(level.means, means)
        assert level.kl.shape == (2,)
        assert (level.kl > 0).all()
        assert level.values == means[0].size
        # what is mirrored is counted on both sides of a division
        area = means.shape[1] * means.shape[2]
        assert level.pixels in (area * 4, area * 16)
        assert level.pixels >= 21 * 34


def test_the_kl_of_a_posterior_that_is_its_prior_is_zero(tmp_path):
    folder = save_tiny_model(tmp_path / "tiny")
    deaf = vaenhance.load_model(folder, device="cpu", precision="float32")
    for head in deaf._inference._network.posterior_head:
        for weight in head.weights:
            weight.assign(np.zeros(weight.shape, np.float32))
    assert [level.kl.item() for level in deaf.describe_latents(picture())] == [0, 0]


def test_values_that_are_not_finite_are_computed_again_in_float32(tmp_path):
    folder = save_tiny_model(tmp_path / "tiny")
    half = vaenhance.load_model(folder, device="cpu", precision="bfloat16")
    exact = vaenhance.load_model(folder, device="cpu", precision="float32")
    wrong = half._inference._posterior[1]

    def broken(*given):
        images, kls = wrong(*given)
        return images * np.nan, kls

    half._inference._posterior[1] = broken
    expected = exact.draw_posterior(picture(), 1)
    assert np.array_equal(half.draw_posterior(picture(), 1), expected)


def test_a_model_of_one_size_draws_too(tmp_path):
    folder = save_tiny_model(tmp_path / "digits", named_preset("mlp"))
    digits = vaenhance.load_model(folder, device="cpu")
    image = np.zeros((28, 28, 1), np.uint8)
    draws = digits.draw_posterior(image, 2)
    assert draws.shape == (2, 28, 28, 1)
    assert not np.allclose(draws[0], draws[1])
    (level,) = digits.describe_latents(image)
    assert level.means.shape == (1, 1, 1, 2)
    assert level.pixels == 28 * 28
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
