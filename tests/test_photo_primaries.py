"""Colours that a file tells by code points or chunks keep their meaning elsewhere."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.test_photo_png import chunk, png
from vaenhance.errors import PhotoError
from vaenhance.photo import check_encodable, encode_photo, read_photo
from vaenhance.photo.color import srgb_profile
from vaenhance.photo.primaries import profile_of_png, profile_of_points

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)
P3, SRGB, GAMMA = (12, 13), (1, 13), (1, 4)
# x, y of white, red, green, blue of Display P3, times 100,000.
P3_PLACES = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


def shown(profile, color):
    """What a colour-managed program shows on an sRGB screen."""
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        *("RGB", "RGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    image = Image.new("RGB", (1, 1), color)
    return ImageCms.applyTransform(image, transform).getpixel((0, 0))


def test_what_says_srgb_or_nothing_needs_no_profile():
    assert all(profile_of_points(*p) is None for p in (SRGB, (2, 2), (1, 1), (2, 6)))
    assert profile_of_png([(b"sRGB", b"\0")]) is None
    gamma = (b"gAMA", struct.pack(">I", 45455))
    assert profile_of_png([gamma]) is None
    places = struct.pack(
        ">8I", *(31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    )
    assert profile_of_png([(b"cHRM", places), gamma]) is None


def test_wider_primaries_make_colours_stronger_and_leave_gray_alone():
    told = struct.pack(">8I", *P3_PLACES)
    by_points, by_places = profile_of_points(*P3), profile_of_png([(b"cHRM", told)])
    for profile in (by_points, by_places):
        assert profile[12:20] == b"mntrRGB "
        # (217.5, 41.6, 52.3) by the matrices of the primaries.
        red = np.subtract(shown(profile, (200, 60, 60)), (217.5, 41.6, 52.3))
        assert np.abs(red).max() < 1.2
        assert np.abs(np.subtract(shown(profile, (128,) * 3), 128)).max() <= 1


def test_another_gamma_is_told_and_gray_has_a_profile_of_its_own():
    linear = profile_of_png([(b"gAMA", struct.pack(">I", 100_000))])
    # 0.5 of the light is 188 of 255 in sRGB.
    assert np.abs(np.subtract(shown(linear, (128,) * 3), 188)).max() <= 1
    gray = profile_of_png([(b"gAMA", struct.pack(">I", 100_000))], is_gray=True)
    assert gray[16:20] == b"GRAY"
    assert profile_of_points(*P3, is_gray=True) is None
    assert profile_of_points(*P3) == profile_of_points(*P3)


@pytest.mark.parametrize("points", [(9, 16), (9, 18), (1, 9), (10, 13)])
def test_what_cannot_be_kept_is_refused(points):
    with pytest.raises(PhotoError, match="not supported"):
        profile_of_points(*points)


@pytest.mark.parametrize(
    "points", [(0, 0), (3, 3), (1, 11), (1, 12), (2, 7), (200, 99)]
)
def test_what_means_srgb_or_nothing_is_no_obstacle(points):
    assert profile_of_points(*points) is None


def test_gamma_2_2_is_srgb_only_beside_its_primaries():
    gamma = (b"gAMA", struct.pack(">I", 45455))
    adobe = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
    profile = profile_of_png([(b"cHRM", struct.pack(">8I", *adobe)), gamma])
    # Dark grays: x^2.2 is darker than sRGB's curve, 255 (20/255)^2.2 is 12 there.
    assert np.abs(np.subtract(shown(profile, (20,) * 3), 12)).max() <= 1


def test_nonsense_is_no_profile():
    assert profile_of_png([(b"gAMA", bytes(4))]) is None
    for places in ((0,) * 8, (31270, 32900, *(31270, 32900) * 3)):
        assert profile_of_png([(b"cHRM", struct.pack(">8I", *places))]) is None


def avif(points):
    stream = BytesIO()
    Image.fromarray(PIXELS).save(stream, "AVIF", quality=95)
    data = bytearray(stream.getvalue())
    at = data.index(b"colrnclx") + 8
    data[at : at + 4] = struct.pack(">HH", *points)
    return bytes(data)


def test_the_code_points_of_avif_become_a_profile():
    assert read_photo(avif(SRGB)).metadata.icc_profile is None
    wide = read_photo(avif(P3))
    assert wide.metadata.icc_profile == profile_of_points(*P3)
    for name in ("AVIF", "JPEG", "PNG"):
        again = read_photo(encode_photo(wide, wide.pixels, format=name))
        assert again.metadata.icc_profile == wide.metadata.icc_profile
    with pytest.raises(PhotoError, match="high dynamic range"):
        read_photo(avif((9, 16)))


def test_the_code_points_of_heic_become_a_profile():
    heif = pytest.importorskip("pillow_heif")
    stream = BytesIO()
    heif.from_pillow(Image.fromarray(PIXELS)).save(
        stream, save_nclx_profile=True, color_primaries=12, transfer_characteristics=13
    )
    found = read_photo(stream.getvalue()).metadata.icc_profile
    assert found == profile_of_points(*P3)


def test_colour_chunks_of_png_go_on_as_a_profile_elsewhere():
    wide = read_photo(png(PIXELS, 8, 2, before=chunk(b"cICP", bytes((12, 13, 0, 1)))))
    same = read_photo(encode_photo(wide, wide.pixels))
    assert same.metadata == wide.metadata and wide.metadata.icc_profile is None
    other = read_photo(encode_photo(wide, wide.pixels, format="JPEG"))
    assert other.metadata.icc_profile == profile_of_points(*P3)
    light = read_photo(png(PIXELS, 8, 2, before=chunk(b"cICP", bytes((9, 16, 0, 1)))))
    encode_photo(light, light.pixels)
    for refuse in (check_encodable, lambda p, **f: encode_photo(p, p.pixels, **f)):
        with pytest.raises(PhotoError, match="pass --format png"):
            refuse(light, format="TIFF")


def test_code_points_go_before_a_profile():
    packed = b"sRGB\0\0" + zlib.compress(srgb_profile())
    for points, expected in ((P3, profile_of_points(*P3)), (SRGB, srgb_profile())):
        told = chunk(b"cICP", bytes((*points, 0, 1))) + chunk(b"iCCP", packed)
        photo = read_photo(png(PIXELS, 8, 2, before=told))
        there = read_photo(encode_photo(photo, photo.pixels, format="JPEG"))
        assert there.metadata.icc_profile == expected
    told = chunk(b"cICP", bytes((9, 16, 0, 1))) + chunk(b"iCCP", packed)
    with pytest.raises(PhotoError, match="pass --format png"):
        check_encodable(read_photo(png(PIXELS, 8, 2, before=told)), format="JPEG")
