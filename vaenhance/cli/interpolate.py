"""``vaenhance interpolate``: the images between two images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaenhance.cli import console, options, refusals
from vaenhance.cli import photo_options as photographs
from vaenhance.cli.loading import check_class, load, load_looks
from vaenhance.cli.paths import FilePath
from vaenhance.cli.sections import SectionCommand
from vaenhance.errors import UsageProblem

if TYPE_CHECKING:  # they bring NumPy and Pillow
    from vaenhance.workflows.interpolate import Interpolator, Pixels
    from vaenhance.workflows.sample import Plan

_HELP = """Draw the images between two images.

A and B are images of one size, one of them may be - for standard input. TARGET ends
in .gif, .apng or .webp for an animation, in .png or another image's extension for a
sheet; another name is a folder of numbered files, - is standard output.

\b
Examples:
  vaenhance interpolate 3.png 8.png between.png -m digits      a sheet
  vaenhance interpolate 3.png 8.png between.gif -m digits      an animation
  vaenhance interpolate a.jpg b.jpg frames/ --levels 0,1       only coarse levels
  vaenhance interpolate day.jpg night.jpg n.gif -m look        the look of B on A
"""


def _read_levels(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    """``0,2`` -> (0, 2); whether the model has them is the model's to say."""
    if value is None:
        return None
    parts = value.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise click.BadParameter(f"{value!r} is no list of levels, e.g. 0 or 0,1.")
    return tuple(int(part) for part in parts)


@click.command("interpolate", cls=SectionCommand, help=_HELP)
@click.argument("start", metavar="A", type=FilePath(allow_dash=True, dir_okay=False))
@click.argument("end", metavar="B", type=FilePath(allow_dash=True, dir_okay=False))
@click.argument("target", metavar="TARGET", type=FilePath(allow_dash=True))
@options.model_option
@options.option(
    "--frames",
    type=click.IntRange(2, 10_000),
    metavar="N",
    default=16,
    show_default=True,
    help="How many images, with both ends.",
)
@options.option(
    "--method",
    type=click.Choice(["spherical", "linear"]),
    default="spherical",
    show_default=True,
    metavar="NAME",
    help="The way: spherical or linear.",
)
@options.option(
    "--levels",
    callback=_read_levels,
    metavar="LIST",
    help="Levels that move, such as 0,1 (0 is the coarsest); the others stay "
    "A's.  [default: all]",
)
@photographs.class_option
@options.option(
    "--columns",
    type=click.IntRange(1),
    metavar="N",
    help="Images in a row of the sheet; default: as square as possible.",
)
@options.option(
    "--fps",
    type=options.Number(0.1, 50),
    metavar="N",
    default=10.0,
    show_default=True,
    help="Images a second of an animation.",
)
@options.option("--bounce", is_flag=True, help="Let an animation go back to A.")
@options.option(
    "--format",
    metavar="EXT",
    help="File format of folders and pipes: png (the default), jpg, ...; gif of pipes.",
)
@options.option("--overwrite", is_flag=True, help="Replace files that exist.")
@options.device_options
@photographs.tile_option
@photographs.overlap_option
@photographs.max_megapixels_option
@options.json_option("Write one JSON object a file to standard output.")
@options.verbosity_options
def command(
    start: str,
    end: str,
    target: str,
    model: str,
    device: str,
    precision: str,
    format: str | None,
    overwrite: bool,
    max_megapixels: float,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Check everything that can be wrong, then start TensorFlow and draw."""
    from vaenhance.checkpoint import find_model, is_look, load_config
    from vaenhance.workflows import interpolate as workflow
    from vaenhance.workflows.originals import refuse_originals
    from vaenhance.workflows.sources import rereadable

    tiles = refusals.fitting_tiles(chosen["tile"], chosen["overlap"])
    chosen["tile"], chosen["overlap"] = tiles
    settings = workflow.Settings(**chosen)
    _check_streams((start, end), target, as_json)
    to_stdout = target == "-"
    named = Path(f"interpolation.{format or 'png'}") if to_stdout else Path(target)
    if not to_stdout:
        format = photographs.format_beside(named, format)
    plan = workflow.make_plan(
        named, settings, format=format, overwrite=overwrite, to_stdout=to_stdout
    )
    if not to_stdout:
        refuse_originals(plan.files, [Path(n) for n in (start, end) if n != "-"])
    _refuse_idle(plan)
    of_looks = is_look(model)
    if of_looks:
        refusals.refuse_half("looks are computed in float32", precision)
        refusals.refuse_typed("a look has no tiles", "tile", "overlap")
        levels = settings.levels if refusals.is_typed("levels") else None
        # The others are of the environment.
        settings = replace(settings, tile=None, overlap=None, levels=levels)
    check_class(model, settings.label)
    names = start, end
    sources = [
        console.stdin_bytes() if n == "-" else rereadable(Path(n)) for n in names
    ]
    ends = workflow.read_ends(sources, names, max_megapixels, any_size=of_looks)
    if ends.have_other_profiles:
        console.message("A and B have different colour profiles: none is written")
    workflow.check(load_config(find_model(model)).model, ends, settings)
    network = _load(model, device, precision, of_looks)
    with console.Progress(settings.frames, unit="images", decimals=0) as progress:
        frames = _counted(workflow.draw_frames(network, ends, settings), progress)
        made = workflow.encode(frames, plan, ends, settings)
        if to_stdout:
            console.product_bytes(next(made).data)
            return
        for number, (file, one) in enumerate(workflow.write(made, plan)):
            console.detail(f"wrote {file}")
            if as_json:
                frame = number if len(plan.files) > 1 else None
                size = {"width": one.width, "height": one.height}
                console.json_line({"target": str(file), "frame": frame, **size})
    where = plan.files[0] if len(plan.files) == 1 else plan.files[0].parent
    console.message(f"{settings.frames} images, {settings.method}: {where}")


def _load(model: str, device: str, precision: str, of_looks: bool) -> Interpolator:
    return load_looks(model, device) if of_looks else load(model, device, precision)


def _refuse_idle(plan: Plan) -> None:
    """Refuses options that the kind of product has no use for."""
    if plan.is_sheet:
        refusals.refuse_typed("a sheet does not move", "fps", "bounce")
    elif len(plan.files) == 1:
        refusals.refuse_typed("an animation has no rows", "columns")
    else:
        refusals.refuse_typed(
            "numbered files have no rows and do not move", "columns", "fps", "bounce"
        )


def _check_streams(sources: tuple[str, str], target: str, as_json: bool) -> None:
    if sources == ("-", "-"):
        raise UsageProblem("standard input is one image: name a file for A or B")
    if "-" in sources and console.stdin_is_terminal():
        raise UsageProblem("standard input is a terminal: pipe an image in")
    if target == "-" and as_json:
        raise UsageProblem("--json and - both want standard output: name a file")
    if target == "-" and console.stdout_is_terminal():
        raise UsageProblem(
            "standard output is a terminal: name a file, or send it on with > or |"
        )


def _counted(frames: Iterator[Pixels], progress: console.Progress) -> Iterator[Pixels]:
    """Hands frames on, and counts them."""
    progress.start()
    for frame in frames:
        yield frame
        progress.advance()
