"""``vaenhance evaluate``: its rows, its pairs, its figures, and the command."""

from __future__ import annotations

import json
import math
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaenhance import metrics
from vaenhance.config import ModelConfig
from vaenhance.errors import NotFinite, UsageProblem
from vaenhance.workflows import evaluate as story
from vaenhance.workflows import pairs as files
from vaenhance.workflows.evaluate import Degradation, Score, Settings


class FakeModel:
    """Answers with the input, moved half way to middle gray, and remembers it."""

    device, precision = "CPU (fake)", "float32"
    conditioned_on_noise = True

    def __init__(self, pull: float = 0.5, channels: int = 3):
        self.pull = pull
        self.config = ModelConfig(channels=channels)
        self.seen: list[np.ndarray] = []
        self.sigmas: list[float | None] = []

    def enhance(self, image, *, noise_sigma=None, progress=None):
        self.seen.append(image)
        self.sigmas.append(noise_sigma)
        if progress:
            progress(image.shape[0] * image.shape[1] / 1e6)
        return image + np.float32(self.pull) * (np.float32(0.5) - image)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def texture(seed: int, height: int = 14, width: int = 17) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "clean/b.png", texture(1))
    save(tmp_path / "clean/a.png", texture(2, 12, 30))
    save(tmp_path / "clean/sub/ü c.png", texture(3))
    return tmp_path / "clean"


def run(source, rows, settings=None, model=None, reference=None, views=0):
    pairs, missing = files.find_pairs(source, reference)
    found = story.evaluate(
        pairs, rows, model or FakeModel(), settings or Settings(), views=views
    )
    return [*missing, *found]


# === Rows ===


def test_every_value_is_a_row_of_its_own():
    rows = story.degradations(noise=[15, 25, 15], jpeg=[10], blur=[1.6], clean=True)
    labels = [row.label for row in rows]
    assert labels == ["noise 15", "noise 25", "jpeg 10", "blur 1.6", "clean"]


def test_combined_rows_are_all_products():
    rows = story.degradations(noise=[15, 25], jpeg=[10, 40], combine=True)
    assert [row.label for row in rows] == [
        "noise 15 + jpeg 10",
        "noise 15 + jpeg 40",
        "noise 25 + jpeg 10",
        "noise 25 + jpeg 40",
    ]
    (row,) = story.degradations(blur=[2], noise=[5], jpeg=[90], combine=True)
    assert row.label == "blur 2 + noise 5 + jpeg 90"


@pytest.mark.parametrize("combine", [False, True])
def test_rows_when_nothing_is_asked_for(combine):
    rows = story.degradations(combine=combine)
    assert [row.label for row in rows] == ["noise 25", "jpeg 10", "clean"]
    assert story.degradations(clean=True, combine=combine) == [Degradation()]


# === Degradation ===


def x_image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((40, 50, 3), np.float32)


def test_noise_has_the_sigma_asked_for_and_is_not_clipped():
    x = x_image()
    y = story.degrade_image(x, Degradation(noise=25), Settings(), "a.png")
    assert y.dtype == np.float32
    assert np.std(y - x) == pytest.approx(25 / 255, rel=0.03)
    assert y.min() < 0
    assert y.max() > 1


def test_noise_depends_on_seed_and_name_only():
    x = x_image()
    row = Degradation(noise=25)

    def noise(seed: int, name: str) -> np.ndarray:
        return story.degrade_image(x, row, Settings(seed=seed), name) - x

    np.testing.assert_array_equal(noise(0, "a.png"), noise(0, "a.png"))
    for other in (noise(1, "a.png"), noise(0, "b.png")):
        assert abs(np.corrcoef(noise(0, "a.png").ravel(), other.ravel())[0, 1]) < 0.1
    # "ü" in one code point and in two is one name
    np.testing.assert_array_equal(noise(0, "\xfc.png"), noise(0, "u\u0308.png"))


def test_clip_gives_what_an_8_bit_file_holds():
    settings = Settings(clip=True)
    y = story.degrade_image(x_image(), Degradation(noise=50), settings, "a")
    levels = y * 255
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)
    assert (y.min(), y.max()) == (0, 1)


