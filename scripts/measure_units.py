#!/usr/bin/env python3
"""Counts the hidden units of a model that never fire.

    python scripts/measure_units.py photos/ photo runs/mine

Models of network ladder, built-in or folders, are shown crops with the damage of their
own training. A unit is silent when it fires at fewer than one in a thousand positions:
it gets no gradient and says nothing, and its multiplications are wasted
(`training.revive`, docs/training.md). One JSON object a model goes to standard output:
silent and all units, and of each layer. For developers.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from vaenhance import api, checkpoint
from vaenhance.data.dataset import open_dataset
from vaenhance.data.pipeline import Pipeline
from vaenhance.model.revival import BATCHES, SILENT, firing


def measure(source: Path, name: str) -> dict[str, Any]:
    """Returns how many units of a model are silent, in all and of each layer."""
    config = checkpoint.load_config(checkpoint.find_model(name))
    largest = config.data.crop * max(config.model.scales)
    dataset, _ = open_dataset(source, largest)
    pipeline = Pipeline(dataset, config, lambda line: print(line, file=sys.stderr))
    try:
        batches = [pipeline.batch(step) for step in range(BATCHES)]
    finally:
        pipeline.close()
    network = api.load_model(name, device="cpu", precision="float32")
    rates = firing(network._inference._network, batches)
    layers = {layer: [int(np.sum(r < SILENT)), len(r)] for layer, r in rates.items()}
    silent, units = np.sum(list(layers.values()), axis=0).tolist()
    return {"model": name, "silent": silent, "units": units, "layers": layers}


def main() -> None:
    """Reads the arguments and prints a line a model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("source", type=Path, help="folder of clean photographs")
    parser.add_argument("models", nargs="+", help="built-in names or folders")
    options = parser.parse_args()
    for name in options.models:
        print(json.dumps(measure(options.source, name)), flush=True)


if __name__ == "__main__":
    main()
