"""``vaenhance evaluate --table``: the published tables, remade."""

from __future__ import annotations

import json
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tiny import save_tiny_model, tiny_config
from vaenhance import metrics
from vaenhance.config import ModelConfig
from vaenhance.data.codec import jpeg
from vaenhance.errors import NotFinite, OutOfMemory
from vaenhance.workflows import baselines, standards
from vaenhance.workflows import evaluate as story
from vaenhance.workflows import table as tables
from vaenhance.workflows.standards import GRAY, RGB, Checked, ImageSet, Y
from vaenhance.workflows.table import Table


class FakeModel:
    """Answers with the input, moved a little to middle gray."""

    device, precision = "CPU (fake)", "float32"
    conditioned_on_noise = True

    def __init__(self) -> None:
        self.config = ModelConfig(channels=3)
        self.seen: list[np.ndarray] = []

    def enhance(self, image, *, noise_sigma=None, progress=None):
        assert noise_sigma is None  # blind, as in the papers
        self.seen.append(image)
        if progress:
            progress(image.shape[0] * image.shape[1] / 1e6)
        return image + np.float32(0.2) * (np.float32(0.5) - image)


class FakeFilter(baselines.NonLocalMeans):
    """A baseline that needs no OpenCV: 8 bits of the input."""

    def enhance(self, image, *, noise_sigma=None, progress=None):
        if progress:
            progress(image.shape[0] * image.shape[1] / 1e6)
        return np.clip(image, 0, 1)


@pytest.fixture
def opencv(monkeypatch):
    """OpenCV is there, but quick: remembers what it is tuned with."""
    told: list[float | None] = []

    def tuned(middles, level):
        assert all(len(pair) == 2 for pair in middles)
        told.append(level)
        return FakeFilter(10.0, 12.0)

    monkeypatch.setattr(baselines, "why_missing", lambda: None)
    monkeypatch.setattr(baselines, "tuned", tuned)
    return told


@pytest.fixture
def no_opencv(monkeypatch):
    monkeypatch.setattr(baselines, "why_missing", lambda: "get OpenCV")


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def texture(seed: int, height: int = 16, width: int = 18) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def fill(folder: Path, count: int, *, gray: bool = False) -> Path:
    for number in range(count):
        pixels = texture(number)
        save(folder / f"{number}.png", pixels[..., 0] if gray else pixels)
    return folder


def one_set(folder: Path) -> ImageSet:
    (found,), failures = standards.find_sets(folder)
    assert failures == []
    return found


def measure(folder: Path, model=None, **settings) -> list[Table]:
    checked = tables.check(one_set(folder))
    return list(tables.measure_set(checked, model or FakeModel(), "ours", **settings))


def rows(table: Table) -> dict[str, list[float]]:
    return {line.method: [f.psnr for f in line.figures] for line in table.lines}


# === What is measured ===


def test_colour_noise_is_that_of_evaluate(tmp_path, opencv):
    folder = fill(tmp_path / "Kodak24", 2)
    (table,) = measure(folder, seed=3)
    assert (table.task.name, table.measure) == ("colour noise", RGB)
    assert list(rows(table)) == ["input", baselines.NAME, "ours"]

    pairs = one_set(folder).pairs
    degradations = story.degradations(noise=[15, 25, 50])
    scores = list(
        story.evaluate(pairs, degradations, FakeModel(), story.Settings(seed=3))
    )
    for number, row in enumerate(story.summarise(scores)):
        assert table.lines[0].figures[number].psnr == row.mean("psnr_input")
        assert table.lines[2].figures[number].psnr == row.mean("psnr_enhanced")
        assert table.lines[2].figures[number].ssim == row.mean("ssim_enhanced")
    assert opencv == [15, 25, 50]
    assert table.lines[1].settings == ({"h": 10.0, "h_color": 12.0, "template": 3},) * 3


