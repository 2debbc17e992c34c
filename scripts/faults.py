#!/usr/bin/env python3
"""The fault campaign: see scripts/faults, which runs this.

Each command is run undisturbed once. Then it is started with a fresh target, ended at
a random moment, and started again with the same words until it comes to its end; what
is there then must be what the undisturbed run made, and nothing else. After every
single end, what is visible must be whole already, and the photographs must be the same.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import faults_fork
import faults_kill as kill
from faults_commands import (
    Command,
    Copy,
    Encode,
    Enhance,
    Train,
    is_hidden,
    settings,
)
from faults_crowd import CROWD, Crowd, Pairs, together
from faults_files import checksums, make_photographs
from faults_report import report

FILES = 200
MODEL = Path(__file__).resolve().parent.parent / "tests/models/0.1.0"  # tiny
EARLY = 0.1  # seconds of processor time before which Python itself may be starting
# The signal can come before Python, or our command line, listens to it.
CODES = {
    "SIGKILL": {-9},
    "SIGTERM": {143, -15},
    "SIGINT": {130, -2, 1},
    kill.PIPE: {0, 1},
}


@dataclass(frozen=True)
class Moment:
    """One end of a process."""

    kind: str
    at: float  # part of the processor time of the undisturbed run
    code: int
    done: int  # files that were there
    after: float  # seconds until it ended
    temporary: int  # hidden files that it left
    has_traceback: bool


@dataclass
class Campaign:
    """What was done to one command, and what came of it."""

    command: str
    is_forked: bool = False
    files: int = 0  # of the undisturbed run
    cpu_seconds: float = 0.0
    moments: list[Moment] = field(default_factory=list)
    ends: int = 0  # runs that came to their end and were compared
    starts: int = 0
    problems: list[str] = field(default_factory=list)


def disturb(
    command: Command, place: Path, count: int, rng: random.Random, campaign: Campaign
) -> None:
    """Ends a command at so many moments.

    Args:
        command: what to start.
        place: a folder for its targets.
        count: how many processes are to be hit.
        rng: chooses moments.
        campaign: what comes of it.
    """
    log = place / "log"
    inputs = checksums(command.source)
    calm = _target(place, command, "calm")
    undisturbed = kill.run(
        command.words(calm), log, stream=command.stream, is_forked=campaign.is_forked
    )
    wanted = command.left(calm)
    campaign.files, campaign.cpu_seconds = len(wanted), undisturbed.cpu_seconds
    if undisturbed.code not in (0, 1) or not wanted or any(map(is_hidden, wanted)):
        campaign.problems.append(f"the undisturbed run failed: {undisturbed.words}")
        return
    while len(campaign.moments) < count:
        target = _target(place, command, f"round{campaign.ends}")
        left: dict[str, str] = {}
        while True:
            before = left
            end, moment, kind = _start(command, target, log, campaign, rng)
            left = command.left(target)
            campaign.problems += command.damage(left, wanted)
            if checksums(command.source) != inputs:
                campaign.problems.append("a photograph has changed")
            if not end.was_hit:
                break
            _note(campaign, kind, moment / campaign.cpu_seconds, end, before, left)
            is_done = left == wanted and end.code == undisturbed.code  # just in time
            if end.code not in CODES[kind] and not is_done:
                campaign.problems.append(f"exit code {end.code} after {kind}")
        campaign.ends += 1
        if left != wanted:
            names = {n for n in left.keys() | wanted if left.get(n) != wanted.get(n)}
            campaign.problems.append(f"in the end not the same: {sorted(names)[:5]}")
        codes = {undisturbed.code}
        if before == wanted and command.refuses_what_exists:
            codes = {2}
        if end.code not in codes:
            campaign.problems.append(f"exit code {end.code} in the end: {end.words}")
        shutil.rmtree(target.parent)


def _start(
    command: Command, target: Path, log: Path, campaign: Campaign, rng: random.Random
) -> tuple[kill.End, float, str]:
    """Starts it once more, to be ended at a moment, if it lives so long."""
    moment, kind = rng.random() * campaign.cpu_seconds, rng.choice(kill.KINDS)
    campaign.starts += 1
    end = kill.run(
        command.words(target),
        log,
        stream=command.stream,
        kind=kind,
        moment=moment,
        jitter=rng.random() * kill.JITTER,
        is_forked=campaign.is_forked,
    )
    return end, moment, kind


def _note(
    campaign: Campaign,
    kind: str,
    at: float,
    end: kill.End,
    before: dict[str, str],
    left: dict[str, str],
) -> None:
    """Keeps a moment, and what must not be after it."""
    temporary = sum(map(is_hidden, left))
    said = end.words + end.output.decode(errors="replace")
    moment = Moment(
        kind, at, end.code, len(left) - temporary, end.after, temporary,
        "Traceback" in said,
    )  # fmt: skip
    campaign.moments.append(moment)
    print(f"{campaign.command} {len(campaign.moments)}: {asdict(moment)}", flush=True)
    new = {name for name in left if is_hidden(name) and name not in before}
    if kind != "SIGKILL" and new:
        campaign.problems.append(f"{kind} left {sorted(new)}")
    if moment.has_traceback and end.cpu_seconds > EARLY:
        campaign.problems.append(f"a traceback after {kind}: {said[-500:]}")


def _target(place: Path, command: Command, name: str) -> Path:
    """Returns a target in a folder of its own, which holds nothing else."""
    folder = place / command.name.replace(" ", "") / name
    folder.mkdir(parents=True)
    return folder / "out"


def main() -> int:
    """Runs the campaigns that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("copy", "train", "enhance", "encode"):
        parser.add_argument(f"--{name}", type=int, default=50, metavar="MOMENTS")
    parser.add_argument("--files", type=int, default=FILES, metavar="PHOTOGRAPHS")
    parser.add_argument("--together", type=int, default=5, metavar="PAIRS")
    parser.add_argument("--crowd", type=int, default=CROWD, metavar="FILES")
    parser.add_argument(
        "--model", type=Path, default=MODEL, help="folder; for enhance and encode"
    )
    parser.add_argument("--network", choices=("ladder", "mlp"), default="ladder")
    parser.add_argument(
        "--forked", action="store_true", help="without the import of TensorFlow; quick"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path, help="a Markdown file to write")
    chosen = parser.parse_args()
    started, found = time.monotonic(), Found()
    # Half a campaign is a campaign: Ctrl-C reports what there is. In the background it
    # would be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt = contextlib.suppress(KeyboardInterrupt)
    with interrupt, tempfile.TemporaryDirectory(prefix="faults-") as name:
        _run(chosen, Path(name), found)
    text = report(
        found.campaigns,
        found.pairs,
        found.crowd,
        seconds=time.monotonic() - started,
        seed=chosen.seed,
    )
    print(text)
    if chosen.report is not None:
        chosen.report.write_text(text, encoding="utf-8")
    problems = [p for c in found.all() for p in c.problems]
    for problem, times in collections.Counter(problems).most_common():
        print(f"PROBLEM ({times}): {problem}", file=sys.stderr)
    return 1 if problems else 0


