"""``vaenhance decode``: photographs out of a file of latents."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaenhance.cli import console, options
from vaenhance.cli import enhance_report as report
from vaenhance.cli import photo_options as photographs
from vaenhance.cli.loading import check_class, load
from vaenhance.errors import UsageProblem

if TYPE_CHECKING:  # they bring NumPy and Pillow, which --help can do without
    from vaenhance.api import Model
    from vaenhance.latents import LatentReader
    from vaenhance.workflows.decode import DecodeSettings
    from vaenhance.workflows.latent_jobs import DecodePlan

_HELP = """Make photographs of latents.

LATENTS is a file that encode has written, or - for standard input. TARGET is a
folder, a file if there is one image, or - for standard output. Unchanged latents
give the very files that enhance makes of the photographs.

\b
Examples:
  vaenhance decode holiday.npz better/      a folder
  vaenhance decode old.npz new.png          one image
  vaenhance decode mine.npz new/ -m mine/   latents of your own model
"""


@click.command("decode", cls=options.SectionCommand, help=_HELP)
@click.argument(
    "latents", metavar="LATENTS.npz", type=click.Path(allow_dash=True, dir_okay=False)
)
@click.argument("target", metavar="TARGET", type=click.Path(allow_dash=True))
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
@photographs.overwrite_option
@photographs.format_option
@photographs.quality_option
@photographs.suffix_option
@photographs.strip_option
@options.device_options
@photographs.max_megapixels_option
@photographs.fail_fast_option
@photographs.json_option("decode")
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
    as_json: bool,
    **chosen: Any,
) -> int:
    """Check everything that can be wrong, then start TensorFlow and decode."""
    from vaenhance.latents import LatentReader
    from vaenhance.workflows.decode import DecodeSettings, choose_model, completed
    from vaenhance.workflows.latent_jobs import plan_decode
    from vaenhance.workflows.naming import Naming

    settings = DecodeSettings(**chosen)
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
    source = None if latents == "-" else Path(latents)
    with LatentReader(source or console.stdin_bytes()) as reader:
        chosen_model = choose_model(reader, model)
        settings = completed(settings, reader, chosen_model)
        check_class(chosen_model, settings.label)
        plan = plan_decode(
            source,
            reader.entries,
            reader.draws,
            target,
            Naming(format, suffix or ""),
            overwrite=overwrite,
            max_megapixels=settings.max_megapixels,
        )
        for note in plan.notes:
            console.message(console.one_line(note))
        if precision == "auto":  # another one would round otherwise
            precision = reader.origin.precision
        return _run(reader, plan, settings, (chosen_model, device, precision), as_json)


def _run(
    reader: LatentReader,
    plan: DecodePlan,
    settings: DecodeSettings,
    model: tuple[str, str, str],
    as_json: bool,
) -> int:
    from vaenhance.workflows.decode import decode_photos
    from vaenhance.workflows.results import Tally

    tally = Tally(len(plan.jobs), "decoded")
    progress = console.Progress(sum(job.megapixels for job in plan.jobs))

    def load_one() -> Model:
        network = load(*model)
        progress.start()
        return network

    results = decode_photos(
        reader,
        plan,
        settings,
        load=load_one,
        deliver=console.product_bytes,
        advance=progress.advance,
    )
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