def test_the_model_gets_unclipped_noise(tmp_path, no_opencv):
    model = FakeModel()
    measure(fill(tmp_path / "McMaster", 1), model)
    assert min(image.min() for image in model.seen) < 0
    assert max(image.max() for image in model.seen) > 1


def test_gray_noise_is_added_to_the_gray_of_a_colour_image(tmp_path, no_opencv):
    model = FakeModel()
    (table,) = measure(fill(tmp_path / "BSD68", 1), model)
    assert (table.task.name, table.measure) == ("gray noise", GRAY)
    for image in model.seen:
        np.testing.assert_array_equal(image[..., 0], image[..., 2])
    x = np.asarray(Image.fromarray(texture(0)).convert("L"), np.float32) / 255
    (seen, *_) = model.seen  # of sigma 15
    assert metrics.psnr(x, seen[..., 0]) == pytest.approx(24.6, abs=0.5)


def test_jpeg_of_y_is_a_gray_jpeg_of_matlabs_y(tmp_path, no_opencv):
    of_y, on_y, on_rgb = measure(fill(tmp_path / "LIVE1", 1))
    assert [t.task.name for t in (of_y, on_y, on_rgb)] == [
        "JPEG of Y",
        "colour JPEG",
        "colour JPEG",
    ]
    assert [t.measure for t in (of_y, on_y, on_rgb)] == [Y, Y, RGB]
    x = texture(0).astype(np.float32) / 255
    y = np.rint(metrics.luma(x) * 255).astype(np.uint8)
    plane = y.astype(np.float32)[..., None] / 255
    coded = jpeg(x, 10)
    expected = [
        metrics.psnr(plane, jpeg(plane, 10)),
        metrics.psnr(metrics.luma(x), metrics.luma(coded)),
        metrics.psnr(x, coded),
    ]
    found = [rows(table)["input"][0] for table in (of_y, on_y, on_rgb)]
    assert found == pytest.approx(expected, abs=1e-3)
    assert len({round(value, 2) for value in found}) == 3


def test_gray_images_have_one_table_of_jpeg(tmp_path, opencv):
    (table,) = measure(fill(tmp_path / "Classic5", 2, gray=True))
    assert (table.task.name, table.measure) == ("JPEG of Y", Y)
    assert opencv == [None] * 4  # the true error
    x = texture(0)[..., :1].astype(np.float32) / 255  # as it is: no second luma
    other = texture(1)[..., :1].astype(np.float32) / 255
    expected = [metrics.psnr(image, jpeg(image, 10)) for image in (x, other)]
    assert rows(table)["input"][0] == pytest.approx(np.mean(expected), abs=1e-3)


def test_other_folders_have_noise_and_jpeg(tmp_path, no_opencv):
    found = measure(fill(tmp_path / "holiday", 1))
    assert [(t.task.name, t.measure) for t in found] == [
        ("colour noise", RGB),
        ("colour JPEG", Y),
        ("colour JPEG", RGB),
    ]
    found = measure(fill(tmp_path / "scans", 1, gray=True))
    assert [(t.task.name, t.measure) for t in found] == [
        ("colour noise", GRAY),
        ("colour JPEG", GRAY),
    ]


def test_progress_adds_up(tmp_path, opencv):
    done: list[float] = []
    folder = fill(tmp_path / "LIVE1", 2)
    checked = tables.check(one_set(folder))
    list(tables.measure_set(checked, FakeModel(), "ours", progress=done.append))
    work = tables.work(checked, FakeModel())
    assert sum(done) == pytest.approx(work)
    assert work == pytest.approx(2 * 16 * 18 / 1e6 * 8 * 2)


def test_images_that_cannot_be_measured_are_left_out_everywhere(tmp_path, opencv):
    folder = fill(tmp_path / "Kodak24", 1)
    (folder / "broken.png").write_text("not a photograph")
    save(folder / "small.png", texture(0, 5, 40))
    checked = tables.check(one_set(folder))
    assert [f.image for f in checked.failures] == [
        "Kodak24/broken.png",
        "Kodak24/small.png",
    ]
    (table,) = tables.measure_set(checked, FakeModel(), "ours")
    alone = measure(fill(tmp_path / "kodak", 1))[0]
    assert rows(table) == rows(alone)


