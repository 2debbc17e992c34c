"""``vaenhance sample``: draw new images from a model's prior."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaenhance.cli import console, options, refusals
from vaenhance.cli.loading import load, load_looks
from vaenhance.cli.paths import FilePath
from vaenhance.cli.photo_options import format_beside
from vaenhance.cli.sections import SectionCommand
from vaenhance.errors import UsageProblem

if TYPE_CHECKING:  # they bring NumPy and Pillow
    from vaenhance.workflows.sample import Settings

_HELP = """Draw new images from a model's prior.

\b
Examples:
  vaenhance sample                        a sheet of 16: sample.png
  vaenhance sample --class 7              sevens; each class in turn without it
  vaenhance sample -m flowers --temperature 0.8
  vaenhance sample faces/ --count 100     numbered files in a folder
  vaenhance sample - --seed 7 | display   a sheet into a pipe
  vaenhance sample plane.png --model digits2d --manifold
  vaenhance sample g.png -m look --apply photo.jpg --count 9   gradings of a photograph

The same seed draws the same images.
"""


def _read_size(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """``N`` or ``WxH`` in pixels -> (height, width)."""
    if value is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})(?:[xX]([1-9]\d{0,4}))?", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no size in pixels, e.g. 64 or 96x64.")
    width = int(found[1])
    return int(found[2] or width), width


def _read_temperatures(
    ctx: click.Context, param: click.Parameter, value: str
) -> tuple[float, ...]:
    """``T`` or ``T,T,...`` -> numbers."""
    try:
        found = tuple(float(part) for part in value.split(","))
    except ValueError:
        found = ()
    if not found or not all(0.0 <= number <= 10.0 for number in found):
        raise click.BadParameter(
            f"{value!r} is neither a number in 0..10 nor several with commas."
        )
    return found


@click.command(cls=SectionCommand, help=_HELP)
@click.argument(
    "target",
    required=False,
    type=FilePath(path_type=Path, allow_dash=True),
    help="Sheet (a file), folder of numbered files, or - for standard output; "
    "sample.png here when left out.",
)
@options.drawing_model_option
@options.option(
    "--count",
    type=click.IntRange(1, 100_000),
    metavar="N",
    default=16,
    show_default=True,
    help="How many images.",
)
@options.option(
    "--size",
    callback=_read_size,
    metavar="N|WxH",
    help="Pixels a side of each image, or width and height; default: the model's.",
)
@options.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME",
    help="Draw this class, for models that know classes (vaenhance info MODEL); "
    "several take turns.",
)
@options.option(
    "--temperature",
    callback=_read_temperatures,
    metavar="0..10[,...]",
    default="1",
    show_default=True,
    help="Below 1 the images are more usual, above 1 wilder; one for all levels, or "
    "one for each, coarse to fine: 1,0.8,0.6.",
)
@options.seed_option("Another seed draws other images.")
@options.option(
    "--manifold",
    is_flag=True,
    help="Instead of draws, a sheet of the whole plane of latents at the quantiles of "
    "the prior; for models with latents of 2 numbers.",
)
@options.option(
    "--columns",
    type=click.IntRange(1),
    metavar="N",
    help="Images in a row of the sheet; default: as square as possible, 20 with "
    "--manifold.",
)
@options.option(
    "--format",
    metavar="EXT",
    help="File format of folders and pipes: png (the default), jpg, webp, ...",
)
@options.option(
    "--apply",
    type=FilePath(path_type=Path, dir_okay=False),
    metavar="PHOTO",
    help="For models of looks: the photograph that the looks drawn are given to.",
)
@options.option("--overwrite", is_flag=True, help="Replace files that exist.")
@options.device_options
@options.verbosity_options
def command(
    target: Path | None,
    model: str,
    manifold: bool,
    format: str | None,
    overwrite: bool,
    device: str,
    precision: str,
    apply: Path | None,
    **drawn: Any,
) -> None:
    """Check everything that can be wrong, then start TensorFlow and draw."""
    from vaenhance.workflows import sample
    from vaenhance.workflows.originals import refuse_originals

    settings = sample.Settings(**(_plane(model, drawn) if manifold else drawn))
    to_stdout = target is not None and str(target) == "-"
    if to_stdout and console.stdout_is_terminal():
        raise UsageProblem(
            "standard output is a terminal: name a file, or send it on with > or |"
        )
    if target is not None:
        format = format_beside(target, format)
    plan = sample.make_plan(
        None if to_stdout else target,
        settings,
        format=format,
        overwrite=overwrite,
        to_stdout=to_stdout,
    )
    if not to_stdout:
        refuse_originals(plan.files, [apply])
    if not plan.is_sheet:
        if manifold:
            raise UsageProblem(f"--manifold makes one sheet: {target} is a folder")
        refusals.refuse_typed("a folder has no rows", "columns")
    loaded = (model, device, precision)
    if apply is None:
        images, profile = _images(loaded, settings, manifold), None
    elif manifold:
        raise UsageProblem("--manifold is not for looks: leave out --apply")
    else:
        images, profile = _gradings(loaded, settings, apply)
    first = next(images)
    images = itertools.chain([first], images)
    if to_stdout:
        sheet = sample.arrange(list(images), settings.columns, settings.gap)
        console.product_bytes(sample.encode(sheet, plan.format, profile))
        return
    for file in sample.write(images, plan, settings, profile):
        console.detail(f"wrote {file}")
    height, width = first.shape[:2]
    count = "1 image" if settings.count == 1 else f"{settings.count} images"
    where = plan.files[0] if plan.is_sheet else plan.files[0].parent
    how = "the plane of latents" if manifold else f"seed {settings.seed}"
    console.message(f"{count} of {width}x{height} pixels, {how}: {where}")


def _plane(model: str, drawn: dict[str, Any]) -> dict[str, Any]:
    """The settings of a sheet of the whole plane; what is for draws is refused."""
    from vaenhance.workflows import manifold

    refusals.refuse_typed(
        "--manifold draws nothing", *(name for name in drawn if name != "columns")
    )
    manifold.check(model, "--manifold")
    columns = drawn["columns"] or manifold.COLUMNS
    # What the environment says of draws is for those, and stays out of it.
    return {"count": columns**2, "columns": columns, "gap": 0}


def _images(
    loaded: tuple[str, str, str], settings: Settings, is_plane: bool
) -> Iterator[Any]:
    """Loads a model of images; what goes on the sheet or into the folder."""
    from vaenhance.checkpoint import is_look
    from vaenhance.workflows import sample

    if is_look(loaded[0]):
        raise UsageProblem(
            f"model {loaded[0]} is one of looks: name the photograph that is to have "
            "them with --apply"
        )
    sample.check(loaded[0], settings)
    network = load(*loaded)
    if is_plane and settings.columns is not None:
        from vaenhance.workflows import manifold

        return iter(manifold.grid(network, settings.columns))
    return sample.draw(network, settings)


def _gradings(
    loaded: tuple[str, str, str], settings: Settings, apply: Path
) -> tuple[Iterator[Any], bytes | None]:
    """Loads a model of looks; the photograph in them, and its profile."""
    from vaenhance.workflows import gradings, sample

    model, device, precision = loaded
    refusals.refuse_half("looks are computed in float32", precision)
    if not refusals.is_typed("classes"):  # the environment's are for others
        settings = replace(settings, classes=())
    gradings.check(settings.classes, settings.temperature)
    picture, profile = gradings.read_photograph(apply)
    network = gradings.Gradings(load_looks(model, device), picture)
    return sample.draw(network, settings), profile
