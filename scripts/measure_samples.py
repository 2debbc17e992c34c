#!/usr/bin/env python3
"""Measures what a model draws: recognised classes, Fréchet distance, memorising.

    python scripts/measure_samples.py mnist.npz digits digits2 --sheet neighbours.png
    python scripts/measure_samples.py flowers64/ flowers --sheet neighbours.png

For an .npz with labelled training and test images (MNIST) a classifier is trained
on the real ones, from seed 0: the share of the drawn images that it takes for the
class that was asked for, and the Fréchet distance between its features of drawn and
of real test images (Heusel et al. 2017, with 128 features of this classifier in
place of Inception's: not comparable with published FIDs). Beside them the same
figures of real training images, which no model can beat.

For every model the distance of 16 drawn images to their nearest training images is
compared with that of images nobody trained on, and shown. One JSON object a model
and temperature goes to standard output. For developers.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import api, checkpoint, photo, report
from vaenhance.data.codec import resize
from vaenhance.data.dataset import TEST_KEYS, Dataset, open_dataset
from vaenhance.data.windows import to_floats
from vaenhance.workflows.prepare import split

Pixels = NDArray[np.float32]
FEATURES = 128
SHOWN = 16  # drawn images in the sheet
NEIGHBOURS = 5  # training images beside each


def pixels_of(dataset: Dataset, side: int, channels: int) -> Pixels:
    """Returns all images, (N, side, side, channels) in [0, 1]."""
    images = [resize(dataset.read(i), side) for i in range(len(dataset))]
    return np.stack([to_floats(image, channels) for image in images])


class Classifier:
    """A small convolutional network, trained on real images.

    Args:
        x: (N, H, W, C) in [0, 1].
        labels: (N,).
    """

    def __init__(self, x: Pixels, labels: NDArray[np.int32]):
        import keras

        keras.utils.set_random_seed(0)
        layers = [
            keras.layers.Input(x.shape[1:]),
            keras.layers.Conv2D(32, 5, 2, activation="relu"),
            keras.layers.Conv2D(64, 3, 2, activation="relu"),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(FEATURES, activation="relu"),
        ]
        body = keras.Sequential(layers)
        head = keras.layers.Dense(int(labels.max()) + 1)
        model = keras.Sequential([body, keras.layers.Dropout(0.3, seed=0), head])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        rate = keras.optimizers.schedules.CosineDecay(2e-3, 3 * (len(x) // 100))
        model.compile(keras.optimizers.Adam(rate), loss)
        model.fit(x, labels, batch_size=100, epochs=3, verbose=0)
        self._body, self._head = body, head

    def look(self, x: Pixels) -> tuple[NDArray[np.int64], Pixels]:
        """Returns (the likeliest class, features (N, FEATURES)) of images."""
        features = self._body.predict(x, batch_size=500, verbose=0)
        return np.argmax(self._head(features), axis=1), features


def frechet_distance(a: Pixels, b: Pixels) -> float:
    """Returns |μa − μb|² + tr(Σa + Σb − 2(ΣaΣb)^½) of Gaussians fitted to features."""
    means = [x.mean(axis=0, dtype=np.float64) for x in (a, b)]
    covariances = [np.cov(x.astype(np.float64), rowvar=False) for x in (a, b)]
    # tr (ΣaΣb)^½ is the sum of the roots of the eigenvalues, which are not negative.
    values = np.linalg.eigvals(covariances[0] @ covariances[1]).real
    root = np.sqrt(np.clip(values, 0, None)).sum()
    apart = float(np.sum((means[0] - means[1]) ** 2))
    return apart + float(np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * root)


def nearest(x: Pixels, training: Pixels) -> tuple[NDArray[np.int64], Pixels]:
    """Returns (indices, RMS distances) of each image's nearest training images."""
    flat = training.reshape(len(training), -1)
    squares = np.sum(flat**2, axis=1)
    order, distances = [], []
    for image in x.reshape(len(x), -1):
        squared = squares - 2 * flat @ image + np.sum(image**2)
        found = np.argsort(squared)[:NEIGHBOURS]
        order.append(found)
        distances.append(np.sqrt(np.clip(squared[found], 0, None) / flat.shape[1]))
    return np.array(order), np.array(distances, np.float32)


