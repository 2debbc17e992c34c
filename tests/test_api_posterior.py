"""What the latents say of images, level by level."""

from __future__ import annotations

import numpy as np
import pytest

import vaenhance
from tests.tiny import save_tiny_model
from vaenhance.api import Model
from vaenhance.config import named_preset


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    return vaenhance.load_model(folder, device="cpu", precision="float32")


def picture(height: int = 21, width: int = 34) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


def test_the_noise_level_is_heard(model):
    levels = [model.describe_latents(picture(), noise_sigma=s) for s in (None, 0.2)]
    assert not np.allclose(levels[0][0].kl, levels[1][0].kl)


def test_latents_are_those_of_encode_and_their_kl_is_not_negative(model):
    batch = np.stack([picture(), 1 - picture()])
    levels, latents = model.describe_latents(batch), model.encode(batch)
    assert len(levels) == len(latents.levels) == 2
    for level, means in zip(levels, latents.levels, strict=True):
        assert np.array_equal(level.means, means)
        assert level.distances.shape == means.shape
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


def test_a_model_of_one_size_is_described_too(tmp_path):
    folder = save_tiny_model(tmp_path / "digits", named_preset("mlp"))
    digits = vaenhance.load_model(folder, device="cpu")
    image = np.zeros((28, 28, 1), np.uint8)
    (level,) = digits.describe_latents(image)
    assert level.means.shape == (1, 1, 1, 2)
    assert np.array_equal(level.distances, level.means)  # its prior is N(0, 1)
    assert level.pixels == 28 * 28
