"""How a discriminator takes part in a training; a section of ``Config``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vaenhance.errors import ConfigError


@dataclass(frozen=True)
class AdversarialConfig:
    """A discriminator of patches that the decoder learns to deceive (VAE-GAN)."""

    weight: float = 0.0  # of its pull; 1: as strong as the likelihood's; 0: none
    start: float = 0.5  # part of the run after which it begins
    decoder_only: bool = False  # its pull ends at the decoder's weights
    width: int = 32  # channels of its first layer
    layers: int = 2  # halvings of its map: it judges patches of 34 pixels; 3: 70
    learning_rate: float = 2e-4  # of the discriminator, all the time


def check_adversarial(config: Any) -> None:
    """Refuses an adversary where it has nothing to judge.

    Raises:
        ConfigError: names the setting.
    """
    if not config.adversarial.weight:
        return
    if config.model.network == "look":
        raise ConfigError("adversarial.weight is not for network look: it draws no x")
    if config.data.binarize != "none":
        raise ConfigError(
            "adversarial.weight needs data.binarize none: bits are no picture"
        )
    if config.training.only_prior:
        raise ConfigError("adversarial.weight has nothing to do for a prior alone")
