"""Gradings of one photograph: ``sample --apply``, and looks in ``interpolate``."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.tiny import save_tiny_model
from tests.tiny_look import save_tiny_look
from vaenhance.errors import UsageProblem
from vaenhance.workflows.gradings import check, shrunken


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("gradings")
    save_tiny_look(root / "looks")
    save_tiny_model(root / "tiny")
    rng = np.random.default_rng(0)
    for name, shape in {"a.png": (40, 60, 3), "b.png": (30, 30, 3)}.items():
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(root / name)
    return root


def test_a_sheet_of_gradings_is_seeded(folder, tmp_path, invoke) -> None:
    def sheet(name: str, *options: str) -> np.ndarray:
        given = ["-m", folder / "looks", "--apply", folder / "a.png", "--count", "4"]
        invoke("sample", tmp_path / name, *given, *options)
        return np.asarray(Image.open(tmp_path / name))

    first = sheet("1.png")
    assert first.shape == (2 * 40 + 3 * 4, 2 * 60 + 3 * 4, 3)
    assert np.array_equal(first, sheet("2.png"))
    assert not np.array_equal(first, sheet("3.png", "--seed", "1"))
    small = sheet("4.png", "--size", "30")
    assert small.shape == (2 * 20 + 3 * 4, 2 * 30 + 3 * 4, 3)


def test_hidden_pixels_of_the_photograph_are_not_judged(
    folder, tmp_path, invoke
) -> None:
    pixels = np.asarray(Image.open(folder / "a.png"))
    alpha = np.zeros(pixels.shape[:2], np.uint8)
    alpha[5:30, 10:40] = 255
    sheets = []
    for name, hidden in {"black": 0, "white": 255}.items():
        colours = np.where(alpha[..., None] > 0, pixels, np.uint8(hidden))
        source = tmp_path / f"{name}.png"
        Image.fromarray(np.dstack([colours, alpha])).save(source)
        given = ["-m", folder / "looks", "--apply", source, "--count", "1"]
        invoke("sample", tmp_path / f"{name}.sheet.png", *given)
        sheets.append(np.asarray(Image.open(tmp_path / f"{name}.sheet.png")))
    assert not np.array_equal(*sheets)  # what is hidden is shown as it is
    down, across = (sheets[0].shape[axis] - alpha.shape[axis] for axis in (0, 1))
    inner = np.s_[down // 2 + 5 :, across // 2 + 10 :]
    first, second = (sheet[inner][:25, :30] for sheet in sheets)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("target", ["sheet.png", "folder"])
def test_the_profile_of_the_photograph_goes_along(folder, target, tmp_path, invoke):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = tmp_path / "with.png"
    with Image.open(folder / "a.png") as image:
        image.save(source, icc_profile=profile)
    given = ["-m", folder / "looks", "--apply", source, "--count", "2"]
    invoke("sample", tmp_path / target, *given)
    made = tmp_path / target
    for file in [made] if made.is_file() else sorted(made.iterdir()):
        with Image.open(file) as image:
            assert image.info["icc_profile"] == profile


def test_only_models_of_looks_are_applied(folder, tmp_path, invoke) -> None:
    given = ["-m", folder / "tiny", "--apply", folder / "a.png"]
    result = invoke("sample", tmp_path / "x.png", *given, exit_code=2)
    assert "not one of looks" in result.stderr


def test_looks_lie_between_images_of_different_sizes(folder, tmp_path, invoke) -> None:
    given = [folder / "a.png", folder / "b.png", tmp_path / "frames"]
    invoke("interpolate", *given, "-m", folder / "looks", "--frames", "3")
    frames = [
        np.asarray(Image.open(p)) for p in sorted((tmp_path / "frames").iterdir())
    ]
    assert [frame.shape for frame in frames] == [(40, 60, 3)] * 3
    assert not np.array_equal(frames[0], frames[2])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--precision", "bfloat16"], "leave out --precision"),
        (["--tile", "512"], "leave out --tile"),
        (["--overlap", "64"], "leave out --overlap"),
    ],
)
def test_looks_have_one_precision_and_no_tiles(
    folder, options, words, tmp_path, invoke
) -> None:
    given = [folder / "a.png", folder / "b.png", tmp_path / "x.png"]
    given += ["-m", folder / "looks", *options]
    assert words in invoke("interpolate", *given, exit_code=2).stderr


def test_shrinking_takes_means_and_leaves_what_fits() -> None:
    image = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    small = shrunken(image, 20, 100)
    assert small.shape == (20, 30, 3)
    blocks = image.reshape(20, 2, 30, 2, 3).mean(axis=(1, 3)) / 255
    assert np.allclose(small, blocks, atol=1e-6)
    assert np.allclose(shrunken(image, 100, 100), image / 255)


def test_each_thing_that_looks_do_not_have_has_its_own_remedy() -> None:
    with pytest.raises(UsageProblem, match="give one --temperature, received 3"):
        check((), (1.0, 1.0, 0.5))
    for label in ("noon", "", ("noon",)):
        with pytest.raises(UsageProblem, match="leave --class out"):
            check(label, 1.0)
    check((), (0.5,))
    check(None, 1.0)