def test_no_degradation_is_the_identity():
    x = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(np.float32) / 255
    for clip in (False, True):
        y = story.degrade_image(x, Degradation(), Settings(clip=clip), "a")
        np.testing.assert_allclose(y, x, atol=1e-7)


def test_the_order_is_blur_noise_jpeg():
    x = x_image()
    row = Degradation(blur=3.0, noise=25, jpeg=100)
    y = story.degrade_image(x, row, Settings(subsampling="4:4:4"), "a")
    # noise after blur stays white; JPEG last means 8 bits
    assert np.std(np.diff(y, axis=1)) > 1.2 * 25 / 255
    np.testing.assert_allclose(y * 255, np.round(y * 255), atol=1e-4)


def test_chroma_subsampling_reaches_the_jpeg():
    x = x_image()
    errors = [
        np.abs(
            story.degrade_image(x, Degradation(jpeg=95), Settings(subsampling=s), "")
            - x
        ).mean()
        for s in ("4:2:0", "4:4:4")
    ]
    assert errors[0] > 2 * errors[1]


# === Figures ===


def test_figures_are_those_of_the_metrics(folder):
    model = FakeModel()
    found = run(folder / "b.png", [Degradation(noise=25)], model=model)
    (score,) = found
    x = texture(1).astype(np.float32) / 255
    (y,) = model.seen
    estimate = np.clip(y + 0.5 * (0.5 - y), 0, 1)
    assert score.psnr_input == pytest.approx(metrics.psnr(x, y))
    assert score.psnr_enhanced == pytest.approx(metrics.psnr(x, estimate), abs=1e-5)
    assert score.ssim_input == pytest.approx(metrics.ssim(x, y))
    assert score.ssim_enhanced == pytest.approx(metrics.ssim(x, estimate), abs=1e-5)


def test_estimates_are_clipped_before_they_are_measured(folder):
    (score,) = run(folder / "b.png", [Degradation()], model=FakeModel(-1000.0))
    x = texture(1).astype(np.float64) / 255
    black_and_white = (x > 0.5).astype(np.float64)
    assert score.psnr_enhanced == pytest.approx(metrics.psnr(x, black_and_white))


def test_luma_measures_y_alone(folder):
    row = Degradation(jpeg=20)
    (colour,) = run(folder / "b.png", [row])
    (luma,) = run(folder / "b.png", [row], Settings(luma=True))
    x = texture(1).astype(np.float32) / 255
    y = story.degrade_image(x, row, Settings(), "b.png")
    assert luma.psnr_input == pytest.approx(
        metrics.psnr(metrics.luma(x), metrics.luma(y)), abs=1e-4
    )
    assert luma.psnr_input > colour.psnr_input


def test_a_gray_image_stays_gray(tmp_path):
    save(tmp_path / "g.png", texture(1)[..., 0])
    model = FakeModel()
    rows = [Degradation(noise=25), Degradation(jpeg=10)]
    plain = run(tmp_path / "g.png", rows, model=model)
    for y in model.seen:
        assert y.shape == (14, 17, 3)
        np.testing.assert_array_equal(y[..., 0], y[..., 2])
    # one channel is its own luma: no change of scale
    assert run(tmp_path / "g.png", rows, Settings(luma=True)) == plain
    gray_model = FakeModel(channels=1)
    for score, other in zip(
        run(tmp_path / "g.png", rows, model=gray_model), plain, strict=True
    ):
        assert score.psnr_enhanced == pytest.approx(other.psnr_enhanced, abs=1e-4)
    assert gray_model.seen[0].shape == (14, 17, 1)


def test_16_bit_references_keep_their_depth(tmp_path):
    values = np.arange(12 * 12, dtype=np.uint16).reshape(12, 12) * 450
    Image.fromarray(values).save(tmp_path / "deep.png")
    model = FakeModel()
    run(tmp_path / "deep.png", [Degradation()], model=model)
    np.testing.assert_allclose(model.seen[0][..., 0], values / 65535, atol=1e-6)


