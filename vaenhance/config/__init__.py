"""Every setting of a run: its schema, limits, presets and TOML form."""

from vaenhance.config.adversarial import AdversarialConfig
from vaenhance.config.checks import check_run
from vaenhance.config.cropping import can_fit, fit_crop, with_crop
from vaenhance.config.degradation import DegradationConfig
from vaenhance.config.look import LookConfig
from vaenhance.config.plain import from_dict, load_toml, to_dict, to_toml
from vaenhance.config.presets import PRESETS, named_preset
from vaenhance.config.schema import (
    SCHEMA_VERSION,
    CardConfig,
    Config,
    DataConfig,
    ModelConfig,
    ObjectiveConfig,
    TrainingConfig,
    level_steps,
    section_types,
    start_side,
    stride,
    validate,
)

__all__ = [
    "PRESETS",
    "SCHEMA_VERSION",
    "AdversarialConfig",
    "CardConfig",
    "Config",
    "DataConfig",
    "DegradationConfig",
    "LookConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "TrainingConfig",
    "can_fit",
    "check_run",
    "fit_crop",
    "from_dict",
    "level_steps",
    "load_toml",
    "named_preset",
    "section_types",
    "start_side",
    "stride",
    "to_dict",
    "to_toml",
    "validate",
    "with_crop",
]
