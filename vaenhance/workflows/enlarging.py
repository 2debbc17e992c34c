"""What size photographs are to become, and which models can do it.

Numbers only: the pixels are made by ``api``. Nothing here starts TensorFlow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from vaenhance import checkpoint
from vaenhance.api_resize import Size, target_size
from vaenhance.errors import PhotoError, UsageProblem

PREFERRED = "detail"  # of the built-in models that enlarge


@dataclass(frozen=True)
class Enlargement:
    """The wanted size: one of scale, box and megapixels.

    Attributes:
        scale: of the sides.
        width: of a box to fit into, pixels; None leaves it to the height.
        height: of the box; None leaves it to the width.
        megapixels: of the result.
        consistent: the result is to shrink to the input.
        most: largest scale of the model.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None
    megapixels: float | None = None
    consistent: bool = False
    most: float = 4.0

    def target(self, height: int, width: int) -> Size:
        """Returns (height, width) of the result for a photograph; its shape is kept."""
        if self.scale is not None:
            return target_size((height, width), self.scale)
        if self.megapixels is not None:
            return _within(height, width, self.megapixels)
        limits = [
            limit / side
            for limit, side in ((self.width, width), (self.height, height))
            if limit is not None
        ]
        rows, columns = target_size((height, width), min(limits))
        # What was asked for is met to the pixel, whatever the rounding.
        return min(rows, self.height or rows), min(columns, self.width or columns)

    def checked_target(self, height: int, width: int, limit: float) -> Size:
        """Returns ``target`` if the model reaches it, and it is within a limit.

        Args:
            height: of the photograph, pixels.
            width: of the photograph, pixels.
            limit: megapixels of the result.

        Raises:
            PhotoError: it is too large.
        """
        rows, columns = self.target(height, width)
        # A pixel is won by rounding.
        if max((rows - 1) / height, (columns - 1) / width) > self.most:
            high, wide = target_size((height, width), self.most)
            raise PhotoError(
                f"{width}x{height} pixels cannot become {columns}x{rows}: the model "
                f"enlarges up to {self.most:g} times, to {wide}x{high} here"
            )
        if rows * columns > limit * 1e6:
            raise PhotoError(
                f"{columns}x{rows} pixels are {rows * columns / 1e6:.4g} megapixels, "
                f"more than --max-megapixels {limit:g}: ask for less, or raise it"
            )
        return rows, columns


def _within(height: int, width: int, megapixels: float) -> Size:
    """Returns (height, width) in the same shape, of no more megapixels."""
    factor = math.sqrt(megapixels * 1e6 / (height * width))
    # A whole number is not missed by the last bit of a root.
    rows, columns = (math.floor(side * factor + 1e-6) for side in (height, width))
    return max(1, rows), max(1, columns)


def enlarging_models() -> list[str]:
    """Returns the built-in models that enlarge, the preferred one first."""
    found = [name for name in checkpoint.builtin_models() if max(_scales(name)) > 1]
    return sorted(found, key=lambda name: (name != PREFERRED, name))


def model_for(model: str | None, enlargement: Enlargement) -> tuple[str, Enlargement]:
    """Returns the model that is to enlarge, and what is wanted with its limit.

    Args:
        model: name or folder that was asked for; None chooses.
        enlargement: what is wanted.

    Raises:
        ModelError: there is no such model.
        UsageProblem: it does not enlarge, or not so much.
    """
    known = enlarging_models()
    if model is None and not known:
        raise UsageProblem(
            "no built-in model enlarges: train one (docs/training.md, Enlarging) and "
            "name its folder with --model"
        )
    chosen = model or known[0]
    most = max(_scales(chosen))
    if most == 1:
        instead = known[0] if known else "one that you train (docs/training.md)"
        raise UsageProblem(
            f"model {chosen} keeps the size of photographs: choose another with "
            f"--model, such as {instead}"
        )
    if enlargement.scale is not None and enlargement.scale > most:
        raise UsageProblem(
            f"--scale {enlargement.scale:g} is more than the {most} of model {chosen}"
        )
    return chosen, replace(enlargement, most=float(most))


def check_plain(model: str) -> None:
    """Refuses a model that only enlarges where no size was asked for.

    Raises:
        ModelError: there is no such model.
        UsageProblem: it cannot keep the size.
    """
    scales = _scales(model)
    if 1 not in scales:
        known = " or ".join(str(scale) for scale in scales)
        raise UsageProblem(
            f"model {model} enlarges photographs: say by how much, --scale {known}"
        )


def _scales(model: str) -> tuple[int, ...]:
    return checkpoint.named_config(model)[1].scales
