"""Pictures that nothing can compress, in shapes that codecs do not expect."""

from __future__ import annotations

import numpy as np
import pytest

from vaenhance.photo import Photo, encode_photo, read_photo

RNG = np.random.default_rng(11)


@pytest.mark.parametrize("quality", [80, 94, 95, 100])
@pytest.mark.parametrize("shape", [(200, 150), (1, 5000), (5000, 1)])
def test_noise_can_be_written_as_jpeg(quality, shape, capfd):
    """Its own Huffman tables need a buffer that Pillow makes too small for noise."""
    pixels = RNG.integers(0, 256, (*shape, 3)).astype(np.uint8)
    photo = Photo(pixels, None, False, "JPEG")
    data = encode_photo(photo, pixels, quality=quality)
    assert read_photo(data).pixels.shape == pixels.shape
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(20_000, 1, 3), (1, 20_000, 3), (300, 2, 3)])
def test_noise_can_be_written_as_png(dtype, shape):
    pixels = RNG.integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    photo = Photo(pixels, None, False, "PNG")
    assert np.array_equal(read_photo(encode_photo(photo, pixels)).pixels, pixels)
