"""The records that pass between writer, reader and their callers. Plain data only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vaenhance.photo import Metadata
from vaenhance.tiling_grid import Tiling

SCHEMA_VERSION = 1
CONTENTS = ("mean", "mean and scale", "draws", "vectors")

Pixels = NDArray[np.float32]
#: By name: "level0" (the coarsest), "level1" ..., with scales also "scale0" ...
Tile = Mapping[str, Pixels]


@dataclass(frozen=True)
class TiledLatents:
    """The latents of one image, tile by tile.

    Attributes:
        height: of the image, pixels.
        width: of the image, pixels.
        tiling: how it was cut.
        tiles: row by row; of each tile ``level0`` (the coarsest) and so on, float32
            (h, w, c), of draws (draws, h, w, c); with scales also ``scale0`` and so
            on, standard deviations. Empty if they were handed on.
    """

    height: int
    width: int
    tiling: Tiling
    tiles: list[Tile] = field(default_factory=list)


@dataclass(frozen=True)
class Origin:
    """Which model made latents, and how.

    Attributes:
        model: its name.
        checksum: SHA-256 of its weights.
        precision: of the arithmetic: float32, bfloat16 or float16.
        stride: pixels between neighbours of the coarsest level.
        margin: pixels mirrored around images.
        steps: pixels between neighbours of each level, coarse to fine.
    """

    model: str
    checksum: str
    precision: str
    stride: int
    margin: int
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Entry:
    """One image of a file: what it is called, how it was cut, how it was stored.

    Attributes:
        name: place under a folder of results, with ``/``.
        height: pixels.
        width: pixels.
        tiling: how it was cut.
        format: container that it came in, such as JPEG.
        bits: 8 or 16 a channel; 32 stands for floats.
        is_gray: stored as gray.
        metadata: of the photograph.
    """

    name: str
    height: int
    width: int
    tiling: Tiling
    format: str = "PNG"
    bits: int = 8
    is_gray: bool = False
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def dtype(self) -> np.dtype:
        """Returns the type of its pixels."""
        return np.dtype({8: np.uint8, 16: np.uint16}.get(self.bits, np.float32))

    @property
    def latents(self) -> TiledLatents:
        """Returns its size and tiling, without tiles."""
        return TiledLatents(self.height, self.width, self.tiling)


def level_names(names: Iterable[str]) -> list[str]:
    """Returns level0, level1 and so on, as far as they are among names."""
    present = set(names)
    count = next(i for i in range(len(present) + 1) if f"level{i}" not in present)
    return [f"level{i}" for i in range(count)]
