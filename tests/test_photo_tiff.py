"""TIFF: 16 bits, tags, odd kinds, and what is refused."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from vaenhance.errors import PhotoError
from vaenhance.photo import Metadata, Photo, encode_photo, probe, read_photo


def picture(channels: int, dtype=np.uint16, height=13, width=21) -> np.ndarray:
    rng = np.random.default_rng(channels)
    shape = (height, width, channels)[: 3 if channels > 1 else 2]
    return rng.integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)


def tiff(values: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    options = {"photometric": "minisblack", "metadata": None} | options
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "lzw", "adobe_deflate", "zstd"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_sixteen_bit_rgb_as_others_write_it(byteorder, compression, planar, tile):
    values = picture(3)
    data = tiff(
        np.moveaxis(values, 2, 0) if planar == "separate" else values,
        photometric="rgb",
        planarconfig=planar,
        byteorder=byteorder,
        compression=compression,
        predictor=compression is not None,
        tile=tile,
    )
    photo = read_photo(data)
    assert photo.bit_depth == 16
    assert photo.pixels.dtype.isnative
    np.testing.assert_array_equal(photo.pixels, values)
    back = read_photo(encode_photo(photo, photo.pixels))
    np.testing.assert_array_equal(back.pixels, values)


def test_sixteen_bit_gray_and_bigtiff():
    values = picture(1)
    photo = read_photo(tiff(values, bigtiff=True))
    assert photo.is_gray
    np.testing.assert_array_equal(photo.pixels[..., 0], values)


def test_written_files_are_what_they_should_be():
    photo = read_photo(tiff(picture(4), photometric="rgb", extrasamples=["unassalpha"]))
    data = encode_photo(photo, photo.pixels)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        assert page.compression.name == "ADOBE_DEFLATE"
        assert page.extrasamples[0].name == "UNASSALPHA"
        np.testing.assert_array_equal(page.asarray(), picture(4))


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        ({}, None),
        ({"sample": "K7"}, '{"sample": "K7"}'),
        (None, None),
    ],
)
def test_the_shape_that_tifffile_notes_is_not_kept(metadata, kept):
    # Of an enlarged image it would be wrong, and tifffile believes it.
    photo = read_photo(tiff(picture(3), photometric="rgb", metadata=metadata))
    larger = np.repeat(np.repeat(photo.pixels, 2, 0), 2, 1)
    with tifffile.TiffFile(io.BytesIO(encode_photo(photo, larger))) as file:
        tag = file.pages[0].tags.get("ImageDescription")
        assert (tag.value if tag else None) == kept
        np.testing.assert_array_equal(file.asarray(), larger)


@pytest.mark.parametrize(
    "said", ["{", "[1]", "[" * 100_000, '{"shapes": 3}', "a title"]
)
def test_other_descriptions_are_kept(said):
    photo = read_photo(tiff(picture(3), photometric="rgb", description=said))
    with tifffile.TiffFile(io.BytesIO(encode_photo(photo, photo.pixels))) as file:
        assert file.pages[0].tags["ImageDescription"].value == said


def test_premultiplied_alpha_becomes_straight():
    values = np.array([[[50, 100, 0, 100], [9, 9, 9, 0], [7, 200, 255, 255]]], np.uint8)
    photo = read_photo(tiff(values, photometric="rgb", extrasamples=["assocalpha"]))
    assert photo.alpha.tolist() == [[100, 0, 255]]
    assert photo.pixels.tolist() == [[[128, 255, 0], [0, 0, 0], [7, 200, 255]]]


def test_white_is_zero():
    values = picture(1, np.uint8)
    photo = read_photo(tiff(values, photometric="miniswhite"))
    np.testing.assert_array_equal(photo.pixels[..., 2], 255 - values)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits", "group4"])
def test_one_bit_as_pillow_writes_it(compression):
    image = Image.fromarray(picture(1, np.uint8) > 100)
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", compression=compression)
    np.testing.assert_array_equal(
        read_photo(buffer.getvalue()).pixels[..., 0], np.asarray(image.convert("L"))
    )


@pytest.mark.parametrize("bits", [2, 4])
def test_two_and_four_bit_gray(bits):
    values = picture(1, np.uint8) % 2**bits
    data = tiff(values, bitspersample=bits, compression=None)
    scale = 255 // (2**bits - 1)
    np.testing.assert_array_equal(read_photo(data).pixels[..., 0], values * scale)


def test_jpeg_inside_tiff():
    y, x = np.mgrid[0:48, 0:64]
    values = np.dstack([x * 3, y * 4, 255 - x]).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "TIFF", compression="jpeg", quality=98)
    photo = read_photo(buffer.getvalue())
    assert np.abs(photo.pixels.astype(int) - values).mean() < 6


@pytest.mark.parametrize("name", ["TIFF", "PNG", "JPEG"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_exif_tags_travel(name, byteorder):
    """IFD0 of a TIFF file is where its EXIF is; pointers must be followed."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0132] = "Example", "2026:01:02 03:04:05"
    exif.get_ifd(0x8769)[0x829A] = 0.004
    exif.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    exif.get_ifd(0x8825)[2] = (48.0, 12.0, 30.5)
    exif.endian = byteorder
    buffer = io.BytesIO()
    image = Image.fromarray(picture(3, np.uint8))
    block = exif.tobytes()
    image.save(buffer, "TIFF", exif=block, description="a title", dpi=(240, 240))

    photo = read_photo(buffer.getvalue())
    assert photo.metadata.dpi == pytest.approx((240, 240))
    for _ in range(2):
        data = encode_photo(photo, photo.pixels, format=name)
        with Image.open(io.BytesIO(data)) as image:
            read = image.getexif()
            assert read[0x010F] == "Example"
            assert read[0x010E] == "a title"
            assert read[0x0132] == "2026:01:02 03:04:05"
            assert float(read.get_ifd(0x8769)[0x829A]) == pytest.approx(0.004)
            assert read.get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"
            assert [float(v) for v in read.get_ifd(0x8825)[2]] == [48, 12, 30.5]
        photo = read_photo(data)


