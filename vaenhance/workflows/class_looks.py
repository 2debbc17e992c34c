"""The style of each class folder, while a network ``look`` is trained on them.

Sub-folders are styles: the mean of what the network says of their photographs, and of
what their colours measure, gets the folder's name. Nothing is learnt here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import thumbnails
from vaenhance.data.dataset import Dataset
from vaenhance.errors import PhotoError
from vaenhance.grading_style import Style, mean_style, statistics

EXAMPLES = 48  # photographs of a class that are looked at, evenly spread

Pixels = NDArray[np.float32]


class ClassLooks:
    """Thumbnails of some photographs of every class, read when first needed.

    Args:
        dataset: training images; without classes there is nothing to do.
        side: pixels a side of a thumbnail.
    """

    def __init__(self, dataset: Dataset, side: int):
        self._dataset, self._side = dataset, side
        self._thumbnails: dict[str, Pixels] | None = None

    def styles(self, network: Any) -> dict[str, Style]:
        """Returns the mean style of each class by its name.

        Args:
            network: ``model.look.Look``.
        """
        if self._thumbnails is None:
            names = enumerate(self._dataset.classes)
            read = {name: self._read(label) for label, name in names}
            self._thumbnails = {n: t for n, t in read.items() if len(t)}
        return {
            name: self._mean(network, images)
            for name, images in self._thumbnails.items()
        }

    def _read(self, label: int) -> Pixels:
        own = [i for i, k in enumerate(self._dataset.labels) if k == label]
        chosen = np.linspace(0, len(own) - 1, min(EXAMPLES, len(own))).astype(int)
        found = []
        for index in (own[place] for place in chosen):
            try:
                image = self._dataset.read(index)
            except PhotoError:
                continue  # the pipeline names it
            thumbnail = thumbnails.thumbnail(image, self._side)
            found.append(np.broadcast_to(thumbnail, (*thumbnail.shape[:2], 3)))
        empty = np.zeros((0, self._side, self._side, 3), np.float32)
        return np.stack(found) if found else empty

    def _mean(self, network: Any, images: Pixels) -> Style:
        summary = network.describe(images)[0]
        told = np.zeros([len(images)], np.float32)
        q = network.posterior(summary, told).gaussian
        looks = np.asarray(q.mean)
        pairs = zip(looks, images, strict=True)
        return mean_style([Style(look, statistics(image)) for look, image in pairs])
