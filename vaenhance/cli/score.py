"""``vaenhance score``: one line a photograph, to pick those that need enhancing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vaenhance.cli import console, options
from vaenhance.cli.loading import load
from vaenhance.cli.photo_options import max_megapixels_option
from vaenhance.cli.sections import SectionCommand
from vaenhance.errors import UsageProblem

if TYPE_CHECKING:
    from vaenhance.workflows.score import Record

_HELP = """Score photographs: noise, likelihood, uncertainty.

SOURCE is an image, several, a folder, a quoted pattern, or - for standard input.
Nothing is written but one line for each: its estimated noise on the 0-255 scale,
-ELBO in bits per dimension, and how far off the model's answer may be.

\b
Examples:
  vaenhance score holiday/
  vaenhance score *.jpg --json | jq -r 'select(.noise > 4) | .source'
"""


@click.command(cls=SectionCommand, help=_HELP)
@click.argument(
    "paths",
    metavar="SOURCE...",
    nargs=-1,
    required=True,
    type=click.Path(allow_dash=True, readable=False),
)
@options.model_option
@options.seed_option("Of the posterior draw that the ELBO needs.", most=None)
@options.option(
    "--recursive/--no-recursive",
    default=True,
    show_default=True,
    help="Enter sub-folders.",
)
@options.device_options
@max_megapixels_option
@options.json_option("One JSON object an image.")
@options.verbosity_options
def command(
    paths: tuple[str, ...],
    model: str,
    seed: int,
    recursive: bool,
    device: str,
    precision: str,
    max_megapixels: float,
    as_json: bool,
) -> int:
    """Find the photographs, then start TensorFlow and score them."""
    from vaenhance.workflows import score as story
    from vaenhance.workflows.gray import for_photographs

    is_stream = list(paths) == ["-"]
    if is_stream and console.stdin_is_terminal():
        raise UsageProblem(
            "standard input is a terminal: pipe an image in or name a file as SOURCE"
        )
    found = None if is_stream else story.find(paths, recursive=recursive)
    story.check_model(model)
    data = console.stdin_bytes() if is_stream else b""
    failed = 0
    for folder, why in found.unreadable if found else ():
        console.error(console.one_line(f"cannot list {folder}: {why}"))
        failed += 1
    records = story.score_photos(
        [None] if found is None else [path for path, _ in found.found],
        lambda: for_photographs(load(model, device, precision)),
        standard_input=data,
        seed=seed,
        max_megapixels=max_megapixels,
    )
    for record in records:
        failed += _say(record, as_json)
    return 1 if failed else 0


def _say(record: Record, as_json: bool) -> bool:
    """Writes one line; returns whether the photograph failed."""
    if record.error is not None:
        console.error(console.one_line(f"cannot score {record.name}: {record.error}"))
    if as_json:
        console.json_line(record.as_json())
    elif record.error is None:
        console.product(console.one_line(_line(record)))
    return record.error is not None


def _line(record: Record) -> str:
    found = record.as_json()
    sure = found["uncertainty"]
    unsure = "not calibrated" if sure is None else f"{sure:5.2f}"
    return (
        f"noise {found['noise']:6.2f}  bits/dim {found['bits_per_dimension']:6.2f}  "
        f"uncertainty {unsure}  {record.name}"
    )
