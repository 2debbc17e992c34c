"""JPEG files whose pixels end early: libjpeg fills up with gray, and we do not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from vaenhance.errors import PhotoError
from vaenhance.photo import jpeg_reading, read_photo

END = b"\xff\xd9"
EARLY = "damaged: the pixels of the JPEG end before the picture does"
KINDS = [
    (mode, progressive, subsampling)
    for mode in ("RGB", "L", "CMYK")
    for progressive in (False, True)
    for subsampling in (0, 2)
    if mode == "RGB" or subsampling == 0
]


def noise(height: int, width: int, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (height, width, 4))
    return Image.fromarray(values.astype(np.uint8), "RGBA").convert("RGB").convert(mode)


def jpeg(image: Image.Image, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


def cut(data: bytes, part: float) -> bytes:
    """Of the first coded pixels only a part, with an end mark behind it."""
    start = data.index(b"\xff\xda") + 14
    stop = data.find(b"\xff\xc4", start)  # tables of a second scan
    stop = stop if stop > 0 else len(data)
    return data[: start + int((stop - start) * part)] + END


@pytest.mark.parametrize(("mode", "progressive", "subsampling"), KINDS)
def test_pixels_that_end_early_are_damage(mode, progressive, subsampling, capfd):
    image = noise(67, 83, mode)
    options = {"progressive": progressive, "subsampling": subsampling}
    data = jpeg(image, **options)
    assert read_photo(data).pixels.shape == (67, 83, 3)
    # Of a progressive one the first scan: what the others add is fineness. Near its end
    # the decoder smooths what it has.
    for part in (0.1, 0.5, 0.9)[: 3 - progressive]:
        with pytest.raises(PhotoError, match=EARLY):
            read_photo(cut(data, part))
    assert capfd.readouterr() == ("", "")


def test_zeros_in_the_middle_that_reach_the_end_are_damage():
    data = jpeg(noise(20, 25).resize((200, 160)), quality=90)
    middle = len(data) // 2
    zeros = data[:middle] + bytes(len(data) - middle - 2) + END
    with pytest.raises(PhotoError, match=EARLY):
        read_photo(zeros)


@pytest.mark.parametrize(("mode", "progressive", "subsampling"), KINDS)
@pytest.mark.parametrize("size", [(1, 1), (67, 83), (64, 64)])
def test_a_picture_that_is_gray_at_its_end_is_whole(
    mode, progressive, subsampling, size
):
    height, width = size
    image = noise(height, width, mode)
    gray = {"RGB": (128,) * 3, "L": 128, "CMYK": (127,) * 4}[mode]
    image.paste(gray, (0, height // 2, width, height))
    data = jpeg(image, progressive=progressive, subsampling=subsampling, quality=95)
    assert read_photo(data).pixels.shape == (height, width, 3)
    assert read_photo(data + noise(8, 8).tobytes() + END).pixels.shape[0] == height


def test_only_a_gray_end_costs_a_second_look(monkeypatch):
    looks = []
    look = jpeg_reading._ends_early
    monkeypatch.setattr(
        jpeg_reading, "_ends_early", lambda stream: looks.append(1) or look(stream)
    )
    read_photo(jpeg(Image.new("RGB", (32, 32), "red")))
    assert looks == []
    read_photo(jpeg(Image.new("RGB", (32, 32), (128,) * 3)))
    assert looks == [1]


def test_the_first_picture_of_several_is_looked_at():
    stream = io.BytesIO()
    more = [Image.new("RGB", (20, 10), "red")]
    noise(64, 64).save(stream, "MPO", save_all=True, append_images=more)
    whole = stream.getvalue()
    assert read_photo(whole).pixels.shape == (64, 64, 3)
    first = whole.index(END)
    start = whole.index(b"\xff\xda")
    with pytest.raises(PhotoError, match=EARLY):
        read_photo(whole[: (start + first) // 2] + whole[first:])


def test_all_comments_of_a_jpeg_stay():
    data = jpeg(noise(8, 8), comment=b"by somebody")
    more = b"\xff\xfe\0\x08second"
    photo = read_photo(data[:2] + more + data[2:])
    assert photo.metadata.comment == b"second\nby somebody"
    long = b"\xff\xfe\xff\xff" + bytes(65533)
    assert read_photo(data[:2] + long + data[2:]).metadata.comment == b"by somebody"
