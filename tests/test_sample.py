"""``vaenhance sample``: where the images go, and that they are the model's."""

from __future__ import annotations

import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaenhance.cli import console
from vaenhance.errors import UsageProblem, VaenhanceError
from vaenhance.workflows import sample
from vaenhance.workflows.sample import Settings


class FakeModel:
    """Draws noise that its arguments decide, and remembers them."""

    device, precision = "CPU (fake)", "float32"

    def __init__(self, channels: int = 3):
        self.channels = channels
        self.calls: list[dict] = []

    def samples(self, count, *, size=None, temperature=(1.0,), seed=0, label=None):
        given = {"count": count, "size": size, "seed": seed, "label": label}
        self.calls.append({**given, "temperature": temperature})
        height, width = size or (6, 8)
        rng = np.random.default_rng(seed)
        shape = (count, height, width, self.channels)
        return iter(np.float32(temperature[0]) * rng.random(shape, np.float32))


@pytest.fixture
def model(monkeypatch):
    fake = FakeModel()
    api = types.ModuleType("vaenhance.api")
    api.load_model = lambda name, *, device, precision: fake
    monkeypatch.setitem(sys.modules, "vaenhance.api", api)
    return fake


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def drawn(count: int, seed: int = 0) -> np.ndarray:
    values = np.stack(list(FakeModel().samples(count, seed=seed)))
    return np.round(values * 255).astype(np.uint8)


# === The plan ===


@pytest.mark.parametrize(
    ("target", "format", "first", "is_sheet", "container"),
    [
        (None, None, "sample.png", True, "PNG"),
        (None, "webp", "sample.webp", True, "WEBP"),
        ("a.jpg", None, "a.jpg", True, "JPEG"),
        ("A.JPEG", "jpg", "A.JPEG", True, "JPEG"),
        ("faces", None, "faces/0000.png", False, "PNG"),
        ("faces", ".tif", "faces/0000.tif", False, "TIFF"),
        ("v1.5", None, "v1.5/0000.png", False, "PNG"),
    ],
)
def test_target_and_format_decide_the_files(
    here, target, format, first, is_sheet, container
):
    target = None if target is None else Path(target)
    plan = sample.make_plan(target, Settings(count=3), format=format)
    assert plan.files[0] == Path(first)
    assert (plan.is_sheet, plan.format) == (is_sheet, container)
    assert len(plan.files) == (1 if is_sheet else 3)


def test_an_existing_folder_is_a_folder_whatever_its_name(here):
    Path("odd.png").mkdir()
    plan = sample.make_plan(Path("odd.png"), Settings(count=2))
    assert plan.files == (Path("odd.png/0000.png"), Path("odd.png/0001.png"))


def test_numbers_sort_as_they_count():
    plan = sample.make_plan(Path("many"), Settings(count=10_001))
    names = [file.name for file in plan.files]
    assert names == sorted(names)
    assert (names[0], names[-1]) == ("00000.png", "10000.png")


@pytest.mark.parametrize(
    ("target", "format", "message"),
    [
        ("a.png", "jpg", "change one of them"),
        (None, "docx", "cannot write .docx"),
        (None, "gif", "cannot write .gif"),
        ("a.gif", None, "neither a folder nor"),
        ("notes", None, "neither a folder nor"),
    ],
)
def test_what_cannot_be_written_is_refused(here, target, format, message):
    Path("notes").write_text("a file, not a folder")
    target = None if target is None else Path(target)
    with pytest.raises(UsageProblem, match=message):
        sample.make_plan(target, Settings(), format=format)


@pytest.mark.parametrize("target", [None, "a.png", "faces"])
def test_files_that_exist_are_left_alone(here, target):
    target = None if target is None else Path(target)
    existing = sample.make_plan(target, Settings(count=4)).files[-1]
    existing.parent.mkdir(exist_ok=True)
    existing.write_bytes(b"mine")
    with pytest.raises(UsageProblem, match=f"{existing} exists.*--overwrite"):
        sample.make_plan(target, Settings(count=4))
    plan = sample.make_plan(target, Settings(count=4), overwrite=True)
    assert existing in plan.files
    assert existing.read_bytes() == b"mine"


# === Drawing and writing ===


def test_settings_reach_the_model():
    model = FakeModel()
    settings = Settings(2, (4, 5), temperature=(0.5, 1.0), seed=3, classes=("a",))
    images = list(sample.draw(model, settings))
    expected = {"count": 2, "size": (4, 5), "seed": 3, "temperature": (0.5, 1.0)}
    assert model.calls == [{**expected, "label": ("a",)}]
    assert [image.shape for image in images] == [(4, 5, 3)] * 2
    assert all(image.dtype == np.uint8 for image in images)


def test_values_are_clipped_and_rounded():
    image = next(sample.draw(FakeModel(), Settings(count=1, temperature=(2.0,))))
    values = next(FakeModel().samples(1, temperature=(2.0,)))
    np.testing.assert_array_equal(image, np.round(np.clip(values, 0, 1) * 255))


@pytest.mark.parametrize(
    ("count", "columns", "grid"),
    [(16, None, (4, 4)), (5, None, (2, 3)), (5, 5, (1, 5)), (3, 8, (1, 3))],
)
def test_the_sheet_is_as_square_as_asked(count, columns, grid):
    image = np.full((6, 8, 3), 200, np.uint8)
    sheet = sample.arrange([image] * count, columns)
    rows, across = grid
    assert sheet.shape == (rows * 6 + (rows + 1) * 4, across * 8 + (across + 1) * 4, 3)
    assert (sheet == 200).all(axis=2).sum() == count * 6 * 8


