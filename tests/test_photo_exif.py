"""EXIF blocks: what is cut, what stays, and that damage never stops a photograph."""

from __future__ import annotations

import io
import struct
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, _avif

from vaenhance.photo import encode_photo, read_photo
from vaenhance.photo.dimensions import xmp_of_size
from vaenhance.photo.exif import clean_exif, clean_xmp
from vaenhance.photo.model import HEIC_INSTALLED
from vaenhance.photo.pillow import _avif_exif


def block(entries, *, order="<", following=0, tail=b"") -> bytes:
    """An EXIF block: entries are (tag, type, count, value field of four bytes)."""
    rows = b"".join(struct.pack(order + "HHI4s", *entry) for entry in entries)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return (
        head
        + struct.pack(order + "H", len(entries))
        + rows
        + struct.pack(order + "I", following)
        + tail
    )


def short(value: int, order="<") -> bytes:
    return struct.pack(order + "H", value) + b"\0\0"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_only_the_orientation_leaves(order, orientation):
    offset = struct.pack(order + "I", 8 + 2 + 3 * 12 + 4)
    entries = [
        (0x010F, 2, 4, b"abc\0"),
        (0x0112, 3, 1, short(orientation, order)),
        (0x8298, 2, 9, offset),
    ]
    before = block(entries, order=order, tail=b"somebody\0 and a maker note")
    after, found, _ = clean_exif(before)
    assert found == orientation
    assert len(after) == len(before)
    # values did not move, so offsets that only the maker understands still hold
    assert after.endswith(b"somebody\0 and a maker note")
    exif = Image.Exif()
    exif.load(after)
    assert dict(exif) == {0x010F: "abc", 0x8298: "somebody"}


def test_a_block_without_orientation_keeps_its_bytes():
    data = block([(0x010F, 2, 4, b"abc\0")], tail=b"anything")
    assert clean_exif(data)[0] == data
    assert clean_exif(b"Exif\0\0" + data)[0] == data


def test_nothing_left_is_no_block():
    assert clean_exif(block([(0x0112, 3, 1, short(6))])) == (None, 6, None)


def test_the_link_to_the_thumbnail_is_cut():
    data = block([(0x010F, 2, 4, b"abc\0")], following=26, tail=bytes(50))
    after = clean_exif(data)[0]
    assert struct.unpack_from("<I", after, 8 + 2 + 12)[0] == 0


def with_thumbnail(place: int, length: int, *, order="<") -> bytes:
    """Text, and behind it a thumbnail of 40 bytes that a second directory tells of."""
    rows = [(0x010F, 2, 4, b"abc\0"), (0x0112, 3, 1, short(6, order))]
    start = 8 + 2 + 12 * 3 + 4
    words = (0x010E, 2, 9, struct.pack(order + "I", start))
    second = struct.pack(order + "HHHI", 2, 0x0201, 4, 1)
    second += struct.pack(order + "I", place)
    second += struct.pack(order + "HHII", 0x0202, 4, 1, length) + bytes(4)
    tail = b"somebody\0" + bytes(1) + second + b"x" * 40 + b"maker"
    return block([words, *rows], order=order, following=start + 10, tail=tail)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_bytes_of_the_thumbnail_become_zeros(order):
    where = with_thumbnail(0, 0).index(b"x" * 40)
    before = with_thumbnail(where, 40, order=order)
    exif = Image.Exif()
    exif.load(before)
    assert exif.get_ifd(ExifTags.IFD.IFD1) == {0x0201: where, 0x0202: 40}
    after, _, _ = clean_exif(before)
    assert len(after) == len(before)
    assert after[where:] == bytes(40) + b"maker"
    exif = Image.Exif()
    exif.load(after)
    assert dict(exif) == {0x010E: "somebody", 0x010F: "abc"}
    assert exif.get_ifd(ExifTags.IFD.IFD1) == {}


@pytest.mark.parametrize("length", [60, 2**32 - 1])
def test_a_thumbnail_that_lies_takes_no_other_tag_with_it(length):
    after, _, _ = clean_exif(with_thumbnail(4, length))
    exif = Image.Exif()
    exif.load(after)
    assert dict(exif) == {0x010E: "somebody", 0x010F: "abc"}


def test_a_thumbnail_in_strips_goes_too():
    rows = b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in ((0x111, 56), (279, 9))
    )
    data = block(
        [(0x010F, 2, 4, b"abc\0")], following=26, tail=b"\2\0" + rows + bytes(4)
    )
    after, _, _ = clean_exif(data + b"thumbnail and more")
    assert after.endswith(bytes(9) + b" and more")


