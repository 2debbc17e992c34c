"""8-bit rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaenhance.data.pixels import middle, to_8_bit


@given(st.floats(-2, 3, width=32))
def test_8_bits_are_8_bits(value):
    (rounded,) = to_8_bit(np.array([value], np.float32))
    assert rounded.dtype == np.float32
    assert 0.0 <= rounded <= 1.0
    assert np.round(rounded * 255) == np.float32(rounded * 255)
    assert abs(rounded - min(max(value, 0.0), 1.0)) <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("width", [20, 30])
def test_the_middle_is_a_copy_of_at_most_its_side(width):
    image = np.zeros((200, width, 3), np.float32)
    image[20, 0] = 1
    part = middle(image, 160)
    assert part.shape == (160, width, 3)
    assert part[0, 0, 0] == 1
    assert part.base is None
