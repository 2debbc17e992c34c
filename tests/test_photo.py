"""write∘read keeps everything a format can hold."""

from __future__ import annotations

import io
import itertools
import struct
from dataclasses import replace

import imagecodecs
import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms

from vaenhance.errors import PhotoError
from vaenhance.photo import (
    EXTENSIONS,
    WRITABLE,
    Metadata,
    Photo,
    encode_photo,
    probe,
    read_photo,
    read_pixels,
    save_png,
)

# Gray is stored as RGB here; AVIF has gray since Pillow 13.
NO_GRAY = {"WEBP", "AVIF LA", "HEIF LA"}
if int(PIL.__version__.split(".")[0]) < 13:
    NO_GRAY.add("AVIF L")
LOSSLESS = ("PNG", "TIFF", "BMP")
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/'
    b'02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.'
    b'com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
)


def s15(x: float) -> bytes:
    return struct.pack(">i", round(x * 65536))


def xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(s15(value) for value in values)


def icc(
    space: bytes, connection: bytes, kind: bytes, tags: dict[bytes, bytes]
) -> bytes:
    """A version 2 profile with the tags given, written by the specification."""
    tags = {b"desc": b"desc" + struct.pack(">4xI", 5) + b"test\0" + bytes(79)} | tags
    tags = {b"wtpt": xyz(0.9642, 1, 0.8249)} | tags
    table, body, offset = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    head = struct.pack(">I4x", offset + len(body)) + b"\x02\x10\0\0" + kind
    head += space + connection + bytes(12) + b"acsp" + bytes(28)
    return (head + xyz(0.9642, 1, 0.8249)[8:]).ljust(128, b"\0") + table + body


def display_p3() -> bytes:
    gamma = b"curv" + struct.pack(">4xIH", 1, round(2.2 * 256))
    primaries = {
        b"rXYZ": xyz(0.5151, 0.2412, -0.0011),
        b"gXYZ": xyz(0.2919, 0.6922, 0.0419),
        b"bXYZ": xyz(0.1572, 0.0666, 0.7841),
    }
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma)
    return icc(b"RGB ", b"XYZ ", b"mntr", primaries | curves)


def gray_profile() -> bytes:
    gamma = b"curv" + struct.pack(">4xIH", 1, round(1.8 * 256))
    return icc(b"GRAY", b"XYZ ", b"mntr", {b"kTRC": gamma})


def cmyk_profile(cyan_lab: tuple[int, int, int]) -> bytes:
    """A printer whose cyan is another colour: 8-bit L*a*b* as ICC writes it."""
    corners = []
    for c, m, y, k in itertools.product((0, 1), repeat=4):
        if (c, m, y, k) == (1, 0, 0, 0):
            corners += cyan_lab
        else:
            corners += [0 if k else 255 - 60 * (c + m + y), 128, 128]
    ramp = bytes(range(256))
    identity = b"".join(s15(float(i % 4 == 0)) for i in range(9))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity
    table += ramp * 4 + bytes(corners) + ramp * 3
    return icc(b"CMYK", b"Lab ", b"prtr", {b"A2B0": table})


def exif_block(orientation: int | None = None) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Example"
    exif[0x0110] = "Camera with a name longer than four bytes"
    exif[0x8298] = "Somebody"
    if orientation:
        exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x829A] = 0.008
    exif.get_ifd(0x8769)[0x927C] = b"maker note \0\1\2"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 12.0, 30.5)
    return exif.tobytes()[6:]


def tags_of(block: bytes | None) -> dict[int, object]:
    """All tags but pointers, as Pillow reads them: an independent parser."""
    exif = Image.Exif()
    exif.load(block)
    tags: dict[int, object] = {k: v for k, v in exif.items() if k not in (34665, 34853)}
    for pointer in (0x8769, 0x8825):
        for key, value in exif.get_ifd(pointer).items():
            tags[pointer << 16 | key] = value
    return tags


