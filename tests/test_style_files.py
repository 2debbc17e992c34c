"""Styles in files: ``encode`` with a model of looks, and ``--style FILE.npz``."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.tiny import save_tiny_model
from tests.tiny_look import save_tiny_look
from vaenhance import photo
from vaenhance.errors import LatentError
from vaenhance.grading_style import measured

pytestmark = pytest.mark.usefixtures("shared_networks")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("styles")
    save_tiny_look(root / "looks")
    save_tiny_model(root / "tiny")
    (root / "in").mkdir()
    rng = np.random.default_rng(0)
    for name, shape in {"a.png": (40, 60, 3), "b.png": (30, 30, 3)}.items():
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(root / "in" / name)
    clear = rng.integers(0, 256, (20, 24, 4), np.uint8)
    Image.fromarray(clear).save(root / "in" / "clear.png")
    return root


@pytest.fixture(scope="module")
def stored(folder):
    return folder / "styles.npz"


def test_encode_writes_the_style_of_each_photograph(folder, stored, invoke) -> None:
    import vaenhance

    invoke("encode", folder / "in", stored, "-m", folder / "looks")
    model = vaenhance.load_look(folder / "looks")
    with np.load(stored) as file:
        names, vectors = list(file["names"]), file["vectors"]
    assert names == ["a.png", "b.png", "clear.png"]
    assert vectors.shape == (3, 4 + 6)
    pixels = photo.read_pixels(folder / "in" / "b.png")
    assert np.array_equal(vectors[1, :4], model.encode(pixels))
    assert np.array_equal(vectors[1, 4:], measured(pixels))
    mean = model.stored_style(stored)
    assert np.allclose([*mean.look, *mean.colours], vectors.mean(axis=0), atol=1e-4)


def test_a_file_of_styles_is_a_style(folder, stored, tmp_path, invoke) -> None:
    given = ["--strength", "0", "--look-model", folder / "looks"]
    source = folder / "in" / "a.png"
    invoke(
        "encode", folder / "in" / "b.png", tmp_path / "b.npz", "-m", folder / "looks"
    )
    for name, style in {
        "1.png": tmp_path / "b.npz",
        "2.png": folder / "in" / "b.png",
    }.items():
        invoke("enhance", source, tmp_path / name, *given, "--style", style)
    first, second = (photo.read_pixels(tmp_path / n) for n in ("1.png", "2.png"))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, photo.read_pixels(source))


@pytest.mark.parametrize(
    "option",
    [
        ["--scale"],
        ["--draws", "2"],
        ["--pool", "1"],
        ["--noise", "5"],
        ["--tile", "64"],
        ["--overlap", "8"],
        ["--precision", "bfloat16"],
    ],
)
def test_a_style_has_nothing_to_choose(folder, tmp_path, invoke, option) -> None:
    given = [folder / "in", tmp_path / "x.npz", "-m", folder / "looks"]
    result = invoke("encode", *given, *option, exit_code=2)
    assert f"leave out {option[0]}" in result.stderr


def test_what_the_environment_says_is_for_models_of_images(
    folder, tmp_path, invoke
) -> None:
    usual = {"TILE": "64", "OVERLAP": "8", "POOL": "2", "PRECISION": "bfloat16"}
    env = {f"VAENHANCE_ENCODE_{name}": value for name, value in usual.items()}
    env["VAENHANCE_ENCODE_NOISE"] = "5"
    given = [folder / "in", tmp_path / "x.npz", "-m", folder / "looks"]
    invoke("encode", *given, env=env)
    with np.load(tmp_path / "x.npz") as file:
        assert file["vectors"].shape == (3, 4 + 6)
        assert not {"pool", "noise_sigma"} & set(file.files)


def test_other_files_are_refused(folder, tmp_path, invoke) -> None:
    import vaenhance

    other = tmp_path / "other.npz"
    invoke("encode", folder / "in" / "a.png", other, "-m", folder / "tiny")
    model = vaenhance.load_look(folder / "looks")
    with pytest.raises(LatentError, match="holds latents of tiny"):
        model.stored_style(other)
    with pytest.raises(LatentError, match="in is a folder: expected a file of styles"):
        model.stored_style(folder / "in")
    with pytest.raises(LatentError, match=r"nothing\.npz"):
        model.stored_style(tmp_path / "nothing.npz")
    (tmp_path / "no.npz").write_bytes(b"PK")
    given = [folder / "in" / "a.png", tmp_path / "y.png", "--strength", "0"]
    given += ["--look-model", folder / "looks", "--style", tmp_path / "no.npz"]
    assert "no.npz" in invoke("enhance", *given, exit_code=2).stderr


def test_decode_gives_a_photograph_every_look_of_a_file(
    folder, tmp_path, invoke
) -> None:
    import vaenhance

    looks, source = tmp_path / "looks.npz", folder / "in" / "clear.png"
    invoke("encode", folder / "in", looks, "-m", folder / "looks")
    given = [looks, tmp_path / "out", "-m", folder / "looks", "--apply", source]
    invoke("decode", *given)
    model = vaenhance.load_look(folder / "looks")
    picture = photo.read_photo(source)
    for name in ("a.png", "b.png", "clear.png"):
        own = photo.read_photo(folder / "in" / name)
        style = model.style(photo.seen_everywhere(own.pixels, own.alpha))
        made = photo.read_photo(tmp_path / "out" / name)
        graded = model.enhance(picture.pixels, style, alpha=picture.alpha)
        assert np.array_equal(made.pixels, graded)
        assert np.array_equal(made.alpha, picture.alpha)
    again = invoke("decode", *given)
    assert "3 skipped" in again.stderr


def test_hidden_pixels_are_no_part_of_a_style(folder, tmp_path, invoke) -> None:
    """Neither of one that is encoded, nor of the photograph that it is given to."""
    looks = tmp_path / "looks.npz"
    (tmp_path / "in").mkdir()
    picture = photo.read_photo(folder / "in" / "clear.png")
    alpha = np.where(picture.alpha < 128, 0, 255).astype(np.uint8)
    for name, hidden in {"black": 0, "white": 255}.items():
        pixels = np.where(alpha[..., None] > 0, picture.pixels, np.uint8(hidden))
        image = Image.fromarray(np.dstack([pixels, alpha]))
        image.save(tmp_path / "in" / f"{name}.png")
    invoke("encode", tmp_path / "in", looks, "-m", folder / "looks")
    with np.load(looks) as file:
        assert np.array_equal(*file["vectors"])
    made = []
    for name in ("black", "white"):
        given = ("-m", folder / "looks", "--apply", tmp_path / "in" / f"{name}.png")
        invoke("decode", looks, tmp_path / name, *given)
        made.append(photo.read_pixels(tmp_path / name / "black.png"))
    assert np.array_equal(made[0][alpha > 0], made[1][alpha > 0])
    assert not np.array_equal(*made)


def test_looks_of_twins_have_files_of_their_own(folder, tmp_path, invoke) -> None:
    (tmp_path / "in").mkdir()
    pixels = photo.read_pixels(folder / "in" / "a.png")
    for name in ("a.png", "a.bmp"):
        Image.fromarray(pixels).save(tmp_path / "in" / name)
    looks, out = tmp_path / "looks.npz", tmp_path / "out"
    invoke("encode", tmp_path / "in", looks, "-m", folder / "looks")
    own = ("-m", folder / "looks", "--apply")
    invoke("decode", looks, out, *own, folder / "in" / "b.png")
    assert sorted(p.name for p in out.iterdir()) == ["a.bmp.png", "a.png.png"]
    source = out / "a.bmp.png"
    again = invoke("decode", looks, out, *own, source, "--overwrite", exit_code=2)
    assert "never written over" in again.stderr


def test_a_name_that_twins_would_take_makes_all_names_long(
    folder, tmp_path, invoke
) -> None:
    (tmp_path / "in").mkdir()
    pixels = photo.read_pixels(folder / "in" / "a.png")
    for name in ("a.jpg", "a.jpg.png", "a.png", "b.png"):
        Image.fromarray(pixels).save(tmp_path / "in" / name)
    looks, out = tmp_path / "looks.npz", tmp_path / "out"
    invoke("encode", tmp_path / "in", looks, "-m", folder / "looks")
    Image.fromarray(pixels).save(tmp_path / "source.jpg")
    own = ("-m", folder / "looks", "--apply", tmp_path / "source.jpg")
    invoke("decode", looks, out, *own)
    assert sorted(p.name for p in out.iterdir()) == [
        "a.jpg.jpg",
        "a.jpg.png.jpg",
        "a.png.jpg",
        "b.png.jpg",
    ]


def test_looks_want_a_photograph_and_images_do_not(folder, tmp_path, invoke) -> None:
    looks, images = tmp_path / "looks.npz", tmp_path / "images.npz"
    source = folder / "in" / "a.png"
    invoke("encode", source, looks, "-m", folder / "looks")
    invoke("encode", source, images, "-m", folder / "tiny")
    target = tmp_path / "x.png"
    alone = invoke("decode", looks, target, "-m", folder / "looks", exit_code=2)
    assert "--apply" in alone.stderr
    beside = [images, target, "-m", folder / "tiny", "--apply", source]
    assert "leave out --apply" in invoke("decode", *beside, exit_code=2).stderr
    half = [looks, target, "-m", folder / "looks", "--apply", source]
    half += ["--precision", "bfloat16"]
    assert "leave out --precision" in invoke("decode", *half, exit_code=2).stderr
    (tmp_path / "no.png").write_bytes(b"no image")
    given = [looks, target, "-m", folder / "looks", "--apply", tmp_path / "no.png"]
    assert "no.png" in invoke("decode", *given, exit_code=2).stderr
    assert not target.exists()