# === What others have published ===


def test_published_rows_are_for_whole_sets_only(tmp_path, opencv):
    folder = fill(tmp_path / "Classic5", 5, gray=True)
    (table,) = measure(folder)
    kinds = {line.method: line.kind for line in table.lines}
    assert kinds["input"] == kinds["ours"] == "measured"
    assert kinds["DnCNN-3 (blind)"] == "published"
    assert rows(table)["DnCNN-3 (blind)"] == [29.40, 31.63, 32.91, 33.77]
    first = tables.check(one_set(folder).first(4))
    (part,) = tables.measure_set(first, FakeModel(), "ours")
    assert {line.kind for line in part.lines} == {"measured"}


def test_published_rows_are_not_for_another_protocol(tmp_path, no_opencv):
    """A gray copy of a colour set, and Y of a colour JPEG, are other tasks."""
    (gray,) = measure(fill(tmp_path / "McMaster", 18, gray=True))
    assert gray.measure == GRAY
    assert gray.images.is_whole
    assert not [line for line in gray.lines if line.kind == "published"]
    _, on_y, on_rgb = measure(fill(tmp_path / "LIVE1", 29))
    assert not [line for line in on_y.lines if line.kind == "published"]
    assert "FBCNN (blind)" in rows(on_rgb)


def kodak(folder: Path, last: tuple[int, int] = (500, 500)) -> Path:
    """24 images of 500x500, but for the last one."""
    for number in range(24):
        side = (500, 500) if number < 23 else last
        save(folder / f"{number:02}.png", np.zeros((*side, 3), np.uint8))
    return folder


def lines_of_others(images: ImageSet, task: standards.Task) -> list[str]:
    return [line.method for line in tables._published(images, task, RGB)]


@pytest.mark.parametrize("last", [(512, 768), (768, 512), (500, 512)])
def test_figures_of_parts_are_not_published_beside_the_originals(tmp_path, last):
    task = standards.COLOUR_NOISE
    parts = tables.check(one_set(kodak(tmp_path / "Kodak24"))).images
    assert parts.is_whole
    assert "FFDNet" in lines_of_others(parts, task)
    originals = tables.check(one_set(kodak(tmp_path / "kodak", last))).images
    assert originals.is_complete
    assert not originals.is_whole
    assert lines_of_others(originals, task) == []


# === Images that something fails on ===


class Failing(FakeModel):
    """Cannot take images of some height; from some call on."""

    def __init__(self, error: Exception, height: int, spared: int = 0) -> None:
        super().__init__()
        self.error, self.height, self.spared = error, height, spared

    def enhance(self, image, *, noise_sigma=None, progress=None):
        if image.shape[0] == self.height:
            self.spared -= 1
            if self.spared < 0:
                raise self.error
        return super().enhance(image, noise_sigma=noise_sigma, progress=progress)


@pytest.mark.parametrize(
    "error", [OutOfMemory("it is too large"), NotFinite("NaN"), MemoryError()]
)
def test_an_image_that_fails_is_left_out_of_all_figures(tmp_path, no_opencv, error):
    folder = fill(tmp_path / "McMaster", 2)
    save(folder / "large.png", texture(5, 40, 41))
    model = Failing(error, 40, spared=2)  # fails in the last column
    checked = tables.check(one_set(folder))
    failure, table = tables.measure_set(checked, model, "ours")
    assert failure.image == "McMaster/large.png"
    assert failure.reason
    assert [pair.name for pair in table.images.pairs] == ["0.png", "1.png"]
    (alone,) = measure(fill(tmp_path / "mcm", 2))
    assert rows(table) == rows(alone)


