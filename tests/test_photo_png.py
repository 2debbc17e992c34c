"""PNG in all its depths, and what its other chunks do."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from vaenhance.errors import PhotoError
from vaenhance.photo import encode_photo, probe, read_photo

DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [(kind, depth) for kind, depths in DEPTHS.items() for depth in depths]
PASSES = [
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
]


def chunk(name: bytes, data: bytes) -> bytes:
    return (
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
    )


def rows_of(samples: np.ndarray, depth: int) -> bytes:
    """Rows without filters: samples (h, w, c)."""
    if depth == 16:
        rows = [row.astype(">u2").tobytes() for row in samples]
    else:
        flat = samples.reshape(len(samples), -1).astype(np.uint8)
        bits = np.unpackbits(flat[..., None], axis=2)[..., 8 - depth :]
        rows = [row.tobytes() for row in np.packbits(bits.reshape(len(flat), -1), 1)]
    return b"".join(b"\0" + row for row in rows)


def png(samples, depth, kind, *, before=b"", after=b"", interlaced=False) -> bytes:
    """A PNG file written by the specification, independent of any library."""
    height, width, _ = samples.shape
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    raw = b""
    for x, y, dx, dy in PASSES if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::dy, x::dx]
        raw += rows_of(part, depth) if part.size else b""
    packed = zlib.compress(raw)
    middle = len(packed) // 2
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + before
        + chunk(b"IDAT", packed[:middle])
        + chunk(b"IDAT", packed[middle:])
        + after
        + chunk(b"IEND", b"")
    )


def samples_for(kind: int, depth: int, height=11, width=13) -> np.ndarray:
    shape = (height, width, CHANNELS[kind])
    return np.random.default_rng(depth).integers(0, 2**depth, shape).astype(np.uint16)


def palette(depth: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (2**depth, 3)).astype(np.uint8)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("kind", "depth"), KINDS)
def test_all_depths_are_exact(kind, depth, interlaced, capfd):
    samples = samples_for(kind, depth)
    before = chunk(b"PLTE", palette(depth).tobytes()) if kind == 3 else b""
    data = png(samples, depth, kind, before=before, interlaced=interlaced)
    photo = read_photo(data)

    assert photo.pixels.dtype == (np.uint16 if depth == 16 else np.uint8)
    assert photo.is_gray == (kind in (0, 4))
    scale = 255 // (2**depth - 1) if depth < 8 else 1
    colors = samples[..., :3] if kind in (2, 6) else samples[..., :1] * scale
    expected = palette(depth)[samples[..., 0]] if kind == 3 else colors
    np.testing.assert_array_equal(
        photo.pixels, np.broadcast_to(expected, photo.pixels.shape)
    )
    if kind in (4, 6):
        np.testing.assert_array_equal(photo.alpha, samples[..., -1])
    else:
        assert photo.alpha is None
    assert capfd.readouterr() == ("", "")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_any_size_interlaced_or_not(kind_depth, height, width, interlaced):
    kind, depth = kind_depth
    samples = samples_for(kind, depth, height, width)
    before = chunk(b"PLTE", palette(depth).tobytes()) if kind == 3 else b""
    plain = read_photo(png(samples, depth, kind, before=before))
    other = read_photo(png(samples, depth, kind, before=before, interlaced=interlaced))
    assert plain.pixels.shape == (height, width, 3)
    np.testing.assert_array_equal(plain.pixels, other.pixels)


@pytest.mark.parametrize("band", [1, 100, 1000])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "RGB16", "RGBA16"])
def test_row_filters_across_bands(mode, band, monkeypatch):
    """Real encoders choose a filter for every row; bands must not break the chain."""
    y, x = np.mgrid[0:40, 0:31]
    channels = {"L": 1, "I;16": 1, "LA": 2}.get(mode) or len(mode.rstrip("16"))
    values = np.stack([np.sin(x / (5 + c)) * np.cos(y / 7) for c in range(channels)], 2)
    dtype, top = (np.uint16, 65535) if "16" in mode else (np.uint8, 255)
    values = ((values + 1) / 2 * top).astype(dtype)
    data = imagecodecs.png_encode(values[..., 0] if channels == 1 else values)
    monkeypatch.setattr("vaenhance.photo.png_pixels._BAND", band)
    photo = read_photo(data)
    colors = channels - (channels in (2, 4))
    np.testing.assert_array_equal(photo.pixels[..., :colors], values[..., :colors])
    if channels in (2, 4):
        np.testing.assert_array_equal(photo.alpha, values[..., -1])


def test_filters_of_another_encoder(monkeypatch):
    image = Image.effect_mandelbrot((60, 50), (-2, -1, 1, 1), 50).quantize(16)
    monkeypatch.setattr("vaenhance.photo.png_pixels._BAND", 64)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", bits=4)
    np.testing.assert_array_equal(
        read_photo(buffer.getvalue()).pixels, np.asarray(image.convert("RGB"))
    )


@pytest.mark.parametrize(("kind", "depth"), [k for k in KINDS if k[0] in (0, 2)])
def test_a_transparent_colour_becomes_alpha(kind, depth):
    samples = samples_for(kind, depth)
    key = samples[3, 4]
    data = png(samples, depth, kind, before=chunk(b"tRNS", key.astype(">u2").tobytes()))
    photo = read_photo(data)
    hit = (samples == key).all(axis=2)
    assert hit.any()
    top = 65535 if depth == 16 else 255
    np.testing.assert_array_equal(photo.alpha, np.where(hit, 0, top))
    plain = read_photo(png(samples, depth, kind))
    np.testing.assert_array_equal(photo.pixels, plain.pixels)


def test_transparency_of_a_palette():
    samples = samples_for(3, 8)
    opacity = bytes(range(100))
    before = chunk(b"PLTE", palette(8).tobytes()) + chunk(b"tRNS", opacity)
    photo = read_photo(png(samples, 8, 3, before=before))
    index = samples[..., 0]
    np.testing.assert_array_equal(photo.alpha, np.where(index < 100, index, 255))


def test_a_gray_palette_with_transparency():
    grays = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    before = chunk(b"PLTE", grays.tobytes()) + chunk(b"tRNS", b"\x07")
    photo = read_photo(png(samples_for(3, 8), 8, 3, before=before))
    assert photo.is_gray
    assert photo.alpha is not None


def test_palette_indices_outside_the_palette_are_black(capfd):
    samples = np.array([[[0], [200]]], np.uint16)
    photo = read_photo(png(samples, 8, 3, before=chunk(b"PLTE", b"\1\2\3")))
    assert photo.pixels.tolist() == [[[1, 2, 3], [0, 0, 0]]]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("plte", [b"", chunk(b"PLTE", b"\1\2"), chunk(b"PLTE", b"")])
def test_a_bad_palette_is_refused(plte):
    with pytest.raises(PhotoError, match="palette"):
        read_photo(png(samples_for(3, 8), 8, 3, before=plte))


PROFILE = b"profile " * 20
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>\xc3\xa4</x:xmpmeta>"
EXIF = b"MM\0*\0\0\0\x08\0\1\x01\x0f\0\2\0\0\0\4abc\0\0\0\0\0"


@pytest.mark.parametrize("place", ["before", "after"])
def test_chunks_are_found_before_and_after_the_pixels(place):
    chunks = chunk(b"eXIf", EXIF) + chunk(
        b"iTXt", b"XML:com.adobe.xmp\0\0\0en\0title\0" + XMP
    )
    photo = read_photo(png(samples_for(2, 16), 16, 2, **{place: chunks}))
    assert photo.metadata.exif == EXIF
    assert photo.metadata.xmp == XMP


def test_sixteen_bits_keep_every_chunk():
    color = {
        b"cICP": b"\x0c\x0d\0\1",
        b"mDCV": bytes(range(24)),
        b"cLLI": struct.pack(">II", 10_000_000, 4_000_000),
        b"gAMA": struct.pack(">I", 45455),
        b"cHRM": bytes(32),
        b"sRGB": b"\0",
    }
    before = b"".join(chunk(name, data) for name, data in color.items())
    before += chunk(b"iCCP", b"P3\0\0" + zlib.compress(PROFILE))
    before += chunk(b"pHYs", struct.pack(">IIB", 11811, 5906, 1))
    before += chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP))
    before += chunk(b"eXIf", EXIF)
    photo = read_photo(png(samples_for(6, 16), 16, 6, before=before))
    data = encode_photo(photo, photo.pixels)
    assert data[24:26] == b"\x10\x06"  # 16 bits, RGBA
    for name, content in color.items():
        assert chunk(name, content) in data
    assert chunk(b"pHYs", struct.pack(">IIB", 11811, 5906, 1)) in data
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == PROFILE
        assert image.info["xmp"] == XMP
        assert image.info["exif"] == b"Exif\0\0" + EXIF
    assert read_photo(data).metadata == photo.metadata
    order = [data.index(n) for n in (b"IHDR", b"iCCP", b"pHYs", b"IDAT", b"IEND")]
    assert order == sorted(order)


def test_exif_as_imagemagick_wrote_it():
    text = b"\nexif\n%8d\n" % len(EXIF) + EXIF.hex().encode() + b"\n"
    data = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    assert read_photo(png(samples_for(0, 8), 8, 0, before=data)).metadata.exif == EXIF


def test_xmp_as_imagemagick_wrote_it():
    text = b"\nxmp\n%8d\n" % len(XMP) + XMP.hex().encode() + b"\n"
    raw = chunk(b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(text))
    photo = read_photo(png(samples_for(0, 8), 8, 0, before=raw))
    assert photo.metadata.xmp == XMP
    assert chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP) in encode_photo(
        photo, photo.pixels
    )
    newer = raw + chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + b"<x/>")
    photo = read_photo(png(samples_for(0, 8), 8, 0, before=newer))
    assert photo.metadata.xmp == b"<x/>"


def test_bombs_in_chunks_do_not_go_off():
    bomb = zlib.compress(bytes(64 << 20), 9)
    before = chunk(b"iCCP", b"x\0\0" + bomb)
    before += chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb)
    before += chunk(b"zTXt", b"Raw profile type exif\0\0" + bomb)
    photo = read_photo(png(samples_for(0, 8), 8, 0, before=before))
    assert photo.metadata.icc_profile is None
    assert photo.metadata.xmp is None
    assert photo.metadata.exif is None


@pytest.mark.parametrize("content", [b"", b"x", b"x\0", b"x\0\0", b"x\0\0garbage"])
def test_a_damaged_profile_is_no_profile(content):
    data = png(samples_for(0, 8), 8, 0, before=chunk(b"iCCP", content))
    assert read_photo(data).metadata.icc_profile is None


def test_more_pixels_than_needed_are_ignored_in_silence(capfd):
    data = png(samples_for(2, 8, 4, 4), 8, 2)
    shorter = data.replace(
        data[8:33], chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 2, 8, 2, 0, 0, 0))
    )
    assert read_photo(shorter).pixels.shape == (2, 4, 3)
    assert capfd.readouterr() == ("", "")


def test_a_missing_end_mark_is_forgiven():
    data = png(samples_for(2, 8), 8, 2)
    whole, cut = read_photo(data), read_photo(data[:-12])
    np.testing.assert_array_equal(whole.pixels, cut.pixels)


@pytest.mark.parametrize("kind_depth", [(0, 8), (2, 16)])
def test_every_cut_is_noticed(kind_depth):
    kind, depth = kind_depth
    data = png(samples_for(kind, depth), depth, kind)
    for length in range(8, len(data) - 12, 7):
        with pytest.raises(PhotoError, match="truncated"):
            read_photo(data[:length])


def test_too_few_pixels_are_a_cut():
    data = png(samples_for(2, 8, 4, 4), 8, 2)
    taller = data.replace(
        data[8:33], chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 9, 8, 2, 0, 0, 0))
    )
    with pytest.raises(PhotoError, match="truncated"):
        read_photo(taller)


def test_flipped_bits_are_noticed():
    data = bytearray(png(samples_for(2, 8), 8, 2))
    data[data.index(b"IDAT") + 20] ^= 0x10
    with pytest.raises(PhotoError, match="damaged"):
        read_photo(bytes(data))


def test_a_wrong_checksum_inside_the_stream_is_noticed():
    raw = rows_of(samples_for(0, 8, 3, 3), 8)
    packed = bytearray(zlib.compress(raw))
    packed[-1] ^= 1
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 3, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", bytes(packed))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(PhotoError, match=r"damaged.*check"):
        read_photo(data)


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE", b"tRNS"])
def test_a_checksum_of_what_tells_how_to_read_the_pixels_is_noticed(name):
    parts = chunk(b"PLTE", palette(8).tobytes()) + chunk(b"tRNS", b"\xff" * 9)
    data = bytearray(png(samples_for(3, 8), 8, 3, before=parts))
    assert read_photo(bytes(data)).pixels.shape == (11, 13, 3)
    data[data.index(name) + 11] ^= 1  # of IHDR the height
    with pytest.raises(PhotoError, match=r"^damaged: a checksum does not match$"):
        read_photo(bytes(data))


@pytest.mark.parametrize(
    "fields",
    [
        (0, 5, 8, 2, 0, 0, 0),
        (5, 0, 8, 2, 0, 0, 0),
        (5, 5, 3, 2, 0, 0, 0),
        (5, 5, 8, 5, 0, 0, 0),
        (5, 5, 8, 2, 1, 0, 0),
        (5, 5, 8, 2, 0, 1, 0),
        (5, 5, 8, 2, 0, 0, 2),
        (5, 5, 1, 2, 0, 0, 0),
    ],
)
def test_impossible_headers(fields):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *fields))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(PhotoError, match="makes no sense"):
        probe(data)


def test_apng_is_refused_by_name():
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(PhotoError, match="animated, 3 frames: not supported"):
        probe(buffer.getvalue())


def test_other_texts_are_no_xmp():
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "hello")
    info.add_itxt("Comment", "hello", zip=True)
    buffer = io.BytesIO()
    Image.new("L", (3, 3)).save(buffer, "PNG", pnginfo=info)
    assert read_photo(buffer.getvalue()).metadata.xmp is None


@pytest.mark.parametrize("dpi", [(72.0, 72.0), (299.9994, 600.0), (0.001, 1e9)])
def test_resolution_is_stable_or_left_out(dpi):
    photo = read_photo(png(samples_for(2, 8), 8, 2))
    photo = replace(photo, metadata=replace(photo.metadata, dpi=dpi))
    once = read_photo(encode_photo(photo, photo.pixels)).metadata.dpi
    if dpi[0] < 1:
        assert once is None
    else:
        assert once == pytest.approx(dpi, abs=0.02)


def test_the_eight_kinds_of_output():
    for bits, gray, clear in itertools.product((8, 16), (True, False), (True, False)):
        kind = (0 if gray else 2) + (4 if clear else 0)
        photo = read_photo(png(samples_for(kind, bits), bits, kind))
        assert encode_photo(photo, photo.pixels)[24:26] == bytes([bits, kind])


def test_a_gray_palette_with_a_profile_of_colours_stays_in_colours():
    """PNG forbids such a profile in gray files, and viewers drop it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.frombytes("P", (2, 2), bytes(range(4)))
    image.putpalette([v for v in range(0, 256, 64) for _ in range(3)])
    for told, is_gray in ((profile, False), (None, True)):
        stream = io.BytesIO()
        image.save(stream, "PNG", icc_profile=told)
        picture = read_photo(stream.getvalue())
        assert picture.is_gray == is_gray
        with Image.open(io.BytesIO(encode_photo(picture, picture.pixels))) as again:
            assert again.mode == ("L" if is_gray else "RGB")
            assert again.info.get("icc_profile") == told
