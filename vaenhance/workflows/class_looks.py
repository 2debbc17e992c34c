"""The style of each class folder, while a network ``look`` is trained on them.

Sub-folders are styles: the mean of what the network says of their photographs, and of
what their colours measure, gets the folder's name. Nothing is learnt here, so that
those that are held out count with the others: a folder may have no other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import thumbnails
from vaenhance.checkpoint_styles import save_styles
from vaenhance.errors import PhotoError
from vaenhance.grading_style import Style, mean_style, statistics
from vaenhance.workflows.prepare import Prepared

EXAMPLES = 48  # photographs of a class that are looked at, evenly spread

Pixels = NDArray[np.float32]


class ClassLooks:
    """Thumbnails of some photographs of every class, read when first needed.

    Args:
        prepared: all images of the run; without classes there is nothing to do.
    """

    def __init__(self, prepared: Prepared):
        self._parts = prepared.training, prepared.held_out
        self._side = prepared.config.data.crop
        self._is_look = prepared.config.model.network == "look"
        self._thumbnails: dict[str, Pixels] | None = None

    def save(self, folder: Path, network: Any) -> None:
        """Writes the styles into a model folder; those of a network ``look`` alone."""
        if self._is_look:
            save_styles(folder, self.styles(network))

    def styles(self, network: Any) -> dict[str, Style]:
        """Returns the mean style of each class by its name.

        Args:
            network: ``model.look.Look``.
        """
        if self._thumbnails is None:
            names = enumerate(self._parts[0].classes)
            read = {name: self._read(label) for label, name in names}
            self._thumbnails = {n: t for n, t in read.items() if len(t)}
        return {
            name: self._mean(network, images)
            for name, images in self._thumbnails.items()
        }

    def _read(self, label: int) -> Pixels:
        own = [
            (part, index)
            for part in self._parts
            for index, number in enumerate(part.labels)
            if number == label
        ]
        chosen = np.linspace(0, len(own) - 1, min(EXAMPLES, len(own))).astype(int)
        found = []
        for part, index in (own[place] for place in chosen):
            try:
                image = part.read(index)
            except PhotoError:
                continue  # the pipeline or the validation names it
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
