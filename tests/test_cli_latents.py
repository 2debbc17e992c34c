"""vaenhance encode and decode: the files that enhance makes, by way of latents."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import vaenhance
from tests.tiny import save_tiny_model, tiny_config
from vaenhance import photo
from vaenhance.errors import Misfit
from vaenhance.latents import LatentWriter
from vaenhance.photo import Metadata, Photo, encode_photo

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def network(folder):
    return vaenhance.load_model(folder, device="cpu", precision="float32")


@pytest.fixture
def run(invoke, folder, network, tmp_path, monkeypatch):
    """vaenhance COMMAND ... in an empty folder, with one model for all tests."""
    loaded = []

    def load_model(name, *, device, precision):
        loaded.append(precision)
        return network

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vaenhance.api.load_model", load_model)  # encode, decode
    monkeypatch.setattr(vaenhance, "load_model", load_model)  # enhance

    def command(name, *arguments, **options):
        if "-m" not in arguments:
            arguments = (*arguments, "-m", folder)
        return invoke(name, *arguments, **options)

    command.loaded = loaded
    return command


def pixels(height=20, width=31, seed=0, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    top = np.iinfo(dtype).max
    return rng.integers(0, top, (height, width, 3), dtype, endpoint=True)


def save(name, image=None, **options) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels()) if image is None else image
    image.save(path, **options)
    return path


def save_photographs(folder: str) -> None:
    """Photographs that carry all that a photograph can carry."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "rotated"
    turned = Image.fromarray(pixels(24, 40))
    save(f"{folder}/turned.jpg", turned, exif=exif, icc_profile=profile, dpi=(72, 99))
    rgba = np.dstack([pixels(), pixels(seed=1)[..., 0]])
    save(f"{folder}/sub/clear.png", Image.fromarray(rgba))
    save(f"{folder}/sub/gray.webp", Image.fromarray(pixels()[..., 0]), lossless=True)
    save(f"{folder}/one.png", Image.fromarray(pixels(1, 1)))
    deep = pixels(dtype=np.uint16)
    color = Metadata(png_color=((b"gAMA", b"\0\0\xb1\x8f"),), xmp=b"<x:xmpmeta/>")
    plain = Photo(deep, None, False, "PNG", color)
    Path(folder, "deep.png").write_bytes(encode_photo(plain, deep))
    tiff = Photo(deep, deep[..., 0], False, "TIFF", Metadata(dpi=(300.0, 300.0)))
    Path(folder, "deep.tif").write_bytes(encode_photo(tiff, deep))


def files(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    found = (p for p in root.rglob("*") if p.is_file())
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in found}


def test_decode_gives_the_bytes_of_enhance(run):
    save_photographs("in")
    run("enhance", "in", "enhanced")
    result = run("encode", "in", "l.npz")
    assert result.stderr.endswith("6 encoded.\n")
    assert result.stdout == ""
    result = run("decode", "l.npz", "decoded")
    assert result.stderr.endswith("6 decoded.\n")
    assert len(files("enhanced")) == 6
    assert files("decoded") == files("enhanced")


@pytest.mark.parametrize(
    ("both", "write"),
    [
        (["--tile", "64", "--overlap", "24", "--noise", "20"], []),
        ([], ["--format", "png", "--strip-metadata", "--suffix", ".x"]),
        ([], ["--format", "tif", "--quality", "50"]),
    ],
)
def test_the_options_of_enhance_have_their_place(run, both, write):
    save_photographs("in")
    run("enhance", "in", "enhanced", *both, *write)
    run("encode", "in", "l.npz", *both)
    run("decode", "l.npz", "decoded", *write)
    assert files("decoded") == files("enhanced")


