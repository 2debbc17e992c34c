"""Enhances thousands of damaged and hostile files; docs/trust.md has the report.

    scripts/fuzz --mutants 5000 --report fuzz.md

Mutant N of seed S is always the same. A few processes run the real code on one file
after the other (``fuzz_worker``); a file that crashes, hangs, takes too much memory,
prints, or is refused in more than one line is kept. Linux only.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scripts.fuzz_damage import mutations
from scripts.fuzz_folder import enhance_folder
from scripts.fuzz_hostile import all_hostile
from scripts.fuzz_report import Report
from scripts.fuzz_seeds import all_seeds
from scripts.fuzz_weights import serve_weights, weights_cases
from scripts.fuzz_worker import Limits, Verdict, serve
from vaenhance import checkpoint

Case = tuple[str, str, bytes]  # group, label, file
SPAWN = multiprocessing.get_context("spawn")


class Worker:
    """A process that can be lost: it is started again."""

    def __init__(
        self,
        folder: Path,
        model: str | None,
        limits: Limits,
        service: Callable[..., None] = serve,
    ) -> None:
        self.folder, self.model, self.limits = folder, model, limits
        self.service = service
        self.process: Any = None
        folder.mkdir(parents=True)

    def start(self) -> None:
        """Starts the process and waits until it is ready."""
        results = self.folder / "results"
        results.mkdir(exist_ok=True)
        self.pipe, theirs = SPAWN.Pipe()
        arguments = (theirs, results, self.model, self.limits)
        self.process = SPAWN.Process(target=self.service, args=arguments, daemon=True)
        self.process.start()
        theirs.close()
        self.pipe.recv()

    def judge(self, data: bytes) -> Verdict:
        """Returns what becomes of a file; a hang must happen twice."""
        source = self.folder / "file"
        source.write_bytes(data)
        verdict = self._judge(source)
        return self._judge(source) if verdict.status == "hang" else verdict

    def _judge(self, source: Path) -> Verdict:
        if self.process is None:
            self.start()
        self.pipe.send(str(source))
        try:
            if self._waits():
                return self.pipe.recv()
            status, fault = "hang", f"still at it after {self.limits.seconds:g} s"
            self.process.kill()
        except (EOFError, OSError):
            status, fault = "crash", ""
        self.process.join()
        fault = fault or f"the process ended with {self.process.exitcode}"
        self.process = None
        return Verdict(status, fault=fault, seconds=self.limits.seconds)

    def _waits(self) -> bool:
        """Waits for an answer; processor time counts, the machine may be busy."""
        started, used = time.monotonic(), processor_seconds(self.process.pid)
        while not self.pipe.poll(1.0):
            waited = time.monotonic() - started
            worked = processor_seconds(self.process.pid) - used
            if worked > self.limits.seconds or waited > 30 * self.limits.seconds:
                return False
        return True

    def stop(self) -> None:
        """Ends the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()


def processor_seconds(process: int) -> float:
    """Returns the processor time of a process so far (Linux)."""
    text = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def cases(count: int, seed: int = 0) -> Iterator[Case]:
    """Yields mutants, as many of each format and kind of damage as of the others."""
    seeds = all_seeds(seed)
    kinds = sorted({name.partition("/")[0] for name in seeds})
    wheel = [
        (kind, what, change)
        for kind in kinds
        for what, change in mutations(kind).items()
    ]
    for number in range(count):
        kind, what, change = wheel[number % len(wheel)]
        rng = np.random.default_rng([seed, number])
        names = [name for name in seeds if name.startswith(f"{kind}/")]
        name = names[int(rng.integers(len(names)))]
        others = list(seeds.values())
        mutant = change(rng, seeds[name], others)
        yield f"{kind}, {what}", f"{name}, mutant {number}", mutant


def hostile() -> Iterator[Case]:
    """Yields the files that were made to do harm."""
    for label, data in all_hostile():
        yield f"{label.partition(' ')[0]}, made by hand", label, data


def run(files: Iterable[Case], workers: list[Worker], kept: Path | None) -> Report:
    """Judges all files with all workers; keeps those that are at fault."""
    report, lock, waiting = Report(), threading.Lock(), iter(files)

    def work(worker: Worker) -> None:
        while True:
            with lock:
                case = next(waiting, None)
            if case is None:
                return
            group, label, data = case
            verdict = worker.judge(data)
            with lock:
                report.add(group, label, verdict)
                if verdict.fault:
                    print(f"{label}: {verdict.status} {verdict.fault}", flush=True)
                if verdict.fault and kept is not None:
                    kept.mkdir(parents=True, exist_ok=True)
                    name = "".join(c if c.isalnum() else "-" for c in label)
                    (kept / name).write_bytes(data)

    threads = [threading.Thread(target=work, args=[worker]) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        worker.stop()
    return report


def fuzz_weights(chosen: argparse.Namespace) -> int:
    """Loads damaged weights of a model instead; 1 where there is a fault."""
    model = chosen.model or str(checkpoint.find_model("digits"))
    files = weights_cases(Path(model), chosen.weights, chosen.seed)
    with tempfile.TemporaryDirectory(prefix="vaenhance-fuzz-") as folder:
        workers = [
            Worker(Path(folder) / str(i), model, Limits(), serve_weights)
            for i in range(chosen.workers)
        ]
        report = run(files, workers, chosen.keep)
    print(report.markdown())
    return 1 if report.faults else 0


def main() -> int:
    """Runs the campaign; 1 where there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--mutants", type=int, default=5000)
    add("--seed", type=int, default=0)
    add("--workers", type=int, default=2)
    add("--model", default=None, help="a model folder; default: pixels as they are")
    add("--no-hostile", action="store_true", help="leave out the hand-made files")
    add("--max-megapixels", type=float, default=16.0)
    add("--folder", type=int, default=400, help="of them also through the command")
    add("--weights", type=int, default=0, help="only so many mutants of its weights")
    add("--report", type=Path, help="write the tables there")
    add("--keep", type=Path, help="folder for the files that are at fault")
    chosen = parser.parse_args()
    if chosen.weights:
        return fuzz_weights(chosen)
    started = time.monotonic()
    limits = Limits(max_megapixels=chosen.max_megapixels)
    files = cases(chosen.mutants, chosen.seed)
    if not chosen.no_hostile:
        files = itertools.chain(hostile(), files)
    with tempfile.TemporaryDirectory(prefix="vaenhance-fuzz-") as folder:
        workers = [
            Worker(Path(folder) / str(i), chosen.model, limits)
            for i in range(chosen.workers)
        ]
        report = run(files, workers, chosen.keep)
        chosen_few = itertools.islice(cases(chosen.mutants, chosen.seed), chosen.folder)
        counts, wrong = enhance_folder(
            chosen_few, Path(folder) / "cli", chosen.model, chosen.max_megapixels
        )
    text = report.markdown() + f"\none command, {chosen.folder} files: {dict(counts)}\n"
    text += "".join(f"- one command: {fault}\n" for fault in wrong)
    if chosen.report:
        chosen.report.write_text(text, encoding="utf-8")
    print(text)
    print("reasons:", *report.reasons.most_common(40), sep="\n  ")
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if report.faults or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
