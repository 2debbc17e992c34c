"""Measure light and style beside what OpenCV and Pillow have; Markdown tables.

    python scripts/measure_look.py light photos12/ set14/ > light.md
    python scripts/measure_look.py style photos12/ > style.md
    python scripts/measure_look.py harm photos12/

`light` spoils photographs, one kind of change at a time and all mixed, and measures
what every method brings back: PSNR in dB, SSIM, mean CIEDE2000; `--draws 4` spoils
each photograph four times, which leaves less to chance. `style` gives each photograph
the look of the next one. `harm` is the mean absolute change of good photographs. Seeded
by the name of the image; gray images are left out. Needs the extra `benchmark`.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from vaenhance import color, load_look, load_model, metrics, photo
from vaenhance.config import LookConfig
from vaenhance.data.discover import find_images
from vaenhance.data.light import KINDS, Change, changed, draw_change
from vaenhance.errors import PhotoError

Pixels = np.ndarray  # (H, W, 3) uint8
Method = Callable[[Pixels], Pixels]

STOPS, NOISE = -3.0, 1e-3  # of low light: variance of the shot noise of white
MIXED = "all mixed"


# === Methods ===


def clahe(image: Pixels) -> Pixels:
    """OpenCV's CLAHE on L* of CIELAB, clip limit 2, 8 × 8 tiles."""
    import cv2

    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def gamma(image: Pixels) -> Pixels:
    """OpenCV's LUT with the power that brings the mean to one half."""
    import cv2

    mean = np.clip(image.mean() / 255, 0.01, 0.99)
    table = (np.arange(256) / 255) ** (np.log(0.5) / np.log(mean))
    return cv2.LUT(image, np.rint(255 * table).astype(np.uint8))


def equalize(image: Pixels) -> Pixels:
    """Pillow's histogram equalisation of each colour."""
    return np.asarray(ImageOps.equalize(Image.fromarray(image)))


def autocontrast(image: Pixels) -> Pixels:
    """Pillow's stretch of each colour to black and white."""
    return np.asarray(ImageOps.autocontrast(Image.fromarray(image)))


def filters(threads: int = 2) -> dict[str, Method]:
    """Returns what there is without a model."""
    import cv2

    cv2.setNumThreads(threads)
    return {
        "input": lambda image: image,
        "OpenCV CLAHE": clahe,
        "OpenCV gamma": gamma,
        "Pillow equalize": equalize,
        "Pillow autocontrast": autocontrast,
    }


def in_16_bits(image: Pixels) -> Pixels:
    """Returns 8-bit pixels with 16 bits."""
    return image.astype(np.uint16) * np.uint16(257)


def models(name: str, with_photo: bool) -> dict[str, Method]:
    """Returns --light alone, and with the photo model behind and before it."""
    look = load_look(name, device="cpu")
    found: dict[str, Method] = {"--strength 0 --light": look.enhance}
    if not with_photo:
        return found
    network = load_model("photo", device="cpu")

    def behind(image: Pixels) -> Pixels:
        return photo.to_eight_bits(network.enhance(look.enhance(in_16_bits(image))))

    def before(image: Pixels) -> Pixels:
        return photo.to_eight_bits(look.enhance(network.enhance(in_16_bits(image))))

    return {**found, "--light": behind, "photo model first": before}


# === Light ===


def spoilt(x: Pixels, kind: str, name: str, draw: int = 0) -> Pixels:
    """Changes a photograph as its name, the kind and the draw decide, in 8 bits."""
    seed = f"{kind}/{name}/{draw}" if draw else f"{kind}/{name}"
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    config = LookConfig()
    if kind == "low_light":
        change = Change(stops=STOPS, noise=NOISE)
    elif kind == MIXED:
        noise = dataclasses.replace(config, single=0.0, noise=(0.0, NOISE))
        change = draw_change(noise, rng)
    else:
        change = draw_change(config, rng, (kind,))
    y = changed(x.astype(np.float32) / np.float32(255), change, rng)
    return np.rint(255 * y).astype(np.uint8)


def scores(x: Pixels, estimate: Pixels) -> tuple[float, float, float]:
    """Returns PSNR in dB (of equal images 60), SSIM, mean CIEDE2000.

    The last is of every second pixel of every second row: most of the time of a
    table, and the same within two parts in a thousand.
    """
    a, b = (image.astype(np.float32) / np.float32(255) for image in (x, estimate))
    few = (color.to_lab(image[::2, ::2]) for image in (a, b))
    psnr = min(metrics.psnr(a, b), 60.0)
    return psnr, metrics.ssim(a, b), float(color.ciede2000(*few).mean())


def light_rows(
    images: Sequence[Path],
    methods: dict[str, Method],
    kinds: Sequence[str],
    draws: int = 1,
) -> Iterator[dict[str, Any]]:
    """Yields the mean scores of each kind and method, plain data."""
    for kind in kinds:
        found: dict[str, list[tuple[float, float, float]]] = {m: [] for m in methods}
        for path, draw in itertools.product(images, range(draws)):
            x = photo.read_pixels(path)
            y = spoilt(x, kind, path.name, draw)
            for name, method in methods.items():
                found[name].append(scores(x, method(y)))
        for name, values in found.items():
            means = np.mean(values, axis=0).tolist()
            scored = dict(zip(("psnr", "ssim", "ciede2000"), means, strict=True))
            yield {"change": kind, "method": name, **scored}