def test_one_file_and_streams(run):
    data = save("a.jpg").read_bytes()
    run("enhance", "a.jpg", "new.jpg")
    piped = run("encode", "-", "-", input=data)
    assert piped.stdout_bytes.startswith(b"PK")
    run("encode", "a.jpg", "l.npz")
    wanted = Path("new.jpg").read_bytes()
    again = run("decode", "-", "-", input=piped.stdout_bytes)
    assert again.stdout_bytes == wanted
    run("decode", "l.npz", "b.jpg")
    run("decode", "l.npz", "folder/")
    assert Path("b.jpg").read_bytes() == Path("folder/a.jpg").read_bytes() == wanted
    run("decode", "l.npz", "c.png")
    assert photo.probe(Path("c.png")).format == "PNG"


def test_numpy_reads_what_the_documents_promise(run, folder):
    save("in/a.png")
    save("in/b.png", Image.fromarray(pixels(seed=2)))
    run("encode", "in", "l.npz", "--scale", "--noise", "51")
    with np.load("l.npz", allow_pickle=False) as file:
        assert file["names"].tolist() == ["a.png", "b.png"]
        assert file["level1"].shape == file["scale1"].shape == (2, 1, 42, 48, 4)
        assert float(file["noise_sigma"]) == pytest.approx(0.2)
        assert file["steps"].tolist() == [4, 2]
        assert str(file["content"]) == "mean and scale"
        documented = (ROOT / "docs" / "latents.md").read_text(encoding="utf-8")
        for key in file.files:
            assert f"`{key}`" in documented or f"`{key[:-1]}0`" in documented, key


def test_what_fails_is_left_out(run):
    save("in/a.png")
    save("in/c.png")
    Path("in/b.jpg").write_bytes(b"no image")
    result = run("encode", "in", "l.npz", "--json", exit_code=1)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [r["status"] for r in records] == ["encoded", "failed", "encoded"]
    assert records[0]["target"] == "l.npz"
    assert "cannot encode in/b.jpg: not an image (kept going)" in result.stderr
    with np.load("l.npz") as file:
        assert file["names"].tolist() == ["a.png", "c.png"]
    result = run("decode", "l.npz", "out", "--json")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [r["target"] for r in records] == ["out/a.png", "out/c.png"]
    assert {r["status"] for r in records} == {"decoded"}
    result = run("encode", "in", "m.npz", "--fail-fast", exit_code=1)
    assert "nothing was written" in result.stderr
    assert not Path("m.npz").exists()
    result = run("encode", "in/b.jpg", "m.npz", exit_code=1)
    assert not Path("m.npz").exists()


def test_ctrl_c_writes_nothing(run, network, monkeypatch):
    save("in/a.png")
    save("in/b.png")
    encode = network._inference.encode
    calls = []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encode(*arguments, **options)

    monkeypatch.setattr(network._inference, "encode", interrupted)
    result = run("encode", "in", "l.npz", exit_code=130)
    assert "nothing was written" in result.stderr
    assert [p.name for p in Path().iterdir()] == ["in"]


def fill_disk(monkeypatch, room: int) -> None:
    """Gives every temporary file of latents a disk of so many bytes."""

    class Disk(io.FileIO):
        def write(self, data):
            if self.tell() + len(memoryview(data).cast("B")) > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    def temporary(writer):
        disk = Disk("spool", "w+")
        Path("spool").unlink()
        return io.BufferedRandom(disk)

    monkeypatch.setattr(LatentWriter, "_temporary", temporary)


@pytest.mark.skipif(os.name == "nt", reason="open files keep their names there")
@pytest.mark.parametrize("target", ["l.npz", "-"])
def test_a_full_disk_ends_the_run_in_one_line(run, network, monkeypatch, target):
    for name in "abc":
        save(f"in/{name}.png")
    fill_disk(monkeypatch, 50_000)  # a photograph has 32 kB in the finer level
    encode = network._inference.encode
    calls = []

    def counted(*arguments, **options):
        calls.append(arguments)
        return encode(*arguments, **options)

    monkeypatch.setattr(network._inference, "encode", counted)
    result = run("encode", "in", target, exit_code=1)
    line = result.stderr.splitlines()[-1]
    assert line.startswith("vaenhance: ") and "cannot be written: no space left" in line
    assert "(temporary files are in the folder " in line
    assert "unexpected" not in result.stderr
    assert len(calls) == 2
    assert [p.name for p in Path().iterdir()] == ["in"]