def smooth(height: int, width: int, channels: int, dtype=np.uint8) -> np.ndarray:
    """A picture that lossy codecs keep well, different in every channel."""
    y, x = np.mgrid[0:height, 0:width]
    top = np.iinfo(dtype).max
    planes = [
        (0.5 + 0.4 * np.sin(x / 9 + c) * np.cos(y / (7 + c))) * top
        for c in range(channels)
    ]
    return np.stack(planes, axis=2).astype(dtype)


def make(mode: str, name: str = "PNG", size=(23, 37), **metadata) -> Photo:
    """A photograph in memory: mode is L, LA, RGB or RGBA, with 16 behind for depth."""
    dtype = np.uint16 if mode.endswith("16") else np.uint8
    mode = mode.removesuffix("16")
    is_gray = mode.startswith("L")
    pixels = smooth(*size, 1 if is_gray else 3, dtype)
    alpha = None
    if mode.endswith("A"):
        alpha = smooth(*size, 5, dtype)[:, :, 4].copy()
        alpha[:5] = 0  # with colours under it
        alpha[5:9] = np.iinfo(dtype).max
    pixels = np.repeat(pixels, 3, axis=2) if is_gray else pixels
    return Photo(pixels, alpha, is_gray, name, Metadata(**metadata))


FULL = {
    "exif": exif_block(),
    "icc_profile": display_p3(),
    "xmp": XMP,
    "dpi": (300.0, 300.0),
}
CAN_HOLD = [
    (name, mode)
    for name in WRITABLE
    for mode in ("L", "LA", "RGB", "RGBA", "L16", "LA16", "RGB16", "RGBA16")
    if (name in ("PNG", "TIFF") or not mode.endswith("16"))
    and not (name in ("JPEG", "BMP") and "A" in mode)
]


@pytest.mark.parametrize(("name", "mode"), CAN_HOLD)
def test_writing_and_reading_keeps_what_the_format_can_hold(name, mode):
    full = FULL
    if name == "PNG" and mode.startswith("L"):  # where the two cannot be together
        full = FULL | {"icc_profile": gray_profile()}
    photo = make(mode, name, **full)
    data = encode_photo(photo, photo.pixels)
    back = read_photo(data)

    assert back.format == name
    assert back.pixels.shape == photo.pixels.shape
    assert back.pixels.dtype == photo.pixels.dtype
    assert back.bit_depth == (16 if mode.endswith("16") else 8)
    difference = np.abs(back.pixels.astype(int) - photo.pixels.astype(int))
    if name in LOSSLESS:
        assert difference.max() == 0
    else:
        visible = ... if photo.alpha is None else photo.alpha > 0
        assert difference[visible].mean() < 3
    if "A" in mode:
        np.testing.assert_array_equal(back.alpha, photo.alpha)
    else:
        assert back.alpha is None
    if mode.startswith("RGB") or not NO_GRAY & {name, f"{name} {mode}"}:
        assert back.is_gray == photo.is_gray
    if name != "BMP":
        assert back.metadata.icc_profile == full["icc_profile"]
        assert tags_of(back.metadata.exif) == tags_of(FULL["exif"])
        assert back.metadata.xmp == XMP
    if name in ("PNG", "TIFF", "JPEG", "BMP"):
        assert back.metadata.dpi == pytest.approx((300, 300), abs=0.02)


@pytest.mark.parametrize("name", sorted(set(WRITABLE) - {"HEIF"}))
def test_other_readers_agree_on_the_pixels(name):
    photo = make("RGB", name, **FULL)
    data = encode_photo(photo, photo.pixels)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == name
        difference = np.asarray(image).astype(int) - read_photo(data).pixels
    assert np.abs(difference).max() == 0


@pytest.mark.parametrize("name", sorted(WRITABLE))
@pytest.mark.parametrize("size", [(1, 1), (1, 17), (17, 1), (3, 4), (4, 3), (2, 2)])
def test_tiny_pictures(name, size):
    photo = make("RGB", name, size)
    back = read_photo(encode_photo(photo, photo.pixels))
    assert back.pixels.shape == (*size, 3)
    if name in LOSSLESS:
        np.testing.assert_array_equal(back.pixels, photo.pixels)


