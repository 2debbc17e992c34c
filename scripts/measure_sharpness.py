#!/usr/bin/env python3
"""Measures how sharp a model's reconstructions are, and how near to their images.

    python scripts/measure_sharpness.py flowers64/ base sharp --sheet sharp.png

Models that draw, of one size and training folder. The images that training held out
go to latents and back (the posterior mean); means over them of PSNR (dB) and SSIM, of
the gradient's size and of the energy of the finer half of the frequencies, both as a
part of the images' own: 1 is as sharp as the photograph, less is blurred. The sheet
has a row of images, then one of each model. One JSON object a model goes to standard
output. For developers.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.measure_samples import pixels_of
from vaenhance import api, checkpoint, metrics, photo, report
from vaenhance.data.dataset import open_dataset
from vaenhance.workflows.prepare import split

Pixels = NDArray[np.float32]
SHOWN = 12  # images in the sheet


def gradient(x: Pixels) -> Pixels:
    """Returns the mean size of the gradient of images (N, H, W, C), (N,)."""
    down, right = np.diff(x, axis=1)[:, :, :-1], np.diff(x, axis=2)[:, :-1]
    return np.sqrt(down**2 + right**2).mean(axis=(1, 2, 3))


def fine_energy(x: Pixels) -> Pixels:
    """Returns the energy above half of the Nyquist frequency, down or across, (N,)."""
    power = np.abs(np.fft.fft2(x, axes=(1, 2), norm="ortho")) ** 2
    down, right = (np.abs(np.fft.fftfreq(side)) > 0.25 for side in x.shape[1:3])
    is_fine = down[:, None] | right[None, :]
    return power[:, is_fine].mean(axis=(1, 2))


def measure(x: Pixels, found: Pixels) -> dict[str, float]:
    """Compares reconstructions with their images, both (N, H, W, C) in [0, 1]."""
    pairs = list(zip(x, found, strict=True))
    return {
        "images": len(x),
        "psnr": round(float(np.mean([metrics.psnr(*pair) for pair in pairs])), 3),
        "ssim": round(float(np.mean([metrics.ssim(*pair) for pair in pairs])), 4),
        "gradient": round(float(np.mean(gradient(found)) / np.mean(gradient(x))), 3),
        "fine_energy": round(
            float(fine_energy(found).mean() / fine_energy(x).mean()), 3
        ),
    }


def main(arguments: list[str] | None = None) -> int:
    """Prints one JSON object for each model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("images", type=Path, help="training images")
    parser.add_argument("models", nargs="+", help="built-in names or folders")
    parser.add_argument("--sheet", type=Path, help="PNG of the first images")
    options = parser.parse_args(arguments)
    config = checkpoint.load_config(checkpoint.find_model(options.models[0]))
    dataset, _ = open_dataset(options.images, 1)
    held_out = split(dataset, config)[1]
    x = pixels_of(held_out, config.model.image_size, config.model.channels)
    rows: list[Any] = [list(x[:SHOWN])]
    for name in options.models:
        found = np.clip(api.load_model(name, device="cpu").enhance(x), 0.0, 1.0)
        print(json.dumps({"model": name, **measure(x, found)}), flush=True)
        rows.append(list(found[:SHOWN]))
    if options.sheet:
        photo.save_png(report.sheet(rows), options.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
