"""Measures where the processor's time goes when training on 12-megapixel JPEGs.

    python scripts/measure_pipeline.py [--photos 24] [--chunks 3] [--keep FOLDER]

Makes photographs of 4000 x 3000 pixels out of the samples, trains the `restore`
preset on them and prints how much processor time the training steps take, how much
decoding and cropping, and how long the steps wait for data. Times are processor
times, so that other programs on the machine change them little. The pictures are
listed several times over, or they would all stay in the cache.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from vaenhance.config import named_preset
from vaenhance.data.dataset import Dataset
from vaenhance.data.pipeline import Pipeline
from vaenhance.runtime import import_tensorflow

ROOT = Path(__file__).resolve().parent.parent
SIZE = (4000, 3000)  # width and height: 12 megapixels
LISTED = 900  # megapixels that are listed at least; more than the cache holds
# The first chunks pay for TensorFlow's start and for memory that is touched for the
# first time, until the cache is full.
WARM_UP = 5


def make_photos(folder: Path, count: int) -> list[str]:
    """Writes photographs: a sample upscaled, with texture on top, differing turns."""
    sources = sorted((ROOT / "samples").glob("*.jpg"))
    grain = np.random.default_rng(0).normal(0, 5, (500, 500, 3)).astype(np.int16)
    texture = np.tile(grain, (SIZE[1] // 500, SIZE[0] // 500, 1))
    names = []
    for index in range(count):
        name = f"{index:03}.jpg"
        names.append(name)
        if (folder / name).exists():
            continue
        with Image.open(sources[index % len(sources)]) as image:
            large = image.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
        pixels = np.roll(np.asarray(large, np.int16), 37 * index, axis=1) + texture
        picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        picture.save(folder / name, quality=92)
    return names


def thread_seconds(prefix: str) -> float:
    """Returns the processor time of the living threads whose name starts so."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0
    for thread in threading.enumerate():
        if thread.name.startswith(prefix):
            stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text()
            fields = stat.rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])  # user and system
    return total / tick


def measure(folder: Path, photos: int, chunks: int) -> None:
    """Trains and prints."""
    names = make_photos(folder, photos)
    names *= -(-LISTED // (photos * 12))
    sizes = [(SIZE[1], SIZE[0])] * len(names)
    config = named_preset("restore")
    import_tensorflow()
    from vaenhance.model.trainer import Trainer
    from vaenhance.runtime import start_training

    sitting = start_training("auto", "auto")
    trainer = Trainer(config, sitting)
    pipeline = Pipeline(Dataset(names, sizes, folder), config)
    per_chunk = pipeline.crops_per_chunk // config.training.batch
    print(
        f"{sitting.device}, {sitting.precision}; {pipeline.images_per_chunk} images a "
        f"chunk, {pipeline.crops_per_image} crops an image, {per_chunk} steps a chunk"
    )
    batches = pipeline.batches(0)
    begin, end = per_chunk * WARM_UP, per_chunk * (WARM_UP + chunks)
    marks: list[tuple[float, ...]] = []
    waited = 0.0
    for step in range(end):
        if step == begin:
            marks.append(clocks())
            waited = 0.0
        before = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - before
        trainer.step(batch, step, 0.0)
    marks.append(clocks())
    pipeline.close()
    report(marks, waited, end - begin)


def clocks() -> tuple[float, ...]:
    """Returns wall time and processor time: all, decoding, cropping."""
    wall, whole = time.perf_counter(), time.process_time()
    return wall, whole, thread_seconds("decode"), thread_seconds("batch")


def report(marks: list[tuple[float, ...]], waited: float, steps: int) -> None:
    """Prints the difference of two readings of the clocks, per step."""
    wall, whole, decoding, cropping = (b - a for a, b in zip(*marks, strict=True))
    training = whole - decoding - cropping
    for name, seconds in (
        ("training steps", training),
        ("cropping and degrading", cropping),
        ("decoding", decoding),
    ):
        share = 100 * seconds / whole
        print(f"{name:24} {1000 * seconds / steps:8.1f} ms CPU a step {share:6.1f} %")
    print(f"{'waiting for data':24} {100 * waited / wall:.1f} % of {wall:.0f} s")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--chunks", type=int, default=3, help="to measure over")
    parser.add_argument("--keep", type=Path, help="folder for the photographs")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        measure(options.keep, options.photos, options.chunks)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.photos, options.chunks)


if __name__ == "__main__":
    main()
