"""``vaenhance evaluate``: PSNR and SSIM of a model against references."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaenhance.cli import console, options
from vaenhance.errors import UsageProblem

if TYPE_CHECKING:
    from vaenhance.workflows.evaluate import Score
    from vaenhance.workflows.pairs import Failure

_HELP = """Measure PSNR and SSIM of enhanced images against references.

SOURCE holds clean images that are degraded here, or with --reference degraded
ones. Without any degradation named: noise 25, JPEG 10 and clean.

\b
Examples:
  vaenhance evaluate clean/ --noise 15 --noise 25 --noise 50
  vaenhance evaluate clean/ --jpeg 10 --jpeg 40 --luma
  vaenhance evaluate noisy/ --reference clean/ --sheet pairs.png
"""
_DEGRADATIONS = ("noise", "jpeg", "blur", "clean", "combine")
_SHEET_ROWS = 8  # pictures beyond that say nothing new, and cannot be looked at


def _degradation_options(command: options.Decorated) -> options.Decorated:
    """What is done to clean images; every one may be given several times."""
    heading = "Degradation of clean images"
    for decorate in reversed(
        (
            options.option(
                "--noise",
                type=click.FloatRange(0.0, 255.0, min_open=True),
                multiple=True,
                metavar="SIGMA",
                section=heading,
                help="Gaussian noise, 0-255 scale; repeat for several rows.",
            ),
            options.option(
                "--jpeg",
                type=click.IntRange(1, 100),
                multiple=True,
                metavar="QUALITY",
                section=heading,
                help="JPEG compression; repeat for several rows.",
            ),
            options.option(
                "--blur",
                type=click.FloatRange(0.0, 50.0, min_open=True),
                multiple=True,
                metavar="SIGMA",
                section=heading,
                help="Gaussian blur, pixels; repeat for several rows.",
            ),
            options.option(
                "--clean",
                is_flag=True,
                section=heading,
                help="A row without degradation: what the model does to good images.",
            ),
            options.option(
                "--combine",
                is_flag=True,
                section=heading,
                help="One after the other (blur, noise, JPEG), not a row for each.",
            ),
        )
    ):
        command = decorate(command)
    return command


def _protocol_options(command: options.Decorated) -> options.Decorated:
    """What else moves the figures."""
    heading = "Protocol"
    for decorate in reversed(
        (
            options.option(
                "--clip",
                is_flag=True,
                section=heading,
                help="Round degraded images to 8 bits; default: unclipped floats.",
            ),
            options.option(
                "--luma",
                is_flag=True,
                section=heading,
                help="Measure on Y of YCbCr (BT.601) instead of RGB.",
            ),
            options.option(
                "--subsampling",
                type=click.Choice(["4:2:0", "4:4:4"]),
                default="4:2:0",
                show_default=True,
                section=heading,
                help="Chroma of the JPEG.",
            ),
            options.option(
                "--known-noise",
                is_flag=True,
                section=heading,
                help="Tell the model the sigma of the noise.",
            ),
            options.option(
                "--seed",
                type=click.IntRange(0, 2**31 - 1),
                metavar="N",
                default=0,
                show_default=True,
                section=heading,
                help="Of the noise; each image has its own, by its name.",
            ),
        )
    ):
        command = decorate(command)
    return command


@click.command(cls=options.SectionCommand, help=_HELP)
@click.argument(
    "source",
    type=click.Path(path_type=Path),
    help="Image or folder, sub-folders included.",
)
@options.model_option
@options.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Clean images of the same names (any extension); SOURCE is degraded.",
)
@options.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Only the first N images."
)
@options.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="Save parts of the first images: degraded, enhanced, reference.",
)
@options.option("--overwrite", is_flag=True, help="Replace a sheet that exists.")
@_degradation_options
@_protocol_options
@options.device_options
@options.option(
    "--json",
    "as_json",
    is_flag=True,
    envvar="VAENHANCE_EVALUATE_JSON",
    section="Reporting",
    help="One JSON object for each row, with the values of each image.",
)
@options.verbosity_options
def command(
    source: Path,
    model: str,
    reference: Path | None,
    limit: int | None,
    sheet: Path | None,
    overwrite: bool,
    device: str,
    precision: str,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Check everything that can be wrong, then start TensorFlow and measure."""
    from vaenhance.cli import scores as show
    from vaenhance.workflows import evaluate as story
    from vaenhance.workflows import pairs as files

    options.check_sheet(sheet, overwrite)
    degraded = {name: chosen.pop(name) for name in _DEGRADATIONS}
    settings = story.Settings(**chosen)
    if reference is not None:
        _refuse_with_reference({**degraded, **chosen})
        rows = [story.Degradation(is_given=True)]
    else:
        rows = story.degradations(**degraded)
    pairs, failures = files.find_pairs(source, reference)
    for failure in failures:
        _say_failed(failure)
    pairs = pairs[:limit]
    console.detail(f"loading model {model} ...")
    from vaenhance.api import load_model

    network = load_model(model, device=device, precision=precision)
    console.message(f"device: {network.device}, {network.precision}")
    views = math.ceil(_SHEET_ROWS / len(rows)) if sheet else 0
    with console.Progress(files.count_megapixels(pairs) * len(rows)) as bar:
        found = story.evaluate(
            pairs, rows, network, settings, views=views, progress=bar.advance
        )
        scores = _collect(found, failures, bar, len(pairs) * len(rows))
    table = story.summarise(scores)
    if as_json:
        for row in table:
            console.json_line(
                show.record(row, model, network.precision, settings, failures)
            )
    elif table:
        for line in (*show.table(table), show.protocol(settings, rows)):
            console.product(line)
    if sheet is not None and table:
        show.save_sheet(table, sheet)
        console.message(f"sheet: {sheet}")
    if failures:
        measured = len({score.image for score in scores})
        console.message(f"{measured} measured, {len(failures)} failed.")
    return 1 if failures else 0


def _refuse_with_reference(chosen: Mapping[str, Any]) -> None:
    """Nothing is degraded here when references are given."""
    for name in (*_DEGRADATIONS, "clip", "known_noise"):
        if chosen[name]:
            raise UsageProblem(
                f"--reference means that SOURCE is degraded already: leave out "
                f"--{name.replace('_', '-')}"
            )


def _collect(
    found: Iterator[Score | Failure],
    failures: list[Failure],
    bar: console.Progress,
    total: int,
) -> list[Score]:
    """Take the scores as they come, and add to the failures."""
    from vaenhance.cli import scores as show
    from vaenhance.workflows.pairs import Failure

    scores: list[Score] = []
    for one in found:
        if isinstance(one, Failure):
            failures.append(one)
            _say_failed(one)
        else:
            scores.append(one)
            console.detail(show.one_line(one))
        bar.note(f"{len(scores)} of {total}")
    return scores


def _say_failed(failure: Failure) -> None:
    console.error(f"cannot measure {failure.image}: {failure.reason} (kept going)")
