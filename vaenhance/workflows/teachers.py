"""Models that teach a training run, and what the runs before left of them.

No TensorFlow: what does not fit is refused before it starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from vaenhance import checkpoint
from vaenhance.config import Config, stride
from vaenhance.errors import ModelError, UsageProblem
from vaenhance.workflows.card import hours_of
from vaenhance.workflows.progress import Progress


def check_teachers(folders: Iterable[Path], config: Config) -> None:
    """Refuses models that cannot say what the run's network is to learn.

    Args:
        folders: of the models.
        config: of the run.

    Raises:
        ModelError: a model is damaged.
        UsageProblem: a model is of another kind, of other channels, of other sizes
            of images, or lacks a scale.
    """
    for folder in folders:
        model = checkpoint.load_config(folder).model
        name = folder.resolve().name
        if model.network != "ladder" or model.likelihood == "logistic":
            raise UsageProblem(
                f"{name} cannot teach: only models of network ladder can, and of no "
                "likelihood logistic"
            )
        if model.channels != config.model.channels:
            raise UsageProblem(
                f"{name} cannot teach: it is for images of {model.channels} "
                f"channel(s), and the run for {config.model.channels}"
            )
        if model.image_size not in (0, config.data.crop):
            raise UsageProblem(
                f"{name} cannot teach: it is for images of {model.image_size} pixels "
                f"a side only, and the crops have {config.data.crop}"
            )
        step = stride(model)
        if config.data.crop % step:
            raise UsageProblem(
                f"{name} cannot teach: it takes images whose sides are multiples of "
                f"{step}, and the crops have {config.data.crop}"
            )
        lacking = set(config.model.scales) - set(model.scales)
        if lacking:
            raise UsageProblem(
                f"{name} cannot teach: it does not enlarge by {min(lacking)}"
            )


def described(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Returns of each model its name, hours of training and weights_sha256.

    Raises:
        ModelError: a card or the weights are missing or damaged.
    """
    return [
        {
            "name": folder.resolve().name,
            "hours": round(hours_of(checkpoint.load_card(folder)), 3),
            "weights_sha256": checkpoint.weights_checksum(folder),
        }
        for folder in folders
    ]


def check_same_teachers(folder: Path, now: Progress) -> None:
    """Refuses to go on with a run that others have taught.

    Args:
        folder: of the run; its card says by whom.
        now: the progress of this sitting, before it takes over the saved one.

    Raises:
        UsageProblem: the models are others, or have learnt since.
    """
    try:
        before = checkpoint.load_card(folder)["training"].get("teachers", [])
        known = [each["weights_sha256"] for each in before]
    except (ModelError, KeyError, TypeError, AttributeError):
        return  # no card yet, or somebody's own
    if known == [each["weights_sha256"] for each in now.teachers]:
        return
    names = [str(each.get("name")) for each in before]
    words = " ".join(f"--teacher {name}" for name in names)
    raise UsageProblem(
        f"{folder} holds a run that was taught by {', '.join(names) or 'nobody else'}"
        f"{' as it was then' * bool(names)}: give "
        f"{words or 'no --teacher'}, or a new folder"
    )