def test_known_noise_is_told_in_the_models_units(folder):
    model = FakeModel()
    rows = [Degradation(noise=51), Degradation(jpeg=10)]
    run(folder / "b.png", rows, Settings(known_noise=True), model)
    assert model.sigmas == [pytest.approx(0.2), None]
    run(folder / "b.png", rows, Settings(), model)
    assert model.sigmas[2:] == [None, None]


def test_known_noise_needs_a_model_that_listens(folder):
    model = FakeModel()
    model.conditioned_on_noise = False
    with pytest.raises(UsageProblem, match="known-noise"):
        run(folder, [Degradation(noise=25)], Settings(known_noise=True), model)


def test_images_do_not_influence_each_other(folder):
    rows = [Degradation(noise=25)]
    whole = {score.image: score for score in run(folder, rows)}
    assert list(whole) == ["a.png", "b.png", "sub/ü c.png"]
    assert run(folder / "b.png", rows) == [whole["b.png"]]


def test_views_are_kept_for_the_first_images_only(folder):
    found = run(folder, [Degradation(noise=25), Degradation()], views=1)
    assert [len(score.views) for score in found] == [3, 3, 0, 0, 0, 0]
    assert all(view.shape == (12, 30, 3) for view in found[0].views)


@pytest.mark.parametrize("error", [NotFinite("not finite"), MemoryError()])
def test_an_image_that_is_too_much_is_left_out_of_every_row(folder, error):
    model = FakeModel()
    enhance = model.enhance

    def fail_once(image, **told):
        if len(model.seen) == 3:  # the second image's second row
            model.seen.append(image)
            raise error
        return enhance(image, **told)

    model.enhance = fail_once
    rows = [Degradation(noise=25), Degradation(jpeg=10)]
    found = run(folder, rows, model=model, views=1)
    (failure,) = [one for one in found if isinstance(one, files.Failure)]
    assert failure.image == "b.png"
    assert "finite" in failure.reason or "memory" in failure.reason
    names = [one.image for one in found if isinstance(one, Score)]
    assert names == ["a.png"] * 2 + ["sub/ü c.png"] * 2


def test_colours_are_too_much_for_a_gray_model_and_gray_images_are_not(folder):
    save(folder / "g.png", texture(4)[..., 0])
    found = run(folder, [Degradation()], model=FakeModel(channels=1))
    assert [one.image for one in found if isinstance(one, Score)] == ["g.png"]
    reasons = {one.reason for one in found if isinstance(one, files.Failure)}
    assert reasons == {"the model takes gray images, and this one has colours"}


def test_rows_average_per_image_decibels():
    scores = [Score("a", "r", 20, 30, 0.5, 0.8), Score("b", "r", 24, 31, 0.7, 0.9)]
    perfect = Score("a", "clean", math.inf, 40, 1, 0.9)
    row, clean = story.summarise([*scores, perfect])
    assert (row.mean("psnr_input"), row.mean("psnr_enhanced")) == (22, 30.5)
    assert row.mean("ssim_enhanced") == pytest.approx(0.85)
    assert row.gain == pytest.approx(8.5)
    assert (clean.mean("psnr_input"), clean.gain) == (math.inf, None)


# === Pairs ===


