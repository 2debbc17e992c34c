"""What the Python interface of looks refuses, and in which words. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.api_inputs import check_way
from vaenhance.api_numbers import temperatures
from vaenhance.errors import UsageProblem
from vaenhance.grading_style import STATISTICS

MOST_POWER = 100.0  # float32 holds 2^±100, and image^(2^±100) is black or white


def check_look(name: str, size: int, look: Any) -> None:
    """Refuses what is no look of a model.

    Args:
        name: of the model, for the message.
        size: how many numbers its looks have.
        look: should have as many.

    Raises:
        UsageProblem: it has not.
    """
    if np.shape(look) != (size,):
        raise UsageProblem(
            f"a look of model {name} has {size} numbers, received shape "
            f"{np.shape(look)}"
        )


def check_colours(colours: Any) -> None:
    """Refuses what are no colours of a style.

    Raises:
        UsageProblem: they are not so many finite numbers as are measured.
    """
    if np.shape(colours) != (STATISTICS,):
        raise UsageProblem(
            f"the colours of a style are {STATISTICS} numbers, received shape "
            f"{np.shape(colours)}"
        )
    if not np.isfinite(np.asarray(colours, np.float32)).all():
        raise UsageProblem(
            f"the colours of a style are finite numbers, received {colours}"
        )


def check_power(power: float) -> None:
    """Refuses an exponent that cannot be taken back.

    Args:
        power: log2 of it.

    Raises:
        UsageProblem: it is no number that is possible.
    """
    is_number = isinstance(power, int | float | np.integer | np.floating)
    if not is_number or not -MOST_POWER <= power <= MOST_POWER:
        raise UsageProblem(
            f"power must be in {-MOST_POWER:g}..{MOST_POWER:g}, received {power!r}"
        )


def check_alpha(alpha: Any, image: NDArray[Any]) -> None:
    """Refuses a mask that is not of an image; None is of every one.

    Raises:
        UsageProblem: it is no array of the image's height and width.
    """
    if alpha is None:
        return
    if not isinstance(alpha, np.ndarray) or alpha.shape != image.shape[:2]:
        raise UsageProblem(f"alpha {np.shape(alpha)} is not of image {image.shape}")


def one_temperature(asked: float) -> float:
    """Returns the temperature of a look, which has one level.

    Raises:
        UsageProblem: there are several, or it is no finite number of 0 or more.
    """
    found = temperatures(asked)
    if len(found) != 1:
        raise UsageProblem(f"a look has one temperature, received {asked}")
    return found[0]


def check_styles_between(
    frames: int, method: str, levels: Sequence[int] | None, *others: Any
) -> None:
    """Refuses a way between styles that looks cannot go.

    Args:
        frames: how many, with both ends.
        method: of going.
        levels: which move; a look has one, 0.
        others: class, tile and overlap, which should be None.

    Raises:
        UsageProblem: something is given that a look does not have.
    """
    check_way(frames, method)
    if any(other is not None for other in others):
        raise UsageProblem("a look has neither classes nor tiles: leave them out")
    if levels is not None and np.ravel(levels).tolist() != [0]:
        raise UsageProblem("a look has one level, 0: leave --levels out")