@pytest.mark.parametrize("name", sorted(WRITABLE))
def test_same_input_same_bytes(name):
    photo = make("RGB", name, **FULL)
    assert encode_photo(photo, photo.pixels) == encode_photo(photo, photo.pixels)


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda dtype: hnp.arrays(
            dtype, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4))
        )
    )
)
def test_any_numbers_survive_with_hidden_colours(name, values):
    photo = Photo(values[..., :3], values[..., 3], False, name)
    back = read_photo(encode_photo(photo, photo.pixels))
    np.testing.assert_array_equal(back.pixels, values[..., :3])
    np.testing.assert_array_equal(back.alpha, values[..., 3])


def test_colours_under_transparent_pixels_survive_lossless_webp():
    photo = make("RGBA", "WEBP")
    back = read_photo(encode_photo(photo, photo.pixels, quality=100))
    assert (photo.alpha == 0).any()
    np.testing.assert_array_equal(back.pixels, photo.pixels)


ORIENT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),  # stored on its left side: turn right
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def stored(name: str, values: np.ndarray, orientation: int, xmp: bytes | None = None):
    """A file written by Pillow whose pixels lie as they are given."""
    buffer = io.BytesIO()
    options = {"quality": 100, "subsampling": 0} if name == "JPEG" else {}
    if name == "WEBP":
        options = {"lossless": True, "exact": True}
    if name == "AVIF":
        options = {"quality": 100, "subsampling": "4:4:4"}
    if xmp and name != "PNG":
        options["xmp"] = xmp
    exif = b"Exif\0\0" + exif_block(orientation)
    Image.fromarray(values).save(buffer, name, exif=exif, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_applied_once_and_forgotten(name, orientation):
    values = smooth(19, 30, 3)
    data = stored(name, values, orientation)
    photo = read_photo(data)
    expected = ORIENT[orientation](values)

    assert photo.pixels.shape == expected.shape
    difference = np.abs(photo.pixels.astype(int) - expected)
    assert difference.mean() < (2 if name in ("JPEG", "AVIF") else 1e-9)
    info = probe(data)
    assert (info.height, info.width) == expected.shape[:2]
    assert 0x0112 not in tags_of(photo.metadata.exif)
    assert tags_of(photo.metadata.exif)[0x010F] == "Example"

    again = read_photo(encode_photo(photo, photo.pixels))
    assert again.pixels.shape == expected.shape
    assert np.abs(again.pixels.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_agrees_with_pillow(orientation):
    from PIL import ImageOps

    data = stored("PNG", smooth(7, 5, 4), orientation)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    photo = read_photo(data)
    np.testing.assert_array_equal(photo.pixels, expected[..., :3])
    np.testing.assert_array_equal(photo.alpha, expected[..., 3])


def test_orientation_is_taken_out_of_xmp():
    xmp = XMP.replace(b"xmp:Rating", b'tiff:Orientation="6" xmp:Rating')
    photo = read_photo(stored("JPEG", smooth(8, 12, 3), 6, xmp))
    assert photo.pixels.shape == (12, 8, 3)
    assert photo.metadata.xmp == XMP


def test_resolution_turns_with_the_picture():
    buffer = io.BytesIO()
    exif = b"Exif\0\0" + exif_block(6)
    Image.fromarray(smooth(4, 6, 3)).save(buffer, "PNG", exif=exif, dpi=(100, 200))
    assert read_photo(buffer.getvalue()).metadata.dpi == pytest.approx(
        (200, 100), abs=0.02
    )


def test_resolution_is_found_in_exif():
    exif = Image.Exif()
    exif.update({0x011A: 118.0, 0x011B: 118.0, 0x0128: 3})
    buffer = io.BytesIO()
    Image.fromarray(smooth(4, 6, 3)).save(buffer, "WEBP", exif=exif)
    assert read_photo(buffer.getvalue()).metadata.dpi == pytest.approx((299.72,) * 2)


def saved(image: Image.Image, name: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["PNG", "TIFF", "BMP"])
def test_one_bit_becomes_gray(name):
    values = smooth(9, 13, 1)[..., 0] > 128
    photo = read_photo(saved(Image.fromarray(values), name))
    assert photo.is_gray
    np.testing.assert_array_equal(photo.pixels[..., 1], values * np.uint8(255))


@pytest.mark.parametrize("name", ["PNG", "TIFF", "BMP", "GIF"])
def test_a_palette_is_looked_up(name):
    image = Image.fromarray(smooth(9, 13, 3)).quantize(32)
    photo = read_photo(saved(image, name))
    assert not photo.is_gray
    assert photo.alpha is None
    np.testing.assert_array_equal(photo.pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("name", ["PNG", "TIFF", "GIF"])
def test_a_palette_of_grays_is_gray(name):
    image = Image.fromarray(smooth(9, 13, 1)[..., 0]).convert("P")
    photo = read_photo(saved(image, name))
    assert photo.is_gray
    np.testing.assert_array_equal(photo.pixels[..., 0], np.asarray(image.convert("L")))


def test_transparency_of_a_gif_palette():
    image = Image.fromarray(smooth(9, 13, 3)).quantize(8)
    photo = read_photo(saved(image, "GIF", transparency=3))
    expected = np.where(np.asarray(image) == 3, 0, 255)
    np.testing.assert_array_equal(photo.alpha, expected)


def test_transparency_of_a_gray_gif():
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    photo = read_photo(saved(image, "GIF", transparency=5))
    assert photo.is_gray
    assert (photo.alpha == 0).sum() == 1


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_without_profile_is_converted_plainly(name):
    image = Image.frombytes("CMYK", (24, 16), smooth(16, 24, 4).tobytes())
    options = {"quality": 100, "subsampling": 0} if name == "JPEG" else {}
    data = saved(image, name, **options)
    photo = read_photo(data)
    with Image.open(io.BytesIO(data)) as stored_image:
        expected = np.asarray(stored_image.convert("RGB"))
    np.testing.assert_array_equal(photo.pixels, expected)
    assert photo.metadata.icc_profile is None


@pytest.mark.parametrize("mode", ["L", "LA", "L16", "LA16"])
def test_gray_with_a_profile_of_colours_becomes_a_png_of_colours(mode, capfd):
    """Libpng leaves the profile out of a gray one, and says so in every viewer."""
    photo = make(mode, "TIFF", icc_profile=display_p3())
    kept = read_photo(encode_photo(photo, photo.pixels))
    assert kept.is_gray  # TIFF may hold both
    data = encode_photo(photo, photo.pixels, format="PNG")
    assert data[25] == (6 if "A" in mode else 2)
    again = read_photo(data)
    np.testing.assert_array_equal(again.pixels, photo.pixels)
    assert (again.alpha is None) == (photo.alpha is None)
    assert again.metadata.icc_profile == photo.metadata.icc_profile
    imagecodecs.png_decode(data)
    assert capfd.readouterr() == ("", "")
    gray = make(mode, "TIFF", icc_profile=gray_profile())
    assert encode_photo(gray, gray.pixels, format="PNG")[25] == (
        4 if "A" in mode else 0
    )


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_with_a_useless_profile_is_converted_plainly(name):
    image = Image.frombytes("CMYK", (24, 16), smooth(16, 24, 4).tobytes())
    data = saved(image, name, icc_profile=display_p3())
    with Image.open(io.BytesIO(data)) as stored_image:
        expected = np.asarray(stored_image.convert("RGB"))
    photo = read_photo(data)
    np.testing.assert_array_equal(photo.pixels, expected)
    assert photo.metadata.icc_profile is None


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_with_a_profile_becomes_srgb(name):
    lab = (128, 190, 128)
    srgb = ImageCms.createProfile("sRGB")
    expected = ImageCms.profileToProfile(
        Image.new("LAB", (1, 1), lab),
        ImageCms.createProfile("LAB"),
        srgb,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
    ).getpixel((0, 0))
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    photo = read_photo(saved(image, name, icc_profile=cmyk_profile(lab)))
    assert np.abs(photo.pixels - np.array(expected, int)).max() <= 4
    profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.metadata.icc_profile))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    again = read_photo(encode_photo(photo, photo.pixels))
    assert again.metadata.icc_profile == photo.metadata.icc_profile


def test_lab_becomes_srgb_with_its_profile():
    image = Image.fromarray(smooth(12, 9, 3)).convert("RGB")
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    photo = read_photo(saved(converted, "TIFF"))
    difference = np.abs(photo.pixels.astype(int) - np.asarray(image))
    assert difference.mean() < 4
    profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.metadata.icc_profile))
    assert "sRGB" in ImageCms.getProfileDescription(profile)