def test_tags_that_point_nowhere_are_cut():
    entries = [(0x010F, 2, 4, b"abc\0"), (0x0110, 2, 99, b"\xff\xff\0\0")]
    exif = Image.Exif()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exif.load(clean_exif(block(entries))[0])
        assert dict(exif) == {0x010F: "abc"}


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_nonsense_is_no_orientation(value):
    data = block([(0x0112, 3, 1, short(value)), (0x010F, 2, 4, b"abc\0")])
    assert clean_exif(data)[1] is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Exif\0\0",
        b"II*\0",
        b"garbage garbage",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        b"MM\0*\0\0\0\x08\0\x05abc",
        block([(0x010F, 2, 4, b"abc\0")])[:-8],
    ],
)
def test_garbage_is_no_block(data):
    assert clean_exif(data) == (None, None, None)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"II*\0", b"MM\0*", b"Exif\0\0II*\0"]))
def test_no_block_can_break_the_reader(tail, head):
    after, orientation, dpi = clean_exif(head + tail)
    assert orientation in (None, *range(1, 9))
    assert dpi is None or min(dpi) > 0
    if after is not None:
        assert clean_exif(after)[0] == after


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF"])
@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0x010E, 0x0112, 0x011A, 0x011B, 0x0128, 0x8769, 0x8825]),
            st.integers(0, 13),
            st.integers(0, 60),
            st.binary(min_size=4, max_size=4),
        ),
        max_size=5,
    ),
    st.binary(max_size=20),
)
def test_a_damaged_block_never_stops_a_photograph(name, entries, tail):
    """Read and written in every format, without a warning (they are errors here)."""
    buffer = io.BytesIO()
    image = Image.new("RGB", (4, 4))
    exif = b"Exif\0\0" + block(entries, tail=tail)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, when it writes such a block
        try:
            image.save(buffer, name, exif=exif)
        except Exception:
            return
    photo = read_photo(buffer.getvalue())
    for target in ("JPEG", "PNG", "WEBP", "TIFF", name):
        written = encode_photo(photo, photo.pixels, format=target)
        assert read_photo(written).pixels.shape == (4, 4, 3)


def test_garbage_in_a_jpeg_is_dropped():
    buffer = io.BytesIO()
    values = np.full((8, 8, 3), 77, np.uint8)
    Image.fromarray(values).save(buffer, "JPEG", exif=b"Exif\0\0garbage", quality=99)
    photo = read_photo(buffer.getvalue())
    assert photo.metadata.exif is None
    assert np.abs(photo.pixels.astype(int) - 77).max() < 3


@pytest.mark.parametrize(
    ("given_xmp", "kept", "orientation"),
    [
        (b'<d tiff:Orientation="6" a="b"/>', b'<d a="b"/>', 6),
        (b"<d a='b' tiff:Orientation='8'/>", b"<d a='b'/>", 8),
        (b"<d><tiff:Orientation>3</tiff:Orientation></d>", b"<d></d>", 3),
        (b'<d tiff:Orientation = "6" a="b"/>', b'<d a="b"/>', 6),
        (b"<d\n tiff:Orientation=\n' 8 '/>", b"<d\n/>", 8),
        (b"<d><tiff:Orientation>\n 3 </tiff:Orientation></d>", b"<d></d>", 3),
        (b'<d a="b"/>', b'<d a="b"/>', None),
        (None, None, None),
    ],
)
def test_orientation_in_xmp(given_xmp, kept, orientation):
    assert clean_xmp(given_xmp) == (kept, orientation)


def test_a_great_many_blanks_in_xmp_take_no_time():
    blanks = b" " * 2_000_000
    for start in (b'"', b"'", b"<tiff:Orientation>"):
        packet = b"tiff:Orientation =" * (start[:1] != b"<") + start + blanks
        assert clean_xmp(packet) == (packet, None)
        assert xmp_of_size(packet, 3, 4) == packet


def test_a_repeated_prefix_is_skipped_at_once():
    """Cut off one by one, megabytes of prefixes would take hours."""
    block = b"Exif\0\0" * 2_000_000
    assert clean_exif(block) == (None, None, None)
    own = b"II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0\x02\0\0\0a\0\0\0" + bytes(4)
    assert clean_exif(block + own)[0] == own


def test_a_block_may_end_with_its_last_entry():
    """Some writers leave out the link that says nothing follows."""
    only = block([(0x0112, 3, 1, short(6))])[:-4]
    assert clean_exif(only)[:2] == (None, 6)
    after, found, _ = clean_exif(
        block([(0x010F, 2, 4, b"abc\0"), (0x0112, 3, 1, short(6))])[:-4]
    )
    exif = Image.Exif()
    exif.load(after)
    assert (found, dict(exif)) == (6, {0x010F: "abc"})


