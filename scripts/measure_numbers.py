#!/usr/bin/env python3
"""Prints how far results move by what must not matter: precision, tiles, threads.

    python scripts/measure_numbers.py --model photo --side 512

The reference is float32, each photograph as a whole, on all cores. docs/trust.md has
what was measured. Photographs are those of samples/, a piece of the middle of each. For
developers.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import vaenhance
from vaenhance.photo import read_pixels

ROOT = Path(__file__).resolve().parent.parent
PRECISIONS = ("float16", "bfloat16")
TILES = (448, 480)  # 448: the smallest that running out of memory leads to
ALONE = """
import sys, numpy as np, vaenhance
model = vaenhance.load_model(sys.argv[1], device="cpu", precision="float32")
with np.load(sys.argv[2]) as given:
    found = {name: model.enhance(given[name], tile=0) for name in given.files}
np.savez(sys.argv[3], **found)
"""


def pictures(side: int) -> dict[str, np.ndarray]:
    """Returns (side, side, 3) of the middle of each photograph of samples/, 8 bits."""
    found = {}
    for path in sorted((ROOT / "samples").rglob("*.*g")):
        pixels = read_pixels(path)
        top, left = ((n - side) // 2 for n in pixels.shape[:2])
        if min(top, left) >= 0 and pixels.dtype == np.uint8 and pixels.shape[2] == 3:
            crop = pixels[top : top + side, left : left + side]
            name = path.relative_to(ROOT / "samples").as_posix()  # two are one rocket
            found[name.replace("/", " ")] = np.ascontiguousarray(crop)
    return found


def alone(model: str, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Enhances in another process, on one thread."""
    one = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")
    one["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "in.npz", Path(name) / "out.npz"
        np.savez(source, **given)
        words = [sys.executable, "-c", ALONE, model, str(source), str(target)]
        subprocess.run(words, check=True, env={**os.environ, **one})
        with np.load(target) as found:
            return {key: found[key] for key in found.files}


def row(label: str, found: dict[str, np.ndarray], exact: dict[str, np.ndarray]) -> str:
    """Returns a line of the table: what differs, in levels of 255."""
    far = [abs(found[key].astype(int) - exact[key].astype(int)) for key in exact]
    most = max(int(one.max()) for one in far)
    share = 100 * float(np.mean([(one > 0).mean() for one in far]))
    mean = max(float(one.mean()) for one in far)
    return f"| {label} | {most} | {mean:.4f} | {share:.2f} % |"


def main() -> None:
    """Measures and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--side", type=int, default=512, help="pixels of each piece")
    chosen = parser.parse_args()
    given = pictures(chosen.side)
    print(f"{len(given)} photographs, {chosen.side} x {chosen.side}, {chosen.model}\n")
    print("| what | at most | mean of the worst photograph | values that differ |")
    print("| --- | ---: | ---: | ---: |")
    model = vaenhance.load_model(chosen.model, device="cpu", precision="float32")
    exact = {key: model.enhance(image, tile=0) for key, image in given.items()}
    again = {key: model.enhance(image, tile=0) for key, image in given.items()}
    print(row("the same again", again, exact), flush=True)
    print(row("one thread", alone(chosen.model, given), exact), flush=True)
    for tile in TILES:
        tiled = {key: model.enhance(y, tile=tile) for key, y in given.items()}
        print(row(f"tiles of {tile}", tiled, exact), flush=True)
    for precision in PRECISIONS:
        half = vaenhance.load_model(chosen.model, device="cpu", precision=precision)
        found = {key: half.enhance(image, tile=0) for key, image in given.items()}
        print(row(precision, found, exact), flush=True)


if __name__ == "__main__":
    main()
