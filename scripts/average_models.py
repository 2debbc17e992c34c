"""Average the weights of two stages of one model, or of two runs of one stage.

    python scripts/average_models.py runs/stage2 runs/stage3 photo
    python scripts/average_models.py runs/first runs/second photo --beside

The second must have been trained from the first (``train --init``), or from a mean of
which the first's stages were parts: only then do both lie in one valley of the loss,
where a mean of weights is as good a network as either, or a better one (Wortsman et al.
2022, "Robust fine-tuning of zero-shot models"). With ``--beside`` both must have been
trained from the same weights, with two seeds ("model soups", Wortsman et al. 2022): two
cores make more steps of two runs than of one.
Configuration and card are those of the second, which names the first by its checksum.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vaenhance import checkpoint, runtime
from vaenhance.errors import ModelError


def average(
    first: Path, second: Path, target: Path, share: float = 0.5, beside: bool = False
) -> str:
    """Writes a model whose weights are a weighted mean of those of two.

    Args:
        first: the folder of the earlier stage.
        second: that of the later one; its configuration and card are taken over.
        target: the folder to make.
        share: the weight of the second, 0..1.
        beside: both are runs of one stage, so that the cost of both counts.

    Returns:
        The checksum of the weights.

    Raises:
        ModelError: a model is missing or damaged, they are different networks, or the
            target is a model already.
    """
    runtime.import_tensorflow()
    from vaenhance.model.build import read_weights

    config = checkpoint.load_config(second)
    if checkpoint.load_config(first).model != config.model:
        raise ModelError(f"{first} and {second} are different networks")
    if (target / "config.json").exists():
        raise ModelError(f"{target} is a model already; name a new folder")
    old, new = read_weights(first), read_weights(second)
    mean = {
        name: np.asarray((1 - share) * old[name] + share * new[name], np.float32)
        for name in new
    }
    card = checkpoint.load_card(second)
    card.pop("uncertainty", None)  # of the second's weights
    training = {
        **card["training"],
        "averaged_with": checkpoint.weights_checksum(first),
        "share": share,
    }
    if beside:
        hours = checkpoint.load_card(first)["training"]["hours"]
        training |= {"hours_beside": hours}
        training["hours_before"] = round(training.get("hours_before", 0) + hours, 3)
    return checkpoint.save_model(
        target,
        config,
        mean,
        # Scores of the second's validation are not the mean's.
        {**card, "training": training, "scores": {}},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the arguments and writes the model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the second, 0..1")
    parser.add_argument(
        "--beside", action="store_true", help="both were trained from the same weights"
    )
    options = parser.parse_args(arguments)
    if not 0 <= options.share <= 1:
        parser.error("--share must be from 0 to 1")
    try:
        print(average(**vars(options)))
    except ModelError as error:
        print(f"average_models: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
