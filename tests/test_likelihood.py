"""``evaluate --likelihood``: bounds against integration, their seeds, the command."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import vaenhance
from tests.tiny import save_tiny_model, tiny_config
from vaenhance import api_likelihood
from vaenhance.api import Latents, Model
from vaenhance.cli import app
from vaenhance.config import PRESETS, Config
from vaenhance.errors import UsageProblem


def binary_config(**data) -> Config:
    model = {"image_size": 6, "hidden": (12,), "hidden_decoder": (12,)}
    return PRESETS["mlp"].replace(
        model=model, data={"crop": 6, "binarize": "dynamic", **data}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "bits", binary_config())


@pytest.fixture(scope="module")
def model(folder) -> Model:
    return vaenhance.load_model(folder, device="cpu", precision="float32")


def bits(count: int = 5) -> np.ndarray:
    drawn = np.random.default_rng(1).random((count, 6, 6, 1)) < 0.3
    return drawn.astype(np.float32)


def integrated(model: Model, x: np.ndarray) -> np.ndarray:
    """Returns log p(x) by adding up p(x|z)p(z) over a grid of the two latents."""
    ticks = np.linspace(-5, 5, 101)
    z = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 1, 1, 2)
    p = model.decode(Latents([z.astype(np.float32)], 6, 6)).reshape(len(z), -1)
    p = np.clip(p.astype(np.float64), 1e-9, 1 - 1e-9)
    flat = x.reshape(len(x), -1).astype(np.float64)
    fit = flat @ np.log(p).T + (1 - flat) @ np.log1p(-p).T
    prior = -0.5 * (z.reshape(-1, 2) ** 2).sum(axis=1) - math.log(2 * math.pi)
    cell = 2 * math.log(ticks[1] - ticks[0])
    return np.logaddexp.reduce(fit + prior + cell, axis=1)


def test_both_are_bounds_and_the_weighted_one_becomes_exact(model):
    x = bits()
    exact = integrated(model, x)
    few, many = (model.bound_likelihood(x, k) for k in (200, 4000))
    # A standard error of less than 0.01 nats in the mean of the weights.
    assert np.all(few.elbo <= exact + 0.05)
    assert np.all(few.elbo <= few.weighted + 1e-6)
    assert np.allclose(many.weighted, exact, atol=0.05)
    assert np.allclose(few.elbo, few.log_likelihood - few.kl.sum(axis=1))


def test_an_image_has_the_same_draws_in_any_company(model, monkeypatch):
    x = bits()
    whole = model.bound_likelihood(x, 7, seed=3)
    alone = model.bound_likelihood(x[4:], 7, seed=3, first=4)
    assert np.allclose(whole.weighted[4:], alone.weighted, atol=1e-4)
    monkeypatch.setattr(api_likelihood, "MOST_ROWS", 3)
    cut = model.bound_likelihood(x, 7, seed=3)
    assert cut.kl.shape == whole.kl.shape
    assert np.allclose(cut.kl, whole.kl, atol=1e-4)
    other = model.bound_likelihood(x, 7, seed=4)
    assert not np.allclose(whole.weighted, other.weighted, atol=1e-4)


@pytest.mark.parametrize(
    ("x", "samples"),
    [(bits()[0], 1), (bits()[:, :4], 1), (bits()[:0], 1), (bits(), 0)],
)
def test_what_cannot_be_weighed_is_refused(model, x, samples):
    with pytest.raises(UsageProblem):
        model.bound_likelihood(x, samples)


def run(*arguments) -> tuple[int, str, str]:
    words = ["evaluate", *map(str, arguments), "--likelihood", "--device", "cpu"]
    result = CliRunner().invoke(app, words, standalone_mode=False)
    code = result.return_value if result.exception is None else 2
    return code, result.stdout, result.stderr + str(result.exception or "")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 20, 6, 6), np.uint8)
    np.savez(path, x_train=np.zeros((3, 6, 6), np.uint8), x_test=images[0])
    return path


def test_an_npz_is_measured_on_its_test_images(digits, folder):
    code, out, _ = run(digits, "--model", folder, "--samples", 5, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["images"] == 20
    assert found["binarize"] == "dynamic"
    assert found["is_probability"] is True
    assert found["per_image"][3]["image"] == "x_test[3]"
    each = [row["negative_elbo"] for row in found["per_image"]]
    assert found["negative_elbo"]["mean"] == pytest.approx(np.mean(each))
    error = np.std(each, ddof=1) / math.sqrt(20)
    assert found["negative_elbo"]["standard_error"] == pytest.approx(error)
    bits_each = found["bits_per_dimension"]["mean"] * 36 * math.log(2)
    assert bits_each == pytest.approx(found["negative_elbo"]["mean"])
    assert found["negative_weighted_bound"]["mean"] < found["negative_elbo"]["mean"]


def test_a_choice_of_images_belongs_to_the_seed(digits, folder):
    def chosen(seed):
        options = ("--limit", 6, "--seed", seed, "--json")
        found = json.loads(run(digits, "--model", folder, *options)[1])
        return [row["image"] for row in found["per_image"]], found["negative_elbo"]

    assert chosen(1) == chosen(1)
    assert chosen(1)[0] != chosen(2)[0]
    assert len(chosen(1)[0]) == 6


def test_gray_values_are_no_probability(digits, tmp_path):
    folder = save_tiny_model(tmp_path / "gray", binary_config(binarize="none"))
    code, out, _ = run(digits, "--model", folder)
    assert code == 0
    assert "not a probability" in out
    assert "bits per dimension" not in out


def test_a_folder_with_a_broken_file_is_measured_without_it(tmp_path):
    folder = save_tiny_model(tmp_path / "gaussian")
    source = tmp_path / "images"
    source.mkdir()
    pixels = np.random.default_rng(2).integers(0, 256, (21, 18, 3), np.uint8)
    Image.fromarray(pixels).save(source / "a.png")
    Image.fromarray(pixels[:3]).save(source / "small.png")
    (source / "broken.png").write_bytes(b"no image")
    code, out, err = run(source, "--model", folder)
    assert code == 1
    assert "1 image, nats per image" in out
    assert "comparing models only" in out
    assert "broken.png" in err
    assert "small.png: too small" in err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--noise", 25], "leave out --noise"),
        (["--table"], "2 measurements"),
        (["--draws", 2], "leave out --draws"),
    ],
)
def test_other_measurements_are_refused(digits, folder, words, hint):
    code, _, err = run(digits, "--model", folder, *words)
    assert code == 2
    assert hint in err


def test_samples_alone_are_refused(digits):
    result = CliRunner().invoke(app, ["evaluate", str(digits), "--samples", "3"])
    assert "add --likelihood" in result.stderr


def test_a_model_that_is_shown_the_image_has_no_likelihood_of_it(tmp_path):
    folder = save_tiny_model(tmp_path / "m", tiny_config(model={"residual": True}))
    model = vaenhance.load_model(folder, device="cpu", precision="float32")
    x = np.zeros((1, 16, 16, 3), np.float32)
    with pytest.raises(UsageProblem, match="adds its input"):
        model.bound_likelihood(x)
    with pytest.raises(UsageProblem, match="adds its input"):
        model.score(x[0])


def test_large_images_of_one_size_are_not_kept_in_memory_together(monkeypatch):
    from vaenhance.data.dataset import Dataset
    from vaenhance.workflows import likelihood

    images = np.zeros((5, 16, 16, 3), np.uint8)
    dataset = Dataset([f"{i}" for i in range(5)], [(16, 16)] * 5, images)
    trained = tiny_config()

    def together():
        return [len(x) for _, x in likelihood.batches(dataset, trained, 0, [])]

    assert together() == [5]
    monkeypatch.setattr(likelihood, "MOST_PIXELS", 2 * 16 * 16)
    assert together() == [2, 2, 1]
    monkeypatch.setattr(likelihood, "MOST_PIXELS", 1)
    assert together() == [1] * 5


def test_gray_of_a_logistic_likelihood_is_of_8_bits():
    from vaenhance.workflows.likelihood import _fitted

    model = {"channels": 1, "likelihood": "logistic"}
    pixels = np.full((16, 16, 3), (1, 2, 4), np.uint8)
    x = 255 * _fitted(pixels, tiny_config(model=model))
    assert np.allclose(x, 2.0, atol=1e-4)
