"""``vaenhance evaluate``: PSNR and SSIM of a model against references."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaenhance.cli import console, evaluate_options, options, refusals
from vaenhance.cli.loading import load
from vaenhance.cli.paths import FilePath
from vaenhance.cli.sections import SectionCommand
from vaenhance.errors import UsageProblem

if TYPE_CHECKING:
    from vaenhance.workflows.evaluate import Degradation, Row, Score, Settings
    from vaenhance.workflows.pairs import Failure

_HELP = """Measure PSNR and SSIM of enhanced images against references.

SOURCE holds clean images that are degraded here, or with --reference degraded
ones. Without any degradation named: noise 25, JPEG 10 and clean.

With --table SOURCE is a standard set such as Kodak24 or LIVE1, or a folder of
several, and each is measured as papers do, beside OpenCV and their figures.

With --scale clean images are shrunk and enlarged again, beside Pillow's filters.

With --likelihood nothing is degraded or enhanced: what is measured is how
likely the model finds the images.

\b
Examples:
  vaenhance evaluate clean/ --noise 15 --noise 25 --noise 50
  vaenhance evaluate clean/ --jpeg 10 --jpeg 40 --luma
  vaenhance evaluate noisy/ --reference clean/ --sheet pairs.png
  vaenhance evaluate testsets/ --table --precision float32
  vaenhance evaluate clean/ --noise 25 --draws 8 --latents
  vaenhance evaluate clean/ --scale 2 --scale 4
  vaenhance evaluate mnist.npz --model digits --likelihood --samples 100