def measure(
    drawn: Pixels, labels: NDArray[np.int64], judge: Any, real: Any
) -> dict[str, float]:
    """Returns the share recognised, and the Fréchet distance to real images."""
    if judge is None:
        return {}
    seen, features = judge.look(drawn)
    own = judge.look(real)[1]
    return {
        "recognised": round(float(np.mean(seen == labels)), 4),
        "frechet_distance": round(frechet_distance(features, own), 3),
    }


def neighbours(
    drawn: Pixels, training: Pixels, unseen: Pixels, sheet: Path | None
) -> dict[str, float]:
    """Compares the distance to the nearest training image; draws the sheet."""
    order, distances = nearest(drawn[:SHOWN], training)
    if sheet is not None:
        rows = [
            [shown(image), *(shown(training[i]) for i in found)]
            for image, found in zip(drawn[:SHOWN], order, strict=True)
        ]
        half = len(rows) // 2
        pairs = zip(rows[:half], rows[half:], strict=True)
        photo.save_png(report.sheet([a + b for a, b in pairs]), sheet)
    known = nearest(unseen[any_of(unseen, 200)], training)[1][:, 0]
    return {
        "nearest_training_image_rms": round(float(np.median(distances[:, 0])), 4),
        "nearest_training_image_rms_of_unseen": round(float(np.median(known)), 4),
        "smallest": round(float(distances[:, 0].min()), 4),
    }


def any_of(images: Pixels, count: int) -> NDArray[np.int64]:
    """Returns indices of so many images, by seed 0: files are often sorted by class."""
    return np.random.default_rng(0).permutation(len(images))[:count]


def shown(image: Pixels) -> Pixels:
    """Returns a picture in three colours."""
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def main() -> int:
    """Prints one JSON object for each model and temperature."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="training images")
    parser.add_argument("models", nargs="+", help="built-in names or folders")
    parser.add_argument("--count", type=int, default=2000, help="images to draw")
    parser.add_argument("--temperature", action="append", help="T or T,T,...")
    parser.add_argument(
        "--sheet", type=Path, help="PNG of the first model's neighbours"
    )
    options = parser.parse_args()
    loaded = [api.load_model(name, device="cpu") for name in options.models]
    config = loaded[0].config
    size = config.image_size, config.channels
    dataset, _ = open_dataset(options.images, 1)
    judge, real = None, None
    if options.images.suffix == ".npz":
        test, _ = open_dataset(options.images, 1, TEST_KEYS)
        training, unseen = pixels_of(dataset, *size), pixels_of(test, *size)
        judge, real = Classifier(training, np.array(dataset.labels, np.int32)), unseen
        right = np.mean(judge.look(unseen)[0] == test.labels)
        some = training[any_of(training, options.count)]
        apart = frechet_distance(judge.look(some)[1], judge.look(unseen)[1])
        line = {"classifier_accuracy": float(right), "count": options.count}
        line["frechet_distance"] = round(apart, 3)
        print(json.dumps(line), flush=True)
    else:
        folder = checkpoint.find_model(options.models[0])
        rest, held_out = split(dataset, checkpoint.load_config(folder))
        training, unseen = pixels_of(rest, *size), pixels_of(held_out, *size)
    sheet = options.sheet
    for model in loaded:
        for text in options.temperature or ["1"]:
            temperature = [float(part) for part in text.split(",")]
            count = options.count if judge is not None else SHOWN
            drawn = model.sample(count, temperature=temperature)
            labels = np.arange(count) % max(len(model.classes), 1)
            row = {"model": model.name, "temperature": text, "count": count}
            row |= measure(drawn, labels, judge, real)
            row |= neighbours(drawn, training, unseen, sheet)
            print(json.dumps(row), flush=True)
            sheet = None
    return 0


if __name__ == "__main__":
    sys.exit(main())
