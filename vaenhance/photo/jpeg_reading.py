"""What Pillow leaves to be done when it reads a JPEG.

It keeps to itself that the coded pixels ended early, and shows comments and IPTC one
marker at a time. Not for writing; that is in ``jpeg``.
"""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

from PIL import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from vaenhance.errors import PhotoError
from vaenhance.photo.jpeg import IPTC_RESOURCE, LARGEST_MARKER, PHOTOSHOP
from vaenhance.photo.jpeg_markers import check_jpeg, end_of_picture

_MISSING = {127, 128}  # what a missing block is: gray, of inverted CMYK the other
_END = b"\xff\xd9"
# Coded as something by every table. Zeros first: with arithmetic coding they are what
# an encoder leaves out at the end.
_MORE = bytes(256) + b"\x5a" * 3840


class Jpeg(JpegImageFile):
    """The first picture of a JPEG file, whatever follows it.

    Telephones append depth maps and gain maps; Pillow would call such a file MPO
    with several frames.
    """

    def _read_dpi_from_exif(self) -> None:
        # Parsing damaged EXIF warns; exif.py reads the resolution in silence.
        return


def load_whole(image: Jpeg, stream: BinaryIO) -> None:
    """Decode the pixels, if they go to the end of the picture.

    Args:
        image: The picture, opened from ``stream``.
        stream: The file; its position is not kept.

    Raises:
        PhotoError: They end early: libjpeg only warns, and fills up with gray. Or the
            decoder would be kept busy for very long.
    """
    check_jpeg(stream)
    image.load()
    last = image.getpixel((image.width - 1, image.height - 1))
    values = last if isinstance(last, tuple) else (last,)
    if _MISSING.issuperset(values) and _ends_early(stream):
        raise PhotoError("damaged: the pixels of the JPEG end before the picture does")


def _ends_early(stream: BinaryIO) -> bool:
    """Tells whether more coded pixels would be taken for pixels.

    Behind the last block a decoder skips what comes; before, it makes blocks of it.
    """
    end = end_of_picture(stream)
    if end is None:
        return False  # Pillow has refused it, unless all pixels were there
    stream.seek(0)
    data = stream.read(end)
    try:
        return _small(data + _END) != _small(data + _MORE + _END)
    except OSError:
        return True


def _small(data: bytes) -> bytes:
    """Pixels of an eighth of the size: one for each block, and little memory."""
    image = Jpeg(BytesIO(data))
    image.draft(None, (1, 1))
    image.load()
    return image.tobytes()


def iptc_of(image: ImageFile.ImageFile) -> bytes | None:
    """The IPTC record among Photoshop's resources in a JPEG file.

    One that several markers share is as good as none: Pillow reads them one by one.
    """
    markers = [
        name
        for name, data in getattr(image, "applist", ())
        if name == "APP13" and data.startswith(PHOTOSHOP)
    ]
    resources = image.info.get("photoshop") if len(markers) == 1 else None
    found = resources.get(IPTC_RESOURCE) if isinstance(resources, dict) else None
    return found if isinstance(found, bytes) and found else None


def comment_of(image: ImageFile.ImageFile) -> bytes | None:
    """The comment of a JPEG file; several become lines of one, if a marker holds it."""
    found = [data for name, data in getattr(image, "applist", ()) if name == "COM"]
    whole = b"\n".join(found)
    return (whole if len(whole) <= LARGEST_MARKER else found[-1]) or None
