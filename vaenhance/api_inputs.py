"""What the Python interface refuses, and in which words. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.api_numbers import check_part, check_whole, is_number, whole_size
from vaenhance.config import ModelConfig
from vaenhance.config.suggest import unknown
from vaenhance.errors import Misfit, UsageProblem
from vaenhance.latents import METHODS

UNTOLD = -1  # label of images whose class is not told


def check_network(name: str, config: ModelConfig, *, wants_look: bool) -> None:
    """Refuses a model of looks where one of images is needed, and the reverse.

    Args:
        name: of the model, for the message.
        config: of the model.
        wants_look: a model of looks is needed.

    Raises:
        UsageProblem: it is of the other kind.
    """
    is_look = config.network == "look"
    if wants_look and not is_look:
        raise UsageProblem(
            f"model {name} is not one of looks: light and style need one "
            "trained with --preset look, or the built-in look"
        )
    if is_look and not wants_look:
        raise UsageProblem(
            f"model {name} is one of looks: use enhance --light or --style "
            "(--look-model for your own), from Python vaenhance.load_look"
        )


def check_class(name: str, config: ModelConfig, label: str) -> int:
    """Returns the number of the class as which images are to be drawn anew.

    Args:
        name: of the model, for the message.
        config: of the model.
        label: the class.

    Raises:
        UsageProblem: the model does not know it, or is for images of any size.
    """
    number = class_number(name, config.classes, label)
    if not config.image_size:
        raise UsageProblem(
            f"model {name} has classes, but is for images of any size: only "
            "models of one size, for drawing, give an image another class"
        )
    return number


def class_number(model: str, classes: Sequence[str], name: str | None) -> int:
    """Returns the number of a class of a model, −1 for None.

    Raises:
        UsageProblem: the model does not know it.
    """
    if name is None:
        return UNTOLD
    if not isinstance(name, str):
        raise UsageProblem(f"expected the name of a class, received {name!r}")
    if not classes:
        raise UsageProblem(
            f"model {model} knows no classes: leave the class out, or train a model "
            "on a folder with a sub-folder for each class"
        )
    if name not in classes:
        raise UsageProblem(unknown("class", name or "''", classes))
    return list(classes).index(name)


def check_scored(name: str, config: ModelConfig) -> None:
    """Refuses a model that cannot score photographs.

    Raises:
        UsageProblem: it is not made for them, only enlarges, or has no likelihood.
    """
    is_for_photos = config.network == "ladder" and config.likelihood == "gaussian"
    if not is_for_photos or config.image_size or 1 not in config.scales:
        raise UsageProblem(
            f"model {name} is not made for photographs of any size: choose one that "
            "is, such as photo"
        )
    _check_residual(name, config)


def check_bounded(name: str, config: ModelConfig) -> None:
    """Refuses a model whose likelihood cannot be measured.

    Raises:
        UsageProblem: it enlarges, or sees x while it decodes.
    """
    _check_residual(name, config)
    if config.scales != (1,):
        raise UsageProblem(
            f"model {name} enlarges: likelihoods are for images of one size"
        )


def _check_residual(name: str, config: ModelConfig) -> None:
    if config.residual:
        raise UsageProblem(
            f"model {name} adds its input to what it decodes: it has no likelihood of "
            "an image that it is shown"
        )


def check_scale(
    name: str,
    config: ModelConfig,
    scale: float | None,
    size: tuple[int, int] | None,
    consistent: bool,
) -> None:
    """Refuses a size that a model cannot give.

    Args:
        name: of the model, for the message.
        config: of the model.
        scale: of the sides; None says nothing about it.
        size: (height, width) instead.
        consistent: is for enlarging only.

    Raises:
        UsageProblem: they contradict each other or the model.
    """
    if scale is not None and size is not None:
        raise UsageProblem("give a scale or a size, not both")
    if scale is not None and not is_number(scale):
        raise UsageProblem(f"scale must be a number, received {scale!r}")
    most = max(config.scales)
    if most > 1 and scale is not None and not 0 < scale <= most:
        raise UsageProblem(f"model {name} reaches scales up to {most}, not {scale:g}")
    if size is not None:
        whole_size("a result", size)
    is_plain = size is None and scale in (None, 1)
    if config.scales == (1,) and not is_plain:
        raise UsageProblem(
            f"model {name} keeps the size of images: choose one that enlarges, "
            "such as detail"
        )
    if scale is None and size is None and 1 not in config.scales:
        known = ", ".join(str(one) for one in config.scales)
        raise UsageProblem(
            f"model {name} enlarges images: say by how much (scales {known}, or less)"
        )
    if consistent and is_plain:
        raise UsageProblem("consistent is for enlarged images: give a scale or size")


def checked_scale(name: str, config: ModelConfig, scale: int | None) -> int:
    """Returns a scale that the model has; None takes its first.

    Raises:
        UsageProblem: it has another.
    """
    if scale is None:
        return config.scales[0]
    if not is_number(scale) or scale not in config.scales:
        known = " and ".join(str(one) for one in config.scales)
        raise UsageProblem(f"model {name} has no scale {scale}, only {known}")
    return int(scale)


def check_way(frames: int, method: str) -> None:
    """Refuses what leads from nowhere to nowhere.

    Raises:
        UsageProblem: there are fewer than two frames, or no such method.
    """
    check_whole("frames", frames)
    if frames < 2:
        raise UsageProblem(f"expected 2 frames or more, received {frames}")
    if method not in METHODS:
        raise UsageProblem(f"method must be one of {METHODS}, received {method!r}")


def moving_levels(name: str, levels: Sequence[int] | None, count: int) -> Sequence[int]:
    """Returns the levels that move, in order; None stands for all.

    Args:
        name: of the model, for the message.
        levels: numbers, 0 is the coarsest.
        count: of the levels of the model.

    Raises:
        UsageProblem: the model has others.
    """
    if levels is None:
        return range(count)
    is_text = isinstance(levels, str)
    is_list = isinstance(levels, Sequence | Set | np.ndarray) and not is_text
    asked = list(levels) if is_list else []
    known = [isinstance(one, int | np.integer) and 0 <= one < count for one in asked]
    if not asked or not all(known):
        raise UsageProblem(
            f"model {name} has the levels 0 to {count - 1}, received {levels!r}"
        )
    return sorted(set(asked))


def check_input(
    name: str,
    config: ModelConfig,
    image: NDArray[Any],
    *,
    strength: float = 1.0,
    noise_sigma: float | None = None,
) -> None:
    """Refuses what a model cannot enhance or encode.

    Args:
        name: of the model, for the message.
        config: of the model.
        image: should be (H, W, C) or (B, H, W, C); uint8, uint16 or finite float32.
        strength: should be in 0..1.
        noise_sigma: should be in 0..1, and None for a model that takes no level.

    Raises:
        Misfit: the image is not so.
        UsageProblem: another of them is not.
    """
    channels, own = config.channels, config.image_size
    if not isinstance(image, np.ndarray):
        kind = type(image).__name__
        raise UsageProblem(f"expected pixels as a NumPy array, received {kind}")
    if image.ndim not in (3, 4) or image.shape[-1] != channels:
        raise Misfit(
            f"model {name} takes {'gray' if channels == 1 else 'colour'} "
            f"images{f' of {own} pixels a side' if own else ''}: expected "
            f"(H, W, {channels}) or a batch of them, received shape {image.shape}"
        )
    if image.dtype not in (np.uint8, np.uint16, np.float32):
        raise Misfit(
            f"expected float32 in [0, 1], uint8 or uint16, received {image.dtype}"
        )
    if image.dtype == np.float32 and not np.isfinite(image).all():
        raise Misfit("the image holds values that are not finite")
    check_part("strength", strength)
    if noise_sigma is not None:
        if not config.noise_map:
            raise UsageProblem(f"model {name} does not take a noise level")
        check_part("noise_sigma", noise_sigma)
    if own and image.shape[-3:-1] != (own, own):
        raise Misfit(f"model {name} takes images of {own}x{own} pixels only")
