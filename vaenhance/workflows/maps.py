"""Standard deviations as files: numbers for programs, colours for people.

Not for computing them; ``api.Model.assess`` does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo, report

STEPS = 256  # numbers of a σ map for one step of the 0-255 scale


def sigma_map(sigma: NDArray[np.float32]) -> bytes:
    """Returns σ as a 16-bit gray PNG that says its scale.

    Args:
        sigma: (H, W) in [0, 1] units; from 256 on the 0-255 scale on it is cut off.
    """
    values = np.empty(sigma.shape, np.uint16)
    for rows in photo.strips(*sigma.shape):
        steps = np.rint(sigma[rows] * np.float32(255 * STEPS))
        values[rows] = np.minimum(steps, np.float32(65535))
    words = {
        "Title": "standard deviation of each pixel's error",
        "Scale": str(STEPS),
        "Description": (
            f"value / {STEPS} = standard deviation on the 0-255 scale, root mean "
            "square over the colours"
        ),
        "Software": "vaenhance",
    }
    return photo.encode_map(values, words)


def heat_map(sigma: NDArray[np.float32]) -> bytes:
    """Returns σ as colours, with a scale below, as PNG.

    Args:
        sigma: (H, W) in [0, 1] units.
    """
    return photo.encode_map(report.heat_map(sigma * np.float32(255)), {})
