"""The plane of two latents: its grid, its scatter, the commands that show them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import vaenhance
from tests.tiny import save_tiny_model
from vaenhance import photo, report
from vaenhance.api import Latents
from vaenhance.config import PRESETS
from vaenhance.data.dataset import TEST_KEYS, open_dataset
from vaenhance.errors import UsageProblem
from vaenhance.workflows import manifold

pytestmark = pytest.mark.usefixtures("shared_networks")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    model = {"image_size": 6, "hidden": (12,), "hidden_decoder": (12,)}
    config = PRESETS["mlp"].replace(model=model, data={"crop": 6})
    return save_tiny_model(tmp_path_factory.mktemp("models") / "plane", config)


def test_quantiles_are_equally_likely_and_symmetric():
    ticks = manifold.quantiles(9)
    assert np.all(np.diff(ticks) > 0)
    assert np.allclose(ticks, -ticks[::-1], atol=1e-6)
    drawn = np.random.default_rng(0).standard_normal(100_000)
    edges = (ticks[:-1] + ticks[1:]) / 2
    assert np.diff(np.searchsorted(np.sort(drawn), edges)).min() > 8000


def test_the_grid_rises_to_the_right_and_upwards(folder):
    model = vaenhance.load_model(folder, device="cpu", precision="float32")
    images = manifold.grid(model, 5)
    low, high = manifold.quantiles(5)[[0, -1]]
    corner = np.array([high, low], np.float32).reshape(1, 1, 1, 2)
    expected = model.decode(Latents([corner], 6, 6))[0]
    # Rightmost in z1 and lowest in z2: the last of the last row.
    assert np.allclose(images[-1][..., :1] / 255, expected, atol=0.003)
    assert len({image.tobytes() for image in images}) > 20


def test_sample_makes_one_sheet_without_gaps(folder, tmp_path, invoke):
    target = tmp_path / "plane.png"
    options = ("--model", str(folder), "--device", "cpu", "--manifold")
    usual = {"VAENHANCE_SAMPLE_SEED": "3", "VAENHANCE_SAMPLE_SIZE": "9"}  # of draws
    invoke("sample", str(target), *options, "--columns", "4", env=usual)
    assert photo.read_pixels(target).shape[:2] == (24, 24)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--seed", "3"], "leave out --seed"),
        (["--count", "9"], "leave out --count"),
        (["--model", "digits"], "latent is 2 numbers"),
        (["folder/"], "one sheet"),
    ],
)
def test_what_is_for_draws_is_refused(folder, tmp_path, invoke, words, hint):
    (tmp_path / "folder").mkdir()
    words = [str(tmp_path / "folder") if w == "folder/" else w for w in words]
    target = [] if str(tmp_path) in words[0] else [str(tmp_path / "p.png")]
    model = [] if "--model" in words else ["--model", str(folder)]
    result = invoke("sample", *target, *model, "--manifold", *words, exit_code=2)
    assert hint in result.stderr


def test_evaluate_shows_where_the_images_lie(folder, tmp_path, invoke):
    rng = np.random.default_rng(0)
    for name, value in (("black", 20), ("white", 230)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(value - 20, value + 20, (6, 6), np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"images/{name}/{number}.png")
    chart = tmp_path / "chart.png"
    words = ["evaluate", str(tmp_path / "images"), "--likelihood", "--device", "cpu"]
    words += ["--model", str(folder), "--scatter", str(chart)]
    invoke(*words)
    picture = photo.read_pixels(chart)
    assert picture.shape == (760, 910, 3)
    assert "exists" in invoke(*words, exit_code=2).stderr
    invoke(*words, "--overwrite")
    result = invoke(*words[:2], *words[3:], exit_code=2)
    assert "--scatter is of the likelihood" in result.stderr


def test_an_npz_brings_its_classes(tmp_path):
    path = tmp_path / "digits.npz"
    x = np.zeros((4, 6, 6), np.uint8)
    np.savez(path, x_train=x[:2], x_test=x, y_test=np.array([7, 3, 7, 5]))
    dataset, scan = open_dataset(path, 1, TEST_KEYS)
    assert [dataset.classes[i] for i in dataset.labels] == ["7", "3", "7", "5"]
    assert scan.classes == {"3": 1, "5": 1, "7": 2}
    np.savez(path, x_test=x, y_test=np.zeros(3, int))
    with pytest.raises(UsageProblem, match="classes of 4 images"):
        open_dataset(path, 1, TEST_KEYS)


def test_every_point_is_on_the_chart_in_the_colour_of_its_class():
    points = np.array([[0.0, 0.0], [10.0, 0.0], [np.nan, 1.0], [5.0, 3.0]])
    labels, names = [0, 1, 1, 2], ["a", "b", "c"]
    options = {"title": "t", "x_label": "x", "y_label": "y"}
    picture = report.scatter(points, labels, names, **options).astype(int)
    for colour in ((31, 119, 180), (255, 127, 14), (44, 160, 44)):
        near = np.abs(picture[:, :750] - colour).sum(axis=-1) < 30
        assert 20 < near.sum() < 200
    with pytest.raises(ValueError, match="finite"):
        report.scatter(points[2:3], [0], names, **options)


def test_other_latents_have_no_plane():
    with pytest.raises(UsageProblem, match="latent is 2 numbers"):
        manifold.check("photo", "--manifold")
