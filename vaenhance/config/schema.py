"""Every setting of a run as plain, frozen data, one dataclass a concern.

Nothing here knows TensorFlow, Click or files. What a comment beside a setting
cannot say is in docs/design.md and docs/math.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from operator import mul
from typing import Any, get_type_hints

from vaenhance.config.adversarial import AdversarialConfig, check_adversarial
from vaenhance.config.checks import check_together, check_value
from vaenhance.config.degradation import DegradationConfig, check_degradation
from vaenhance.config.look import LookConfig
from vaenhance.config.size import check_size
from vaenhance.errors import ConfigError

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ModelConfig:
    """The network. Per-level tuples are ordered fine to coarse."""

    network: str = "ladder"  # ladder | mlp | look
    likelihood: str = "gaussian"  # gaussian | bernoulli | logistic
    channels: int = 3  # colour channels of x: 3, or 1 for gray
    unshuffle: int = 2  # pixel-unshuffle factor at the input, undone at the output
    scales: tuple[int, ...] = (1,)  # sizes of x as multiples of y's; a head for each
    widths: tuple[int, ...] = (32, 64, 128)  # channels of each level
    encoder_blocks: tuple[int, ...] = (1, 2, 3)  # residual blocks on the way up
    decoder_blocks: tuple[int, ...] = (2, 2, 3)  # residual blocks on the way down
    latent_channels: tuple[int, ...] = (16, 16, 16)  # channels of z at each level
    latent_bound: float = 0.0  # largest z, either way, that y can give; 0: any
    leak: float = 0.0  # ladder: slope of hidden units below zero; 0: rectifiers
    strides: tuple[int, ...] = ()  # from each level to the next coarser; empty: 2 each
    noise_map: bool = False  # y comes with an optional noise level
    residual: bool = False  # x = y + r instead of x from the latents alone
    context_blocks: tuple[int, ...] = ()  # residual blocks before each latent
    classes: tuple[str, ...] = ()  # names; filled in from the training images
    class_scope: str = "network"  # network | prior: what the class is told to
    prior_width: int = 0  # channels of a prior fitted afterwards; 0: the model's own
    prior_blocks: int = 1  # residual blocks of a level of it
    prior_steps: int = 4  # coupling steps of a level of it
    image_size: int = 0  # pixels a side of the only size drawn; 0 means any size
    hidden: tuple[int, ...] = (128, 64)  # mlp, look: hidden units of the encoder
    hidden_decoder: tuple[int, ...] = (256, 128)  # mlp, look: of the decoder
    curve_knots: int = 12  # look only: steps of each of its curves
    exact: bool = (
        False  # look only: its transform can be none at all, or a mere stretch
    )
    exponents: int = 0  # look only: steps of a changed gamma, odd; 0: it is not told


@dataclass(frozen=True)
class ObjectiveConfig:
    """Weights of the terms of the ELBO (docs/math.md)."""

    beta: float = 0.02  # weight of the KL
    beta_warmup: float = 0.0  # part of the run over which beta rises from 0
    free_bits: float = 0.0  # nats a level and image that cost nothing
    balance: bool = False  # while beta rises, levels that say much pay more
    sigma_floor: float = 0.002  # smallest calibrated likelihood sigma, [0, 1] units
    mean_path: float = 0.0  # part of the steps that decode the posterior mean
    focal_frequency: float = 0.0  # weight of the worst frequencies; 0: none
    agreement: float = 0.0  # weight of x̂, shrunk, being y; enlargement only
    teacher: float = 0.0  # part of the target that is the first weights' turned x̂
    views: int = 1  # turned images that this mean is of


@dataclass(frozen=True)
class DataConfig:
    """Which pixels become the clean image x."""

    crop: int = 64  # pixels a side of a training crop
    crops_per_image: int = 0  # crops from one decoded image; 0 chooses by its size
    min_scale: float = 1.0  # crops are downscaled at random by min_scale..1
    detail_candidates: int = 1  # of so many windows the one with most detail is taken
    flat_threshold: float = (
        0.0  # windows below this gradient ([0, 1] units) are redrawn
    )
    graphics: float = 0.0  # part of the crops that is drawn: text, lines, shapes
    half_chroma: float = 0.0  # part of the others whose x has the chroma of 4:2:0
    flip: bool = True  # random mirror images and quarter turns
    mirror: bool = False  # random mirror images from left to right, no turns
    labels: bool = False  # class folders, or y_train, make the model class-conditional
    label_dropout: float = 0.1  # part of the crops whose class is not told
    whole: bool = False  # train on whole images, resized to `crop`
    binarize: str = "none"  # none | dynamic | static: gray as the chance of white
    cache_megapixels: float = 400.0  # decoded pixels kept in memory
    validation_images: int = 8  # held out of training, for the sheet and its PSNR


@dataclass(frozen=True)
class TrainingConfig:
    """The loop: optimiser, schedule and saving."""

    batch: int = 32  # crops a step, over all devices
    steps: int = 20_000  # length of the run, unless `minutes` is set
    minutes: float = 0.0  # length of the run in minutes of training; 0 uses steps
    optimizer: str = "adam"  # adam | muon
    learning_rate: float = 1e-3  # peak of the rate
    final_rate: float = 0.01  # rate at the end, as a part of the peak (cosine)
    warmup_steps: int = 300  # linear rise to the peak
    clip_norm: float = 1.0  # largest global norm of the gradient
    skip_norm: float = 0.0  # steps of a larger gradient norm are left out; 0: none
    revive: int = 0  # steps between revivals of units that never fire; 0: none
    revive_latents: bool = False  # revivals are for collapsed latents, too
    ema: float = 0.999  # decay of the averaged weights, which are what is shipped
    precision: str = "auto"  # auto | float32 | bfloat16
    only_prior: bool = False  # everything but the fitted prior is frozen
    only_exponent: bool = False  # look: everything but what tells a gamma is frozen
    deterministic: bool = True  # the same steps give the same bits on one machine
    checkpoint_minutes: float = 8.0  # between checkpoints
    checkpoint_steps: int = 0  # additionally after so many steps; 0 means never
    seed: int = 0


@dataclass(frozen=True)
class CardConfig:
    """Words for the model card that no measurement can supply."""

    title: str = ""
    purpose: str = ""
    data: str = ""  # what the training images are
    licence: str = ""  # of the weights
    sources: tuple[str, ...] = ()  # "source: licence" of the training images
    limits: str = ""  # what the model is bad at


@dataclass(frozen=True)
class Config:
    """Everything that defines a training run and the model it makes."""

    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    data: DataConfig = field(default_factory=DataConfig)
    degradation: DegradationConfig = field(default_factory=DegradationConfig)
    look: LookConfig = field(default_factory=LookConfig)
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    card: CardConfig = field(default_factory=CardConfig)

    def replace(self, **sections: Mapping[str, Any]) -> Config:
        """Returns a copy with the named settings of the named sections changed."""
        changed = {
            name: dataclasses.replace(getattr(self, name), **dict(values))
            for name, values in sections.items()
        }
        return validate(dataclasses.replace(self, **changed))


def section_types() -> dict[str, type]:
    """Returns the dataclass of each section of ``Config`` by name."""
    return get_type_hints(Config)


def validate(config: Config) -> Config:
    """Returns the configuration if every value is possible.

    Raises:
        ConfigError: names the first setting out of its range.
    """
    for section in section_types():
        for item in dataclasses.fields(getattr(config, section)):
            key = f"{section}.{item.name}"
            check_value(key, getattr(getattr(config, section), item.name))
    _check_model(config.model)
    check_together(config)
    check_size(config.model, start_side(config.model))
    _check_ranges("degradation", config.degradation)
    _check_ranges("look", config.look)
    check_degradation(config.degradation)
    check_adversarial(config)
    multiple = stride(config.model)
    if config.data.binarize != "none" and config.model.likelihood != "bernoulli":
        raise ConfigError("data.binarize is for model.likelihood bernoulli only")
    if config.model.network == "ladder" and config.data.crop % multiple:
        raise ConfigError(f"data.crop must be a multiple of {multiple} for this model")
    if config.model.network == "look" and config.data.crop != config.model.image_size:
        raise ConfigError("data.crop must be model.image_size for network look")
    return config


def _check_ranges(name: str, section: Any) -> None:
    for item in dataclasses.fields(section):
        bounds = getattr(section, item.name)
        if isinstance(bounds, tuple) and (len(bounds) != 2 or bounds[0] > bounds[1]):
            raise ConfigError(f"{name}.{item.name} must be [smallest, largest]")


def _check_model(model: ModelConfig) -> None:
    per_level = (model.widths, model.encoder_blocks, model.decoder_blocks)
    if model.network == "ladder":
        lengths = {len(values) for values in (*per_level, model.latent_channels)}
        if model.context_blocks:
            lengths.add(len(model.context_blocks))
        if len(lengths) != 1 or not 1 <= len(model.widths) <= 8:
            raise ConfigError(
                "model.widths, encoder_blocks, decoder_blocks and latent_channels "
                "need one number a level, for 1 to 8 levels"
            )
        if model.strides and len(model.strides) != len(model.widths) - 1:
            raise ConfigError(
                "model.strides needs one number between every two levels, "
                f"{len(model.widths) - 1} here"
            )
        if model.image_size % stride(model):
            raise ConfigError(
                f"model.image_size must be a multiple of {stride(model)}, "
                "the step of the coarsest level"
            )
    elif model.network == "look":
        _check_look(model)
    elif len(model.latent_channels) != 1 or model.image_size < 1:
        raise ConfigError("network mlp needs one latent_channels and an image_size")
    _check_scales(model)
    if model.residual and model.likelihood != "gaussian":
        raise ConfigError("model.residual is for model.likelihood gaussian only")
    if model.channels == 2:
        raise ConfigError("model.channels must be 1 or 3")


def _check_scales(model: ModelConfig) -> None:
    if list(model.scales) != sorted(set(model.scales)) or not model.scales:
        raise ConfigError("model.scales must be rising whole numbers, such as [2, 4]")
    is_fixed = model.network != "ladder" or model.image_size or model.residual
    if is_fixed and model.scales != (1,):
        raise ConfigError(
            "model.scales must be [1] for networks mlp and look, and with image_size "
            "or residual"
        )


def level_steps(model: ModelConfig) -> tuple[int, ...]:
    """Returns the pixels between neighbours of each level, fine to coarse."""
    between = model.strides or (2,) * (len(model.widths) - 1)
    return tuple(accumulate(between, mul, initial=model.unshuffle))


def _check_look(model: ModelConfig) -> None:
    multiple = 2 ** len(model.widths)
    if len(model.widths) != len(model.encoder_blocks) or not model.widths:
        raise ConfigError("model.widths and encoder_blocks need one number a level")
    if model.image_size < 2 * multiple or model.image_size % multiple:
        raise ConfigError(f"model.image_size must be a multiple of {multiple}, or more")
    if len(model.latent_channels) != 1 or model.channels != 3:
        raise ConfigError("network look needs one latent_channels and 3 channels")


def stride(model: ModelConfig) -> int:
    """Returns the pixels between neighbours of the coarsest level."""
    return level_steps(model)[-1] if model.network == "ladder" else 1


def start_side(model: ModelConfig) -> int:
    """Returns the positions a side of the coarsest level that are its own, or 1."""
    return max(model.image_size // stride(model), 1)