def test_big_endian_exif_of_a_jpeg_survives_in_tiff():
    exif = Image.Exif()
    exif[0x0110] = "a model name"
    exif.get_ifd(0x8769)[0x829A] = 0.004
    exif.get_ifd(0x8769)[0xA20B] = (1, 2, 3)
    exif.endian = ">"
    block = exif.tobytes()
    assert block[6:8] == b"MM"
    buffer = io.BytesIO()
    Image.fromarray(picture(3, np.uint8)).save(buffer, "JPEG", exif=block)
    photo = read_photo(buffer.getvalue())
    with Image.open(
        io.BytesIO(encode_photo(photo, photo.pixels, format="tiff"))
    ) as image:
        assert image.getexif()[0x0110] == "a model name"
        assert float(image.getexif().get_ifd(0x8769)[0x829A]) == pytest.approx(0.004)
        assert image.getexif().get_ifd(0x8769)[0xA20B] == (1, 2, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (tiff(picture(1).astype(np.float32)), "floating point"),
        (tiff(picture(1).astype(np.float16)), "floating point"),
        (tiff(picture(1).astype(np.int16)), "signed"),
        (tiff(picture(1).astype(np.uint32)), "32-bit"),
        (tiff(picture(3).astype(np.uint32), photometric="rgb"), "32-bit"),
        (tiff(picture(4), photometric="separated"), "16-bit CMYK"),
        (tiff(picture(5), photometric="rgb", planarconfig="contig"), "5 channels"),
        (
            tiff(picture(4), photometric="rgb", extrasamples=["unspecified"]),
            "unknown meaning",
        ),
        (tiff(np.zeros((3, 9, 9), np.uint8)), "has 3 pages: not supported"),
        (tiff(np.zeros((4, 9, 9), np.uint8), imagej=True, metadata={}), "has 4 pages"),
    ],
)
def test_what_is_no_photograph_is_refused_by_name(data, reason):
    with pytest.raises(PhotoError, match=reason):
        probe(data)
    with pytest.raises(PhotoError, match=reason):
        read_photo(data)


def test_a_preview_page_is_no_second_page():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        options = {"photometric": "rgb", "metadata": None}
        small = picture(3, np.uint8, 4, 5)
        writer.write(small, subfiletype=1, **options)
        writer.write(picture(3, np.uint8), **options)
    photo = read_photo(buffer.getvalue())
    np.testing.assert_array_equal(photo.pixels, picture(3, np.uint8))


def test_a_circle_of_pages_ends():
    data = bytearray(tiff(picture(1)))
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + 12 * count, start)
    np.testing.assert_array_equal(read_photo(bytes(data)).pixels[..., 0], picture(1))


def test_many_previews_are_not_read_for_the_one_picture(values_read):
    buffer = io.BytesIO()
    note = [(700, 1, 5000, bytes(5000), True)]
    with tifffile.TiffWriter(buffer) as writer:
        for kind in (1, 1, 1, 1, 0):
            writer.write(
                picture(1), subfiletype=kind, photometric="minisblack", extratags=note
            )
    probe(buffer.getvalue())
    assert 5000 <= sum(values_read) < 2 * 5000


