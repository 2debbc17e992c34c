"""Two runs on one folder at once, and one run over very many files.

Both are for scripts/faults.py; a suite of tests has no time for them.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import faults_kill as kill
from faults_commands import Enhance, is_hidden
from faults_files import checksums

from vaenhance import photo

CROWD = 10_000


@dataclass
class Pairs:
    """What came of runs at the same time."""

    count: int = 0
    killed: int = 0
    made: int = 0  # files, by both
    shared: int = 0  # files that one passed over because the other had made them
    problems: list[str] = field(default_factory=list)


def together(command: Enhance, calm: Path, count: int, seed: int, pairs: Pairs) -> None:
    """Runs a command twice at once, so many times; every second time one is killed.

    Args:
        command: to start.
        calm: what an undisturbed run has made.
        count: pairs.
        seed: of the moments.
        pairs: what comes of it.
    """
    rng = random.Random(f"{seed} together")
    inputs, wanted = checksums(command.source), checksums(calm) if count else {}
    for number in range(count):
        target = calm.parent.parent / f"pair{number}" / "out"
        target.parent.mkdir(parents=True)
        words = [sys.executable, "-m", "vaenhance", *command.words(target)]
        both = [
            subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            for _ in range(2)
        ]
        if number % 2:
            while not target.exists() and both[0].poll() is None:
                time.sleep(0.01)
            time.sleep(rng.random() * 2)
            pairs.killed += both[0].poll() is None
            both[0].kill()
        for process in both:
            for line in process.communicate()[0].splitlines():
                status = _status(line)
                pairs.made += status == "enhanced"
                pairs.shared += status == "skipped"
        codes = [process.returncode for process in both]
        if codes[1] != 1 or codes[0] not in (1, -9):  # some files are broken
            pairs.problems.append(f"exit codes {codes} of two runs at once")
        left = checksums(target)
        # What the killed one left is the next run's to remove.
        left = {n: c for n, c in left.items() if not (codes[0] == -9 and is_hidden(n))}
        if left != wanted or checksums(command.source) != inputs:
            pairs.problems.append("two runs at once did not make the same files")
        pairs.count += 1
        shutil.rmtree(target.parent)


def _status(line: str) -> str:
    try:
        return json.loads(line)["status"]
    except ValueError:  # a killed process may leave half a line
        return ""


@dataclass
class Crowd:
    """A run over very many files of one pixel, without a model."""

    files: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def run(self, place: Path, count: int) -> None:
        """Makes so many files, copies them twice by the command line, and looks."""
        if not count:
            return
        self.files = count
        source, target = place / "in", place / "out"
        for index in range(self.files):
            path = source / f"{index // 1000}" / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_pixel(index))
        words = ["enhance", str(source), str(target), "--strength", "0", "-q"]
        end = kill.run(words, place / "log")
        self.seconds = end.seconds
        if end.code or checksums(source) != checksums(target):
            self.problems.append(f"{self.files} files were not copied: {end.words}")
        again = kill.run([*words, "--json"], place / "log")
        statuses = {_status(line) for line in again.output.decode().splitlines()}
        if again.code or statuses != {"skipped"}:
            self.problems.append(f"{self.files} files were not passed over")


def _pixel(index: int) -> bytes:
    import numpy as np

    pixels = np.full((1, 1, 3), index % 256, np.uint8)
    empty = photo.Photo(pixels, None, False, "PNG", photo.Metadata())
    return photo.encode_photo(empty, pixels)
