"""Numbers that the Python interface refuses, and in which words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vaenhance.errors import UsageProblem


def check_seed(seed: int) -> None:
    """Refuses what no random generator takes.

    Raises:
        UsageProblem: it is below 0, or not whole.
    """
    check_whole("seed", seed)


def check_whole(what: str, number: int, least: int = 0) -> None:
    """Refuses what is no number of things.

    Args:
        what: is counted, for the message.
        number: of them.
        least: so many there must be.

    Raises:
        UsageProblem: it is below, or not whole.
    """
    if not isinstance(number, int | np.integer):
        raise UsageProblem(f"{what} must be a whole number, received {number!r}")
    if number < least:
        raise UsageProblem(f"{what} must be {least} or more, received {number}")


def whole_size(of: str, size: object) -> tuple[int, int]:
    """Returns a size as two numbers of Python's own, which do not overflow.

    Args:
        of: what has it, for the message.
        size: (height, width), pixels.

    Raises:
        UsageProblem: it is no pair of whole numbers, 1 or more.
    """
    given: Any = size.tolist() if isinstance(size, np.ndarray) else size
    is_row = isinstance(given, Sequence) and not isinstance(given, str)
    sides = list(given) if is_row else []
    if len(sides) != 2:
        raise UsageProblem(f"size must be (height, width), received {size!r}")
    for name, side in zip(("height", "width"), sides, strict=True):
        check_whole(f"the {name} of {of}", side, 1)
    return int(sides[0]), int(sides[1])


def is_number(given: object) -> bool:
    """Tells whether something is one number, NaN and infinity among them."""
    return isinstance(given, int | float | np.integer | np.floating)


def check_part(what: str, number: float) -> None:
    """Refuses what is no part of a whole.

    Args:
        what: is meant, for the message.
        number: of it.

    Raises:
        UsageProblem: it is no number in 0..1.
    """
    if not is_number(number) or not 0.0 <= number <= 1.0:
        raise UsageProblem(f"{what} must be in 0..1, received {number!r}")


def temperatures(asked: float | Sequence[float]) -> list[float]:
    """Returns one temperature or several as a list.

    Raises:
        UsageProblem: one of them is no finite number of 0 or more.
    """
    try:
        found = np.ravel(np.asarray(asked, np.float64)).tolist()
    except (TypeError, ValueError):
        found = [math.nan]
    if not all(0.0 <= one < math.inf for one in found):
        raise UsageProblem(
            f"temperature must be a finite number, 0 or more, received {asked}"
        )
    return found
