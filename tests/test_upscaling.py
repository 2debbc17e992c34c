"""``vaenhance evaluate --scale``: the protocol of papers, rows, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.tiny import SHALLOW, save_tiny_model, tiny_config
from vaenhance import photo
from vaenhance.config import ModelConfig
from vaenhance.metrics import luma, psnr
from vaenhance.workflows import upscaling
from vaenhance.workflows.pairs import find_pairs
from vaenhance.workflows.standards import GENERAL, ImageSet, find_sets
from vaenhance.workflows.table import check


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "large"
    return save_tiny_model(folder, tiny_config(model={"scales": (2, 4)}))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name, size in (("a.png", (50, 43)), ("gray.png", (41, 39)), ("b.png", (5, 9))):
        coarse = rng.integers(
            60, 200, (size[1] // 4 + 1, size[0] // 4 + 1, 3), np.uint8
        )
        picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        picture.convert("L" if name == "gray.png" else "RGB").save(folder / name)
    return folder


@pytest.fixture
def run(invoke, large, images):
    def evaluate(*arguments, exit_code=0, model=large):
        named = ("--model", model) if model else ()
        return invoke("evaluate", images, *named, *arguments, exit_code=exit_code)

    return evaluate


def test_the_bicubic_row_is_pillows_by_the_protocol_of_papers(run, images):
    result = run("--scale", "2", "--json", exit_code=1)  # b.png is too small
    rows = {row["method"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert set(rows) == {"bicubic", "Lanczos", "large"}
    with Image.open(images / "a.png") as picture:
        cut = picture.crop((0, 0, 50, 42))
    small = cut.resize((25, 21), Image.Resampling.BICUBIC)
    up = small.resize((50, 42), Image.Resampling.BICUBIC)
    x, estimate = (luma(np.asarray(i, np.float32) / 255)[2:-2, 2:-2] for i in (cut, up))
    (mine,) = (one for one in rows["bicubic"]["per_image"] if one["image"] == "a.png")
    assert abs(mine["psnr"] - psnr(x, estimate)) < 0.15  # Pillow rounds to 8 bits
    assert rows["bicubic"]["images"] == 2
    (failed,) = rows["bicubic"]["failed"]
    assert failed["image"] == "b.png" and failed["error"]
    assert rows["large"]["psnr_back"] < rows["bicubic"]["psnr_back"]


def test_consistent_results_come_back_and_degradations_are_rows(run):
    options = (
        "--scale",
        "4",
        "--scale",
        "2",
        "--jpeg",
        "30",
        "--clean",
        "--limit",
        "1",
    )
    result = run(*options, "--consistent", "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    keys = [(row["scale"], row["degradation"], row["method"]) for row in rows]
    assert keys == [
        (scale, degradation, method)
        for scale in (2, 4)
        for degradation in ("jpeg 30", "clean")
        for method in ("bicubic", "Lanczos", "large")
    ]
    clean = [row for row in rows if row["method"] == "large"][1]
    assert clean["psnr_back"] > 45
    assert clean["protocol"]["consistent"]


def test_the_table_says_its_protocol(run):
    lines = run("--scale", "3", "--limit", "1").stdout.splitlines()
    assert lines[0].split()[:3] == ["scale", "degradation", "method"]
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["x3", "clean", "bicubic"],
        ["x3", "clean", "Lanczos"],
        ["x3", "clean", "large"],
    ]
    assert "without a border of scale pixels" in lines[4]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--consistent",), "add --scale"),
        (("--scale", "2", "--table"), "2 measurements"),
        (("--scale", "2", "--luma"), "leave out --luma"),
        (("--scale", "2", "--draws", "2"), "leave out --draws"),
    ],
)
def test_what_makes_no_sense_is_refused_before_tensorflow(
    run, monkeypatch, options, words
):
    monkeypatch.setattr("vaenhance.api.load_model", lambda *_, **__: pytest.fail())
    assert words in run(*options, exit_code=2).stderr


def test_a_model_that_keeps_the_size_is_refused(run):
    result = run("--scale", "2", model="photo", exit_code=2)
    assert "keeps the size" in result.stderr


def test_images_are_cut_to_multiples_of_the_scale():
    x = np.random.default_rng(0).random((23, 18, 3), np.float32)
    cut, small = upscaling.shrunk(x, 4)
    assert np.array_equal(cut, x[:20, :16])
    assert small.shape == (5, 4, 3)
    assert upscaling.filtered(small, 4, "lanczos").shape == cut.shape


def test_tables_of_a_model_that_enlarges_have_scales_and_pillows_filters(
    invoke, large, images, tmp_path
):
    folder = tmp_path / "Set5"
    folder.mkdir()
    for name in ("a.png", "gray.png"):
        (folder / name).write_bytes((images / name).read_bytes())
    result = invoke(
        *("evaluate", folder, "--model", large, "--table", "--json"),
        *("--precision", "float32"),
    )
    lines = _records(result)
    one = lines[0]
    assert [line["method"] for line in lines] == [
        "bicubic",
        "Lanczos",
        f"vaenhance {large}, float32",
    ]
    assert one["task"] == "upscaling"
    assert [f["degradation"] for f in one["figures"]] == ["x2", "x4"]
    alone = invoke(
        *("evaluate", folder, "--model", large, "--scale", "4", "--json"),
        *("--precision", "float32"),
    )
    assert one["figures"][1]["psnr"] == pytest.approx(_records(alone)[0]["psnr"])


@pytest.mark.parametrize("scales", [(2,), (3,), (1, 2)])
def test_a_model_has_the_columns_that_it_reaches(invoke, images, tmp_path, scales):
    """One of scale 3 makes x2 from its x3, as ``enhance`` does."""
    config = tiny_config(model={"scales": scales, **SHALLOW})
    small = save_tiny_model(tmp_path / "small", config)
    folder = tmp_path / "Set5"
    folder.mkdir()
    (folder / "a.png").write_bytes((images / "a.png").read_bytes())
    side = upscaling.smallest(2)  # too small for x4, which is not measured
    photo.save_png(np.zeros((side, side, 3), np.uint8), folder / "least.png")
    result = invoke("evaluate", folder, "--model", small, "--table", "--json")
    rows = _records(result)
    assert len(rows) == 3
    for row in rows:
        assert [figure["degradation"] for figure in row["figures"]] == ["x2"]
        assert (row["images"], row["failed"]) == (2, [])


def test_the_largest_scale_in_reach_decides_the_columns(tmp_path):
    photo.save_png(np.zeros((40, 40, 3), np.uint8), tmp_path / "a.png")
    (found,), _ = find_sets(tmp_path)
    checked = check(found)
    for most, reached in ((2, ["x2"]), (3, ["x2"]), (4, ["x2", "x4"])):
        (task,) = checked.tasks(ModelConfig(scales=(most,)))
        assert [row.label for row in task.columns] == reached
    assert [len(task.columns) for task in checked.tasks(ModelConfig())] == [3, 4]


def test_images_that_are_all_too_small_for_the_tables_are_named(
    invoke, large, tmp_path
):
    folder = tmp_path / "Set5"
    folder.mkdir()
    for name in ("a", "b"):
        photo.save_png(np.zeros((14, 14, 3), np.uint8), folder / f"{name}.png")
    result = invoke("evaluate", folder, "--model", large, "--table", exit_code=1)
    assert "cannot measure Set5/a.png: it is too small" in result.stderr
    assert "2 could not be measured" in result.stderr
    assert "papers" not in result.stderr
    assert not result.stdout


def _records(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_images_too_small_for_a_set_of_scales_are_taken_out(tmp_path):
    for name, side in (("a", 14), ("b", 40), ("c", upscaling.smallest(2))):
        photo.save_png(np.zeros((side, side, 3), np.uint8), tmp_path / f"{name}.png")
    pairs, _ = find_pairs(tmp_path, None)
    images = ImageSet("set", tmp_path, tuple(pairs), GENERAL)
    kept, failures = upscaling.large_enough(images, 4)
    assert [pair.name for pair in kept.pairs] == ["b.png"]
    assert [failure.image for failure in failures] == ["set/a.png", "set/c.png"]
    assert "shrunk 4 times" in failures[0].reason
    kept, _ = upscaling.large_enough(images, 2)
    assert [pair.name for pair in kept.pairs] == ["b.png", "c.png"]
    x = np.zeros((upscaling.smallest(4),) * 2 + (3,), np.float32)
    clean, _ = upscaling.shrunk(x, 4)
    upscaling.bordered(clean, clean, 4)  # the smallest that can be measured


def test_an_image_that_the_model_cannot_take_fails_alone(invoke, images, tmp_path):
    config = tiny_config(model={"scales": (2,), "channels": 1, **SHALLOW})
    gray = save_tiny_model(tmp_path / "gray2", config)
    result = invoke(
        *("evaluate", images, "--model", gray, "--scale", "2", "--json"), exit_code=1
    )
    assert "a.png" in result.stderr
    assert "gray" in result.stderr
    for row in _records(result):
        assert [one["image"] for one in row["per_image"]] == ["gray.png"]
