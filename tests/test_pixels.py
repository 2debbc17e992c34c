"""8-bit rounding."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vaenhance.data.pixels import to_8_bit


@given(st.floats(-2, 3, width=32))
def test_8_bits_are_8_bits(value):
    (rounded,) = to_8_bit(np.array([value], np.float32))
    assert rounded.dtype == np.float32
    assert 0.0 <= rounded <= 1.0
    assert np.round(rounded * 255) == np.float32(rounded * 255)
    assert abs(rounded - min(max(value, 0.0), 1.0)) <= 0.5 / 255 + 1e-6
