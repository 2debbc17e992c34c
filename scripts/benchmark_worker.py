"""Measures one method for scripts/benchmark.py, in a process of its own.

A job (JSON) comes in on stdin, the figures (JSON) go out on stdout. The process
holds nothing but the method, so its time and its peak memory are the method's.
Not for comparing, and not for calling by hand: benchmark.py does both. Noise,
seeds and metrics are those of `vaenhance evaluate`, none are written here.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

Pixels = np.ndarray
Settings = dict[str, Any]

TUNING_SIDE = 160  # pixels a side of what each photograph gives to the tuning
USUAL_NOISE = 25.0  # for the settings with which speed is measured, 0-255 scale


# === Methods ===


@dataclass(frozen=True)
class Filter:
    """A method without a network; the names of its settings are its own."""

    # (image, threads, **settings) -> image of the same type, RGB
    apply: Callable[..., Pixels]
    # noise level on the 0-255 scale -> settings worth trying, the usual ones first
    grid: Callable[[float], list[Settings]]
    is_8_bit: bool = True  # takes 8-bit pixels and nothing else
    repairs_jpeg: bool = True


@dataclass(frozen=True)
class Tuned:
    """A filter with its settings, in the form that ``evaluate`` measures."""

    filter: Filter
    settings: Settings
    threads: int
    config: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(channels=3))
    conditioned_on_noise: bool = False

    def enhance(
        self,
        image: Pixels,
        *,
        noise_sigma: float | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Pixels:
        """(H, W, 3), uint8 or float32 in [0, 1] -> the same shape and type."""
        if image.dtype == np.uint8 and not self.filter.is_8_bit:
            answer = self.enhance(image.astype(np.float32) / np.float32(255))
            return np.rint(np.clip(answer, 0, 1) * 255).astype(np.uint8)
        if image.dtype != np.uint8 and self.filter.is_8_bit:
            pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
            return self.enhance(pixels).astype(np.float32) / np.float32(255)
        return self.filter.apply(image, self.threads, **self.settings)


def _opencv(threads: int) -> Any:
    import cv2

    cv2.setNumThreads(threads)
    return cv2


def _non_local_means(
    image: Pixels, threads: int, *, template: int, h: float, h_color: float
) -> Pixels:
    from vaenhance.workflows import baselines

    _opencv(threads)
    return baselines.non_local_means(image, h=h, h_color=h_color, template=template)


def _non_local_means_grid(level: float) -> list[Settings]:
    # Textured photographs want 0.5 and 0.6, smooth ones up to 0.9 and 1.0.
    factors = itertools.product(
        (3, 5), (0.6, 0.4, 0.5, 0.7, 0.8, 0.9, 1.0), (0.8, 0.6, 1.0)
    )
    return [
        {"template": t, "h": round(h * level, 2), "h_color": round(c * level, 2)}
        for t, h, c in factors
    ]


def _bilateral(
    image: Pixels, threads: int, *, sigma_color: float, sigma_space: float
) -> Pixels:
    # A diameter of 0 is computed from sigma_space.
    return _opencv(threads).bilateralFilter(image, 0, sigma_color, sigma_space)


def _bilateral_grid(level: float) -> list[Settings]:
    # Its colour distance is a sum over three channels, each with the noise of both
    # pixels: about 3.4 sigma between equal colours.
    factors = itertools.product((4.0, 3.0, 5.0, 7.0), (1.5, 1.0, 2.0, 3.0))
    return [{"sigma_color": round(c * level, 1), "sigma_space": s} for c, s in factors]


def _median(image: Pixels, threads: int, *, side: int) -> Pixels:
    return _opencv(threads).medianBlur(image, side)


def _bm3d(image: Pixels, threads: int, *, sigma: float) -> Pixels:
    import bm3d

    profile = bm3d.BM3DProfile()
    profile.num_threads = threads
    answer = bm3d.bm3d_rgb(image, sigma / 255.0, profile)
    return np.asarray(answer, np.float32)


FILTERS = {
    "opencv-nlm": Filter(_non_local_means, _non_local_means_grid),
    "opencv-bilateral": Filter(_bilateral, _bilateral_grid),
    "opencv-median": Filter(_median, lambda level: [{"side": 3}, {"side": 5}]),
    "bm3d": Filter(
        _bm3d, lambda level: [{"sigma": level}], is_8_bit=False, repairs_jpeg=False
    ),
}


def load(job: dict[str, Any]) -> Any:
    """The job's method, ready for its first image."""
    name = job["method"]
    if name in FILTERS:
        chosen = FILTERS[name]
        return Tuned(chosen, chosen.grid(USUAL_NOISE)[0], job["threads"])
    from vaenhance import load_model

    precision = name.removeprefix("vaenhance-")
    return load_model(job["model"], device="cpu", precision=precision)


# === Quality ===


