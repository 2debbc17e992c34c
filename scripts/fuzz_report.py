"""Counts of what became of the files of ``scripts/fuzz``, and tables of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from scripts.fuzz_worker import Verdict


@dataclass
class Tally:
    """Counts of one group of files."""

    counts: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    largest: float = 0.0  # MB

    def add(self, verdict: Verdict) -> None:
        """Counts one more."""
        self.counts[verdict.status] += 1
        self.counts["faults"] += bool(verdict.fault)
        self.slowest = max(self.slowest, verdict.seconds)
        self.largest = max(self.largest, verdict.megabytes)


@dataclass
class Report:
    """What is known of all files so far."""

    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    damages: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    faults: list[tuple[str, str, Verdict]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, group: str, label: str, verdict: Verdict) -> None:
        """Counts one file."""
        kind, _, damage = group.partition(", ")
        self.tallies[kind].add(verdict)
        self.damages[damage].add(verdict)
        self.reasons[verdict.reason.partition(":")[0]] += verdict.status == "refused"
        if verdict.fault:
            self.faults.append((group, label, verdict))

    def markdown(self) -> str:
        """Returns a table by format and one by damage, and what was at fault."""
        lines = [*_table("format", self.tallies), "", *_table("damage", self.damages)]
        faults = [f"- {g}, {n}: {v.status} {v.fault}" for g, n, v in self.faults]
        return "\n".join((*lines, "", *faults)) + "\n"


def _table(first: str, tallies: dict[str, Tally]) -> list[str]:
    head = ("files", "enhanced", "refused", "faults", "slowest, s", "most memory, MB")
    lines = [f"| {first} | {' | '.join(head)} |", "| --- " * 7 + "|"]
    total = Tally()
    for name, tally in sorted(tallies.items()):
        lines.append(_row(name, tally))
        total.counts.update(tally.counts)
        total.slowest = max(total.slowest, tally.slowest)
        total.largest = max(total.largest, tally.largest)
    return [*lines, _row("all", total)]


def _row(group: str, tally: Tally) -> str:
    counts = tally.counts
    files = sum(counts[name] for name in ("enhanced", "refused", "crash", "hang"))
    numbers = (files, counts["enhanced"], counts["refused"], counts["faults"])
    cells = [f"{n:,}" for n in numbers]
    return (
        f"| {group} | {' | '.join(cells)} | {tally.slowest:.1f} | {tally.largest:.0f} |"
    )