def test_the_size_of_a_turned_photograph_is_that_of_the_turned_one():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0xA002: 40, 0xA003: 20})
    xmp = b'<x exif:PixelXDimension="40" exif:PixelYDimension="20"/>'
    stream = io.BytesIO()
    Image.new("RGB", (40, 20)).save(stream, "JPEG", exif=exif, xmp=xmp)
    picture = read_photo(stream.getvalue())
    assert picture.pixels.shape == (40, 20, 3)
    with Image.open(io.BytesIO(encode_photo(picture, picture.pixels))) as image:
        inner = image.getexif().get_ifd(0x8769)
        assert (image.size, inner[0xA002], inner[0xA003]) == ((20, 40), 20, 40)
        assert b'X="20"' in image.info["xmp"].replace(b"exif:PixelXDimension", b"X")


def test_a_size_in_xmp_with_blanks_is_found():
    packet = b'<x exif:PixelXDimension = "40" tiff:ImageLength= "20"/>'
    kept = b'<x exif:PixelXDimension = "3" tiff:ImageLength= "4"/>'
    assert xmp_of_size(packet, 3, 4) == kept


@pytest.mark.skipif(not HEIC_INSTALLED, reason="needs pillow-heif")
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_size_of_a_turned_heic_is_that_of_the_turned_one(orientation):
    from pillow_heif import from_pillow

    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769).update({0xA002: 40, 0xA003: 20})
    stream = io.BytesIO()
    from_pillow(Image.new("RGB", (40, 20))).save(stream, exif=exif.tobytes())
    picture = read_photo(stream.getvalue())
    height, width = (40, 20) if orientation == 6 else (20, 40)
    assert picture.pixels.shape == (height, width, 3)
    kept = Image.Exif()
    kept.load(picture.metadata.exif)
    assert (0x0112 in kept, kept.get_ifd(0x8769)) == (
        False,
        {0xA002: width, 0xA003: height},
    )


def camera_avif(monkeypatch, block: bytes, orientation: int) -> bytes:
    """An AVIF whose properties turn it, and whose EXIF is the block as it is.

    Pillow would write the block anew; a camera does not.
    """
    encoder = _avif.AvifEncoder
    place = b"a stand-in for EXIF"

    def with_block(*arguments):
        return encoder(*(block if a == place else a for a in arguments))

    with monkeypatch.context() as patch:
        patch.setattr(_avif, "AvifEncoder", with_block)
        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = orientation, "x"
        patch.setattr(Image.Exif, "tobytes", lambda self, offset=8: place)
        stream = io.BytesIO()
        Image.new("RGB", (24, 16)).save(stream, "AVIF", exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize("orientation", [1, 6])
def test_exif_of_a_turned_avif_keeps_its_bytes(monkeypatch, orientation):
    offset = struct.pack(">I", 8 + 2 + 2 * 12 + 4)
    rows = [(0x010F, 2, 4, b"abc\0"), (0xFE00, 7, 9, offset)]
    given_block = block(rows, order=">", tail=b"MAKERNOTE and what it points to")
    data = camera_avif(monkeypatch, given_block, orientation)
    assert given_block in data
    photo = read_photo(data)
    assert photo.pixels.shape == ((24, 16, 3) if orientation == 6 else (16, 24, 3))
    assert photo.metadata.exif == given_block


@pytest.mark.parametrize(
    "told",
    [
        None,
        (),
        ("size", 1, "RGB"),
        (1, 1, "RGB", b"", b"raw", 9, b""),
        (1, "raw", 6, 1),
    ],
)
def test_without_the_decoder_of_pillow_its_own_exif_of_an_avif_has_to_do(told):
    image = SimpleNamespace(info={"exif": b"block"})
    assert _avif_exif(image) == (b"block", None)
    image._decoder = SimpleNamespace(get_info=lambda: told)
    assert _avif_exif(image) == (b"block", None)


def test_values_that_share_their_bytes_do_not_multiply(values_read):
    size = 50_000
    rows = [(0x1000 + i, 7, size - 5000, struct.pack("<I", 5000)) for i in range(300)]
    clean_exif(block([(0x010F, 2, 4, b"abc\0"), *rows], tail=bytes(size)))
    assert size - 5000 <= sum(values_read) < 2 * size


def test_text_of_exif_3_stays():
    entries = [(0x010F, 2, 4, b"abc\0"), (0x013B, 129, 4, b"\xe5\x86\x99\0")]
    before = block([*entries, (0x0112, 3, 1, short(6))])
    after, orientation, _ = clean_exif(before)
    assert orientation == 6
    assert b"\xe5\x86\x99\0" in after
    assert after == block(entries, tail=bytes(12))


@pytest.mark.parametrize("turned", [False, True])
def test_values_where_the_link_is_left_out_keep_their_bytes(turned):
    rows = [(0x010F, 2, 6, b""), *([(0x0112, 3, 1, short(6))] if turned else [])]
    end = 8 + 2 + 12 * len(rows)
    rows[0] = (0x010F, 2, 6, struct.pack("<I", end))
    before = block(rows)[:-4] + b"Canon\0"
    after, _, _ = clean_exif(before)
    assert after.endswith(b"Canon\0")
    assert len(after) == len(before)