def tune(
    chosen: Filter,
    examples: Sequence[tuple[Pixels, Pixels]],
    level: float,
    threads: int,
) -> Settings:
    """The settings with the highest mean PSNR over (x, y) of colour images."""
    from vaenhance import metrics

    candidates = chosen.grid(level)
    if len(candidates) == 1:
        return candidates[0]

    def score(settings: Settings) -> float:
        method = Tuned(chosen, settings, threads)
        return statistics.fmean(metrics.psnr(x, method.enhance(y)) for x, y in examples)

    return max(candidates, key=score)  # the first of equals: the usual ones


def quality(job: dict[str, Any], model: Any) -> list[dict[str, Any]]:
    """PSNR and SSIM of the method, for each region and each degradation."""
    from vaenhance.workflows import evaluate, pairs

    chosen = FILTERS.get(job["method"])
    clip = job["clip"] or (chosen is not None and chosen.is_8_bit)
    protocol = evaluate.Settings(clip=clip, seed=job["seed"])
    found = []
    for region, folder in job["regions"].items():
        images = pairs.find_pairs(Path(folder), None)[0][: job["limit"]]
        for given in job["rows"]:
            row = evaluate.Degradation(**given)
            if chosen is not None:
                if row.noise is None and not chosen.repairs_jpeg:
                    continue
                examples = _examples(images, row, protocol)
                level = row.noise or _error(examples)
                settings = tune(chosen, examples, level, job["threads"])
                model = Tuned(chosen, settings, job["threads"])
            scores: list[Any] = []
            failed: list[Any] = []
            for one in evaluate.evaluate(images, [row], model, protocol):
                is_score = isinstance(one, evaluate.Score)
                (scores if is_score else failed).append(one)
            if not scores:
                raise SystemExit(f"no image of {folder} could be measured")
            (table,) = evaluate.summarise(scores)
            found.append(
                {
                    "region": region,
                    "degradation": row.label,
                    "input": "8-bit" if clip or row.jpeg is not None else "unclipped",
                    "images": len(scores),
                    **{name: table.mean(name) for name in evaluate.FIGURES},
                    "settings": model.settings if chosen is not None else {},
                    "failed": [f"{one.image}: {one.reason}" for one in failed],
                }
            )
    return found


def _examples(images: Sequence[Any], row: Any, protocol: Any) -> list[Any]:
    """The middles (x, y), of colour, that settings are tuned with."""
    from vaenhance.errors import PhotoError
    from vaenhance.workflows import evaluate, pairs

    found = []
    for pair in images:
        try:
            x, _ = pairs.read(pair)
        except PhotoError:
            continue  # named by ``evaluate`` soon
        y = evaluate.degrade_image(x, row, protocol, pair.name)
        top, left = (max(0, side - TUNING_SIDE) // 2 for side in x.shape[:2])
        middle = slice(top, top + TUNING_SIDE), slice(left, left + TUNING_SIDE)
        found.append(tuple(pairs.with_channels(i[middle], 3).copy() for i in (x, y)))
    return found


def _error(examples: Sequence[tuple[Pixels, Pixels]]) -> float:
    """The root of the mean squared error of y, on the 0-255 scale."""
    squares = [float(np.mean(np.square(y - x))) for x, y in examples]
    return 255.0 * statistics.fmean(squares) ** 0.5 if squares else USUAL_NOISE


# === Speed ===


def measure(call: Callable[[], Any], repeats: int) -> list[float]:
    """Seconds of each of ``repeats`` calls, after one that does not count."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def speed(model: Any, source: str, repeats: int) -> dict[str, Any]:
    """Time and memory for one photograph, 8-bit pixels in memory to the same."""
    image = np.load(source)
    seconds = measure(lambda: model.enhance(image), repeats)
    megapixels = image.shape[0] * image.shape[1] / 1e6
    return {
        "megapixels": megapixels,
        "seconds": seconds,
        "median_seconds": statistics.median(seconds),
        "megapixels_a_second": megapixels / statistics.median(seconds),
        "peak_megabytes": peak_memory() / 1e6,
    }


def peak_memory() -> int:
    """Bytes that this process has had in memory at most."""
    # Not ru_maxrss where it can be helped: it remembers the process that made
    # this one.
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Does one job: the first image, then speed, then quality."""
    result: dict[str, Any] = {"method": job["method"]}
    model = load(job)
    if job["timed"]:
        model.enhance(np.load(job["first"]))
        # Both clocks are the machine's: from the start of this process.
        result["first_image_seconds"] = time.time() - job["started"]
    for photograph in job["timed"]:
        answer = speed(model, photograph["image"], photograph["repeats"])
        result[photograph["name"]] = answer
    result["quality"] = quality(job, model)
    return result


if __name__ == "__main__":
    json.dump(work(json.load(sys.stdin)), sys.stdout)