@pytest.mark.skipif(os.name == "nt", reason="open files keep their names there")
def test_a_disk_that_is_full_at_the_end_is_one_line_too(run, monkeypatch):
    exif = Image.Exif()
    exif[0x010E] = "words"
    save("a.jpg", exif=exif)
    fill_disk(monkeypatch, 40_000)  # the latents; not the pending bytes of the EXIF
    usual = LatentWriter._keep

    def keep(writer, key, array):
        fill_disk(monkeypatch, 10)
        return usual(writer, key, array)

    monkeypatch.setattr(LatentWriter, "_keep", keep)
    result = run("encode", "a.jpg", "l.npz", exit_code=1)
    assert "l.npz cannot be written: no space left" in result.stderr
    assert "unexpected" not in result.stderr
    assert [p.name for p in Path().iterdir()] == ["a.jpg"]


def test_what_exists_is_kept(run):
    save("in/a.png")
    save("in/b.png")
    run("encode", "in", "l.npz")
    before = Path("l.npz").read_bytes()
    result = run("encode", "in", "l.npz", exit_code=2)
    assert "exists; pass --overwrite" in result.stderr
    run("encode", "in", "l.npz", "--overwrite")
    assert Path("l.npz").read_bytes() == before
    save("out/a.png").write_bytes(b"mine")
    result = run("decode", "l.npz", "out")
    assert "1 decoded, 1 skipped" in result.stderr
    assert Path("out/a.png").read_bytes() == b"mine"
    run("decode", "l.npz", "out", "--overwrite")
    assert Path("out/a.png").read_bytes() != b"mine"


def test_what_exists_is_skipped_whatever_the_limits(run):
    save("in/a.png")
    run("encode", "in", "l.npz")
    run("decode", "l.npz", "out")
    limited = ("decode", "l.npz", "out", "--max-megapixels", "0.0001")
    assert "0 decoded, 1 skipped." in run(*limited).stderr
    result = run(*limited, "--overwrite", exit_code=1)
    assert "more than the limit" in result.stderr


def test_a_folder_where_a_file_should_be_is_known_at_once(run):
    save("in/a.png")
    Path("x.npz/inside").mkdir(parents=True)
    for more in ([], ["--overwrite"]):
        result = run("encode", "in", "x.npz", *more, exit_code=2)
        assert "x.npz is a folder" in result.stderr
    assert not run.loaded
    run("encode", "in", "l.npz")
    run.loaded.clear()
    Path("out/a.png").mkdir(parents=True)
    result = run("decode", "l.npz", "out", exit_code=1)
    assert "decode a.png: cannot be written: a folder has this name" in result.stderr
    assert not run.loaded


def test_a_picture_is_not_taken_for_that_of_another(run):
    """a.jpg was alone, and has the name that would be a.png's now."""
    save("in/a.jpg")
    run("encode", "in", "l.npz")
    run("decode", "l.npz", "out", "--format", "png")
    save("in/a.png", Image.fromarray(pixels(seed=2)))
    run("encode", "in", "l.npz", "--overwrite")
    result = run("decode", "l.npz", "out", "--format", "png", exit_code=1)
    assert "cannot decode a.png: out/a.png may be of a.jpg" in result.stderr
    assert "1 decoded, 1 failed." in result.stderr


def test_a_typed_target_goes_before_the_environment(run):
    save("a.jpg")
    run("encode", "a.jpg", "l.npz")
    usual = {"VAENHANCE_DECODE_FORMAT": "webp", "VAENHANCE_DECODE_SUFFIX": ".x"}
    run("decode", "l.npz", "b.png", env=usual)
    run("decode", "l.npz", "out", env=usual)
    run("decode", "l.npz", "-", env=usual)
    assert photo.probe(Path("b.png")).format == "PNG"
    assert sorted(files("out")) == ["a.x.webp"]
    for target, words in {"c.png": "TARGET names", "-": "standard output has"}.items():
        result = run("decode", "l.npz", target, "--suffix", ".y", exit_code=2)
        assert words in result.stderr


