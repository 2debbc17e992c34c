"""Files of latents: what an encoder made of images, in one ``.npz`` that NumPy reads.

Arrays and words only; nothing here knows a network. Where things are: ``records``
what passes between writer, reader and their callers, ``writing`` and ``reading`` the
two directions, ``members`` one array in the archive, ``carried`` what a photograph
carries beside its pixels, ``noise`` that of draws, ``pooling`` one vector for an image,
``paths`` the ways between two latents. docs/latents.md lists the keys.
"""

from vaenhance.latents.noise import PlacedNoise
from vaenhance.latents.paths import METHODS, between
from vaenhance.latents.pooling import Pool
from vaenhance.latents.reading import LatentReader
from vaenhance.latents.records import Entry, Origin, Tile, TiledLatents, level_names
from vaenhance.latents.writing import LatentWriter, Unwritable

__all__ = [
    "METHODS",
    "Entry",
    "LatentReader",
    "LatentWriter",
    "Origin",
    "PlacedNoise",
    "Pool",
    "Tile",
    "TiledLatents",
    "Unwritable",
    "between",
    "level_names",
]
