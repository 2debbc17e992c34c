"""The built-in starting points: one configuration a purpose."""

from __future__ import annotations

from typing import Any

from vaenhance.config.degradation import DegradationConfig
from vaenhance.config.schema import (
    Config,
    DataConfig,
    ModelConfig,
    ObjectiveConfig,
    TrainingConfig,
)
from vaenhance.config.suggest import unknown
from vaenhance.errors import ConfigError

PRESETS: dict[str, Config] = {
    # What the built-in model photo began with; reasons: docs/experiments.md.
    "restore": Config(
        model=ModelConfig(
            widths=(48, 80, 128),
            encoder_blocks=(1, 1, 2),
            decoder_blocks=(2, 2, 2),
            latent_bound=8.0,
            noise_map=True,
        ),
        objective=ObjectiveConfig(sigma_floor=0.02),
        data=DataConfig(min_scale=0.25, detail_candidates=4, flat_threshold=0.004),
        degradation=DegradationConfig(
            clean=0.12,
            noise=0.45,
            jpeg=0.27,
            camera=0.08,
            soft=0.08,
            noise_jpeg=0.04,
            # Of the noisy crops without JPEG: a third of all crops.
            unclipped=0.8,
            noise_known=0.25,
            jpeg_twice=0.15,
            camera_jpeg=0.5,
            camera_quality=(80.0, 98.0),
            soft_jpeg=0.2,
        ),
        training=TrainingConfig(optimizer="muon", learning_rate=2e-3, skip_norm=100.0),
    ),
    "generate": Config(
        model=ModelConfig(
            widths=(24, 40, 56, 64, 72),
            encoder_blocks=(1, 1, 1, 1, 1),
            context_blocks=(0, 1, 1, 1, 0),
            decoder_blocks=(1, 1, 1, 1, 1),
            latent_channels=(2, 4, 8, 16, 32),
            image_size=64,
        ),
        objective=ObjectiveConfig(beta=1.0, beta_warmup=0.2, free_bits=0.5),
        data=DataConfig(labels=True, whole=True, flip=False),
        training=TrainingConfig(
            optimizer="muon", learning_rate=2e-3, skip_norm=100.0, ema=0.9995
        ),
    ),
    # Light and style; what the built-in model look is trained with.
    "look": Config(
        model=ModelConfig(
            network="look",
            image_size=64,
            widths=(16, 32, 64, 96),
            encoder_blocks=(0, 0, 0, 1),
            latent_channels=(32,),
            hidden=(256,),
            hidden_decoder=(256, 256),
            exact=True,
        ),
        # What is stretched right is right to 45 dB, and shall know it.
        objective=ObjectiveConfig(beta=0.5, beta_warmup=0.1, sigma_floor=0.004),
        data=DataConfig(crop=64),
        training=TrainingConfig(
            batch=32,
            optimizer="muon",
            learning_rate=2e-3,
            warmup_steps=100,
            skip_norm=1000.0,
            ema=0.998,
            precision="float32",
        ),
    ),
    "mlp": Config(
        model=ModelConfig(
            network="mlp",
            likelihood="bernoulli",
            channels=1,
            unshuffle=1,
            latent_channels=(2,),
            image_size=28,
        ),
        objective=ObjectiveConfig(beta=1.0),
        data=DataConfig(crop=28, whole=True, flip=False),
        training=TrainingConfig(
            steps=187_500,
            warmup_steps=0,
            final_rate=1.0,
            precision="float32",
        ),
    ),
}


def named_preset(name: Any) -> Config:
    """Returns a built-in configuration by name.

    Raises:
        ConfigError: there is none of that name (with a suggestion).
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise ConfigError(unknown("preset", str(name), PRESETS))
    return PRESETS[name]