@pytest.mark.parametrize("flag", [["--scale"], ["--pool", "2"]])
def test_what_is_typed_goes_before_the_environment(run, flag):
    save("a.png")
    usual = {"VAENHANCE_ENCODE_DRAWS": "2", "VAENHANCE_ENCODE_OVERLAP": "224"}
    run("encode", "a.png", "l.npz", *flag, "--tile", "64", env=usual)
    with np.load("l.npz") as file:
        assert str(file["content"]) == ("vectors" if flag[1:] else "mean and scale")
    run("encode", "a.png", "m.npz", env=usual)
    with np.load("m.npz") as file:
        assert str(file["content"]) == "draws"


def test_a_class_that_the_file_makes_up_is_the_files_fault(run):
    save("a.png")
    run("encode", "a.png", "l.npz")
    with np.load("l.npz") as file:
        np.savez("other.npz", **file, **{"class": np.array("99")})
    result = run("decode", "other.npz", "out", exit_code=2)
    assert "other.npz: " in result.stderr


def test_one_image_that_does_not_fit_the_model_is_left_out(run, network, monkeypatch):
    for name, side in {"a": 20, "b": 30}.items():
        save(f"in/{name}.png", Image.fromarray(pixels(side)))
    encode = network.encode_tiles

    def particular(image, *arguments, **options):
        if image.shape[0] == 20:
            raise Misfit("this model takes 30 only")
        return encode(image, *arguments, **options)

    monkeypatch.setattr(network, "encode_tiles", particular)
    result = run("encode", "in", "l.npz", exit_code=1)
    assert "in/a.png: this model takes 30 only (kept going)" in result.stderr
    with np.load("l.npz") as file:
        assert file["names"].tolist() == ["b.png"]
    # Alone it is all that was asked for.
    run("encode", "in/a.png", "m.npz", exit_code=2)
    assert not Path("m.npz").exists()


@pytest.mark.parametrize("when", ["computed", "written"])
def test_what_another_run_has_made_is_skipped(run, network, monkeypatch, when):
    save("in/a.bmp")
    save("in/b.bmp")
    run("encode", "in", "l.npz")
    usual = network.decode_tiles
    calls = []

    def decode(*arguments, **options):
        calls.append(arguments)
        if len(calls) == (1 if when == "computed" else 2):
            save("out/b.bmp").write_bytes(b"another run's")
        return usual(*arguments, **options)

    monkeypatch.setattr(network, "decode_tiles", decode)
    result = run("decode", "l.npz", "out", "--json", "-v")
    assert "1 decoded, 1 skipped." in result.stderr
    assert "skipped b.bmp: out/b.bmp exists" in result.stderr
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [r["status"] for r in records] == ["decoded", "skipped"]
    assert len(calls) == (1 if when == "computed" else 2)
    assert Path("out/b.bmp").read_bytes() == b"another run's"

    def late(*arguments, **options):
        save("c.bmp").write_bytes(b"mine")
        return usual(*arguments, **options)

    run("encode", "in/a.bmp", "one.npz")
    monkeypatch.setattr(network, "decode_tiles", late)
    result = run("decode", "one.npz", "c.bmp", exit_code=1)  # it was asked for
    assert "a file of the name c.bmp has come to be there" in result.stderr


def test_ctrl_c_tells_of_what_is_being_written(run, network, monkeypatch):
    for name in "abc":
        save(f"in/{name}.bmp")
    run("encode", "in", "l.npz")
    usual, write = network.decode_tiles, photo.write_atomic
    begun, calls = threading.Event(), []

    def decode(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            assert begun.wait(timeout=60)
            raise KeyboardInterrupt
        return usual(*arguments, **options)

    def slow(*arguments, **options):
        begun.set()
        time.sleep(0.3)
        write(*arguments, **options)

    monkeypatch.setattr(network, "decode_tiles", decode)
    monkeypatch.setattr(photo, "write_atomic", slow)
    result = run("decode", "l.npz", "out", "--json", exit_code=130)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(r["source"], r["status"]) for r in records] == [("a.bmp", "decoded")]
    assert sorted(files("out")) == ["a.bmp"]


