"""``vaenhance decode``: photographs out of a file of latents."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaenhance.cli import console, options, refusals
from vaenhance.cli import enhance_report as report
from vaenhance.cli import photo_options as photographs
from vaenhance.cli.enlarge_options import size_options, take_enlargement
from vaenhance.cli.loading import check_class, load, load_looks
from vaenhance.cli.paths import FilePath
from vaenhance.cli.sections import SectionCommand
from vaenhance.errors import UsageProblem

if TYPE_CHECKING:  # they bring NumPy and Pillow, which --help can do without
    from vaenhance.latents import LatentReader
    from vaenhance.photo import Photo
    from vaenhance.workflows.decode_settings import DecodeSettings
    from vaenhance.workflows.latent_jobs import DecodePlan

_HELP = """Make photographs of latents.

LATENTS is a file that encode has written, or - for standard input. TARGET is a
folder, a file if there is one image, or - for standard output. Unchanged latents
give the very files that enhance makes of the photographs. Looks are no images:
they are given to the photograph that --apply names.

\b
Examples:
  vaenhance decode holiday.npz better/      a folder
  vaenhance decode old.npz new.png          one image
  vaenhance decode mine.npz new/ -m mine/   latents of your own model
  vaenhance decode small.npz new/ --scale 4   of encode --model detail
  vaenhance decode looks.npz new/ --apply photo.jpg   each look on one photograph
"""


@click.command("decode", cls=SectionCommand, help=_HELP)
@click.argument(
    "latents", metavar="LATENTS.npz", type=FilePath(allow_dash=True, dir_okay=False)
)
@click.argument("target", metavar="TARGET", type=FilePath(allow_dash=True))
@options.option(
    "-m",
    "--model",
    metavar="MODEL",
    shell_complete=options.complete_model,
    help="Built-in model, or the folder of a trained one.  [default: the one named "
    "in the file]",
)
@options.option(
    "--class",
    "label",
    metavar="NAME",
    help="Class to decode as, for models that know classes.  [default: the one that "
    "encode was told]",
)
@options.option(
    "--apply",
    type=FilePath(path_type=Path, dir_okay=False),
    metavar="PHOTO",
    help="For latents of a model of looks: the photograph that they are given to.",
)
@size_options
@photographs.overwrite_option
@photographs.format_option
@photographs.quality_option
@photographs.suffix_option
@photographs.strip_option
@options.device_options
@photographs.max_megapixels_option
@photographs.fail_fast_option
@photographs.json_option
@options.verbosity_options
def command(
    latents: str,
    target: str,
    model: str | None,
    device: str,
    precision: str,
    overwrite: bool,
    format: str | None,
    suffix: str | None,
    apply: Path | None,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Check everything that can be wrong, then start TensorFlow and decode."""
    from vaenhance.latents import LatentReader
    from vaenhance.workflows import decode_looks
    from vaenhance.workflows import decode_settings as how
    from vaenhance.workflows.latent_jobs import plan_decode
    from vaenhance.workflows.naming import Naming
    from vaenhance.workflows.originals import refuse_originals
    from vaenhance.workflows.sources import rereadable

    enlargement = take_enlargement(chosen)
    settings = how.DecodeSettings(**chosen, enlargement=enlargement)
    if apply is not None and enlargement is not None:
        raise UsageProblem(
            "--apply gives a look to a photograph in its own size: leave it out, or "
            "--scale, --size and --megapixels"
        )
    if apply is not None:
        refusals.refuse_half("looks are computed in float32", precision)
    _check_streams(latents, target, as_json)
    source = None if latents == "-" else Path(latents)
    data = console.stdin_bytes() if source is None else rereadable(source)
    with LatentReader(data) as reader:
        entries, picture = reader.entries, None
        if apply is None:
            how.check_images(reader)
        else:
            limit = settings.max_megapixels
            picture = decode_looks.read_applied(apply, reader, limit)
            entries = decode_looks.entries(reader, picture, apply.suffix)
        chosen_model = how.choose_model(reader, model)
        settings = how.completed(settings, reader, chosen_model)
        check_class(chosen_model, settings.label)
        plan = plan_decode(
            source,
            entries,
            reader.draws,
            target,
            Naming(format, suffix or "", photographs.yielding()),
            overwrite=overwrite,
            max_megapixels=settings.max_megapixels,
            enlargement=settings.enlargement,
        )
        refuse_originals((job.target for job in plan.jobs), [apply])
        for note in plan.notes:
            console.message(console.one_line(note))
        if precision == "auto":  # another one would round otherwise
            precision = reader.origin.precision
        network = (chosen_model, device, precision)
        return _run(reader, plan, settings, network, picture, as_json)


def _check_streams(latents: str, target: str, as_json: bool) -> None:
    if target == "-":
        if as_json:
            raise UsageProblem("--json and - both want standard output: name a file")
        if console.stdout_is_terminal():
            raise UsageProblem(
                "standard output is a terminal, which cannot show image bytes: "
                "redirect it (> new.jpg) or name a file as TARGET"
            )
    if latents == "-" and console.stdin_is_terminal():
        raise UsageProblem("standard input is a terminal: pipe latents in")


def _run(
    reader: LatentReader,
    plan: DecodePlan,
    settings: DecodeSettings,
    model: tuple[str, str, str],
    picture: Photo | None,
    as_json: bool,
) -> int:
    from vaenhance.workflows.decode import decode_photos
    from vaenhance.workflows.decode_looks import decode_looks
    from vaenhance.workflows.results import Tally

    tally = Tally(len(plan.jobs), "decoded")
    progress = console.Progress(sum(job.megapixels for job in plan.jobs))

    def load_one() -> Any:
        network = load(*model) if picture is None else load_looks(*model[:2])
        progress.start()
        return network

    told: dict[str, Any] = {
        "load": load_one,
        "deliver": console.product_bytes,
        "advance": progress.advance,
    }
    if picture is None:
        results = decode_photos(reader, plan, settings, **told)
    else:
        results = decode_looks(reader, plan, settings, picture, **told)
    with progress, contextlib.closing(results):
        report.follow(
            results,
            tally,
            progress,
            fail_fast=settings.fail_fast,
            as_json=as_json,
            verb="decode",
        )
    report.say_summary(tally)
    return tally.exit_code
