"""Scores: the noise that is there is the noise that is found."""

from __future__ import annotations

import numpy as np
import pytest

import vaenhance
from tests.tiny import calibrate_tiny_model, save_tiny_model, tiny_config
from vaenhance import api_score, photo
from vaenhance.config import named_preset
from vaenhance.data.noise import add_gaussian_noise
from vaenhance.errors import UsageProblem


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    calibrate_tiny_model(folder)
    return vaenhance.load_model(folder, device="cpu", precision="float32")


def test_the_sigma_of_white_noise_is_found(samples):
    model = vaenhance.load_model("photo", device="cpu", precision="float32")
    pixels = photo.read_pixels(samples / "coffee.png")[:160, :160]
    x = pixels.astype(np.float32) / np.float32(255)
    found = [
        model.score(add_gaussian_noise(x, sigma / 255, np.random.default_rng(0)))
        for sigma in (8, 20, 45)
    ]
    noise = [255 * score.noise for score in found]
    assert noise == pytest.approx([8, 20, 45], rel=0.25)
    for figure in ("bits_per_dimension", "uncertainty"):
        values = [getattr(score, figure) for score in found]
        assert values == sorted(values)
    clean = model.score(x)
    assert 255 * clean.noise < 6
    assert clean.uncertainty < found[0].uncertainty


def test_the_cost_does_not_grow_with_the_image(tiny, monkeypatch):
    seen: list[tuple[int, ...]] = []
    asked = tiny._inference.posterior

    def counted(y, *rest):
        seen.append(y.shape)
        return asked(y, *rest)

    monkeypatch.setattr(tiny._inference, "posterior", counted)
    monkeypatch.setattr(api_score, "CROP", 64)
    tiny.score(np.zeros((500, 75, 3), np.uint8))
    # Each crop once for the ELBO and once for its sigma.
    assert len(seen) == 2 * 3 * 2
    assert set(seen) == {(1, 64 + 64, 64 + 64, 3)}


def test_a_score_is_the_same_again_and_for_any_small_image(tiny):
    image = np.random.default_rng(0).integers(0, 256, (5, 3, 3), np.uint8)
    assert tiny.score(image) == tiny.score(image)
    assert tiny.score(image) != tiny.score(image, seed=1)
    with pytest.raises(UsageProblem, match="expected pixels"):
        tiny.score(np.zeros((0, 3, 3), np.uint8))


def test_a_model_that_may_enlarge_scores_too(tmp_path):
    folder = save_tiny_model(tmp_path / "both", tiny_config(model={"scales": (1, 2)}))
    both = vaenhance.load_model(folder, device="cpu", precision="float32")
    assert both.score(np.zeros((8, 8, 3), np.uint8)).noise >= 0


def test_a_model_without_calibration_scores_without_uncertainty(tmp_path):
    folder = save_tiny_model(tmp_path / "tiny")
    fresh = vaenhance.load_model(folder, device="cpu")
    score = fresh.score(np.zeros((8, 8, 3), np.uint8))
    assert score.uncertainty is None
    assert score.noise > 0
    bits = save_tiny_model(tmp_path / "bits", named_preset("mlp"))
    with pytest.raises(UsageProblem, match="not made for photographs"):
        vaenhance.load_model(bits, device="cpu").score(np.zeros((28, 28, 1), np.uint8))
