"""From one image to another: the ends are theirs, the way is as asked."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import vaenhance
from tests.tiny import TINY, save_tiny_model, tiny_config
from vaenhance.errors import UsageProblem


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder):
    return vaenhance.load_model(folder, device="cpu", precision="float32")


@pytest.fixture
def run(invoke, folder, model, tmp_path, monkeypatch):
    """vaenhance interpolate ... in a folder with a.png and b.png, 20 x 16 pixels."""
    loaded = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "vaenhance.api.load_model", lambda name, **options: loaded.append(name) or model
    )
    for seed, name in enumerate("ab"):
        Image.fromarray(picture(seed)).save(f"{name}.png")

    def command(*arguments, **options):
        return invoke("interpolate", *arguments, "-m", folder, **options)

    command.loaded = loaded
    return command


def picture(seed: int, height: int = 16, width: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


A, B = picture(0), picture(1)


@pytest.mark.parametrize("method", ["spherical", "linear"])
@pytest.mark.parametrize("options", [{}, {"tile": 64, "overlap": 24}])
def test_the_ends_are_the_images_enhanced(model, method, options):
    frames = list(model.interpolate(A, B, 4, method=method, **options))
    assert len(frames) == 4
    assert np.array_equal(frames[0], model.enhance(A, **options))
    assert np.array_equal(frames[-1], model.enhance(B, **options))
    between = [f.astype(int) for f in frames]
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(between)]
    whole = np.abs(between[-1] - between[0]).mean()
    assert min(steps) > 0
    assert max(steps) < whole


def test_from_an_image_to_itself_nothing_moves(model):
    first, second, third = model.interpolate(A, A, 3)
    assert np.abs(first.astype(int) - second).max() <= 1
    assert np.array_equal(first, third)


def test_only_the_levels_asked_for_move(model):
    frames = {
        levels: list(model.interpolate(A, B, 2, levels=levels))
        for levels in [(0,), (1,), (0, 1)]
    }
    for first, _ in frames.values():
        assert np.array_equal(first, model.enhance(A))
    ends = [last for _, last in frames.values()]
    assert np.array_equal(ends[2], model.enhance(B))
    assert not np.array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])
    assert not np.array_equal(ends[0], frames[0,][0])


def test_tiles_on_the_way_fit_together(model):
    a, b = picture(2, 90, 120) / np.float32(255), picture(3, 90, 120) / np.float32(255)
    whole = list(model.interpolate(a, b, 3, tile=0))[1]
    tiled = list(model.interpolate(a, b, 3, tile=96, overlap=64))[1]
    assert np.abs(whole - tiled).max() < 1 / 255


@pytest.mark.parametrize(
    ("ends", "options", "words"),
    [
        ((A, B[:8]), {}, "one size and type"),
        ((A, B / np.float32(255)), {}, "one size and type"),
        ((A[None], B[None]), {}, "expected one image"),
        ((A, B), {"frames": 1}, "2 frames or more"),
        ((A, B), {"method": "crooked"}, "method must be"),
        ((A, B), {"levels": [2]}, "has the levels 0 to 1"),
        ((A, B), {"levels": []}, "has the levels 0 to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(model, ends, options, words):
    with pytest.raises(UsageProblem, match=words):
        model.interpolate(*ends, **options)


def frames_of(source) -> list[np.ndarray]:
    with Image.open(source) as image:
        found = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(np.asarray(image.convert("RGB")))
        return found


def test_numbered_files_hold_the_frames(run, model):
    result = run("a.png", "b.png", "frames", "--frames", "3", "--json")
    files = sorted(Path("frames").iterdir())
    assert [f.name for f in files] == ["0000.png", "0001.png", "0002.png"]
    for file, frame in zip(files, model.interpolate(A, B, 3), strict=True):
        assert np.array_equal(frames_of(file)[0], frame)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert records[1] == {
        "target": str(files[1]),
        "frame": 1,
        "width": 20,
        "height": 16,
    }


@pytest.mark.parametrize("name", ["x.apng", "x.png"])
def test_a_typed_target_goes_before_the_environment(run, name):
    usual = {"VAENHANCE_INTERPOLATE_FORMAT": "webp"}
    run("a.png", "b.png", name, "--frames", "2", env=usual)
    with Image.open(name) as image:
        assert image.format == "PNG"
    run("a.png", "b.png", name, "--format", "webp", "--overwrite", exit_code=2)


@pytest.mark.parametrize("name", ["x.apng", "x.gif", "x.webp"])
def test_an_animation_holds_the_frames(run, model, name):
    run("a.png", "b.png", name, "--frames", "4", "--fps", "20")
    frames = frames_of(name)
    assert len(frames) == 4
    exact = list(model.interpolate(A, B, 4))
    worst = 0 if name == "x.apng" else 30  # 256 colours; lossy
    for frame, expected in zip(frames, exact, strict=True):
        assert np.abs(frame.astype(int) - expected).mean() <= worst
    with Image.open(name) as image:
        assert image.info.get("loop") == 0
        image.seek(1)
        image.load()
        assert image.info["duration"] == 50
    run("a.png", "b.png", name, "--frames", "4", "--bounce", "--overwrite")
    assert len(frames_of(name)) == 6


def test_a_sheet_and_a_pipe(run):
    run("a.png", "b.png", "sheet.png", "--frames", "6", "--columns", "3")
    (sheet,) = frames_of("sheet.png")
    assert sheet.shape == (2 * 16 + 3 * 4, 3 * 20 + 4 * 4, 3)
    piped = run(
        "-", "b.png", "-", "--frames", "6", "--columns", "3",
        input=Path("a.png").read_bytes(),
    )  # fmt: skip
    assert piped.stdout_bytes == Path("sheet.png").read_bytes()
    piped = run("a.png", "b.png", "-", "--frames", "2", "--format", "gif")
    assert len(frames_of(io.BytesIO(piped.stdout_bytes))) == 2


def test_gray_stays_gray_and_profiles_are_kept(run):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for seed, name in enumerate("ab"):
        gray = Image.fromarray(picture(seed)[..., 0])
        gray.save(f"{name}.jpg", icc_profile=profile)
    # A gray PNG may have a profile of gray only.
    for format, mode in {"tif": "L", "jpg": "L", "png": "RGB"}.items():
        run("a.jpg", "b.jpg", format, "--frames", "2", "--format", format)
        with Image.open(f"{format}/0001.{format}") as image:
            assert image.mode == mode
            assert image.info["icc_profile"] == profile
    result = run("a.jpg", "b.png", "other", "--frames", "2")
    assert "different colour profiles" in result.stderr
    with Image.open("other/0001.png") as image:
        assert "icc_profile" not in image.info


def test_a_profile_of_gray_does_not_go_into_a_file_with_colours(run):
    """A sheet has a ground that is not gray, and animations are RGB."""
    gray_profile = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    gray_profile[16:20] = b"GRAY"
    for name in "ab":
        gray = Image.open(f"{name}.png").convert("L")
        gray.save(f"{name}.jpg", icc_profile=bytes(gray_profile))
    for target in ("sheet.png", "way.webp"):
        run("a.jpg", "b.jpg", target, "--frames", 3)
        with Image.open(target) as image:
            assert image.mode == "RGB" and not image.info.get("icc_profile")
    run("a.jpg", "b.jpg", "frames/", "--frames", 3, "--format", "jpg")
    with Image.open(next(Path("frames").iterdir())) as image:
        assert (image.mode, image.info["icc_profile"]) == ("L", bytes(gray_profile))


def test_models_of_one_size_draw_what_is_between(invoke, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gray = {**vars(TINY), "channels": 1, "image_size": 16, "likelihood": "bernoulli"}
    model = save_tiny_model(tmp_path / "gray", tiny_config(model=gray))
    for seed, name in enumerate("ab"):
        Image.fromarray(picture(seed, 16, 16)[..., 0]).save(f"{name}.png")
    invoke("interpolate", "a.png", "b.png", "x.png", "--frames", "4", "-m", model)
    with Image.open("x.png") as image:
        assert image.size == (44, 44)
    Image.fromarray(picture(0, 16, 16)).save("c.png")
    result = invoke("interpolate", "a.png", "c.png", "y.png", "-m", model, exit_code=2)
    assert "takes gray images" in result.stderr
    for name in "de":
        Image.fromarray(picture(0, 16, 20)[..., 0]).save(f"{name}.png")
    result = invoke("interpolate", "d.png", "e.png", "y.png", "-m", model, exit_code=2)
    assert "A and B have 20 x 16 pixels: the model takes 16 x 16" in result.stderr
    assert "device" not in result.stderr


def test_a_folder_of_the_usual_name_does_not_change_a_pipe(run):
    expected = run("a.png", "b.png", "-", "--frames", "3").stdout_bytes
    Path("interpolation.png").mkdir()
    assert run("a.png", "b.png", "-", "--frames", "3").stdout_bytes == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.png", "absent.png", "x.png"], "absent.png: file not found"),
        (["a.png", "small.png", "x.png"], "bring them to one size first"),
        (["-", "-", "x.png"], "standard input is one image"),
        (["a.png", "b.png", "-", "--json"], "both want standard output"),
        (["a.png", "b.png", "x.png", "--levels", "a"], "no list of levels"),
        (["a.png", "b.png", "x.gif", "--format", "png"], "change one of them"),
        (["a.png", "b.png", "x.png", "--fps", "5"], "leave out --fps"),
        (["a.png", "b.png", "-", "--bounce"], "leave out --bounce"),
        (["a.png", "b.png", "x.gif", "--columns", "2"], "leave out --columns"),
        (["a.png", "b.png", "frames", "--bounce"], "leave out --bounce"),
        (["a.png", "b.png", "small.png"], "exists already"),
        (["a.png", "b.png", "b.png", "--overwrite"], "never written over"),
        (["a.png", "b.png", "x.docx/y.gif", "--frames", "1"], "--frames"),
        (["a.png", "b.png", "x.png", "--levels", "0,5"], "levels 0 to 1, received"),
    ],
)
def test_wrong_arguments_end_with_2_before_the_model_is_loaded(run, arguments, words):
    Image.fromarray(picture(0, 4, 4)).save("small.png")
    result = run(*arguments, exit_code=2)
    assert words in result.stderr
    assert not run.loaded