def test_draws_are_files_of_their_own(run):
    save("in/a.jpg")
    run("encode", "in", "l.npz", "--draws", "2", "--seed", "5")
    run("decode", "l.npz", "out")
    assert sorted(files("out")) == ["a.draw1.jpg", "a.draw2.jpg"]
    assert len(set(files("out").values())) == 2
    run("encode", "in", "m.npz", "--draws", "1", "--seed", "5")
    run("decode", "m.npz", "one.jpg")
    assert Path("one.jpg").read_bytes() == Path("out/a.draw1.jpg").read_bytes()


def test_vectors_are_of_one_length_whatever_the_size(run):
    save("in/a.png")
    save("in/b.png", Image.fromarray(pixels(60, 9)))
    run("encode", "in", "v.npz", "--pool", "3")
    with np.load("v.npz") as file:
        # Two levels of four channels, nine cells, mean and deviation.
        assert file["vectors"].shape == (2, 2 * 4 * 9 * 2)
        assert "level0" not in file.files
        assert int(file["pool"]) == 3
    with vaenhance.LatentReader("v.npz") as file:
        assert file.vectors().shape == (2, 144)
    result = run("decode", "v.npz", "out", exit_code=2)
    assert "cannot be decoded" in result.stderr


def test_latents_of_another_model_are_refused_at_once(run, tmp_path_factory):
    save("a.png")
    run("encode", "a.png", "l.npz")
    changed = {**vars(tiny_config().model), "latent_channels": (4, 6)}
    other = save_tiny_model(
        tmp_path_factory.mktemp("models") / "other", tiny_config(model=changed)
    )
    run.loaded.clear()
    for model in (other, "photo"):
        result = run("decode", "l.npz", "b.png", "-m", model, exit_code=2)
        assert len(result.stderr.splitlines()) == 1
        assert "latents of another model: of tiny" in result.stderr
    assert not run.loaded
    assert not Path("b.png").exists()


def test_a_model_of_ones_own_must_be_named(invoke, run):
    save("a.png")
    run("encode", "a.png", "l.npz")
    result = invoke("decode", "l.npz", "b.png", exit_code=2)
    assert "a model called tiny: give its folder with --model" in result.stderr


def test_decode_computes_as_encode_did(run):
    save("a.png")
    run("encode", "a.png", "l.npz")
    run.loaded.clear()
    run("decode", "l.npz", "b.png")
    run("decode", "l.npz", "c.png", "--precision", "bfloat16")
    assert run.loaded == ["float32", "bfloat16"]


def test_latents_can_be_changed_with_numpy(run):
    save("a.png")
    run("encode", "a.png", "l.npz")
    run("decode", "l.npz", "b.png")
    with np.load("l.npz") as file:
        np.savez("m.npz", **{**file, "level0": file["level0"] * 0})
    run("decode", "m.npz", "c.png")
    assert Path("c.png").read_bytes() != Path("b.png").read_bytes()


