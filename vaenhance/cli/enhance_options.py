"""The options of ``vaenhance enhance``, in the order in which help lists them."""

from __future__ import annotations

from pathlib import Path

import click

from vaenhance.cli.options import (
    Container,
    Decorated,
    WordOr,
    decorated,
    device_options,
    model_option,
    option,
    verbosity_options,
)


def enhance_options(command: Decorated) -> Decorated:
    """Adds all options of ``enhance``."""
    return decorated(command, *OPTIONS)


def _check_suffix(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    if value is not None and ("/" in value or "\\" in value):
        raise click.BadParameter("a suffix is part of a name, not a path.", ctx, param)
    return value


OPTIONS = (
    model_option,
    option(
        "--strength",
        type=click.FloatRange(0, 1),
        default=1.0,
        show_default=True,
        metavar="0..1",
        help="How far to go: 0 gives the input back exactly, 1 is the model's answer.",
    ),
    option(
        "--noise",
        type=WordOr("auto", click.FloatRange(0, 255), "SIGMA|auto"),
        default="auto",
        show_default=True,
        help="Noise to expect, on the 0-255 scale, for models that take it.",
    ),
    option(
        "--overwrite", is_flag=True, help="Redo what exists instead of skipping it."
    ),
    option(
        "--format",
        type=Container(),
        metavar="FORMAT",
        help="Write jpeg, png, webp, tiff, bmp, avif or heic instead of the input's.",
    ),
    option(
        "--quality",
        type=click.IntRange(1, 100),
        metavar="1..100",
        help="Of JPEG, WebP and AVIF.  [default: 95]",
    ),
    option(
        "--suffix",
        callback=_check_suffix,
        metavar="TEXT",
        help="Put TEXT between name and extension.",
    ),
    option("--strip-metadata", is_flag=True, help="Leave EXIF, XMP and dpi out."),
    option(
        "--recursive/--no-recursive",
        default=True,
        show_default=True,
        help="Enter sub-folders; the tree is mirrored.",
    ),
    device_options,
    option(
        "--tile",
        section="Speed and memory",
        type=WordOr("auto", click.IntRange(min=0), "auto|N|0"),
        default="auto",
        show_default=True,
        help="Pixels a side computed at once; 0 is the whole image.",
    ),
    option(
        "--overlap",
        section="Speed and memory",
        type=WordOr("auto", click.IntRange(min=0), "auto|N"),
        default="auto",
        show_default=True,
        help="Pixels that neighbouring tiles share.",
    ),
    option(
        "--max-megapixels",
        section="Speed and memory",
        type=click.FloatRange(min=0, min_open=True),
        default=512.0,
        show_default=True,
        metavar="N",
        help="Refuse larger images before decoding them.",
    ),
    option(
        "--sheet",
        section="Reporting",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE.png",
        help="Write crops of up to 8 images side by side: before, after.",
    ),
    option(
        "-n", "--dry-run", section="Reporting", is_flag=True, help="Show the plan only."
    ),
    option(
        "--fail-fast",
        section="Reporting",
        is_flag=True,
        help="Stop at the first failure.",
    ),
    option(
        "--json",
        "as_json",
        envvar="VAENHANCE_ENHANCE_JSON",
        section="Reporting",
        is_flag=True,
        help="Write one JSON object an image to standard output.",
    ),
    verbosity_options,
)
