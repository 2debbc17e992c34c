#!/usr/bin/env python3
"""Prints memory and open files of a long run as it goes on: neither may grow.

    python scripts/measure_growth.py enhance --files 1000
    python scripts/measure_growth.py enhance --files 1000 --any-size
    python scripts/measure_growth.py train --steps 2000

The run is a process of its own, watched from outside. Linux only; for developers.
docs/trust.md has the figures; scripts/measure_memory.py measures the peak by size.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faults_commands import STEPS, settings
from faults_files import make_photographs

from vaenhance import photo

ROWS = 10  # of the table
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Sample:
    """What the system says of a process."""

    done: int
    megabytes: float  # resident
    files: int  # open, pipes and sockets included


def sample(pid: int, done: int) -> Sample:
    """Looks at a living process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    count = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Sample(done, pages * _PAGE / 1e6, count)


def watch(words: list[str], total: int, *, is_log: bool) -> Iterator[Sample]:
    """Runs a command; looks at it whenever another tenth is done.

    Args:
        words: behind ``vaenhance``.
        total: photographs or steps.
        is_log: progress is read from the words on stderr (``-v``); else from the
            lines of ``--json``.
    """
    stream = "stderr" if is_log else "stdout"
    process = subprocess.Popen(
        [sys.executable, "-m", "vaenhance", *words],
        text=True,
        **{stream: subprocess.PIPE},
    )
    done, due = 0, 1
    for line in getattr(process, stream):
        if is_log and not line.startswith("saved at step "):
            continue
        done = int(line.split()[3].rstrip(",")) if is_log else done + 1
        if done * ROWS >= due * total and process.poll() is None and done < total:
            yield sample(process.pid, done)
            due = done * ROWS // total + 1
    if process.wait() not in (0, 1):  # some photographs are broken
        raise subprocess.CalledProcessError(process.returncode, words)


def make_sizes(folder: Path, count: int) -> None:
    """Writes photographs of which hardly two have the same size."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for index in range(count):
        height, width = rng.integers(16, 160, 2)
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        photo.save_png(pixels, folder / f"{index:05}.png")


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["enhance", "train"])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--any-size", action="store_true", help="hardly two the same")
    parser.add_argument("--model", default="photo")
    chosen = parser.parse_args()
    is_train = chosen.command == "train"
    total = chosen.steps if is_train else chosen.files
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        source, target = place / "in", place / "out"
        if chosen.any_size and not is_train:
            make_sizes(source, chosen.files)
        else:
            make_photographs(source, 200 if is_train else chosen.files, 0)
        if is_train:
            toml = settings("ladder").replace(
                f"steps = {STEPS}\n", f"steps = {total}\n"
            )
            toml = toml.replace("steps = 10", f"steps = {max(total // 20, 1)}")
            (place / "c.toml").write_text(toml)
            words = ["train", source, target, "--config", place / "c.toml", "-v"]
        else:
            words = ["enhance", source, target, "-m", chosen.model, "--json", "-q"]
        print("  done  resident MB  open files")
        samples = []
        for seen in watch([str(word) for word in words], total, is_log=is_train):
            print(f"{seen.done:6} {seen.megabytes:12.1f} {seen.files:11}", flush=True)
            samples.append(seen)
    first, last = samples[0], samples[-1]
    growth = 100 * (last.megabytes / first.megabytes - 1)
    print(f"from {first.done} to {last.done}: {growth:+.1f} %")


if __name__ == "__main__":
    main()