"""
_Named = tuple[str, str, str]  # model, device, precision
_DEGRADATIONS = ("noise", "jpeg", "blur", "clean", "combine")
_SHEET_ROWS = 8  # pictures beyond that say nothing new, and cannot be looked at


@click.command(cls=SectionCommand, help=_HELP)
@click.argument(
    "source",
    type=FilePath(path_type=Path),
    help="Image or folder, sub-folders included.",
)
@options.model_option
@evaluate_options.image_options
@evaluate_options.degradation_options
@evaluate_options.protocol_options
@evaluate_options.posterior_options
@evaluate_options.likelihood_options
@evaluate_options.scale_options
@options.device_options
@options.json_option("One JSON object for each row, with the values of each image.")
@options.verbosity_options
def command(
    source: Path,
    model: str,
    reference: Path | None,
    table: bool,
    likelihood: bool,
    samples: int | None,
    scatter: Path | None,
    scale: tuple[int, ...],
    consistent: bool,
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
    from vaenhance.workflows.enlarging import check_plain
    from vaenhance.workflows.originals import refuse_originals

    named = model, device, precision
    extra = {"samples": samples, "scatter": scatter}
    measure = _other_measurement(table, likelihood, extra, scale, consistent)
    for option, picture in (("--scatter", scatter), ("--sheet", sheet)):
        refusals.check_sheet(picture, overwrite, option)
        refuse_originals([picture], [source, reference], option)
    if measure is not None:
        others = {**chosen, "reference": reference, "sheet": sheet}
        return measure(others, source, named, limit=limit, as_json=as_json)
    check_plain(model)
    degraded = {name: chosen.pop(name) for name in _DEGRADATIONS}
    settings = story.Settings(**{**chosen, "draws": chosen["draws"] or 0})
    if reference is not None:
        _refuse_with_reference({**degraded, **chosen})
        rows = [story.Degradation(is_given=True)]
    else:
        rows = story.degradations(**degraded)
        _refuse_idle(rows, settings)
    pairs, failures = files.find_pairs(source, reference)
    for failure in failures:
        console.error(show.failed(failure))
    _name_unused(files.unused(pairs, reference))
    pairs = pairs[:limit]
    network = load(*named)
    views = math.ceil(_SHEET_ROWS / len(rows)) if sheet else 0
    with console.Progress(files.count_megapixels(pairs) * len(rows)) as bar:
        found = story.evaluate(
            pairs, rows, network, settings, views=views, progress=bar.advance
        )
        scores = _collect(found, failures, bar, len(pairs) * len(rows))
    table_rows = story.summarise(scores)
    if as_json:
        told = {row.label for row in rows if row.noise and settings.known_noise}
        _print_json(table_rows, told, model, network.precision, settings, failures)
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


def _other_measurement(
    table: bool,
    likelihood: bool,
    extra: Mapping[str, Any],
    scale: tuple[int, ...],
    consistent: bool,
) -> Callable[..., int] | None:
    """What is measured by a protocol of its own, if anything is."""
    for name, value in extra.items():
        if value is not None and not likelihood:
            raise UsageProblem(f"--{name} is of the likelihood: add --likelihood")
    if consistent and not scale:
        raise UsageProblem("--consistent is of enlargements: add --scale")
    asked = {"--table": table, "--likelihood": likelihood, "--scale": bool(scale)}
    names = [name for name, is_asked in asked.items() if is_asked]
    if len(names) > 1:
        raise UsageProblem(f"{' and '.join(names)} are {len(names)} measurements")
    if table:
        return _run_table
    if likelihood:
        return partial(_run_likelihood, extra)
    return partial(_run_scales, scale, consistent) if scale else None


def _run_table(
    others: Mapping[str, Any], source: Path, named: _Named, **wanted: Any
) -> int:
    """Remake the published tables."""
    from vaenhance.cli import tables

    _refuse("--table measures every set as papers do, with fixed degradations", others)
    start = partial(load, *named)
    return tables.run(source, named[0], start, seed=others["seed"], **wanted)


def _run_likelihood(
    extra: Mapping[str, Any],
    others: Mapping[str, Any],
    source: Path,
    named: _Named,
    **wanted: Any,
) -> int:
    """Measure how likely the images are."""
    from vaenhance.cli import likelihood as bounds

    _refuse("--likelihood measures images as they are", others)
    start, seed = partial(load, *named), others["seed"]
    return bounds.run(source, named[0], start, **extra, seed=seed, **wanted)


def _run_scales(
    scale: tuple[int, ...],
    consistent: bool,
    others: Mapping[str, Any],
    source: Path,
    named: _Named,
    **wanted: Any,
) -> int:
    """Measure enlargements, with a model that does so."""
    from vaenhance.cli import upscaling
    from vaenhance.cli.enlarge_options import choose_model
    from vaenhance.workflows.enlarging import Enlargement

    model, _ = choose_model(named[0], Enlargement(scale=max(scale)))
    start = partial(load, model, *named[1:])
    scales = tuple(dict.fromkeys(scale))
    wanted |= {"scales": scales, "consistent": consistent}
    return upscaling.run(source, model, start, others, **wanted)


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
    refusals.refuse_typed("--reference means that nothing is compressed", "subsampling")


def _refuse_idle(rows: Sequence[Degradation], settings: Settings) -> None:
    """What is told or set has to be about something that is done."""
    if settings.known_noise and not any(row.noise for row in rows):
        raise UsageProblem("--known-noise tells the sigma of --noise: add that")
    if not any(row.jpeg for row in rows):
        why = "without --jpeg nothing is compressed"
        refusals.refuse_typed(why, "subsampling")


def _print_json(
    rows: Sequence[Row],
    told: set[str],
    model: str,
    precision: str,
    settings: Settings,
    failures: Sequence[Failure],
) -> None:
    """One object a row; a row that is not told the noise is measured blind."""
    from vaenhance.cli import scores as show

    for row in rows:
        protocol = replace(settings, known_noise=row.degradation in told)
        console.json_line(show.record(row, model, precision, protocol, failures))


def _name_unused(references: Sequence[str]) -> None:
    """Says which references count nothing, some of them by name."""
    if references:
        some = ", ".join(references[:3]) + (", ..." if len(references) > 3 else "")
        console.message(f"no image in SOURCE for {len(references)} references: {some}")


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