def test_an_image_that_fails_is_not_asked_again(tmp_path, opencv):
    folder = fill(tmp_path / "LIVE1", 2)
    save(folder / "large.png", texture(5, 40, 41))
    model = Failing(NotFinite("NaN"), 40, spared=5)  # in the second of the tasks
    found = list(tables.measure_set(tables.check(one_set(folder)), model, "ours"))
    assert [isinstance(one, Table) for one in found] == [True, False, True, True]
    assert [len(one.images.pairs) for one in found if isinstance(one, Table)] == [
        *(3, 2, 2)
    ]
    assert model.spared == -1


def test_without_any_image_left_a_set_has_no_table(tmp_path, opencv):
    folder = fill(tmp_path / "LIVE1", 2)
    model = Failing(OutOfMemory("it is too large"), 16)
    found = list(tables.measure_set(tables.check(one_set(folder)), model, "ours"))
    assert [one.image for one in found] == ["LIVE1/0.png", "LIVE1/1.png"]


def test_an_image_that_changes_on_the_way_fails_alone(tmp_path, no_opencv):
    folder = fill(tmp_path / "McMaster", 2)
    checked = tables.check(one_set(folder))
    (folder / "0.png").unlink()
    failure, table = tables.measure_set(checked, FakeModel(), "ours")
    assert failure.image == "McMaster/0.png"
    assert len(table.images.pairs) == 1


# === The command ===


def serve(monkeypatch, fake: FakeModel) -> None:
    api = types.ModuleType("vaenhance.api")
    api.load_model = lambda name, *, device, precision: fake
    monkeypatch.setitem(sys.modules, "vaenhance.api", api)