def test_a_gray_profile_is_applied_where_gray_cannot_be_stored():
    from vaenhance.photo.color import srgb_profile

    gray = gray_profile()
    photo = replace(make("L", "PNG"), metadata=Metadata(icc_profile=gray))
    assert read_photo(encode_photo(photo, photo.pixels)).metadata.icc_profile == gray
    back = read_photo(encode_photo(photo, photo.pixels, format="webp"))
    assert back.metadata.icc_profile == srgb_profile()


def test_stripping_metadata_keeps_the_colours():
    photo = make("RGB", "JPEG", **FULL)
    data = encode_photo(photo, photo.pixels, strip_metadata=True)
    kept = read_photo(data).metadata
    assert kept.icc_profile == FULL["icc_profile"]
    assert kept.exif is None
    assert kept.xmp is None
    assert kept.dpi is None
    assert b"Somebody" not in data


@pytest.mark.parametrize("name", ["JPEG", "BMP"])
def test_transparency_is_not_dropped_in_silence(name):
    photo = make("RGBA")
    with pytest.raises(PhotoError, match=f"{name} cannot hold the transparency.*png"):
        encode_photo(photo, photo.pixels, format=name)


@pytest.mark.parametrize("name", ["JPEG", "BMP"])
def test_an_opaque_alpha_does_not_stand_in_the_way(name):
    photo = make("RGBA")
    opaque = replace(photo, alpha=np.full_like(photo.alpha, 255))
    assert read_photo(encode_photo(opaque, opaque.pixels, format=name)).alpha is None


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "AVIF", "BMP"])
def test_sixteen_bits_become_eight_only_on_request(name):
    photo = make("RGB16")
    back = read_photo(encode_photo(photo, photo.pixels, format=name))
    assert back.bit_depth == 8
    with pytest.raises(PhotoError, match="cannot hold 16 bits"):
        encode_photo(replace(photo, format=name), photo.pixels)


