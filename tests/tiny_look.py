"""A model of looks small enough for tests, with random weights and two styles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.tiny import save_tiny_model
from vaenhance.checkpoint_styles import save_styles
from vaenhance.config import Config, DataConfig, LookConfig, ModelConfig

LOOK_MODEL = ModelConfig(
    network="look",
    image_size=16,
    widths=(6, 8),
    encoder_blocks=(0, 1),
    latent_channels=(4,),
    hidden=(12,),
    hidden_decoder=(12,),
    curve_knots=5,
)


def look_config(**sections: dict) -> Config:
    config = Config(
        model=LOOK_MODEL,
        data=DataConfig(crop=16, validation_images=1),
        look=LookConfig(),
    )
    defaults = {"batch": 4, "steps": 6, "warmup_steps": 2, "precision": "float32"}
    training = {**defaults, **sections.pop("training", {})}
    return config.replace(training=training, **sections)


def save_tiny_look(folder: Path) -> Path:
    save_tiny_model(folder, look_config())
    looks = np.eye(2, 4, dtype=np.float32) * 3
    save_styles(folder, {"dusk": looks[0], "noon": looks[1]})
    return folder
