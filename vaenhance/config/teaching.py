"""A teacher in the objective: where there can be one, and what it changes."""

from __future__ import annotations

from typing import Any

from vaenhance.errors import ConfigError

# A likelihood of what a teacher says is sharper than one of x: the floor of its sigma
# is divided and beta multiplied for it by these factors (docs/math.md).
FLOOR, BETA = 4.0, 10.0
PART = 0.8  # of the target that is a teacher's, where nothing else is said


def check_teacher(config: Any) -> None:
    """Refuses a teacher of turned images where images may not be turned.

    Args:
        config: a ``Config``.

    Raises:
        ConfigError: names what is wrong.
    """
    if not config.objective.teacher:
        return
    if config.model.network != "ladder" or config.model.likelihood == "logistic":
        raise ConfigError(
            "objective.teacher is for network ladder, and not for likelihood logistic"
        )
    if not config.data.flip:
        raise ConfigError("objective.teacher turns images: it needs data.flip = true")


def taught(plan: Any) -> dict[str, float]:
    """Returns what an objective is with a teacher, by the names of the settings.

    Args:
        plan: an ``ObjectiveConfig`` without one.
    """
    floor = max(1e-6, plan.sigma_floor / FLOOR)
    return {"teacher": PART, "sigma_floor": floor, "beta": BETA * plan.beta}


def untaught(plan: Any) -> dict[str, float]:
    """Returns what an objective is without its teacher, by the names of the settings.

    For images of which the teacher knows nothing, and where the likelihood is of x.

    Args:
        plan: an ``ObjectiveConfig``.
    """
    floor, beta = plan.sigma_floor, plan.beta
    if plan.teacher:
        floor, beta = min(1.0, FLOOR * floor), beta / BETA
    return {"teacher": 0.0, "sigma_floor": floor, "beta": beta}
