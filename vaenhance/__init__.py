"""vaenhance enhances photographs with variational autoencoders.

The Python interface is ``load_model``, ``builtin_models``, ``load_look``, what they
return, and the classes of what that takes and gives. They are looked up when first
used: importing this package does not import TensorFlow, so the command line answers at
once.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = (
    False  # for type checkers; ``typing`` is slow, and this is ahead of everything
)
if TYPE_CHECKING:
    from typing import Any

    from vaenhance.api import (
        Entry,
        LatentReader,
        Latents,
        LatentWriter,
        Model,
        TiledLatents,
        builtin_models,
        load_model,
    )
    from vaenhance.api_look import LookModel, load_look
    from vaenhance.api_score import Score
    from vaenhance.api_uncertainty import Assessed, keep_uncertain

__version__ = "0.1.0"
__all__ = [
    "Assessed",
    "Entry",
    "LatentReader",
    "LatentWriter",
    "Latents",
    "LookModel",
    "Model",
    "Score",
    "TiledLatents",
    "__version__",
    "builtin_models",
    "keep_uncertain",
    "load_look",
    "load_model",
]
# Of the names above those that are not in ``api``.
_ELSEWHERE = {
    "Assessed": "api_uncertainty",
    "LookModel": "api_look",
    "Score": "api_score",
    "keep_uncertain": "api_uncertainty",
    "load_look": "api_look",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        module = f"{__name__}.{_ELSEWHERE.get(name, 'api')}"
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
