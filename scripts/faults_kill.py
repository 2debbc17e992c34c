"""Starts a command and ends it at a moment of its life. Linux only.

A moment is a part of the processor time of an undisturbed run, so that it means the
same on a machine that is busy. Not for judging what is left: faults_commands does.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from faults_fork import Fork

PIPE = "closed pipe"
KINDS = ("SIGKILL", "SIGTERM", "SIGINT", PIPE)
JITTER = 0.05  # seconds; waiting for the disk takes no processor time
PATIENCE = 900.0  # seconds until a process that was told to end is called hanging
_TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class End:
    """How one process ended."""

    code: int
    was_hit: bool  # it was alive when its moment came
    cpu_seconds: float
    seconds: float
    after: float  # seconds from the moment to the end
    output: bytes  # of the stream that is a pipe
    words: str  # of the other one


def run(
    words: list[str],
    log: Path,
    *,
    stream: str = "stdout",
    kind: str = "",
    moment: float | None = None,
    jitter: float = 0.0,
    is_forked: bool = False,
) -> End:
    """Runs a command and ends it once it has used so much processor time.

    Args:
        words: behind ``vaenhance``.
        log: takes the stream that is no pipe.
        stream: the one that is a pipe, ``stdout`` or ``stderr``.
        kind: one of ``KINDS``.
        moment: seconds of processor time; None lets it run.
        jitter: seconds to wait then.
        is_forked: from this process (``faults_fork``), instead of a new Python.
    """
    other = "stderr" if stream == "stdout" else "stdout"
    started = time.monotonic()
    with log.open("wb") as words_of_other:
        process = (
            Fork(words, stream, words_of_other)
            if is_forked
            else subprocess.Popen(
                [sys.executable, "-m", "vaenhance", *words],
                stdin=subprocess.DEVNULL,
                preexec_fn=_heed_ctrl_c,
                **{stream: subprocess.PIPE, other: words_of_other},
            )
        )
    pipe: IO[bytes] = getattr(process, stream)
    collected = bytearray()
    try:
        is_over, used = _follow(process.pid, pipe, collected, moment)
        was_hit, told = False, time.monotonic()
        if not is_over:
            time.sleep(jitter)
            told = time.monotonic()
            was_hit = _is_alive(process.pid)
            if kind == PIPE:
                pipe.close()
            else:
                os.kill(process.pid, getattr(signal, kind))
                collected += pipe.read()
        used = max(used, _wait(process))
    except BaseException:
        process.kill()
        raise
    pipe.close()
    ended = time.monotonic()
    return End(
        process.returncode,
        was_hit,
        used,
        ended - started,
        ended - told,
        bytes(collected),
        log.read_text(encoding="utf-8", errors="replace"),
    )


def _heed_ctrl_c() -> None:
    # A campaign in the background has Ctrl-C ignored, and its children would, too.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _follow(
    pid: int, pipe: IO[bytes], collected: bytearray, moment: float | None
) -> tuple[bool, float]:
    """Reads the pipe until the moment or its end; tells which, and the time used."""
    used = 0.0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while moment is None or used < moment:
            if selector.select(timeout=0.01):
                data = os.read(pipe.fileno(), 1 << 16)
                if not data:
                    return True, used
                collected += data
            used = max(used, _cpu_seconds(pid))
    return False, used


def _cpu_seconds(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * _TICK


def _is_alive(pid: int) -> bool:
    """Looks at a process without taking its end, which ``_wait`` is to get."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, options) is None


def _wait(process: subprocess.Popen[bytes] | Fork) -> float:
    """Waits for the end; returns the processor time of the whole life.

    Raises:
        TimeoutError: it does not end.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise TimeoutError(f"process {process.pid} hung and was killed")
        time.sleep(0.005)
