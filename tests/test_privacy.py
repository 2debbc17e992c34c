"""What goes into files and messages, and what does not.

Metadata only as long as the user keeps it, no name or path of a training image in a
model, and in messages nothing but what the user has typed.
"""

from __future__ import annotations

import io
import socket
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from tests.tiny import calibrate_tiny_model, tiny_config
from vaenhance import checkpoint
from vaenhance.config import to_toml
from vaenhance.photo import Metadata, Photo, encode_photo, read_photo, save_png
from vaenhance.photo.color import srgb_profile

OLD = Path(__file__).parent / "models" / "0.1.0"
SECRETS = (b"Anna Example", b"serial 4711", b"at the lake", b"my comment")
# 52 degrees and so on as EXIF's rationals, in both byte orders.
PLACES = tuple(
    np.array([52, 1, 31, 1, 12, 1], order + "u4").tobytes() for order in "<>"
)
FORMATS = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "AVIF": ".avif",
}


def telling(name: str, tmp_path: Path) -> Path:
    """A photograph, on its side, that says who, with what, where, and what colours."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x013B], exif[0x010E] = SECRETS[0].decode(), SECRETS[2].decode()
    exif.get_ifd(0x8769)[0xA431] = SECRETS[1].decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRETS[0] + b"</x:xmpmeta>"
    held = Metadata(exif.tobytes()[6:], srgb_profile(), xmp, (300.0, 300.0))
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (24, 40, 3)).astype(np.uint8)
    data = encode_photo(Photo(pixels, None, False, name, held), pixels)
    if name in ("JPEG", "PNG"):  # has comments beside EXIF
        info, stream = PngInfo(), io.BytesIO()
        info.add_text("Comment", SECRETS[3].decode())
        info.add_text("Comment", SECRETS[3].decode(), zip=True)
        options = {"pnginfo": info} if name == "PNG" else {"comment": SECRETS[3]}
        kept = {"exif": exif, "icc_profile": srgb_profile()}
        with Image.open(io.BytesIO(data)) as image:
            image.save(stream, name, **kept, **options)
        data = stream.getvalue()
    path = tmp_path / f"in{FORMATS[name]}"
    path.write_bytes(data)
    return path


def told(data: bytes) -> list[bytes]:
    return [secret for secret in (*SECRETS, *PLACES) if secret in data]


@pytest.mark.parametrize("name", FORMATS)
def test_stripped_photographs_say_only_what_colours_mean(name, tmp_path, invoke):
    source, target = telling(name, tmp_path), tmp_path / f"out{FORMATS[name]}"
    assert len(told(source.read_bytes())) >= 3
    stripped = ("--strip-metadata", "--strength", 0)
    invoke("enhance", source, target, *stripped)
    assert told(target.read_bytes()) == []
    before, after = read_photo(source), read_photo(target)
    assert after.metadata == Metadata(icc_profile=before.metadata.icc_profile)
    assert after.metadata.icc_profile == srgb_profile()
    assert after.pixels.shape == before.pixels.shape  # upright, as it was shown


def test_without_the_option_everything_is_kept_and_so_is_the_place(tmp_path, invoke):
    source, target = telling("JPEG", tmp_path), tmp_path / "out.jpg"
    invoke("enhance", source, target, "--strength", 0, "--quality", 90)
    data = target.read_bytes()
    assert set(SECRETS[:3]) <= set(told(data))
    assert set(PLACES) & set(told(data))


def test_the_thumbnail_never_survives(tmp_path, invoke):
    """It would show the picture as it was before."""
    small, stream = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(small, "JPEG")
    exif = Image.Exif()
    exif[0x010E], exif.endian = "words", "<"
    block = bytearray(exif.tobytes())  # with six bytes that are not counted
    thumbnail, end = small.getvalue(), len(block) - 6
    link = 6 + 8 + 2 + 12 * struct.unpack_from("<H", block, 14)[0]
    struct.pack_into("<I", block, link, end)
    rows = ((0x0103, 6), (0x0201, end + 2 + 36 + 4), (0x0202, len(thumbnail)))
    block += struct.pack("<H", len(rows))
    block += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in rows)
    block += bytes(4) + thumbnail
    with Image.new("RGB", (32, 32)) as image:
        image.save(stream, "JPEG", exif=bytes(block))
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(stream.getvalue())
    with Image.open(source) as image:
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1)[0x0202] == len(thumbnail)
    invoke("enhance", source, target, "--strength", 0, "--quality", 90)
    with Image.open(target) as image:
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1) == {}
        assert image.getexif()[0x010E] == "words"
    own = thumbnail[-200:]  # what both have in common is how a JPEG begins
    assert own in source.read_bytes()
    assert own not in target.read_bytes()


@pytest.mark.usefixtures("shared_networks")
def test_latents_and_companions_can_be_stripped_too(tmp_path, invoke, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = telling("JPEG", tmp_path)
    model = tmp_path / "model"
    for path in OLD.iterdir():
        model.mkdir(exist_ok=True)
        (model / path.name).write_bytes(path.read_bytes())
    calibrate_tiny_model(model)
    invoke("encode", source, "kept.npz", "-m", model)
    invoke("encode", source, "bare.npz", "-m", model, "--strip-metadata")
    with np.load("kept.npz") as kept, np.load("bare.npz") as bare:
        assert {"exif/0", "icc_profile/0"} <= set(kept.files)
        assert {f for f in bare.files if "/" in f} == {"icc_profile/0"}
    invoke("decode", "kept.npz", "decoded/", "-m", model, "--strip-metadata")
    options = ("--draws", 1, "--uncertainty", "--strip-metadata")
    invoke("enhance", source, "enhanced/", "-m", model, *options)
    written = [p for f in ("decoded", "enhanced") for p in Path(f).rglob("*.*")]
    assert len(written) > 3
    assert all(told(path.read_bytes()) == [] for path in written)


def test_a_model_knows_no_name_and_no_path_of_its_images(tmp_path, invoke):
    photographs = tmp_path / "secret-customer"
    photographs.mkdir()
    rng = np.random.default_rng(0)
    for index in range(4):
        coarse = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
        big = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
        save_png(big, photographs / f"private-{index}.png")
    (photographs / "private-broken.png").write_bytes(b"none")
    steps = {"steps": 2, "batch": 2, "checkpoint_steps": 1}
    settings = tmp_path / "settings-file.toml"
    settings.write_text(to_toml(tiny_config(training=steps)))
    model = tmp_path / "model"
    invoke("train", photographs, model, "--config", settings, "--device", "cpu")
    names = {path.name for path in model.rglob("*") if path.is_file()}
    assert {checkpoint.CARD, checkpoint.CONFIG, checkpoint.WEIGHTS} < names
    assert {"log.jsonl", "state.h5", "config.toml"} < names
    secrets = ["secret-customer", "private-", "settings-file", str(tmp_path)]
    secrets += [
        name for name in (socket.gethostname(), str(Path.cwd())) if len(name) > 4
    ]
    for path in model.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert [secret for secret in secrets if secret.encode() in data] == [], path
    card = checkpoint.load_card(model)
    assert card["data"]["images"] > 0
    assert len(card["data"]["fingerprint"]) >= 16


def test_messages_name_only_what_was_given(tmp_path, invoke, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("photos/bad.jpg").write_bytes(b"\xff\xd8\xff half a picture")
    save_png(np.zeros((8, 8, 3), np.uint8), Path("photos/good.png"))
    Path("model").mkdir()
    Path("model/config.json").write_text('{"schema_version": 1, "modle": {}}')
    Path("bad.npz").write_bytes(b"PK no archive")
    Path("bad.toml").write_text("[model\n")
    failing = {
        ("enhance", "missing.jpg", "out.png"): 2,
        ("enhance", "photos", "out", "--strength", 0): 1,
        ("enhance", "photos/bad.jpg", "out.png", "--strength", 0): 1,
        ("enhance", "photos/good.png", "out.png", "-m", "nowhere"): 2,
        ("enhance", "photos/good.png", "out.png", "-m", "model"): 2,
        ("info", "model"): 2,
        ("info", "nowhere"): 2,
        ("decode", "bad.npz", "out"): 2,
        ("decode", "missing.npz", "out"): 2,
        ("train", "missing", "new"): 2,
        ("train", "photos", "new", "--config", "bad.toml"): 2,
        ("train", "photos", "new", "--config", "missing.toml"): 2,
        ("evaluate", "missing"): 2,
        ("score", "missing.jpg"): 2,
    }
    for given, code in failing.items():
        result = invoke(*given, exit_code=code)
        assert "vaenhance: " in result.stderr, given
        for told in (str(tmp_path), str(Path.home()), "site-packages", "Traceback"):
            assert told not in result.stderr + result.stdout, given
