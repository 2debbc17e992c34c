"""Captions, comments and texts stay with a photograph, and leave when asked."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image, IptcImagePlugin

from tests.test_photo_png import chunk, png
from vaenhance.photo import encode_photo, read_photo

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)


def record(caption: bytes) -> bytes:
    """An IPTC record: caption (2:120) and copyright (2:116)."""
    return b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(text)) + text
        for number, text in ((120, caption), (116, b"(c) somebody"))
    )


IPTC = record("Möwe im Wind".encode())


def jpeg(**options) -> bytes:
    stream = BytesIO()
    resource = struct.pack(">4sHHI", b"8BIM", 0x0404, 0, len(IPTC)) + IPTC
    data = b"Photoshop 3.0\0" + resource + bytes(len(IPTC) % 2)
    marker = b"\xff\xed" + struct.pack(">H", len(data) + 2) + data
    Image.fromarray(PIXELS).save(stream, "JPEG", extra=marker, **options)
    return stream.getvalue()


def test_iptc_and_the_comment_of_a_jpeg_stay():
    photo = read_photo(jpeg(comment=b"from the archive"))
    assert photo.metadata.iptc == IPTC
    again = encode_photo(photo, photo.pixels)
    assert read_photo(again).metadata == photo.metadata
    image = Image.open(BytesIO(again))
    found = IptcImagePlugin.getiptcinfo(image)
    assert found[2, 120].decode() == "Möwe im Wind"
    assert image.info["comment"] == b"from the archive"


def test_a_record_that_markers_share_is_left_out_rather_than_cut():
    data = jpeg()
    at = data.index(b"\xff\xed")
    length = struct.unpack(">H", data[at + 2 : at + 4])[0]
    twice = data[:at] + data[at : at + 2 + length] + data[at:]
    assert read_photo(twice).metadata.iptc is None


def test_a_marker_of_somebody_else_costs_no_record():
    data = jpeg()
    foreign = b"Adobe_CM\0\x02"
    marker = b"\xff\xed" + struct.pack(">H", len(foreign) + 2) + foreign
    for place in (2, data.index(b"\xff\xdb")):
        twice = data[:place] + marker + data[place:]
        assert read_photo(twice).metadata.iptc == IPTC


def test_iptc_goes_from_jpeg_to_tiff_and_back():
    photo = read_photo(jpeg())
    data = encode_photo(photo, photo.pixels, format="TIFF")
    with tifffile.TiffFile(BytesIO(data)) as file:
        assert bytes(file.pages[0].tags[33723].value) == IPTC
    there = read_photo(data)
    assert there.metadata.iptc == IPTC
    back = read_photo(encode_photo(there, there.pixels, format="JPEG"))
    assert back.metadata.iptc == IPTC


def test_a_tag_that_holds_no_record_is_left_out():
    stream = BytesIO()
    tag = (33723, 1, 4, b"\0\0\0\0", True)
    tifffile.imwrite(stream, PIXELS, photometric="rgb", extratags=[tag])
    assert read_photo(stream.getvalue()).metadata.iptc is None


@pytest.mark.parametrize("length", [65_400, 65_535, 200_000])
def test_a_caption_that_no_marker_can_hold_is_left_out(length):
    record = b"\x1c\x02\x78" + bytes(length)
    stream = BytesIO()
    tag = (33723, 1, len(record), record, True)
    tifffile.imwrite(stream, PIXELS, photometric="rgb", extratags=[tag])
    photo = read_photo(stream.getvalue())
    assert photo.metadata.iptc == record
    there = read_photo(encode_photo(photo, photo.pixels, format="JPEG"))
    assert there.metadata.iptc == (record if length < 65_500 else None)


TEXTS = (
    (b"tEXt", b"Author\0somebody"),
    (b"zTXt", b"parameters\0\0" + zlib.compress(b"steps: 20")),
    (b"iTXt", b"Title\0\0\0de\0Titel\0" + "Möwe".encode()),
)


def test_texts_of_a_png_stay_as_they_are():
    before = b"".join(chunk(*text) for text in TEXTS)
    for place in ("before", "after"):
        photo = read_photo(png(PIXELS, 8, 2, **{place: before}))
        assert photo.metadata.png_text == TEXTS
        again = encode_photo(photo, photo.pixels)
        assert all(chunk(*text) in again for text in TEXTS)
        assert read_photo(again).metadata == photo.metadata
        assert Image.open(BytesIO(again)).text["parameters"] == "steps: 20"


def test_what_is_understood_is_not_kept_twice():
    xmp = (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>")
    raw = (b"tEXt", b"Raw profile type exif\0\nexif\n 4\n49492a00")
    more = (b"tEXt", b"Raw profile type iptc\0\niptc\n 4\n1c020000")
    large = (b"tEXt", b"Comment\0" + bytes(5 << 20))
    parts = b"".join(chunk(*text) for text in (xmp, raw, more, large, TEXTS[0]))
    photo = read_photo(png(PIXELS, 8, 2, before=parts))
    assert photo.metadata.png_text == TEXTS[:1]
    assert photo.metadata.xmp == b"<x/>"
    assert encode_photo(photo, photo.pixels).count(b"XML:com.adobe.xmp") == 1


def test_stripping_takes_all_of_them():
    plain = png(PIXELS, 8, 2, before=b"".join(chunk(*text) for text in TEXTS))
    for data in (jpeg(comment=b"from the archive"), plain):
        photo = read_photo(data)
        bare = encode_photo(photo, photo.pixels, strip_metadata=True)
        words = (b"archive", b"somebody", b"parameters", "Möwe".encode())
        assert not any(word in bare for word in words)
