"""Where a training run is, and who is told of it. No TensorFlow, no printing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Observer(Protocol):
    """Who is told what happens."""

    def started(self, facts: Mapping[str, Any]) -> None:
        """Device, precision, weights, steps and part of the run behind us."""

    def stepped(self, record: Mapping[str, Any]) -> None:
        """A step is done; ``done`` is the part of the run behind us."""

    def saved(self, record: Mapping[str, Any]) -> None:
        """A checkpoint is on disk; validation PSNR where there is one."""

    def stopping(self) -> None:
        """A signal came: the run saves and stops."""

    def warned(self, line: str) -> None:
        """Something is wrong, but the run goes on."""


@dataclass
class Progress:
    """Where a run is; saved with every checkpoint."""

    step: int = 0  # steps done
    seconds: float = 0.0  # of training, over all sittings
    skipped: int = 0  # steps whose gradient was not finite
    init: str = ""  # name of the model whose weights were the start
    hours_before: float = 0.0  # of training that went into those weights
    # Models that teach: name, hours that went into them, weights_sha256.
    teachers: list[dict[str, Any]] = field(default_factory=list)
