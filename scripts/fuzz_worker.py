"""One process of ``scripts/fuzz``: enhances file after file by the real code.

It is watched from outside, because what is looked for may end it. Its memory is
limited; what it writes to standard output or error is counted.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import sys
import time
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vaenhance import photo
from vaenhance.errors import PhotoError
from vaenhance.workflows.enhance import enhance_photos
from vaenhance.workflows.enhance_settings import EnhanceSettings
from vaenhance.workflows.jobs import Job

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What one file may take."""

    seconds: float = 10.0  # of processor time
    megabytes: int = 1024  # above what the process takes before it
    max_megapixels: float = 16.0


@dataclass(frozen=True)
class Verdict:
    """What became of one file; ``fault`` is empty unless something is wrong."""

    status: str  # enhanced | refused | crash | hang
    reason: str = ""
    fault: str = ""
    seconds: float = 0.0  # of processor time
    megabytes: float = 0.0  # at the peak, above what the process took before


def serve(pipe: Connection, folder: Path, model: str | None, limits: Limits) -> None:
    """Answers paths with verdicts until the pipe closes.

    Args:
        pipe: to the parent.
        folder: for results; anything that comes to be there is ours.
        model: folder of a model; None writes the pixels that were read.
        limits: of every file.
    """
    noise = silence(folder.parent / "noise.log")
    # Several of these run side by side.
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    network = None
    if model is not None:
        from vaenhance import load_model

        network = load_model(model, device="cpu", precision="float32")
    settings = EnhanceSettings(
        strength=1.0 if network else 0.0,
        max_megapixels=limits.max_megapixels,
        quality=90,  # so that nothing is copied, whatever the strength
    )
    limit_memory(4 * limits.megabytes)
    pipe.send("ready")
    with contextlib.suppress(EOFError):
        while True:
            source = Path(pipe.recv())
            pipe.send(
                _verdict(source, folder / "out", settings, network, noise, limits)
            )


def _verdict(
    source: Path,
    target: Path,
    settings: EnhanceSettings,
    network: Any,
    noise: Path,
    limits: Limits,
) -> Verdict:
    before, said = _fingerprint(source), noise.stat().st_size
    target.unlink(missing_ok=True)
    start_kb, started = peak(reset=True), time.process_time()
    with source.open("rb") as stream:  # what has no container of its own is a PNG
        container = "PNG" if stream.read(3) == b"GIF" else None
    job = Job(source, target, container)
    load = partial(_given, network)
    try:
        (result,) = enhance_photos([job], settings, load=load)
    except Exception as error:
        return Verdict("crash", fault=f"raised {type(error).__name__}: {error}")
    seconds = time.process_time() - started
    megabytes = (peak() - start_kb) / 1024
    sys.stderr.flush()
    reason = result.error or ""
    fault = _fault(result.status, reason, str(source), target, settings)
    if _fingerprint(source) != before:
        fault = "the input was changed"
    elif noise.stat().st_size > said:
        fault = f"noise: {noise.read_bytes()[said:][:200]!r}"
    elif megabytes > limits.megabytes:
        fault = f"took {megabytes:.0f} MB"
    elif len(list(target.parent.iterdir())) > 1 + target.exists():
        fault = "a temporary file stays"
    status = "enhanced" if result.status == "enhanced" else "refused"
    return Verdict(status, reason, fault, seconds, megabytes)


def _given(network: Any) -> Any:
    return network


def _fault(
    status: str, reason: str, source: str, target: Path, settings: EnhanceSettings
) -> str:
    """Tells what is wrong with a result that is no crash."""
    if status == "enhanced":
        try:
            again = photo.read_photo(target, max_megapixels=settings.max_megapixels)
        except PhotoError as error:
            return f"what was written cannot be read: {error}"
        return "" if again.pixels.size else "nothing was written"
    if target.exists():
        return "refused, and written"
    if not reason or "\n" in reason or len(reason) > 300:
        return f"not one line: {reason!r}"
    if reason.startswith("unexpected") or "Traceback" in reason:
        return f"a bug: {reason}"
    return f"names a path: {reason}" if str(target.parent) in reason else ""


def _fingerprint(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def silence(log: Path) -> Path:
    """Points standard output and error at a file, for C libraries as well."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    return log


def limit_memory(megabytes: int) -> None:
    """Lets the process grow by so much and no more."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + megabytes * MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def peak(reset: bool = False) -> int:
    """Returns the largest resident size since the last reset, in kB (Linux)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(text for text in status.splitlines() if text.startswith("VmHWM"))
    return int(line.split()[1])