@dataclass
class Found:
    """Everything that has been done."""

    campaigns: list[Campaign] = field(default_factory=list)
    pairs: Pairs = field(default_factory=Pairs)
    crowd: Crowd = field(default_factory=Crowd)

    def all(self) -> list[Campaign | Pairs | Crowd]:
        """Returns all that may have problems."""
        return [*self.campaigns, self.pairs, self.crowd]


def _run(chosen: argparse.Namespace, place: Path, found: Found) -> None:
    source, toml = place / "in", place / "settings.toml"
    make_photographs(source, chosen.files, chosen.seed)
    toml.write_text(settings(chosen.network))
    model = chosen.model.resolve()
    commands = {
        "copy": Copy(source, model),
        "train": Train(source, toml),
        "enhance": Enhance(source, model),
        "encode": Encode(source, model),
    }
    found.crowd.run(place / "crowd", chosen.crowd)
    if chosen.forked:
        faults_fork.prepare()
    for name, command in commands.items():
        is_needed = name == "enhance" and chosen.together
        if not (getattr(chosen, name) or is_needed):
            continue
        rng = random.Random(f"{chosen.seed} {name}")
        found.campaigns.append(Campaign(command.name, chosen.forked))
        disturb(command, place, getattr(chosen, name), rng, found.campaigns[-1])
        if name == "enhance":
            calm = place / "enhance/calm/out"
            together(command, calm, chosen.together, chosen.seed, found.pairs)


if __name__ == "__main__":
    sys.exit(main())