def test_camera_raw_is_refused():
    data = tiff(picture(1), extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
    with pytest.raises(PhotoError, match="camera raw"):
        probe(data)


@pytest.mark.parametrize("compression", [None, "adobe_deflate", "lzw"])
def test_every_cut_is_noticed(compression):
    data = tiff(picture(3), photometric="rgb", compression=compression)
    for length in range(2, len(data), max(1, len(data) // 40)):
        with pytest.raises(PhotoError, match="truncated"):
            read_photo(data[:length])


def test_damaged_strips_are_an_error_not_a_picture(capfd):
    data = bytearray(tiff(picture(3), photometric="rgb", compression="adobe_deflate"))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        start = file.pages[0].dataoffsets[0]
    data[start : start + 60] = bytes(60)
    with pytest.raises(PhotoError, match="damaged"):
        read_photo(bytes(data))
    assert capfd.readouterr() == ("", "")


def with_tag(data: bytes, tag: int, change) -> bytes:
    """A TIFF file, little-endian, in which the row of a tag is another.

    Args:
        data: The file.
        tag: Its number.
        change: (count, field of four bytes) -> the same two.
    """
    edited = bytearray(data)
    start = struct.unpack_from("<I", data, 4)[0]
    for row in range(struct.unpack_from("<H", data, start)[0]):
        place = start + 2 + 12 * row
        found, kind, count, field = struct.unpack_from("<HHI4s", data, place)
        if found == tag:
            count, field = change(count, field)
            struct.pack_into("<HHI4s", edited, place, found, kind, count, field)
            return bytes(edited)
    raise KeyError(tag)


OFFSETS, COUNTS, ROWS, MISSING = 273, 279, 278, "parts of the picture are missing"


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_missing_strips_are_an_error_not_black(compression, planar):
    values = picture(3, np.uint8, 40, 21)
    if planar == "separate":
        values = np.ascontiguousarray(values.transpose(2, 0, 1))
    options = {"photometric": "rgb", "planarconfig": planar, "rowsperstrip": 9}
    data = tiff(values, compression=compression, **options)
    assert read_photo(data).pixels.shape == (40, 21, 3)
    for tag in (OFFSETS, COUNTS):
        fewer = with_tag(data, tag, lambda count, field: (count - 1, field))
        with pytest.raises(PhotoError, match=MISSING):
            read_photo(fewer)
    places = []
    with_tag(data, COUNTS, lambda count, field: places.append(field) or (count, field))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        size = 4 if file.pages[0].tags[COUNTS].dtype == 4 else 2
    place = struct.unpack("<I", places[0])[0] + 2 * size
    with pytest.raises(PhotoError, match=MISSING):
        read_photo(data[:place] + bytes(size) + data[place + size :])


def test_a_missing_tile_is_an_error_not_black():
    data = tiff(picture(3, np.uint8, 40, 40), photometric="rgb", tile=(16, 16))
    assert read_photo(data).pixels.shape == (40, 40, 3)
    with pytest.raises(PhotoError, match=MISSING):
        read_photo(with_tag(data, 324, lambda count, field: (count - 1, field)))


@pytest.mark.parametrize("compression", [None, "group4"])
def test_a_single_strip_needs_no_length(compression):
    buffer = io.BytesIO()
    values = picture(1, np.uint8)
    image = Image.fromarray(values > 128 if compression else values)
    image.save(buffer, "TIFF", compression=compression)
    data = buffer.getvalue()
    without = with_tag(data, COUNTS, lambda count, field: (count, bytes(4)))
    pixels = read_photo(without).pixels
    np.testing.assert_array_equal(pixels, read_photo(data).pixels)


def test_strips_as_high_as_can_be_said_are_one_strip():
    data = tiff(picture(3, np.uint8), photometric="rgb", rowsperstrip=13)
    high = with_tag(data, ROWS, lambda count, field: (count, b"\xff" * 4))
    assert read_photo(high).pixels.shape == (13, 21, 3)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 4])
def test_a_tiff_is_written_in_the_order_of_its_exif(order, dtype, channels):
    """Words in UTF-16 and maker notes cannot be swapped, not being numbers."""
    words = b"UNICODE\0" + "Caf\u00e9".encode(
        "utf-16-be" if order == ">" else "utf-16-le"
    )
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F] = "Example"
    exif.get_ifd(0x8769).update({0x9286: words, 0x829A: 0.004})
    values = picture(3, dtype)
    alpha = values[..., 0].copy() if channels == 4 else None
    if channels == 1:
        values[...] = values[..., :1]
    block = exif.tobytes()[6:]
    photo = Photo(values, alpha, channels == 1, "TIFF", Metadata(block))
    data = encode_photo(photo, values)
    assert data[:2] == (b"MM" if order == ">" else b"II")
    again = read_photo(data)
    assert np.array_equal(again.pixels, values)
    assert alpha is None or np.array_equal(again.alpha, alpha)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.byteorder == order
    for kept in (again, read_photo(encode_photo(again, values))):
        read = Image.Exif()
        read.load(kept.metadata.exif)
        assert read[0x010F] == "Example"
        assert read.get_ifd(0x8769)[0x9286] == words
        assert float(read.get_ifd(0x8769)[0x829A]) == pytest.approx(0.004)


def test_more_than_eight_bits_of_other_widths_are_refused():
    values = picture(1) >> 4
    data = tiff(values, bitspersample=12, compression=None)
    with pytest.raises(PhotoError, match="12-bit"):
        read_photo(data)
