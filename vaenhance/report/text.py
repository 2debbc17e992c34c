"""Words on pictures: Pillow's own font, and the characters it has.

Not for measuring or laying out text; Pillow does that.
"""

from __future__ import annotations

import unicodedata

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_PLAIN = {"\N{EN DASH}": "-", "\N{MULTIPLICATION SIGN}": "x", "\N{DEGREE SIGN}": "deg"}
_PLAIN |= {"\N{GREEK SMALL LETTER SIGMA}": "sigma", "\N{MIDDLE DOT}": "-"}


def font(size: int) -> Font:
    """Pillow's own font: nothing to install, the same everywhere."""
    return ImageFont.load_default(size)


def plain(text: str) -> str:
    """The text in ASCII: Pillow's font draws an empty box for anything else."""
    for special, plain in _PLAIN.items():
        text = text.replace(special, plain)
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.combining(c))
    return text.encode("ascii", "replace").decode("ascii")
