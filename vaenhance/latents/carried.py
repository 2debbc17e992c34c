"""What a photograph carries beside its pixels, as arrays in an archive.

So that ``decode`` can write the file that ``enhance`` would have written.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vaenhance.errors import LatentError
from vaenhance.latents.members import read_array
from vaenhance.photo import COLOR_CHUNKS, TEXT_CHUNKS, Metadata

_BLOCKS = ("exif", "icc_profile", "xmp", "iptc", "comment")
_TIFF = (b"II*\0", b"MM\0*")  # how EXIF begins
_KINDS = {*_BLOCKS, "png_color", "png_text"}
_LARGEST_BLOCK = 64 << 20  # bytes
# All blocks are in memory at once: a small file must not become gigabytes.
_SMALL_BLOCK = 1 << 20  # bytes that may be packed any number of times
_PACKED = 100  # times that a larger block may be packed
_MOST_TEXT = 5 << 20  # bytes of all texts of an image
_MOST_METADATA = 256 << 20  # bytes that all metadata of a small file may unpack to
_TIMES_FILE = 4  # times its size, if that is more
_MOST_PACKED = 64 << 20  # bytes of all metadata of a file that are packed


def carried(
    index: int, metadata: Metadata, alpha: NDArray[np.unsignedinteger] | None
) -> dict[str, NDArray[np.unsignedinteger]]:
    """Returns ``exif/3`` and so on for image 3, as far as it has them."""
    blocks = {f"{name}/{index}": getattr(metadata, name) for name in _BLOCKS}
    for color, data in metadata.png_color:
        blocks[f"png_color/{index}/{color.decode('ascii')}"] = data
    for number, (chunk, text) in enumerate(metadata.png_text):
        blocks[f"png_text/{index}/{number}"] = chunk + text
    found: dict[str, NDArray[np.unsignedinteger]] = {
        key: np.frombuffer(block, np.uint8) for key, block in blocks.items() if block
    }
    return found if alpha is None else {**found, f"alpha/{index}": alpha}


class Packing:
    """Decides which arrays of ``carried`` are packed where they are written.

    A large block that packs well, or a great many small ones, would look like a bomb
    to whoever reads the file.
    """

    def __init__(self) -> None:
        self._packed = 0  # bytes so far

    def method(self, key: str, length: int) -> int:
        """Returns how ``zipfile`` is to store the next array.

        Args:
            key: of the array.
            length: bytes.
        """
        if not key.startswith("alpha/"):
            if length >= _SMALL_BLOCK // 2 or self._packed + length > _MOST_PACKED:
                return zipfile.ZIP_STORED
            self._packed += length
        return zipfile.ZIP_DEFLATED


def check_carried(archive: zipfile.ZipFile) -> None:
    """Compares what all metadata would take with the file, before any is read.

    Raises:
        LatentError: a small file would become large in memory.
    """
    total = sum(
        info.file_size
        for info in archive.infolist()
        if info.filename.partition("/")[0] in _KINDS
    )
    # Not with what they take packed: members of a crafted file may overlap.
    if total > max(_MOST_METADATA, _TIMES_FILE * archive.start_dir):
        raise LatentError(
            f"its metadata unpack to {total} bytes, far more than the file has"
        )


def read_metadata(
    archive: zipfile.ZipFile, index: int, dpi: Sequence[float]
) -> Metadata:
    """Returns the metadata of an image; what is not there is None.

    Raises:
        LatentError: a block is too large, packed too often or no bytes.
    """
    names = archive.NameToInfo

    def block(key: str, largest: int = _LARGEST_BLOCK) -> bytes | None:
        if f"{key}.npy" not in names:
            return None
        info = archive.getinfo(f"{key}.npy")
        if info.file_size > max(_SMALL_BLOCK, _PACKED * info.compress_size):
            raise LatentError(f"{key} unpacks to {info.file_size} bytes: not metadata")
        return read_array(archive, key, "u", largest).tobytes()

    whole = {name: block(f"{name}/{index}") for name in _BLOCKS}
    if (exif := whole["exif"]) is not None and exif[:4] not in _TIFF:
        raise LatentError(f"exif/{index} is no EXIF")
    colors: list[tuple[bytes, bytes]] = []
    for name, length in COLOR_CHUNKS.items():
        key = f"png_color/{index}/{name.decode('ascii')}"
        if (data := block(key)) is None:
            continue
        if len(data) != length:
            raise LatentError(f"{key} has {len(data)} instead of {length} bytes")
        colors.append((name, data))
    known = all(np.isfinite(dpi)) and min(dpi) > 0
    resolution = (float(dpi[0]), float(dpi[1])) if known else None
    texts: list[tuple[bytes, bytes]] = []
    left = _MOST_TEXT
    while (text := block(f"png_text/{index}/{len(texts)}", left)) is not None:
        left -= len(text)
        if text[:4] not in TEXT_CHUNKS:
            raise LatentError(f"png_text/{index}/{len(texts)} is no text of a PNG")
        texts.append((text[:4], text[4:]))
    return Metadata(
        dpi=resolution, png_color=tuple(colors), png_text=tuple(texts), **whole
    )


def read_alpha(
    archive: zipfile.ZipFile, index: int, shape: tuple[int, int], dtype: np.dtype
) -> NDArray[np.unsignedinteger] | None:
    """Returns the transparency of an image, (H, W), or None.

    Raises:
        LatentError: it is not as large as the image, or of another type.
    """
    key = f"alpha/{index}"
    if f"{key}.npy" not in archive.NameToInfo:
        return None
    alpha = read_array(archive, key, "u", shape[0] * shape[1] * dtype.itemsize)
    if alpha.shape != shape or alpha.dtype != dtype:
        raise LatentError(f"{key} is not the transparency of image {index}")
    return alpha