def test_gray_models_take_gray_images(invoke, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gray = {**vars(tiny_config().model), "channels": 1, "image_size": 16}
    model = save_tiny_model(tmp_path / "gray", tiny_config(model=gray))
    save("in/a.png", Image.fromarray(pixels(16, 16)[..., 0]))
    save("in/b.png", Image.fromarray(pixels(16, 16)))
    save("in/0.png", Image.fromarray(pixels(16, 16)))  # whichever comes first
    result = invoke("encode", "in", "l.npz", "-m", model, exit_code=1)
    assert "1 encoded, 2 failed." in result.stderr
    assert "the model takes gray images" in result.stderr
    invoke("decode", "l.npz", "out", "-m", model)
    with Image.open("out/a.png") as image:
        assert image.mode == "L"
    save("c.png", Image.fromarray(pixels(17, 17)[..., 0]))
    result = invoke("encode", "c.png", "m.npz", "-m", model, exit_code=2)
    assert "16x16 pixels only" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["encode", "a.png"], "name a file for the latents"),
        (["encode", "a.png", "b.zip"], "call it so"),
        (["encode", "absent.png", "l.npz"], "no file or folder"),
        (["encode", "empty", "l.npz"], "no images"),
        (["encode", "in", "other", "l.npz", "--no-recursive"], ""),
        (["encode", "in/a.png", "other/a.png", "l.npz"], "would both be called a.png"),
        (["encode", "a.png", "l.npz", "--scale", "--pool", "2"], "exclude each other"),
        (["encode", "a.png", "l.npz", "--draws", "0"], "--draws"),
        (["encode", "a.png", "l.npz", "--seed", "5"], "leave out --seed"),
        (["encode", "a.png", "l.npz", "--noise", "5", "-m", "emoji"], "no level"),
        (["encode", "a.png", "-", "--json"], "both want standard output"),
        (["encode", "a.png", "l.npz", "--tile", "64", "--overlap", "64"], "nothing"),
        (["encode", "a.png", "l.npz", "--class", "x"], "knows no classes"),
        (["decode", "two.npz", "out", "--class", "x"], "knows no classes"),
        (["decode", "absent.npz", "out"], "no file absent.npz"),
        (["decode", "a.png", "out"], "no file of latents"),
        (["decode", "two.npz", "-"], "of 2 images"),
        (["decode", "two.npz", "b.jpg"], "looks like a file"),
        (["decode", "two.npz", "two.npz/"], "is a file"),
    ],
)
def test_wrong_arguments_end_with_2_before_the_model_is_loaded(run, arguments, words):
    for name in ("a.png", "in/a.png", "other/a.png", "in/b.png"):
        save(name)
    Path("empty").mkdir()
    if "two.npz" in arguments:
        run("encode", "in", "two.npz")
        run.loaded.clear()
    if not words:
        run(*arguments)
        return
    result = run(*arguments, exit_code=2)
    assert words in result.stderr
    assert result.stderr.startswith("vaenhance: ")
    assert not run.loaded


def test_a_format_that_cannot_hold_the_image_fails_by_name(run):
    deep = pixels(dtype=np.uint16)
    Path("deep.png").write_bytes(
        encode_photo(Photo(deep, deep[..., 0], False, "PNG"), deep)
    )
    save("still.gif", Image.fromarray(pixels()).quantize(16))
    run("encode", "deep.png", "still.gif", "l.npz")
    result = run("decode", "l.npz", "out", exit_code=1)
    assert "GIF cannot hold an enhanced photograph: pass --format png" in result.stderr
    result = run("decode", "l.npz", "jpeg", "--format", "jpg", exit_code=1)
    assert "JPEG cannot hold the transparency" in result.stderr
    run("decode", "l.npz", "png", "--format", "png")
    assert sorted(files("png")) == ["deep.png", "still.png"]


def test_absurd_sizes_are_refused_before_anything_is_allocated(run):
    save("a.png")
    run("encode", "a.png", "l.npz")
    with np.load("l.npz") as file:
        huge = {**file, "sizes": np.array([[2**28, 2**28]])}
    np.savez("m.npz", **huge)
    result = run("decode", "m.npz", "b.png", exit_code=1)
    assert "megapixels, more than the limit" in result.stderr
    np.savez("m.npz", **{**huge, "sizes": np.array([[2000, 2000]])})
    result = run("decode", "m.npz", "b.png", exit_code=1)
    assert "should be of floats and shape" in result.stderr
    assert not Path("b.png").exists()


@pytest.mark.parametrize("command", ["encode", "decode", "interpolate"])
def test_help_needs_no_tensorflow(command):
    code = (
        "import sys\nfrom vaenhance.cli import app\n"
        f"app(['{command}', '--help'], standalone_mode=False)\n"
        "sys.exit(bool({'tensorflow', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"Usage" in done.stdout
