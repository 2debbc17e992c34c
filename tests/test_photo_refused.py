"""Files that are no photographs, or not whole: one clear reason, no noise, no harm."""

from __future__ import annotations

import io
import logging
import random
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from vaenhance.errors import PhotoError
from vaenhance.photo import WRITABLE, encode_photo, probe, read_photo, read_pixels
from vaenhance.photo import pillow as pillow_reader
from vaenhance.photo.model import Photo

LIMIT = Image.MAX_IMAGE_PIXELS
VALUES = np.random.default_rng(3).integers(0, 256, (40, 56, 3)).astype(np.uint8)


def file_of(name: str) -> bytes:
    if name == "GIF":
        buffer = io.BytesIO()
        Image.fromarray(VALUES).save(buffer, "GIF")
        return buffer.getvalue()
    return encode_photo(Photo(VALUES, None, False, name), VALUES)


ALL = sorted({*WRITABLE, "GIF"})


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_half_a_file_is_called_truncated(name, part, capfd):
    data = file_of(name)
    with pytest.raises(PhotoError, match=r"^file is truncated$"):
        read_photo(data[: int(len(data) * part)])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ALL)
def test_a_cut_header_is_a_photo_error(name):
    data = file_of(name)
    for length in range(1, 120):
        with pytest.raises(PhotoError):
            read_photo(data[:length])


@pytest.mark.parametrize("name", ALL)
def test_damage_anywhere_is_a_picture_or_a_photo_error(name, capfd):
    """No other exception, no warning, no noise, whatever byte is wrong."""
    data = file_of(name)
    chance = random.Random(name)
    for _ in range(60 if name not in ("AVIF", "HEIF") else 15):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 3, 20))):
            # headers are short: give them half of the damage
            end = chance.choice((100, len(data)))
            damaged[chance.randrange(end)] = chance.randrange(256)
        try:
            photo = read_photo(bytes(damaged), max_megapixels=1)
        except PhotoError as error:
            assert str(error)
            assert "\n" not in str(error)
        else:
            assert photo.pixels.dtype in (np.uint8, np.uint16)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("read", [probe, read_photo, read_pixels])
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "^file is empty$"),
        (b"This is a text named .png\n", "^not an image$"),
        (b"BMPs are nice, said nobody ever in this text file", "^not an image$"),
        (bytes(500), "^not an image$"),
        (b"\x89PNG", "truncated"),
        (b"\xff\xd8\xff", "truncated"),
        (b"8BPS\0\1" + bytes(30), "Photoshop .* not supported"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL files are not supported"),
        (b"%PDF-1.7", "PDF files are not supported"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(9), "camera raw"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isommp42", "^not an image$"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "^not an image$"),
    ],
)
def test_what_is_no_image_is_called_by_its_name(read, data, reason):
    with pytest.raises(PhotoError, match=reason):
        read(data)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(PhotoError, match="file not found") as caught:
        probe(tmp_path / "nothing.jpg")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    (tmp_path / "x.png").mkdir()
    with pytest.raises(PhotoError, match="is a folder"):
        read_photo(tmp_path / "x.png")


def test_the_cause_is_kept():
    data = bytearray(file_of("JPEG"))
    position = data.index(b"\xff\xc0")
    data[position + 4] = 12  # bits
    with pytest.raises(PhotoError, match="12-bit") as caught:
        read_photo(bytes(data))
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "AVIF"])
@pytest.mark.parametrize("count", [2, 24])
def test_animations_are_refused_by_name(name, count):
    frames = [Image.new("RGB", (8, 8), (i * 9, 255 - i * 9, i)) for i in range(count)]
    buffer = io.BytesIO()
    frames[0].save(buffer, name, save_all=True, append_images=frames[1:])
    for read in (probe, read_photo):
        with pytest.raises(
            PhotoError, match=f"^animated, {count} frames: not supported$"
        ):
            read(buffer.getvalue())


def test_several_pages_are_refused_by_name():
    pages = [Image.new("L", (8, 8), i) for i in range(3)]
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    with pytest.raises(PhotoError, match=r"^has 3 pages: not supported$"):
        probe(buffer.getvalue())


def test_a_second_picture_in_a_jpeg_is_left_alone():
    """Telephones append depth and gain maps: the photograph is the first picture."""
    buffer = io.BytesIO()
    second = Image.new("RGB", (20, 10), "red")
    first = Image.fromarray(VALUES)
    first.save(buffer, "MPO", save_all=True, append_images=[second], quality=99)
    with Image.open(io.BytesIO(buffer.getvalue())) as image:
        assert image.n_frames == 2
    photo = read_photo(buffer.getvalue())
    assert photo.format == "JPEG"
    assert photo.pixels.shape == VALUES.shape