def test_pairs_are_found_by_name_whatever_the_extension(folder, tmp_path):
    for name in ("a.png", "sub/ü c.png"):
        pixels = np.asarray(Image.open(folder / name))
        save((tmp_path / "bad" / name).with_suffix(".bmp"), pixels // 2)
    model = FakeModel(-1.0)  # doubles the distance from middle gray
    found = run(
        tmp_path / "bad", [Degradation(is_given=True)], model=model, reference=folder
    )
    assert [score.image for score in found] == ["a.bmp", "sub/ü c.bmp"]
    assert all(score.degradation == "as given" for score in found)
    x, y = texture(2, 12, 30), texture(2, 12, 30) // 2
    assert found[0].psnr_input == pytest.approx(metrics.psnr(x, y, 255.0), abs=1e-4)


def test_a_pair_of_files(folder, tmp_path):
    bad = save(tmp_path / "other name.png", texture(1) // 2)
    (score,) = run(bad, [Degradation(is_given=True)], reference=folder / "b.png")
    assert score.psnr_input == pytest.approx(
        metrics.psnr(texture(1), texture(1) // 2, 255.0), abs=1e-4
    )


def test_what_cannot_be_paired_is_named(folder, tmp_path):
    bad = tmp_path / "bad"
    save(bad / "a.png", texture(2, 12, 31))
    save(bad / "b.png", texture(1))
    save(bad / "lonely.png", texture(1))
    found = run(bad, [Degradation(is_given=True)], reference=folder)
    reasons = {f.image: f.reason for f in found if isinstance(f, files.Failure)}
    assert set(reasons) == {"a.png", "lonely.png"}
    assert "31x12" in reasons["a.png"]
    assert "30x12" in reasons["a.png"]
    assert "no image of this name" in reasons["lonely.png"]
    assert [f.image for f in found if isinstance(f, Score)] == ["b.png"]


def test_two_references_of_one_name_are_refused(folder, tmp_path):
    save(folder / "b.bmp", texture(1))
    with pytest.raises(UsageProblem, match=r"b\.bmp.*b\.png"):
        files.find_pairs(folder, folder)


def test_two_sources_of_one_name_are_refused(folder, tmp_path):
    for name in ("b.png", "b.bmp"):
        save(tmp_path / "bad" / name, texture(1))
    with pytest.raises(UsageProblem, match=r"b\.bmp.*b\.png.*keep one image"):
        files.find_pairs(tmp_path / "bad", folder)


@pytest.mark.parametrize("with_reference", [False, True])
def test_nothing_to_measure_is_refused(folder, tmp_path, with_reference):
    (tmp_path / "empty").mkdir()
    reference = folder if with_reference else None
    with pytest.raises(UsageProblem, match="no images"):
        files.find_pairs(tmp_path / "empty", reference)
    with pytest.raises(UsageProblem, match="no file or folder"):
        files.find_pairs(tmp_path / "missing", reference)
    save(tmp_path / "x/none like it.png", texture(1))
    with pytest.raises(UsageProblem, match="has a reference"):
        files.find_pairs(tmp_path / "x", folder)


# === The command ===


@pytest.fixture
def model(monkeypatch):
    fake = FakeModel()
    api = types.ModuleType("vaenhance.api")
    api.load_model = lambda name, *, device, precision: fake
    monkeypatch.setitem(sys.modules, "vaenhance.api", api)
    return fake


def test_the_table(folder, model, invoke):
    arguments = ["evaluate", str(folder), "--noise", "15", "--noise", "50", "--clean"]
    result = invoke(*arguments)
    out, err = result.stdout, result.stderr
    heading, *rows, protocol = out.splitlines()
    assert heading.split("  ")[0] == "degradation"
    assert [row.split("  ")[0] for row in rows] == ["noise 15", "noise 50", "clean"]
    assert all(row.split()[-6] == "3" for row in rows)
    assert rows[2].split()[-5] == "inf"
    assert rows[2].split()[-3] == "-"
    assert protocol.startswith("protocol: RGB; noise, seed 0; ")
    assert "unclipped" in protocol
    assert "CPU (fake)" in err
    assert len({len(line) for line in (heading, *rows)}) == 1


def test_json_lines(folder, model, invoke):
    arguments = ["evaluate", str(folder), "--jpeg", "10", "--clean", "--json", "-q"]
    result = invoke(*arguments)
    out, err = result.stdout, result.stderr
    jpeg, clean = (json.loads(line) for line in out.splitlines())
    assert err == ""
    assert (jpeg["degradation"], jpeg["images"], jpeg["failed"]) == ("jpeg 10", 3, [])
    values = [image["psnr_input"] for image in jpeg["per_image"]]
    assert jpeg["psnr_input"] == pytest.approx(np.mean(values))
    assert jpeg["gain"] == pytest.approx(jpeg["psnr_enhanced"] - jpeg["psnr_input"])
    assert jpeg["protocol"]["subsampling"] == "4:2:0"
    assert (jpeg["model"], jpeg["precision"]) == ("photo", "float32")
    assert clean["psnr_input"] is None
    assert clean["gain"] is None


def test_only_rows_with_noise_are_said_to_have_been_told_it(folder, model, invoke):
    asked = ("--noise", 25, "--jpeg", 10, "--known-noise", "--json")
    result = invoke("evaluate", folder, *asked)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["protocol"]["known_noise"] for row in rows] == [True, False]


def test_the_sheet_shows_the_first_that_can_be_measured(
    folder, model, tmp_path, invoke
):
    (folder / "0.png").write_bytes(b"not a PNG at all")
    sheet = tmp_path / "sheet.png"
    noises = [word for sigma in range(1, 9) for word in ("--noise", sigma)]
    invoke("evaluate", folder, *noises, "--sheet", sheet, exit_code=1)
    with Image.open(sheet) as picture:
        assert picture.height > 8 * 12


def test_a_bad_file_does_not_end_the_run(folder, model, invoke):
    (folder / "broken.png").write_bytes(b"not a PNG at all")
    save(folder / "tiny.png", texture(1, 5, 40))
    result = invoke("evaluate", str(folder), "--noise", "25", "--json", exit_code=1)
    out, err = result.stdout, result.stderr
    row = json.loads(out)
    assert row["images"] == 3
    assert [failure["image"] for failure in row["failed"]] == ["broken.png", "tiny.png"]
    assert "40x5" in row["failed"][1]["error"]
    assert "cannot measure broken.png: " in err
    assert "3 measured, 2 failed." in err


def test_limit_takes_the_first(folder, model, invoke):
    result = invoke("evaluate", str(folder), "--clean", "--limit", "2", "--json")
    (line,) = result.stdout.splitlines()
    names = [image["image"] for image in json.loads(line)["per_image"]]
    assert names == ["a.png", "b.png"]


def test_the_sheet(folder, model, tmp_path, invoke):
    sheet = tmp_path / "new/sheet.png"
    arguments = ["evaluate", str(folder), "--noise", "25", "--sheet", str(sheet)]
    invoke(*arguments)
    with Image.open(sheet) as picture:
        width, height = picture.size
    assert width == 3 * 30 + 4 * 4
    assert height > 3 * 14
    before = sheet.read_bytes()
    result = invoke(*arguments, exit_code=2)
    assert "--overwrite" in result.stderr
    invoke(*arguments, "--overwrite")
    assert sheet.read_bytes() == before


@pytest.mark.parametrize(
    "extra",
    [
        ["--noise", "-3"],
        ["--noise", "many"],
        ["--jpeg", "101"],
        ["--sheet", "sheet.jpg"],
        ["--reference", "x", "--noise", "25"],
        ["--reference", "x", "--clip"],
        ["--reference", "missing"],
        ["--limit", "0"],
        ["--jpeg", "10", "--known-noise"],
        ["--noise", "25", "--subsampling", "4:4:4"],
    ],
)
def test_wrong_arguments_end_with_2_before_the_model_is_loaded(
    folder, extra, monkeypatch, invoke
):
    monkeypatch.setitem(sys.modules, "vaenhance.api", None)  # importing it fails
    result = invoke("evaluate", str(folder), *extra, exit_code=2)
    out, err = result.stdout, result.stderr
    assert out == ""
    assert err.startswith("vaenhance: ")


def test_a_pair_of_folders(folder, model, tmp_path, invoke):
    save(tmp_path / "bad/a.png", texture(2, 12, 30) // 2)
    arguments = ["evaluate", str(tmp_path / "bad"), "--reference", str(folder)]
    result = invoke(*arguments)
    _, row, protocol = result.stdout.splitlines()
    assert "no image in SOURCE for 2 references: b.png, sub/ü c.png" in result.stderr
    assert row.startswith("as given")
    assert "noise" not in protocol
