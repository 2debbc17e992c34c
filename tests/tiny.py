"""A network small enough for tests: a whole ladder in a few thousand weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vaenhance import checkpoint
from vaenhance.checkpoint_calibration import Calibration, save_calibration
from vaenhance.config import Config, DataConfig, DegradationConfig, ModelConfig

TINY = ModelConfig(
    widths=(8, 12),
    encoder_blocks=(1, 1),
    decoder_blocks=(1, 1),
    latent_channels=(4, 4),
    noise_map=True,
)

# For what is not about the network: two levels still, and half as much to compile.
SHALLOW = {"encoder_blocks": (0, 0), "decoder_blocks": (0, 0)}


def tiny_config(**sections: dict) -> Config:
    config = Config(
        model=TINY,
        data=DataConfig(crop=16, min_scale=0.5, validation_images=1),
        degradation=DegradationConfig(clean=0.1, noise=0.8, jpeg=0.3, noise_known=0.3),
    )
    defaults = {"batch": 4, "steps": 8, "warmup_steps": 2, "precision": "float32"}
    training = {**defaults, **sections.pop("training", {})}
    return config.replace(training=training, **sections)


def save_tiny_model(folder: Path, config: Config | None = None) -> Path:
    """Writes a model folder with random weights that do something visible."""
    from vaenhance.runtime import import_tensorflow

    import_tensorflow()
    from vaenhance.model.build import build_network, named

    config = config or tiny_config()
    rng = np.random.default_rng(0)
    network = build_network(config.model)
    weights = {
        name: rng.normal(0, 0.1, tuple(v.shape)).astype(np.float32)
        for name, v in named(network.variables).items()
    }
    checkpoint.save_model(folder, config, weights, {"title": "tiny", "scores": {}})
    return folder


def calibrate_tiny_model(
    folder: Path, checksum: str | None = None, scales: tuple[int, ...] = (1,)
) -> None:
    """Writes a calibration that says σ = 0.05 and a little more where much changed."""
    features = 14 + 3 * len(TINY.widths) + (scales != (1,))
    kernel = np.zeros((features, 1), np.float32)
    kernel[0] = 0.1
    if checksum is None:
        checksum = checkpoint.weights_checksum(folder)
    save_calibration(
        folder,
        Calibration(
            np.zeros(features, np.float32),
            np.ones(features, np.float32),
            [(kernel, np.log(np.full(1, 0.05, np.float32)))],
            checksum,
        ),
    )
