"""Read and write one photograph with everything it carries.

The rule is that pixels are sacred: what the file means is read once (orientation,
palette, transparency, depth), the numbers in it are handed on as stored, and
metadata and colour profile go back unchanged. Not for folders, tiling or any
image processing; nothing here knows about models.

Where things are: ``model`` the records, ``source`` what a file is and why it
cannot be read, ``reading`` and ``writing`` the two directions; ``png``, ``tiff``,
``webp`` and ``pillow`` one decoder each; ``primaries`` colours without a profile;
``canvas`` turns stored rows upright;
``exif`` and ``ifd`` the tags; ``resampling`` makes other sizes, ``dimensions`` states
them in the metadata, ``transparency`` is what alpha asks for; ``atomic`` puts bytes
into a folder, ``leftovers`` removes what killed processes have left there.
"""

from vaenhance.photo.atomic import atomic_stream, write_atomic
from vaenhance.photo.canvas import strips, to_eight_bits, to_gray
from vaenhance.photo.color import of_colors
from vaenhance.photo.dimensions import with_pixels
from vaenhance.photo.leftovers import tidy
from vaenhance.photo.model import (
    COLOR_CHUNKS,
    EXTENSIONS,
    TEXT_CHUNKS,
    WRITABLE,
    Metadata,
    Photo,
    PhotoInfo,
)
from vaenhance.photo.png import encode_map
from vaenhance.photo.reading import (
    check_size,
    probe,
    read_bytes,
    read_photo,
    read_pixels,
)
from vaenhance.photo.resampling import resized_rows, resized_strips, rows_needed
from vaenhance.photo.transparency import alpha_of_size, bled, seen_everywhere
from vaenhance.photo.writing import (
    check_encodable,
    check_format,
    encode_photo,
    save_png,
)

__all__ = [
    "COLOR_CHUNKS",
    "EXTENSIONS",
    "TEXT_CHUNKS",
    "WRITABLE",
    "Metadata",
    "Photo",
    "PhotoInfo",
    "alpha_of_size",
    "atomic_stream",
    "bled",
    "check_encodable",
    "check_format",
    "check_size",
    "encode_map",
    "encode_photo",
    "of_colors",
    "probe",
    "read_bytes",
    "read_photo",
    "read_pixels",
    "resized_rows",
    "resized_strips",
    "rows_needed",
    "save_png",
    "seen_everywhere",
    "strips",
    "tidy",
    "to_eight_bits",
    "to_gray",
    "with_pixels",
    "write_atomic",
]