def test_scaling_to_eight_bits_rounds_to_nearest():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    photo = Photo(np.dstack([values] * 3), None, True, "PNG")
    data = encode_photo(photo, photo.pixels, format="bmp")
    expected = np.rint(values / 257).astype(np.uint8)
    np.testing.assert_array_equal(read_photo(data).pixels[..., 0], expected)
    np.testing.assert_array_equal(
        read_pixels(encode_photo(photo, photo.pixels))[..., 2], expected
    )


def test_gray_is_the_rounded_average():
    photo = make("L")
    pixels = np.array([[[10, 11, 12], [0, 0, 1], [255, 255, 254], [1, 1, 0]]], np.uint8)
    back = read_photo(encode_photo(photo, pixels))
    assert back.pixels[0, :, 0].tolist() == [11, 0, 255, 1]


def test_alpha_follows_a_new_size():
    photo = make("RGBA16", size=(10, 14))
    bigger = smooth(20, 28, 3, np.uint16)
    back = read_photo(encode_photo(photo, bigger))
    assert back.alpha.shape == (20, 28)
    assert back.alpha.min() == 0
    assert back.alpha.max() == 65535


def test_gif_is_read_but_not_written():
    photo = read_photo(saved(Image.fromarray(smooth(5, 6, 3)), "GIF"))
    assert photo.format == "GIF"
    with pytest.raises(PhotoError, match="--format png"):
        encode_photo(photo, photo.pixels)
    assert read_photo(encode_photo(photo, photo.pixels, format="png")).format == "PNG"


