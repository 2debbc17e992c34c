"""What became of each photograph, and the count of it all.

Small records without pixels, so that a run over a million images stays flat in
memory. Not for printing: ``Tally`` makes the sentences, the command says them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

Status = Literal["enhanced", "encoded", "decoded", "skipped", "failed", "planned"]


@dataclass(frozen=True)
class Result:
    """One photograph at the end of its way."""

    source: str
    target: str
    status: Status
    width: int | None = None  # pixels, upright
    height: int | None = None
    format: str | None = None  # the container written
    seconds: float | None = None  # reading, computing and writing together
    error: str | None = None  # the reason alone
    companions: tuple[str, ...] = ()  # files beside the target, there now
    uncertainty: float | None = None  # root mean square of sigma, 0-255 scale
    trace: str | None = None  # traceback, as text: a live one would hold the pixels

    def as_json(self) -> dict[str, Any]:
        """Returns the record for ``--json``: always all keys, null where unknown."""
        return {
            "source": self.source,
            "target": self.target,
            "status": self.status,
            "width": self.width,
            "height": self.height,
            "format": self.format,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "error": self.error,
            "companions": list(self.companions),
            "uncertainty": (
                None if self.uncertainty is None else round(self.uncertainty, 3)
            ),
        }


@dataclass
class Tally:
    """Counts results, keeps the failures, knows the exit code.

    Args:
        total: how many photographs the run was to look at.
        deed: what is done to them, e.g. ``enhanced``.
    """

    total: int
    deed: str = "enhanced"
    made: int = 0
    skipped: int = 0
    failures: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Counts one more."""
        if result.status == "failed":
            # Of a million failures nobody reads a traceback again.
            self.failures.append(replace(result, trace=None))
        elif result.status == "skipped":
            self.skipped += 1
        else:
            self.made += 1

    @property
    def done(self) -> int:
        """Returns how many have come to an end, whichever."""
        return self.made + self.skipped + len(self.failures)

    @property
    def exit_code(self) -> int:
        """Returns 0 when everything asked for exists now, 1 after any failure."""
        return 1 if self.failures else 0

    def sentence(self) -> str:
        """Returns the summary, e.g. ``118 enhanced, 12 skipped, 1 failed``."""
        parts = [f"{self.made} {self.deed}"]
        if self.skipped:
            parts.append(f"{self.skipped} skipped")
        if self.failures:
            parts.append(f"{len(self.failures)} failed")
        if self.done < self.total:
            parts.append(f"{self.total - self.done} not tried")
        return ", ".join(parts) + "."
