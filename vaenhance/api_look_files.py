"""Styles in files that ``vaenhance encode`` wrote; base of ``api_look.LookModel``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vaenhance import grading_style
from vaenhance.config import ModelConfig
from vaenhance.errors import LatentError
from vaenhance.grading_style import Style
from vaenhance.latents import LatentReader


class StoredStyles:
    """Reads the styles of a model of looks.

    Attributes:
        name: of the model.
        config: the network's shape.
        checksum: SHA-256 of its weights.
    """

    name: str
    config: ModelConfig
    checksum: str

    def stored_style(self, path: str | Path) -> Style:
        """Returns the mean of the styles that ``vaenhance encode`` wrote to a file.

        Raises:
            LatentError: the file holds something else, or styles of another model.
        """
        _refuse_folder(path)
        with LatentReader(path) as reader:
            return grading_style.mean_style(self.stored_styles(reader))

    def stored_styles(self, reader: LatentReader) -> list[Style]:
        """Returns the styles of an open file, one for each photograph encoded.

        Raises:
            LatentError: the file holds something else, or styles of another model.
        """
        origin = reader.origin
        if origin.checksum != self.checksum:
            raise LatentError(
                f"{reader.name} holds latents of {origin.model} with weights "
                f"{origin.checksum[:12]}, while {self.name} has {self.checksum[:12]}"
            )
        size = self.config.latent_channels[0]
        vectors = reader.vectors(size + grading_style.STATISTICS)
        is_whole = vectors.shape[1] == size + grading_style.STATISTICS and len(vectors)
        if not is_whole or not np.isfinite(vectors).all():
            raise LatentError(f"{reader.name} holds no styles of {self.name}")
        return [Style(vector[:size], vector[size:]) for vector in vectors]


def _refuse_folder(path: str | Path) -> None:
    """Says of a folder what it is; of a file that is not there, reading it does."""
    try:
        is_folder = Path(path).is_dir()
    except (OSError, TypeError):
        return
    if is_folder:
        raise LatentError(
            f"{path} is a folder: expected a file of styles, as vaenhance encode "
            "writes it"
        )
