"""A model of looks small enough for tests, with random weights and two styles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.tiny import save_tiny_model
from vaenhance.checkpoint_styles import save_styles
from vaenhance.config import Config, DataConfig, LookConfig, ModelConfig
from vaenhance.grading_style import Style

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
    dusk, noon = np.eye(2, 4, dtype=np.float32) * 3
    dark = np.array([30, 5, -10, 15, 8, 12], np.float32)
    light = np.array([70, 0, 10, 20, 6, 9], np.float32)
    save_styles(folder, {"dusk": Style(dusk, dark), "noon": Style(noon, light)})
    return folder
