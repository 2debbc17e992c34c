"""Training batches as a pure function of (data, configuration, step).

Which images, which windows and which degradations step n sees depends on the
seed and n alone, so a resumed run continues with the batches that the killed
one would have seen. Work is done ahead by threads: decoding, resizing and JPEG
release Python's lock.

Data flow: images are taken in the order of a new permutation every epoch, in
chunks; a chunk's images are decoded once, give ``crops_per_image`` crops each,
and the chunk's crops are shuffled into its batches.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vaenhance.config import Config
from vaenhance.data.binarize import binarize
from vaenhance.data.codec import keep_decoding_memory, resize
from vaenhance.data.dataset import Dataset
from vaenhance.data.degrade import UNKNOWN, degrade, is_clean
from vaenhance.data.looks import draw_pair, sparse
from vaenhance.data.pixels import Pixels
from vaenhance.data.windows import draw_window, to_floats
from vaenhance.errors import PhotoError, VaenhanceError

Labelled = tuple[NDArray[np.uint8], int]  # (H, W, C), class or −1

UNTOLD = -1  # label of a crop whose class is not told
WORST_UNREADABLE = 0.05  # part of the images that may turn out to be broken


@dataclass(frozen=True)
class Batch:
    """One step's data: y (B, H, W, C) and x (B, scale·H, scale·W, C) float32."""

    x: Pixels
    y: Pixels
    noise_sigma: NDArray[np.float32]  # (B,), [0, 1] units; −1 where it is not told
    label: NDArray[np.int32]  # (B,), class; −1 where it has none or it is not told

    @property
    def scale(self) -> int:
        """Returns how many times as wide as y x is; 1 also where x has fewer pixels."""
        return max(1, self.x.shape[2] // self.y.shape[2])


class Pipeline:
    """Makes the batch of any step, and runs ahead of the steps asked for.

    Args:
        dataset: the training images.
        config: crop, degradations, batch and seed.
        warn: called with a line for every image that cannot be decoded after all.
        threads: that cut and degrade; one more decodes.
        part: (i, n) makes the i-th of n equal parts of every batch, for the i-th of
            n workers that train together.
    """

    def __init__(
        self,
        dataset: Dataset,
        config: Config,
        warn: Callable[[str], None] = lambda line: None,
        threads: int = 2,
        part: tuple[int, int] = (0, 1),
    ):
        self.dataset = dataset
        self.config = config
        self._warn = warn
        self._part = part
        self._seed = config.training.seed
        cache = config.data.cache_megapixels
        mean = max(dataset.megapixels / len(dataset), 1e-6)
        self.crops_per_image = config.data.crops_per_image or _crops_per_image(
            mean, dataset.megapixels <= cache, config.data.whole
        )
        # Up to four chunks are in use at a time: together the size of the cache.
        fits = max(4, int(cache / 4 / mean))
        self.images_per_chunk = min(fits, 1024 if config.data.whole else 128)
        self._cache = _PixelCache(cache)
        data = config.data
        self._is_plain = data.whole and not data.flip and is_clean(config.degradation)
        self._is_plain &= config.model.scales == (1,)
        self._is_plain &= not (data.mirror or data.half_chroma)
        self._broken: set[int] = set()
        self._lock = threading.Lock()
        self._chunks: dict[int, Future[list[Labelled]]] = {}
        self._in_use: list[range] = []  # chunks of the batches that are being made
        self._is_closed = False
        keep_decoding_memory()
        self._decoders = ThreadPoolExecutor(1, "decode")
        self._makers = ThreadPoolExecutor(threads, "batch")

    @property
    def crops_per_chunk(self) -> int:
        """Returns how many crops one chunk of images gives."""
        return self.images_per_chunk * self.crops_per_image

    def batch(self, step: int) -> Batch:
        """Returns the batch of one step, counted from 0, or this worker's part."""
        size = self.config.training.batch
        chunks = range(
            step * size // self.crops_per_chunk,
            ((step + 1) * size - 1) // self.crops_per_chunk + 1,
        )
        with self._lock:
            self._in_use.append(chunks)
        try:
            return self._made(step, size)
        finally:
            with self._lock:
                self._in_use.remove(chunks)

    def _made(self, step: int, size: int) -> Batch:
        which, parts = self._part
        own = range(size * which // parts, size * (which + 1) // parts)
        if self._is_plain:
            return self._plain_batch(step, own)
        items = [self._example(step * size + i) for i in own]
        return Batch(
            np.stack([x for x, *_ in items]),
            np.stack([y for _, y, *_ in items]),
            np.array([sigma for _, _, sigma, _ in items], np.float32),
            np.array([label for *_, label in items], np.int32),
        )

    def batches(self, first_step: int, ahead: int = 6) -> Iterator[Batch]:
        """Yields the batches from a step on, for ever, ``ahead`` of them prepared."""
        step = first_step
        queue: deque[Future[Batch]] = deque()
        while True:
            while len(queue) < ahead:
                queue.append(self._makers.submit(self.batch, step))
                step += 1
            yield queue.popleft().result()

    def close(self) -> None:
        """Stops the threads after the image in hand; nothing is waited for."""
        self._is_closed = True
        self._makers.shutdown(wait=False, cancel_futures=True)
        self._decoders.shutdown(wait=False, cancel_futures=True)

    def _example(self, index: int) -> tuple[Pixels, Pixels, float, int]:
        image, label = self._image(index)
        rng = np.random.default_rng([self._seed, 2, index])
        if self.config.model.network == "look":
            images = self._images(index // self.crops_per_chunk)
            other, _ = images[int(rng.integers(len(images)))]
            side, look = self.config.data.crop, self.config.look
            told = bool(self.config.model.exponents)
            return *sparse(draw_pair(image, other, side, look, rng, told)), label
        # One head learns in a step, and all have their turn.
        scales = self.config.model.scales
        scale = scales[index // self.config.training.batch % len(scales)]
        window = draw_window(image, self.config, rng, scale)
        window = binarize(window, self.config.data.binarize, rng)
        crop, kinds = self.config.data.crop, self.config.degradation
        x, y, sigma = degrade(window, crop, kinds, rng, scale)
        # Drawn last: models without classes see the crops that they always saw.
        if self.config.model.classes and rng.random() < self.config.data.label_dropout:
            label = UNTOLD
        return x, y, sigma, label

    def _plain_batch(self, step: int, own: range) -> Batch:
        """Returns this worker's part of a batch of whole, undamaged images.

        A small network's step takes a millisecond, and so would a random generator,
        a window and a degradation for each of its images.
        """
        side, channels = self.config.data.crop, self.config.model.channels
        batch = self.config.training.batch
        found = [self._image(step * batch + i) for i in range(batch)]
        images = [resize(image, side) for image, _ in found]
        if len({image.shape[-1] for image in images}) == 1:
            x = to_floats(np.stack(images), channels)
        else:
            x = np.stack([to_floats(image, channels) for image in images])
        # Bits of the whole batch, so that they do not depend on the number of workers.
        rng = np.random.default_rng([self._seed, 5, step])
        x = binarize(x, self.config.data.binarize, rng)[own.start : own.stop]
        labels = np.array([label for _, label in found], np.int32)
        if self.config.model.classes:
            labels[rng.random(batch) < self.config.data.label_dropout] = UNTOLD
        own_labels = labels[own.start : own.stop]
        return Batch(x, x, np.full(len(x), UNKNOWN, np.float32), own_labels)

    def _image(self, index: int) -> Labelled:
        if self._is_closed:
            raise CancelledError
        chunk, place = divmod(index, self.crops_per_chunk)
        order = _permutation(self._seed, 1, chunk, self.crops_per_chunk)
        return self._images(chunk)[int(order[place]) // self.crops_per_image]

    def _images(self, chunk: int) -> list[Labelled]:
        with self._lock:
            for wanted in (chunk, chunk + 1):
                if wanted not in self._chunks:
                    self._chunks[wanted] = self._decoders.submit(self._load, wanted)
            # Never what another thread still needs, however small chunks are.
            first = min((used.start for used in self._in_use), default=chunk)
            end = max((used.stop for used in self._in_use), default=chunk + 1)
            for number in [n for n in self._chunks if not first <= n <= end]:
                del self._chunks[number]
            future = self._chunks[chunk]
        return future.result()

    def _load(self, chunk: int) -> list[Labelled]:
        count = len(self.dataset)
        start = chunk * self.images_per_chunk
        images = []
        for place in range(start, start + self.images_per_chunk):
            if self._is_closed:  # a chunk takes seconds, and the process would wait
                raise CancelledError
            epoch, offset = divmod(place, count)
            order = _permutation(self._seed, 0, epoch, count)
            images.append(self._read_or_next(order, offset))
        return images

    def _read_or_next(self, order: NDArray[np.int64], at: int) -> Labelled:
        for shift in range(len(order)):
            index = int(order[(at + shift) % len(order)])
            if index in self._broken:
                continue
            try:
                image = self._cache.get(index, self.dataset.read)
                is_told = bool(self.config.model.classes)
                return image, self.dataset.labels[index] if is_told else UNTOLD
            except PhotoError as error:
                self._broken.add(index)
                self._warn(f"left out {self.dataset.names[index]}: {error}")
                if len(self._broken) > max(1, WORST_UNREADABLE * len(order)):
                    break
        raise VaenhanceError(
            f"{len(self._broken)} of {len(order)} images cannot be decoded: check "
            "the disk or the folder"
        )


@lru_cache(maxsize=8)  # asked for with every image and crop; changes rarely
def _permutation(seed: int, stream: int, number: int, count: int) -> NDArray[np.int64]:
    order = np.random.default_rng([seed, stream, number]).permutation(count)
    order.flags.writeable = False
    return order


def _crops_per_image(mean_megapixels: float, fits: bool, whole: bool) -> int:
    """Chooses how many crops pay for one decode.

    In training a decode costs 5 to 10 ms a megapixel, a crop 1 ms and its share of a
    step 8 ms on one core (measured): 16 crops a megapixel keep decoding at a few per
    cent. Photographs of cameras wait longest for memory and give more. Images that
    stay in the cache are decoded once, so variety comes first.
    """
    if whole:
        return 1
    per_megapixel = 16 if mean_megapixels < 8 else 21
    wanted = round(per_megapixel * mean_megapixels)
    return 4 if fits else int(np.clip(wanted, 8, 256))


class _PixelCache:
    """Decoded images, the least recently used dropped beyond a budget."""

    def __init__(self, megapixels: float):
        self._budget = megapixels * 1e6
        self._held = 0
        self._images: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    def get(
        self, index: int, read: Callable[[int], NDArray[np.uint8]]
    ) -> NDArray[np.uint8]:
        """Returns the image, from memory or through ``read``."""
        # Only the decoding thread comes here: no lock.
        if index in self._images:
            self._images.move_to_end(index)
            return self._images[index]
        image = read(index)
        self._images[index] = image
        self._held += image.shape[0] * image.shape[1]
        while self._held > self._budget and len(self._images) > 1:
            _, dropped = self._images.popitem(last=False)
            self._held -= dropped.shape[0] * dropped.shape[1]
        return image
