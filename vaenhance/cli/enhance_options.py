"""The options of ``vaenhance enhance``, in the order in which help lists them."""

from __future__ import annotations

from pathlib import Path

from vaenhance.cli.enlarge_options import enlarge_options
from vaenhance.cli.explore_options import explore_options
from vaenhance.cli.grade_options import grade_options
from vaenhance.cli.options import (
    Decorated,
    Number,
    decorated,
    device_options,
    model_option,
    option,
    verbosity_options,
)
from vaenhance.cli.paths import FilePath
from vaenhance.cli.photo_options import (
    fail_fast_option,
    format_option,
    json_option,
    max_megapixels_option,
    noise_option,
    overlap_option,
    overwrite_option,
    quality_option,
    recursive_option,
    strip_option,
    suffix_option,
    tile_option,
)


def enhance_options(command: Decorated) -> Decorated:
    """Adds all options of ``enhance``."""
    return decorated(command, *OPTIONS)


OPTIONS = (
    model_option,
    option(
        "--strength",
        type=Number(0, 1),
        default=1.0,
        show_default=True,
        metavar="0..1",
        help="How far to go: 0 gives the input back exactly, 1 is the model's answer.",
    ),
    noise_option,
    explore_options,
    enlarge_options,
    grade_options,
    option(
        "--class",
        "label",
        metavar="NAME",
        help="Draw each image anew as another class, with its own style, for small "
        "models that know classes.",
    ),
    overwrite_option,
    format_option,
    quality_option,
    suffix_option,
    strip_option,
    recursive_option,
    device_options,
    tile_option,
    overlap_option,
    max_megapixels_option,
    option(
        "--sheet",
        section="Reporting",
        type=FilePath(path_type=Path, dir_okay=False),
        metavar="FILE.png",
        help="Write crops of up to 8 images side by side: before, after.",
    ),
    option(
        "-n", "--dry-run", section="Reporting", is_flag=True, help="Show the plan only."
    ),
    fail_fast_option,
    json_option,
    verbosity_options,
)