def test_a_sheet_of_one_image_is_the_image():
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(sample.arrange([image]), image)
    assert sample.arrange([image] * 2).shape[0] > 6


def test_gray_models_write_gray_files(here):
    settings = Settings(count=2)
    plan = sample.make_plan(Path("digits"), settings)
    images = list(sample.draw(FakeModel(channels=1), settings))
    files = list(sample.write(images, plan, settings))
    assert [pixels(file).shape for file in files] == [(6, 8), (6, 8)]
    np.testing.assert_array_equal(pixels(files[1]), images[1][..., 0])


def test_each_numbered_file_is_there_before_the_next_image_is_drawn(here):
    there = []

    def images():
        for image in drawn(3):
            there.append(len(list(here.glob("many/*.png"))))
            yield image

    settings = Settings(count=3)
    plan = sample.make_plan(Path("many"), settings)
    assert list(sample.write(images(), plan, settings)) == list(plan.files)
    assert there == [0, 1, 2]


def test_a_folder_that_cannot_be_made_is_named(here):
    Path("file").write_bytes(b"")
    settings = Settings(count=1)
    plan = sample.make_plan(Path("file/faces"), settings)
    with pytest.raises(VaenhanceError, match=r"file/faces/0000\.png cannot be"):
        list(sample.write(sample.draw(FakeModel(), settings), plan, settings))


# === The command ===


def test_without_target_a_sheet_appears_here_once(here, model, invoke):
    result = invoke("sample")
    out, err = result.stdout, result.stderr
    assert out == ""
    assert "16 images of 8x6 pixels, seed 0: sample.png" in err
    first = (here / "sample.png").read_bytes()
    invoke("sample", "--seed", "1", exit_code=2)
    assert (here / "sample.png").read_bytes() == first
    invoke("sample", "--overwrite")
    assert (here / "sample.png").read_bytes() == first


def test_a_folder_gets_the_images_themselves(here, model, invoke):
    result = invoke("sample", "new/faces", "--count", "3", "--seed", "7", "-q")
    assert (result.stdout, result.stderr) == ("", "")
    files = sorted((here / "new/faces").iterdir())
    assert [file.name for file in files] == ["0000.png", "0001.png", "0002.png"]
    np.testing.assert_array_equal(np.stack([pixels(f) for f in files]), drawn(3, 7))


def test_a_sheet_and_a_pipe_are_the_same_bytes(here, model, invoke):
    invoke("sample", "a.png", "--count", "3", "--columns", "1")
    result = invoke("sample", "-", "--count", "3", "--columns", "1", "-q")
    out = result.stdout_bytes
    assert out == (here / "a.png").read_bytes()
    assert Image.open(io.BytesIO(out)).size == (8 + 8, 3 * 6 + 4 * 4)


def test_a_typed_target_goes_before_the_environment(here, model, invoke):
    usual = {"VAENHANCE_SAMPLE_FORMAT": "webp"}
    invoke("sample", "a.png", env=usual)
    with Image.open(here / "a.png") as image:
        assert image.format == "PNG"
    invoke("sample", "faces.v2", "--count", "1", env=usual)
    assert (here / "faces.v2/0000.webp").is_file()
    invoke("sample", env=usual)
    assert (here / "sample.webp").is_file()
    asked = ("sample", "b.png", "--format", "webp")
    assert "is not a .webp file" in invoke(*asked, exit_code=2).stderr


def test_a_folder_of_the_usual_name_does_not_change_a_pipe(here, model, invoke):
    expected = invoke("sample", "-", "--count", "4", "--columns", "4").stdout_bytes
    (here / "sample.png").mkdir()
    again = invoke("sample", "-", "--count", "4", "--columns", "4").stdout_bytes
    assert again == expected


def test_looks_are_drawn_onto_a_photograph(here, invoke):
    result = invoke("sample", "x.png", "-m", "look", exit_code=2)
    assert "with --apply" in result.stderr


def test_bytes_never_go_to_a_terminal(here, model, monkeypatch, invoke):
    monkeypatch.setattr(console, "stdout_is_terminal", lambda: True)
    result = invoke("sample", "-", exit_code=2)
    out, err = result.stdout, result.stderr
    assert out == ""
    assert "terminal" in err
    assert model.calls == []


@pytest.mark.parametrize(
    ("size", "height_width"), [("24", (24, 24)), ("96x64", (64, 96)), ("5X7", (7, 5))]
)
def test_size_is_width_by_height(here, model, size, height_width, invoke):
    invoke("sample", "a.png", "--size", size)
    assert model.calls[0]["size"] == height_width


@pytest.mark.parametrize(
    "extra",
    [
        ["--size", "0"],
        ["--size", "3x"],
        ["--size", "big"],
        ["--count", "0"],
        ["--temperature", "-1"],
        ["--columns", "0"],
        ["--format", "docx"],
        ["faces/", "--columns", "3"],
        ["x.png", "-m", "look", "--apply", "a.jpg", "--class", "7"],
        ["x.png", "-m", "look", "--apply", "a.jpg", "--temperature", "1,0.8"],
    ],
)
def test_wrong_arguments_end_with_2_before_the_model_is_loaded(
    here, extra, monkeypatch, invoke
):
    for name in ("vaenhance.api", "vaenhance.api_look"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails
    result = invoke("sample", *extra, exit_code=2)
    out, err = result.stdout, result.stderr
    assert out == ""
    assert err.startswith("vaenhance: ")
    assert list(here.iterdir()) == []