def huge(name: str, side: int) -> bytes:
    """A small file whose header claims side × side pixels."""
    data = bytearray(file_of(name))
    if name == "PNG":
        data[16:24] = struct.pack(">II", side, side)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif name == "JPEG":
        start = data.index(b"\xff\xc0") + 5
        data[start : start + 4] = struct.pack(">HH", side, side)
    elif name == "BMP":
        data[18:26] = struct.pack("<ii", side, side)
    elif name == "GIF":
        data[6:10] = struct.pack("<HH", side, side)
    elif name == "TIFF":
        for tag, offset in ((256, 0), (257, 12)):
            start = struct.unpack_from("<I", data, 4)[0] + 2 + offset
            assert struct.unpack_from("<H", data, start)[0] == tag
            struct.pack_into("<I", data, start + 8, side)
    return bytes(data)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "BMP", "GIF", "TIFF"])
def test_the_header_is_checked_before_anything_is_decoded(name, monkeypatch):
    data = huge(name, 60_000)

    def never(*args: object) -> None:
        raise AssertionError("allocated")

    monkeypatch.setattr(np, "empty", never)
    monkeypatch.setattr(pillow_reader, "_decode", never)
    info = probe(data)
    assert (info.width, info.height) == (60_000, 60_000)
    with pytest.raises(PhotoError, match=r"3600 megapixels.*limit of 512.*--max-megap"):
        read_photo(data)


def test_the_limit_can_be_moved():
    data = file_of("PNG")
    with pytest.raises(PhotoError, match=r"more than the limit of 0.001"):
        read_photo(data, max_megapixels=0.001)
    assert read_photo(data, max_megapixels=0.01).pixels.shape == VALUES.shape


@pytest.mark.parametrize("name", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_panoramas_pass_in_silence_and_pillow_keeps_its_limit(name, monkeypatch):
    """Neither Pillow's warning nor its error stands in the way of a large picture."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setattr("vaenhance.photo.canvas.STRIP_PIXELS", 300)
    data = file_of(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_photo(data).pixels.shape == VALUES.shape
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_pillows_globals_are_untouched():
    for name in ALL:
        read_photo(file_of(name))
    assert LIMIT == Image.MAX_IMAGE_PIXELS == 89478485


def test_heic_names_the_extra(monkeypatch):
    monkeypatch.setattr(pillow_reader, "HEIC_INSTALLED", False)
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x08mdat"
    with pytest.raises(PhotoError, match=r'pip install "vaenhance\[heic\]"'):
        probe(data)
    monkeypatch.setattr("vaenhance.photo.writing.WRITABLE", {})
    with pytest.raises(PhotoError, match=r'pip install "vaenhance\[heic\]"'):
        encode_photo(Photo(VALUES, None, False, "PNG"), VALUES, format="heic")


def test_unknown_formats_are_named():
    with pytest.raises(PhotoError, match=r"XYZ.*--format png"):
        encode_photo(Photo(VALUES, None, False, "PNG"), VALUES, format="xyz")


@pytest.mark.parametrize("name", ["WEBP", "JPEG"])
def test_pictures_too_long_for_a_format(name):
    pixels = np.zeros((1, 70_000, 3), np.uint8)
    photo = Photo(pixels, None, False, "PNG")
    with pytest.raises(PhotoError, match=f"{name} holds at most .*--format png"):
        encode_photo(photo, pixels, format=name)


def test_nothing_is_printed_by_a_bare_process(tmp_path):
    """No logging is set up and warnings are on, as under python -W always."""
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", VALUES, photometric="rgb")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    start = struct.unpack_from("<I", data, 4)[0]
    struct.pack_into("<H", data, start + 2 + 12 * 3 + 2, 99)  # a type nobody knows
    (tmp_path / "b.tif").write_bytes(data)
    for name in ALL:
        (tmp_path / f"ok.{name}").write_bytes(file_of(name))
        (tmp_path / f"cut.{name}").write_bytes(file_of(name)[:-300])
    code = (
        "import sys, pathlib\n"
        "from vaenhance.photo import read_photo\n"
        "from vaenhance.errors import PhotoError\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try: read_photo(path)\n"
        "    except PhotoError: pass\n"
    )
    command = [sys.executable, "-W", "always", "-c", code, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_log_of_tifffile_stays_inside():
    read_photo(file_of("TIFF"))
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    try:
        logging.getLogger("tifffile").warning("noise")
    finally:
        logging.getLogger().removeHandler(handler)
    assert stream.getvalue() == ""


def test_a_failing_encoder_is_a_photo_error(monkeypatch):
    def fail(*args: object, **options: object) -> None:
        raise ValueError("in the words\nof the library")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(
        PhotoError, match=r"^cannot be encoded as JPEG: in the words of the library$"
    ) as caught:
        file_of("JPEG")
    assert isinstance(caught.value.__cause__, ValueError)


def test_reading_in_threads_changes_nothing_global():
    files = [file_of(name) for name in ALL] * 4
    expected = [read_photo(data).pixels for data in files[: len(ALL)]] * 4
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda data: read_photo(data).pixels, files))
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, value)
    assert list(warnings.filters) == before
