"""``vaenhance calibrate``: fit and measure a model's uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaenhance.cli import console, options
from vaenhance.cli.loading import load
from vaenhance.cli.paths import FilePath
from vaenhance.cli.sections import SectionCommand
from vaenhance.errors import UsageProblem, VaenhanceError

if TYPE_CHECKING:
    from vaenhance.api import Model
    from vaenhance.workflows.coverage import Reliability
    from vaenhance.workflows.pairs import Failure, Pair

_HELP = """Calibrate the uncertainty of a model for photographs.

PHOTOS is a folder of clean photographs, MODEL a built-in model or a model folder.
They are degraded as in the model's training, and what predicts the errors best is
written into MODEL as calibration.json; the weights stay as they are. Once more
after every training.

\b
Examples:
  vaenhance calibrate photos/ my-model
  vaenhance calibrate photos/ my-model --test others/
  vaenhance calibrate others/ my-model --crops 0 --test others/   only measure
"""


def _enough(ctx: click.Context, param: click.Parameter, value: int) -> int:
    if 0 < value < 3:
        raise click.BadParameter("3 is the least: two kinds of crops are looked at.")
    return value


@click.command(cls=SectionCommand, help=_HELP)
@click.argument(
    "photos",
    type=FilePath(path_type=Path),
    help="Clean photographs: a folder, or an .npz.",
)
@click.argument(
    "model", shell_complete=options.complete_model, help="Name or folder of a model."
)
@options.option(
    "--crops",
    callback=_enough,
    type=click.IntRange(0, 100_000),
    default=450,
    show_default=True,
    metavar="N",
    help="Crops to learn from; 0 fits nothing.",
)
@options.option(
    "--test",
    type=FilePath(path_type=Path),
    metavar="FOLDER",
    help="Other clean photographs, to measure how far the result can be trusted.",
)
@options.seed_option("Of crops, degradations and the fit.", most=10**9)
@options.device_options
@options.json_option("One JSON object a degradation.")
@options.verbosity_options
def command(
    photos: Path,
    model: str,
    crops: int,
    test: Path | None,
    seed: int,
    device: str,
    precision: str,
    as_json: bool,
) -> int:
    """Check the arguments, then fit, measure and report."""
    from vaenhance.api import find_model
    from vaenhance.workflows import calibrate as story
    from vaenhance.workflows.pairs import find_pairs

    if not crops and test is None:
        raise UsageProblem("--crops 0 fits nothing: name photographs to --test it on")
    if as_json and test is None:
        raise UsageProblem(
            "--json tells what --test measures: name photographs, or leave it out"
        )
    from vaenhance.data.reachable import is_there

    for path in filter(None, (photos, test)):
        if not is_there(path):
            raise UsageProblem(f"there is no file or folder {path}")
    folder = find_model(model)
    story.check_config(folder)
    given = None if test is None else find_pairs(test, None)
    with story.reserved(folder):
        network = load(str(folder), device, precision)
        if crops:
            _fit(network, photos, crops, seed)
        if test is not None and given is not None:
            return _measure(network, test, given, seed, as_json)
    return 0


def _fit(network: Model, photos: Path, crops: int, seed: int) -> None:
    from vaenhance.workflows import calibrate as story

    with console.Progress(crops, unit="crops", decimals=0) as bar:
        story.calibrate(
            network,
            photos,
            crops=crops,
            seed=seed,
            warn=console.message,
            advance=bar.advance,
        )
    console.message(f"calibrated: {network.folder / 'calibration.json'}")


def _measure(
    network: Model,
    test: Path,
    given: tuple[list[Pair], list[Failure]],
    seed: int,
    as_json: bool,
) -> int:
    """Measures, notes and reports; returns the exit code."""
    from vaenhance.cli import scores as show
    from vaenhance.workflows import coverage
    from vaenhance.workflows.calibrate import note_in_card

    (pairs, failures), name = given, test.resolve().name
    left_out = [show.failed(failure) for failure in failures]
    rows = coverage.standard_rows(network.config.scales)
    most = len(pairs) * len(rows) * coverage.SIDE**2 / 1e6
    with console.Progress(most) as bar:
        found = coverage.measure(
            network,
            pairs,
            rows,
            seed=seed,
            warn=left_out.append,
            advance=bar.advance,
        )
    for line in left_out:
        console.error(line)
    if not found:
        raise VaenhanceError(f"no image of {test} could be measured")
    note_in_card(network.folder, name, network.precision, found)
    for line in _table(found) if not as_json else ():
        console.product(line)
    for row in found if as_json else ():
        console.json_line({"model": network.name, "set": name, **row.as_json()})
    return 1 if left_out else 0


def _table(found: Sequence[Reliability]) -> list[str]:
    head = f"{'':10}  within 1s  within 2s  rank corr.    ENCE   error   sigma"
    lines = [head]
    for row in found:
        one: dict[str, Any] = row.as_json()
        lines.append(
            f"{row.degradation:10}  {100 * one['within_1']:7.1f} %  "
            f"{100 * one['within_2']:7.1f} %  {one['rank_correlation']:10.3f}  "
            f"{one['ence']:6.3f}  {one['error']:6.2f}  {one['sigma']:6.2f}"
        )
    return lines
