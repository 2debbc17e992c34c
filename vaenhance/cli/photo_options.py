"""Options of the commands that read or write photographs, each declared once.

Nothing that is imported with this module needs TensorFlow, Pillow or NumPy.
"""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from vaenhance.cli import options
from vaenhance.cli.options import Container, Number, WordOr, option


def _check_suffix(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    if value is not None and ("/" in value or "\\" in value):
        raise click.BadParameter("a suffix is part of a name, not a path.", ctx, param)
    return value


def yielding() -> tuple[str, ...]:
    """Returns which of format and suffix give way to a TARGET that names a file.

    Nobody typed them: they are of the environment, for whatever it does not name.
    """
    context = click.get_current_context()
    source = ParameterSource.ENVIRONMENT
    names = ("format", "suffix")
    return tuple(n for n in names if context.get_parameter_source(n) is source)


def format_beside(target: Path, format: str | None) -> str | None:
    """Returns the format, unless TARGET names one and nobody typed the other."""
    from vaenhance import photo, report
    from vaenhance.data.reachable import is_folder

    is_named = target.suffix.lower() in {*photo.EXTENSIONS, *report.ANIMATIONS}
    yields = "format" in yielding() and is_named and not is_folder(target)
    return None if yields else format


noise_option = option(
    "--noise",
    type=WordOr("auto", Number(0, 255), "SIGMA|auto"),
    default="auto",
    show_default=True,
    help="Noise to expect, on the 0-255 scale, for models that take it.",
)

class_option = option(
    "--class",
    "label",
    metavar="NAME",
    help="Class of the images, for models that know classes; default: it is not told.",
)

overwrite_option = option(
    "--overwrite", is_flag=True, help="Redo what exists instead of skipping it."
)

format_option = option(
    "--format",
    type=Container(),
    metavar="FORMAT",
    help="Write jpeg, png, webp, tiff, bmp, avif or heic instead of the input's.",
)

quality_option = option(
    "--quality",
    type=click.IntRange(1, 100),
    metavar="1..100",
    help="Of JPEG, WebP and AVIF, and of HEIC without alpha.  [default: 95]",
)

suffix_option = option(
    "--suffix",
    callback=_check_suffix,
    metavar="TEXT",
    help="Put TEXT between name and extension.",
)

strip_option = option("--strip-metadata", is_flag=True, help="Leave metadata out.")

recursive_option = option(
    "--recursive/--no-recursive",
    default=True,
    show_default=True,
    help="Enter sub-folders; the tree is mirrored.",
)

tile_option = option(
    "--tile",
    section="Speed and memory",
    type=WordOr("auto", click.IntRange(min=0), "auto|N|0"),
    default="auto",
    show_default=True,
    help="Pixels a side computed at once; 0 is the whole image.",
)

overlap_option = option(
    "--overlap",
    section="Speed and memory",
    type=WordOr("auto", click.IntRange(min=0), "auto|N"),
    default="auto",
    show_default=True,
    help="Pixels that neighbouring tiles share.",
)

max_megapixels_option = option(
    "--max-megapixels",
    section="Speed and memory",
    type=Number(min=0, min_open=True),
    default=512.0,
    show_default=True,
    metavar="N",
    help="Refuse larger images before decoding them.",
)

fail_fast_option = option(
    "--fail-fast",
    section="Reporting",
    is_flag=True,
    help="Stop at the first failure.",
)


json_option = options.json_option("Write one JSON object an image to standard output.")
