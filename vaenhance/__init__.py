"""vaenhance enhances photographs with variational autoencoders.

The Python interface is ``load_model``, ``builtin_models``, ``load_look``, what they
return, and the classes for files of latents. They are looked up when first used:
importing this package does not import TensorFlow, so the command line answers at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

__version__ = "0.1.0"
__all__ = [
    "Entry",
    "LatentReader",
    "LatentWriter",
    "Latents",
    "LookModel",
    "Model",
    "TiledLatents",
    "__version__",
    "builtin_models",
    "load_look",
    "load_model",
]


def __getattr__(name: str) -> Any:
    if name in ("LookModel", "load_look"):
        from vaenhance import api_look

        return getattr(api_look, name)
    if name in __all__:
        from vaenhance import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
