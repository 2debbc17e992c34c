"""The report of scripts/faults.py, in Markdown. Decides nothing."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from typing import Any

import faults_kill as kill


def report(
    campaigns: Sequence[Any], pairs: Any, crowd: Any, *, seconds: float, seed: int
) -> str:
    """Returns the report.

    Args:
        campaigns: of faults.py.
        pairs: of faults_crowd.py.
        crowd: likewise.
        seconds: of everything.
        seed: of everything random.
    """
    kinds = " | ".join(kill.KINDS)
    lines = [
        f"| command | {kinds} | starts | ends compared | problems |",
        "| --- |" + " ---: |" * (len(kill.KINDS) + 3),
    ]
    for campaign in campaigns:
        hits = Counter(moment.kind for moment in campaign.moments)
        cells = " | ".join(str(hits[kind]) for kind in kill.KINDS)
        lines.append(
            f"| `{campaign.command}` | {cells} | {campaign.starts} | {campaign.ends} | "
            f"{len(campaign.problems)} |"
        )
    lines.append("")
    lines += [_words(campaign) for campaign in campaigns]
    if pairs.count:
        lines.append(
            f"- Two `enhance` at once on one folder: {pairs.count} pairs, of which "
            f"{pairs.killed} lost one by SIGKILL; {pairs.made} photographs made, "
            f"{pairs.shared} passed over because the other run had made them; "
            f"{len(pairs.problems)} problems."
        )
    if crowd.files:
        lines.append(
            f"- {crowd.files} files of one pixel, `--strength 0`: "
            f"{crowd.seconds:.0f} s, each one forced to the disk; "
            f"{len(crowd.problems)} problems."
        )
    lines.append(
        f"- Seed {seed}; {seconds / 60:.0f} minutes; Python "
        f"{platform.python_version()}, {platform.system()} {platform.release()}."
    )
    return "\n".join(lines) + "\n"


def _words(campaign: Any) -> str:
    moments = campaign.moments
    if not moments:
        return f"- `{campaign.command}`: no moment."
    partly = sum(m.done > 0 for m in moments)
    temporary = sum(m.temporary > 0 for m in moments)
    tracebacks = sum(m.has_traceback for m in moments)
    longest = (
        max(m.after for m in moments if m.kind != "SIGKILL")
        if any(m.kind != "SIGKILL" for m in moments)
        else 0.0
    )
    ats = sorted(m.at for m in moments)
    codes = Counter(f"{m.kind}: {m.code}" for m in moments)
    listed = ", ".join(f"{key} ({n})" for key, n in sorted(codes.items()))
    return (
        f"- `{campaign.command}` ({campaign.files} files to compare, "
        f"{campaign.cpu_seconds:.1f} s of processor time undisturbed): moments at "
        f"{100 * ats[0]:.0f} to {100 * ats[-1]:.0f} % of it, in {partly} of "
        f"{len(moments)} something was there already, after {temporary} a temporary "
        f"file lay there; the slowest took {longest:.1f} s to "
        f"end. Exit codes: {listed}. Python tracebacks, all before the command line "
        f"listens: {tracebacks}."
    )
