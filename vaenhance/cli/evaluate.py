"""``vaenhance evaluate``: PSNR and SSIM of a model against references."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaenhance.cli import console, evaluate_options, options
from vaenhance.errors import UsageProblem

if TYPE_CHECKING:
    from vaenhance.api import Model
    from vaenhance.workflows.evaluate import Score
    from vaenhance.workflows.pairs import Failure

_HELP = """Measure PSNR and SSIM of enhanced images against references.

SOURCE holds clean images that are degraded here, or with --reference degraded
ones. Without any degradation named: noise 25, JPEG 10 and clean.

With --table SOURCE is a standard set such as Kodak24 or LIVE1, or a folder of
several, and each is measured as papers do, beside OpenCV and their figures.

With --likelihood nothing is degraded or enhanced: what is measured is how
likely the model finds the images.

\b
Examples:
  vaenhance evaluate clean/ --noise 15 --noise 25 --noise 50
  vaenhance evaluate clean/ --jpeg 10 --jpeg 40 --luma
  vaenhance evaluate noisy/ --reference clean/ --sheet pairs.png
  vaenhance evaluate testsets/ --table --precision float32
  vaenhance evaluate clean/ --noise 25 --draws 8 --latents
  vaenhance evaluate mnist.npz --model digits --likelihood --samples 100
"""
_DEGRADATIONS = ("noise", "jpeg", "blur", "clean", "combine")
_SHEET_ROWS = 8  # pictures beyond that say nothing new, and cannot be looked at


@click.command(cls=options.SectionCommand, help=_HELP)
@click.argument(
    "source",
    type=click.Path(path_type=Path),
    help="Image or folder, sub-folders included.",
)
@options.model_option
@evaluate_options.image_options
@evaluate_options.degradation_options
@evaluate_options.protocol_options
@evaluate_options.posterior_options
@evaluate_options.likelihood_options
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
    table: bool,
    likelihood: bool,
    samples: int | None,
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

    load = partial(_load, model, device, precision)
    if table or likelihood or samples is not None:
        others = {**chosen, "reference": reference, "sheet": sheet}
        find = partial(_run_likelihood, samples) if likelihood else _run_table
        if samples is not None and not likelihood:
            raise UsageProblem("--samples is of the likelihood: add --likelihood")
        if table and likelihood:
            raise UsageProblem("--table and --likelihood are two measurements")
        common = {"limit": limit, "as_json": as_json}
        return find(others, source, model, load, **common)
    options.check_sheet(sheet, overwrite)
    degraded = {name: chosen.pop(name) for name in _DEGRADATIONS}
    settings = story.Settings(**{**chosen, "draws": chosen["draws"] or 0})
    if reference is not None:
        _refuse_with_reference({**degraded, **chosen})
        rows = [story.Degradation(is_given=True)]
    else:
        rows = story.degradations(**degraded)
    pairs, failures = files.find_pairs(source, reference)
    for failure in failures:
        console.error(show.failed(failure))
    pairs = pairs[:limit]
    network = load()
    views = math.ceil(_SHEET_ROWS / len(rows)) if sheet else 0
    with console.Progress(files.count_megapixels(pairs) * len(rows)) as bar:
        found = story.evaluate(
            pairs, rows, network, settings, views=views, progress=bar.advance
        )
        scores = _collect(found, failures, bar, len(pairs) * len(rows))
    table_rows = story.summarise(scores)
    if as_json:
        for row in table_rows:
            console.json_line(
                show.record(row, model, network.precision, settings, failures)
            )
    elif table_rows:
        for line in show.lines(table_rows, settings, rows):
            console.product(line)
    if sheet is not None and table_rows:
        show.save_sheet(table_rows, sheet)
        console.message(f"sheet: {sheet}")
    if failures:
        measured = len({score.image for score in scores})
        console.message(f"{measured} measured, {len(failures)} failed.")
    return 1 if failures else 0


def _load(model: str, device: str, precision: str) -> Model:
    """Start TensorFlow, and say on what."""
    console.detail(f"loading model {model} ...")
    from vaenhance.api import load_model

    network = load_model(model, device=device, precision=precision)
    console.message(f"device: {network.device}, {network.precision}")
    return network


def _run_table(others: Mapping[str, Any], *given: Any, **wanted: Any) -> int:
    """Remake the published tables."""
    from vaenhance.cli import tables

    _refuse("--table measures every set as papers do, with fixed degradations", others)
    return tables.run(*given, seed=others["seed"], **wanted)


def _run_likelihood(
    samples: int | None, others: Mapping[str, Any], *given: Any, **wanted: Any
) -> int:
    """Measure how likely the images are."""
    from vaenhance.cli import likelihood as bounds

    _refuse("--likelihood measures images as they are", others)
    return bounds.run(*given, samples=samples, seed=others["seed"], **wanted)


def _refuse(why: str, chosen: Mapping[str, Any]) -> None:
    """What has a protocol of its own takes no options of another."""
    chosen = {**chosen, "subsampling": chosen["subsampling"] != "4:2:0"}
    for name, value in chosen.items():
        if value and name != "seed":
            raise UsageProblem(f"{why}: leave out --{name.replace('_', '-')}")


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
            console.error(show.failed(one))
        else:
            scores.append(one)
            console.detail(show.one_line(one))
        bar.note(f"{len(scores)} of {total}")
    return scores