def test_jpeg_is_written_without_chroma_subsampling():
    photo = make("RGB", "JPEG")
    with Image.open(io.BytesIO(encode_photo(photo, photo.pixels))) as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3


def test_quality_is_obeyed():
    photo = make("RGB", size=(64, 64))
    for name in ("JPEG", "WEBP", "AVIF"):
        small, large = (
            encode_photo(photo, photo.pixels, format=name, quality=quality)
            for quality in (30, 95)
        )
        assert len(small) < len(large)


def test_metadata_too_large_for_jpeg_is_left_out():
    huge = Metadata(exif=exif_block() + bytes(70_000), xmp=XMP + b" " * 70_000)
    photo = replace(make("RGB"), metadata=huge)
    kept = read_photo(encode_photo(photo, photo.pixels, format="jpg")).metadata
    assert (kept.exif, kept.xmp) == (None, None)
    kept = read_photo(encode_photo(photo, photo.pixels)).metadata
    assert kept.exif == huge.exif
    assert kept.xmp == huge.xmp


def test_a_profile_of_several_jpeg_markers_survives():
    profile = display_p3() + np.random.default_rng(0).bytes(200_000)
    photo = replace(make("RGB"), metadata=Metadata(icc_profile=profile))
    for name in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        data = encode_photo(photo, photo.pixels, format=name)
        assert read_photo(data).metadata.icc_profile == profile


def test_a_file_reads_like_its_bytes(tmp_path):
    target = tmp_path / "Ünï cödé 1.jpg"
    photo = make("RGB", "JPEG", **FULL)
    target.write_bytes(encode_photo(photo, photo.pixels))
    from_file, from_bytes = read_photo(target), read_photo(target.read_bytes())
    np.testing.assert_array_equal(from_file.pixels, from_bytes.pixels)
    assert from_file.metadata == from_bytes.metadata
    assert probe(target) == probe(target.read_bytes())
    np.testing.assert_array_equal(read_pixels(target), from_file.pixels)


def test_content_counts_not_the_extension(tmp_path):
    target = tmp_path / "really-a.jpg"
    target.write_bytes(encode_photo(make("RGB"), make("RGB").pixels))
    assert read_photo(target).format == "PNG"


def test_probe_says_size_and_megapixels():
    info = probe(encode_photo(make("RGB", size=(20, 50)), smooth(20, 50, 3)))
    assert (info.width, info.height, info.format) == (50, 20, "PNG")
    assert info.megapixels == pytest.approx(0.001)


def test_save_png(tmp_path):
    values = smooth(6, 5, 3)
    save_png(values, tmp_path / "a.png")
    save_png(values[..., 0], tmp_path / "b.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png").pixels, values)
    assert read_photo(tmp_path / "b.png").is_gray
    with pytest.raises(ValueError, match="Expected"):
        save_png(values.astype(np.float32), tmp_path / "c.png")


def test_wrong_arrays_are_a_bug_of_the_caller():
    photo = make("RGB")
    with pytest.raises(ValueError, match="Expected"):
        encode_photo(photo, photo.pixels.astype(np.uint16))
    with pytest.raises(ValueError, match="quality"):
        encode_photo(photo, photo.pixels, quality=0)


def test_every_extension_leads_to_a_known_format():
    assert {EXTENSIONS[extension] for extension in WRITABLE.values()} == set(WRITABLE)
    assert set(EXTENSIONS.values()) - set(WRITABLE) == {"GIF"}
