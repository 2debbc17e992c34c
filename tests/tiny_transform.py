"""The colour transform that changes nothing, for tests of grading."""

from __future__ import annotations

import numpy as np

from vaenhance.grading import Transform

IDENTITY = Transform(
    low=np.zeros(3, np.float32),
    high=np.ones(3, np.float32),
    slopes=np.ones((3, 9), np.float32),
    offsets=np.zeros(3, np.float32),
    matrix=np.eye(3, dtype=np.float32),
    gains=np.zeros((6, 6), np.float32),
    tone=np.ones(9, np.float32),
    tone_offset=0.0,
)
