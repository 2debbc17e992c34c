#!/usr/bin/env python3
"""Prints how much memory `vaenhance enhance` takes at its peak, by size and format.

    python scripts/measure_memory.py 12 100 --formats jpeg png

Every run is a process of its own, so that its peak is the whole story: TensorFlow,
decoder, tiles and encoder. Pictures are drawn in another one: Linux counts the peak
of the process that starts a program as the program's. Linux and macOS only. For
developers; 100 megapixels take minutes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from vaenhance import photo

ROOT = Path(__file__).resolve().parent.parent
STRIP = 256  # rows drawn at a time


def draw(megapixels: float, sixteen_bit: bool) -> np.ndarray:
    """Returns a 3:2 picture without noise: gradients, and waves as texture."""
    height = max(1, round((megapixels * 1e6 / 1.5) ** 0.5))
    width = max(1, round(megapixels * 1e6 / height))
    dtype = np.uint16 if sixteen_bit else np.uint8
    out = np.empty((height, width, 3), dtype)
    x = np.arange(width, dtype=np.float32)
    for top in range(0, height, STRIP):
        y = np.arange(top, min(top + STRIP, height), dtype=np.float32)[:, None]
        waves = 0.15 * np.sin(x / 3 + y / 40) * np.sin(y / 5 - x / 60)
        for channel, tilt in enumerate((0.0, 0.5, 1.0)):
            slope = tilt * x / width + (1 - tilt) * y / height
            values = np.clip(0.2 + 0.6 * slope + waves, 0, 1)
            out[top : top + STRIP, :, channel] = values * np.iinfo(dtype).max
    return out


def write(path: Path, megapixels: float, name: str, sixteen_bit: bool) -> None:
    """Writes one picture in a format."""
    pixels = draw(megapixels, sixteen_bit)
    empty = photo.Photo(pixels, None, False, name, photo.Metadata())
    path.write_bytes(photo.encode_photo(empty, pixels))


def write_elsewhere(path: Path, *what: object) -> None:
    """Does the same in a process that takes its memory along when it ends.

    Raises:
        ChildProcessError: it failed; its traceback is on stderr.
    """
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=write, args=(path, *what))
    process.start()
    process.join()
    if process.exitcode:
        raise ChildProcessError(f"{path.name} could not be drawn")


def measure(source: Path, options: list[str]) -> tuple[float, float]:
    """Enhances a picture; returns the peak in GB and the seconds.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    target = source.with_name("enhanced" + source.suffix)
    words = [sys.executable, "-m", "vaenhance", "enhance", "--quiet", "--overwrite"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    process = subprocess.Popen(
        [*words, *options, str(source), str(target)], env=environment
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, KiB here
    return usage.ru_maxrss * unit / 1e9, seconds


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(
        description="Peak memory of vaenhance enhance. Words it does not know are "
        "passed on, e.g. --tile 512 --precision float32."
    )
    parser.add_argument("megapixels", type=float, nargs="+")
    parser.add_argument("--formats", nargs="+", default=["jpeg"], metavar="NAME")
    parser.add_argument("--sixteen-bit", action="store_true", help="PNG and TIFF only")
    chosen, options = parser.parse_known_args()
    print("format  megapixels  peak GB  seconds")
    for name in (name.upper() for name in chosen.formats):
        for megapixels in chosen.megapixels:
            with tempfile.TemporaryDirectory() as folder:
                source = Path(folder) / f"{megapixels:g}{photo.WRITABLE[name]}"
                write_elsewhere(source, megapixels, name, chosen.sixteen_bit)
                peak, seconds = measure(source, options)
            print(
                f"{name:6}  {megapixels:10g}  {peak:7.2f}  {seconds:7.0f}", flush=True
            )


if __name__ == "__main__":
    main()
