"""What settings must say together; the range of each alone is in ``limits``."""

from __future__ import annotations

from typing import Any

from vaenhance.errors import ConfigError

MOST_CLASSES = 4096


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
