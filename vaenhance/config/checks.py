"""What settings must say, alone (in the ranges of ``limits``) and together."""

from __future__ import annotations

from typing import Any

from vaenhance.config.limits import CHOICES, LIMITS, MOST_NUMBERS
from vaenhance.config.suggest import shown
from vaenhance.config.teaching import check_teacher
from vaenhance.errors import ConfigError

MOST_CLASSES = 4096


def check_together(config: Any) -> None:
    """Refuses settings that contradict others.

    Args:
        config: a ``Config``.

    Raises:
        ConfigError: names what is wrong.
    """
    check_classes(config.model)
    check_exponents(config)
    check_teacher(config)
    is_plain = config.model.network == "ladder" and not config.training.only_prior
    if config.training.revive and not is_plain:
        raise ConfigError("training.revive is for network ladder, without only_prior")
    if config.training.revive_latents and not config.training.revive:
        raise ConfigError("training.revive_latents needs training.revive: when?")


def check_run(config: Any) -> None:
    """Refuses settings that contradict each other where a training begins.

    A model that was trained with them before they were refused can still be loaded.

    Args:
        config: a ``Config``.

    Raises:
        ConfigError: names what is wrong.
    """
    size, scales = config.model.image_size, config.model.scales
    if size not in (0, config.data.crop):
        raise ConfigError(
            f"data.crop must be model.image_size, {size}: the network takes images of "
            "that size only"
        )
    is_for_units = config.training.revive and not config.training.revive_latents
    if is_for_units and config.model.leak:
        raise ConfigError(
            "training.revive is for hidden units that never fire, and with "
            "model.leak all do: set one of them to 0"
        )
    if config.data.whole and scales != (1,):
        raise ConfigError("data.whole is for model.scales [1]")
    if config.data.binarize == "static":
        _check_static_bits(config.data)
    if config.model.network != "ladder":
        _check_ladder_only(config.model)
    if config.model.network == "look":
        _check_look_run(config)
    if config.adversarial.weight and config.adversarial.width % 8:
        raise ConfigError(
            "adversarial.width must be a multiple of 8, received "
            f"{config.adversarial.width}"
        )


def _check_static_bits(data: Any) -> None:
    """Refuses what would give an image other bits each time: they are of its pixels."""
    if not data.whole or data.flip or data.mirror or data.half_chroma:
        raise ConfigError(
            "data.binarize static needs data.whole, without data.flip, data.mirror and "
            "data.half_chroma: a changed image has other bits"
        )


def _check_ladder_only(model: Any) -> None:
    """Refuses what other networks would silently leave out."""
    for name in ("noise_map", "residual", "latent_bound", "leak"):
        if getattr(model, name):
            raise ConfigError(f"model.{name} is for network ladder")


def _check_look_run(config: Any) -> None:
    """Refuses what has no meaning where an image is not decoded but transformed."""
    if config.model.likelihood != "gaussian":
        raise ConfigError("network look is for model.likelihood gaussian")
    if config.data.whole:
        raise ConfigError(
            "data.whole is not for network look: its pairs are windows of photographs"
        )
    if config.objective.agreement:
        raise ConfigError(
            "objective.agreement is not for network look: it enlarges nothing"
        )


def check_classes(model: Any) -> None:
    """Refuses classes or a fitted prior that a network cannot have.

    Args:
        model: a ``ModelConfig``.

    Raises:
        ConfigError: names what is wrong.
    """
    if model.classes and model.network != "ladder":
        raise ConfigError(f"network {model.network} takes no classes: use ladder")
    if model.prior_width and model.network != "ladder":
        raise ConfigError(f"network {model.network} has no levels to fit a prior to")
    if len(set(model.classes)) != len(model.classes) or "" in model.classes:
        raise ConfigError("model.classes must be names, each once")
    if len(model.classes) > MOST_CLASSES:
        raise ConfigError(
            f"model.classes has {len(model.classes)} names; at most {MOST_CLASSES}"
        )


def check_exponents(config: Any) -> None:
    """Refuses steps of an exponent that have no middle, or none where they learn.

    Args:
        config: a ``Config``.

    Raises:
        ConfigError: names what is wrong.
    """
    count = config.model.exponents
    if count and (config.model.network != "look" or count < 3 or count % 2 == 0):
        raise ConfigError(
            "model.exponents is for network look, and must be odd and at least 3, or 0"
        )
    if config.training.only_exponent and not count:
        raise ConfigError("training.only_exponent needs model.exponents")


def check_value(key: str, value: Any) -> None:
    """Refuses a value outside its range, or a word that is not one of the choices.

    Args:
        key: such as ``model.widths``.
        value: of the right type.

    Raises:
        ConfigError: says what is possible.
    """
    if key in CHOICES and value not in CHOICES[key]:
        allowed = ", ".join(CHOICES[key])
        raise ConfigError(f"{key} must be one of {allowed}; received {shown(value)}")
    if key not in LIMITS:
        return
    low, high = LIMITS[key]
    numbers = value if isinstance(value, tuple) else (value,)
    if len(numbers) > MOST_NUMBERS:
        raise ConfigError(f"{key} has {len(numbers)} numbers; at most {MOST_NUMBERS}")
    for number in numbers:
        if not low <= number <= high:
            raise ConfigError(
                f"{key} must be in {low:g}..{high:g}, received {shown(number)}"
            )