@pytest.fixture
def model(monkeypatch):
    fake = FakeModel()
    serve(monkeypatch, fake)
    return fake


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_tables(tmp_path, model, opencv, invoke):
    fill(tmp_path / "sets/Classic5", 5, gray=True)
    fill(tmp_path / "sets/Set14", 2)
    result = invoke("evaluate", tmp_path / "sets", "--table")
    out = result.stdout
    assert "CPU (fake)" in result.stderr
    first, second = out.split("## Set14: 2 images in ")
    assert first.startswith("## Classic5: 5 images in ")
    assert "JPEG of Y, PSNR (dB) on Y of YCbCr" in first
    assert "Published: DnCNN-3 (blind): table of results in github.com" in first
    assert "noise of seed" not in first
    table = [cells(line) for line in first.splitlines() if line.startswith("|")]
    assert table[0] == ["method", "jpeg 10", "jpeg 20", "jpeg 30", "jpeg 40"]
    assert [row[0] for row in table[2:5]] == [
        "input",
        "OpenCV non-local means",
        "vaenhance photo, float32",
    ]
    assert ["DnCNN-3 (blind), published", "29.40", "31.63", "32.91", "33.77"] in table
    assert "Not the whole set, which has 14" in second
    assert second.count("| method ") == 3
    assert "unclipped floats, noise of seed 0" in second
    assert "JPEG 4:2:0 by Pillow" in second
    widths = {len(line) for line in first.splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_without_opencv_its_row_says_how_to_get_it(tmp_path, model, no_opencv, invoke):
    fill(tmp_path / "Kodak24", 1)
    out = invoke("evaluate", tmp_path, "--table").stdout
    assert "OpenCV non-local means, left out |" in out
    assert "OpenCV non-local means: left out. get OpenCV." in out


def test_json_has_the_same_rows(tmp_path, model, opencv, invoke):
    fill(tmp_path / "Classic5", 5, gray=True)
    arguments = ["--table", "--json", "--seed", "7", "-m", "mine", "-q"]
    result = invoke("evaluate", tmp_path, *arguments)
    assert result.stderr == ""
    found = [json.loads(line) for line in result.stdout.splitlines()]
    kinds = [row["kind"] for row in found]
    assert kinds == ["measured"] * 3 + ["published"] * 4
    ours = found[2]
    assert ours["method"] == "vaenhance mine, float32"
    assert (ours["model"], ours["precision"], ours["seed"]) == ("mine", "float32", 7)
    assert (ours["set"], ours["images"], ours["whole"]) == ("Classic5", 5, True)
    assert [f["degradation"] for f in ours["figures"]] == [
        "jpeg 10",
        "jpeg 20",
        "jpeg 30",
        "jpeg 40",
    ]
    assert 0 < ours["figures"][0]["ssim"] < 1
    assert found[1]["settings"][0] == {"h": 10.0, "h_color": 12.0, "template": 3}
    assert found[3]["figures"][0] == {
        "degradation": "jpeg 10",
        "psnr": 27.82,
        "ssim": None,
    }
    assert "FBCNN" in found[3]["source"]


def test_a_model_that_enlarges_has_nothing_to_do_on_a_set_of_noise(
    tmp_path, no_opencv, invoke
):
    fill(tmp_path / "Kodak24", 2)
    large = save_tiny_model(tmp_path / "m", tiny_config(model={"scales": (2, 4)}))
    asked = ("evaluate", tmp_path / "Kodak24", "--table", "-m", large)
    said = invoke(*asked, "--device", "cpu", exit_code=2)
    assert "papers measure no enlargement on Kodak24" in said.stderr
    assert not said.stdout


@pytest.mark.parametrize("as_json", [True, False])
def test_an_image_that_fails_does_not_end_the_run(
    tmp_path, monkeypatch, opencv, invoke, as_json
):
    fake = Failing(OutOfMemory("it is too large"), 40, spared=4)
    serve(monkeypatch, fake)
    fill(tmp_path / "Classic5", 4)
    save(tmp_path / "Classic5/large.png", texture(5, 40, 41))
    fill(tmp_path / "McMaster", 1)
    extra = ["--json"] if as_json else []
    result = invoke("evaluate", tmp_path, "--table", *extra, exit_code=1)
    why = "cannot measure Classic5/large.png: it is too large"
    assert result.stderr.count(why) == 1
    assert "1 could not be measured" in result.stderr
    if as_json:
        found = [json.loads(line) for line in result.stdout.splitlines()]
        ours = [row for row in found if row["method"].startswith("vaenhance")]
        assert [(row["set"], row["task"], row["images"]) for row in ours] == [
            ("Classic5", "JPEG of Y", 5),
            ("Classic5", "colour JPEG", 4),
            ("Classic5", "colour JPEG", 4),
            ("McMaster", "colour noise", 1),
        ]
        assert [row["whole"] for row in ours] == [True, False, False, False]
        assert ours[1]["failed"][0]["image"] == "Classic5/large.png"
        return
    headings = [line for line in result.stdout.splitlines() if line.startswith("##")]
    assert [line.partition(" in ")[0] for line in headings] == [
        "## Classic5: 5 images",
        "## Classic5: 4 images",
        "## McMaster: 1 image",
    ]


def test_the_originals_of_kodak_are_told_from_the_published_parts(
    tmp_path, model, no_opencv, invoke, monkeypatch
):
    parts = replace(standards.recognise("Kodak24"), parts=(16, 18))
    monkeypatch.setitem(standards._BY_ALIAS, "kodak24", parts)
    folder = fill(tmp_path / "Kodak24", 24)
    result = invoke("evaluate", folder, "--table")
    assert "DRUNet, published" in result.stdout
    assert "18x16" not in result.stdout + result.stderr
    save(folder / "0.png", texture(0, 18, 16))
    result = invoke("evaluate", folder, "--table")
    assert "published |" not in result.stdout
    why = "Kodak24 is published in parts of 18x16 pixels"
    assert result.stdout.count(why) == result.stderr.count(why) == 1
    assert "Not the whole set" not in result.stdout
    row = invoke("evaluate", folder, "--table", "--json").stdout.splitlines()[0]
    assert json.loads(row)["whole"] is False


def test_a_gray_model_is_measured_on_gray_alone(tmp_path, model, opencv, invoke):
    model.config = ModelConfig(channels=1)
    fill(tmp_path / "BSD68", 2)
    fill(tmp_path / "Kodak24", 1)
    fill(tmp_path / "LIVE1", 1)
    fill(tmp_path / "scans", 1, gray=True)
    result = invoke("evaluate", tmp_path, "--table", "--json")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert {(row["set"], row["task"]) for row in found} == {
        ("BSD68", "gray noise"),
        ("LIVE1", "JPEG of Y"),
        ("scans", "colour noise"),
        ("scans", "colour JPEG"),
    }
    assert {row["measure"] for row in found} == {GRAY, Y}
    assert all(image.shape[2] == 1 for image in model.seen)
    why = (
        "model photo takes gray images, and colours are left out on Kodak24 (colour "
        "noise), LIVE1 (colour JPEG)\n"
    )
    assert result.stderr.count(why) == 1


def test_a_gray_model_has_nothing_to_do_on_colours(tmp_path, model, opencv, invoke):
    model.config = ModelConfig(channels=1)
    fill(tmp_path / "Kodak24", 1)
    said = invoke("evaluate", tmp_path, "--table", exit_code=2)
    assert "colours are left out on Kodak24 (colour noise)" in said.stderr
    assert not said.stdout
    model.config = ModelConfig(channels=1, scales=(2,))
    fill(tmp_path / "Set5", 1)
    said = invoke("evaluate", tmp_path, "--table", exit_code=2)
    assert "left out on Set5 (upscaling); model photo enlarges" in said.stderr
    assert "no enlargement on Kodak24" in said.stderr


def test_limit_is_for_each_set(tmp_path, model, opencv, invoke):
    fill(tmp_path / "Kodak24", 3)
    fill(tmp_path / "McMaster", 1)
    arguments = ["--table", "--limit", "2", "--json"]
    out = invoke("evaluate", tmp_path, *arguments).stdout
    counts = {row["set"]: row["images"] for row in map(json.loads, out.splitlines())}
    assert counts == {"Kodak24": 2, "McMaster": 1}


def test_a_bad_file_does_not_end_the_run(tmp_path, model, opencv, invoke):
    fill(tmp_path / "Kodak24", 1)
    (tmp_path / "Kodak24/broken.png").write_bytes(b"not a PNG at all")
    result = invoke("evaluate", tmp_path, "--table", exit_code=1)
    assert "cannot measure Kodak24/broken.png: " in result.stderr
    assert "1 could not be measured" in result.stderr
    assert "## Kodak24: 1 image in " in result.stdout


def test_without_any_good_image_no_model_is_loaded(tmp_path, monkeypatch, invoke):
    monkeypatch.setitem(sys.modules, "vaenhance.api", None)  # importing it fails
    (tmp_path / "broken.png").write_bytes(b"not a PNG at all")
    assert invoke("evaluate", tmp_path, "--table", exit_code=1).stdout == ""


@pytest.mark.parametrize(
    "extra",
    [
        ["--noise", "25"],
        ["--clean"],
        ["--luma"],
        ["--known-noise"],
        ["--subsampling", "4:4:4"],
        ["--reference", "x"],
        ["--sheet", "x.png"],
        ["--draws", "2"],
        ["--latents"],
    ],
)
def test_a_protocol_cannot_be_mixed_with_another(tmp_path, extra, monkeypatch, invoke):
    monkeypatch.setitem(sys.modules, "vaenhance.api", None)
    fill(tmp_path / "Kodak24", 1)
    result = invoke("evaluate", tmp_path, "--table", *extra, exit_code=2)
    assert f"leave out {extra[0]}" in result.stderr


def test_a_checked_set_is_gray_only_if_all_its_images_are(tmp_path):
    folder = fill(tmp_path / "LIVE1", 2, gray=True)
    assert tables.check(one_set(folder)).is_gray
    save(folder / "colour.png", texture(0))
    checked: Checked = tables.check(one_set(folder))
    assert not checked.is_gray
    assert len(checked.tasks(ModelConfig())) == 2