def measure_light(
    rows: Iterator[dict[str, Any]], images: int, as_json: bool
) -> list[str]:
    """Returns a line for each kind and method: a table, or JSON."""
    lines = [
        "| change | method | PSNR | SSIM | CIEDE2000 |",
        "| --- | --- " + "| ---: " * 3 + "|",
    ]
    plain = []
    for row in rows:
        plain.append(json.dumps({**row, "images": images}))
        lines.append(
            f"| {row['change']} | {row['method']} | {row['psnr']:.2f} | "
            f"{row['ssim']:.4f} | {row['ciede2000']:.2f} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    return plain if as_json else lines


# === Style ===


def statistics(image: Pixels) -> np.ndarray:
    """Returns means and standard deviations of L*, a*, b*."""
    lab = color.to_lab(image / 255).reshape(-1, 3)
    return np.concatenate([lab.mean(axis=0), lab.std(axis=0)])


def structure(image: Pixels) -> np.ndarray:
    """Returns the gradient of L*, (H, W), scaled to a mean of 1/4."""
    lightness = color.to_lab(image / 255)[..., 0]
    size = np.hypot(*np.gradient(lightness))
    return size / max(4 * float(size.mean()), 1e-6)


def reinhard(image: Pixels, reference: Pixels) -> Pixels:
    """Gives L*, a*, b* the reference's means and deviations (Reinhard et al. 2001)."""
    lab, wanted = color.to_lab(image / 255), color.to_lab(reference / 255)
    axes = (0, 1)
    scaled = (lab - lab.mean(axes)) / np.maximum(lab.std(axes), 1e-6)
    result = color.from_lab(scaled * wanted.std(axes) + wanted.mean(axes))
    return np.rint(255 * np.clip(result, 0, 1)).astype(np.uint8)


def measure_style(images: Sequence[Path], model: str) -> list[str]:
    """Returns a table of what is left of the distance, and of the structure."""
    look = load_look(model, device="cpu")
    methods = {
        "Reinhard": reinhard,
        "--style": lambda image, reference: look.enhance(image, look.style(reference)),
        "its look alone": lambda image, reference: look.enhance(
            image, look.encode(reference)
        ),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    pixels = [photo.read_pixels(path) for path in images]
    for image, reference in zip(pixels, [*pixels[1:], pixels[0]], strict=True):
        wanted, kept = statistics(reference), structure(image)
        before = np.linalg.norm(statistics(image) - wanted)
        for name, method in methods.items():
            result = method(image, reference)
            after = np.linalg.norm(statistics(result) - wanted)
            found[name].append((after / before, metrics.ssim(kept, structure(result))))
    lines = [
        "| method | distance falls by | SSIM of gradients |",
        "| --- | ---: | ---: |",
    ]
    for name, values in found.items():
        left, kept = np.mean(values, axis=0)
        lines.append(f"| {name} | {100 * (1 - left):.1f} % | {kept:.4f} |")
    return lines


def measure_harm(images: Sequence[Path], model: str) -> list[str]:
    """Returns the mean absolute change of each photograph, of 255."""
    look = load_look(model, device="cpu")
    lines = ["| photograph | mean change of 255 |", "| --- | ---: |"]
    values = []
    for path in images:
        x = photo.read_pixels(path)
        values.append(np.abs(look.enhance(x).astype(float) - x).mean())
        lines.append(f"| {path.stem} | {values[-1]:.2f} |")
    return [*lines, f"| mean | {np.mean(values):.2f} |"]


def colour_images(folders: Sequence[Path], limit: int | None) -> list[Path]:
    """Returns the images that are not gray, of each folder the first so many.

    Those that cannot be read are named on standard error, and left out.
    """
    found = []
    for folder in folders:
        own = []
        for path in find_images(folder):
            try:
                pixels = photo.read_pixels(path)
            except PhotoError as error:
                print(f"{path}: {error}; left out", file=sys.stderr)
                continue
            if pixels.shape[2] == 3 and np.ptp(pixels.astype(int), axis=2).max() > 8:
                own.append(path)
        found += own[:limit]
    return found


def main() -> None:
    """Reads the arguments and writes a table to standard output."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["light", "style", "harm"])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model", default="look", help="name or folder")
    parser.add_argument("--limit", type=int, help="images of each folder")
    kinds = (*KINDS, MIXED)
    parser.add_argument(
        "--kinds",
        nargs="+",
        default=kinds,
        choices=kinds,
        metavar="KIND",
        help="light: of change (default: all)",
    )
    parser.add_argument(
        "--draws", type=int, default=1, metavar="N", help="light: of each (default: 1)"
    )
    parser.add_argument(
        "--photo", action="store_true", help="light: also with the photo model"
    )
    parser.add_argument(
        "--json", action="store_true", help="light: rows for scripts/model_card.py"
    )
    given: Any = parser.parse_args()
    images = colour_images(given.folders, given.limit)
    if given.what == "light":
        methods = {**filters(), **models(given.model, given.photo)}
        rows = light_rows(images, methods, given.kinds, given.draws)
        lines = measure_light(rows, len(images), given.json)
    elif given.what == "style":
        lines = measure_style(images, given.model)
    else:
        lines = measure_harm(images, given.model)
    if not given.json:
        print(f"{len(images)} images\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
