"""``vaenhance encode``: photographs to one file of latents."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from vaenhance.cli import console, options, refusals
from vaenhance.cli import enhance_report as report
from vaenhance.cli import photo_options as photographs
from vaenhance.cli.loading import check_class, check_noise, load, load_looks
from vaenhance.cli.sections import SectionCommand
from vaenhance.errors import PhotoError, UsageProblem, VaenhanceError

if TYPE_CHECKING:  # they bring NumPy and Pillow, which --help can do without
    from vaenhance.api import Model
    from vaenhance.api_style import StyleEncoder
    from vaenhance.workflows.encode_settings import EncodeSettings
    from vaenhance.workflows.latent_jobs import EncodePlan

_PIECE = 1 << 20  # bytes written to a pipe at once

_HELP = """Write the latents of photographs to a file.

SOURCE is an image, several images, a folder, a quoted pattern, or - for standard
input. LATENTS is an .npz file that NumPy reads, or - for standard output: the
posterior means of every level, sizes and names, the model's checksum, and what
decode needs to make the very files that enhance makes.

\b
Examples:
  vaenhance encode holiday/ holiday.npz             a folder
  vaenhance encode holiday/ vectors.npz --pool 4    one vector a photograph
  vaenhance encode old.jpg draws.npz --draws 8      likely originals
  vaenhance encode digits/ digits.npz -m digits     with another model
  vaenhance encode films/ films.npz -m look         styles, for enhance --style
"""


@click.command("encode", cls=SectionCommand, help=_HELP)
@click.argument(
    "paths",
    metavar="SOURCE... LATENTS.npz",
    nargs=-1,
    required=True,
    type=click.Path(allow_dash=True, readable=False),
)
@options.model_option
@options.option(
    "--scale",
    is_flag=True,
    help="Also write the standard deviations of the posterior.",
)
@options.option(
    "--draws",
    type=click.IntRange(1, 10_000),
    metavar="K",
    help="Write K draws from the posterior instead of its mean.",
)
@options.seed_option("Of the draws.")
@options.option(
    "--pool",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Write one vector an image instead: mean and deviation in N x N cells.",
)
@photographs.noise_option
@photographs.class_option
@options.option("--overwrite", is_flag=True, help="Replace LATENTS if it exists.")
@photographs.strip_option
@photographs.recursive_option
@options.device_options
@photographs.tile_option
@photographs.overlap_option
@photographs.max_megapixels_option
@photographs.fail_fast_option
@photographs.json_option
@options.verbosity_options
def command(
    paths: tuple[str, ...],
    model: str,
    device: str,
    precision: str,
    overwrite: bool,
    recursive: bool,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Check everything that can be wrong, then start TensorFlow and encode."""
    from vaenhance.workflows import headers
    from vaenhance.workflows.latent_jobs import plan_encode

    settings = _settings(**chosen)
    plan = plan_encode(paths, recursive=recursive, overwrite=overwrite)
    _check_streams(plan, as_json)
    settings = _with_kind(settings, model, precision)
    check_class(model, settings.label)
    if settings.noise_sigma is not None:
        check_noise(model)
    has_input = any(job.source is None for job in plan.jobs)
    data = console.stdin_bytes() if has_input else None
    measured = headers.measure(plan.jobs, data, unchanged=True)
    plan = replace(plan, jobs=tuple(measured))
    network = (model, device, precision)
    for path in plan.ignored:
        console.detail(console.one_line(f"ignored {path}"))
    if plan.target is not None:
        return _run(plan, plan.target, settings, network, data, overwrite, as_json)
    with tempfile.TemporaryFile() as file:
        stream = cast(BinaryIO, file)
        code = _run(plan, stream, settings, network, data, True, False)
        stream.seek(0)
        while piece := stream.read(_PIECE):
            console.product_bytes(piece)
    return code


def _settings(
    noise: float | None,
    draws: int | None,
    pool: int | None,
    tile: int | None,
    overlap: int | None,
    **rest: Any,
) -> EncodeSettings:
    from vaenhance.workflows.encode_settings import EncodeSettings

    asked = {"scale": rest.pop("scale"), "draws": draws, "pool": pool}
    given = [name for name, value in asked.items() if value]
    # A flag goes before the environment.
    given = [name for name in given if refusals.is_typed(name)] or given
    if "draws" not in given:
        refusals.refuse_typed("without --draws nothing is drawn", "seed")
    if len(given) > 1:
        flags = " and ".join(f"--{name}" for name in given)
        raise UsageProblem(f"{flags} exclude each other: give one")
    tile, overlap = refusals.fitting_tiles(tile, overlap)
    return EncodeSettings(
        noise_sigma=None if noise is None else noise / 255,
        scale="scale" in given,
        draws=(draws or 0) if "draws" in given else 0,
        pool=(pool or 0) if "pool" in given else 0,
        tile=tile,
        overlap=overlap,
        **rest,
    )


def _with_kind(settings: EncodeSettings, model: str, precision: str) -> EncodeSettings:
    """Returns the settings for a model's kind; a style has nothing to choose."""
    from vaenhance.checkpoint import is_look
    from vaenhance.workflows.encode_settings import EncodeSettings

    if not is_look(model):
        return settings
    refusals.refuse_half("looks are computed in float32", precision)
    refusals.refuse_typed("a look has no tiles", "tile", "overlap")
    refusals.refuse_typed(
        f"model {model} is one of looks, and gives each photograph one style, a vector",
        *("scale", "draws", "pool", "noise"),
    )
    plain = EncodeSettings()  # what the environment says of these is for others
    names = ("scale", "draws", "pool", "noise_sigma", "tile", "overlap")
    defaults: dict[str, Any] = {name: getattr(plain, name) for name in names}
    return replace(settings, styles=True, **defaults)


def _check_streams(plan: EncodePlan, as_json: bool) -> None:
    if plan.target is None and as_json:
        raise UsageProblem("--json and - both want standard output: name a file")
    if plan.target is None and console.stdout_is_terminal():
        raise UsageProblem(
            "standard output is a terminal: redirect it (> latents.npz) or name a file"
        )
    is_input = any(job.source is None for job in plan.jobs)
    if is_input and console.stdin_is_terminal():
        raise UsageProblem("standard input is a terminal: pipe an image in")


def _run(
    plan: EncodePlan,
    target: Path | BinaryIO,
    settings: EncodeSettings,
    model: tuple[str, str, str],
    data: bytes | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    from vaenhance.workflows.encode import encode_photos
    from vaenhance.workflows.results import Tally

    tally = Tally(len(plan.jobs), "encoded")
    progress = console.Progress(sum(job.megapixels for job in plan.jobs))

    def load_one() -> Model | StyleEncoder:
        from vaenhance.api_style import StyleEncoder

        of_looks = settings.styles
        network = StyleEncoder(load_looks(*model[:2])) if of_looks else load(*model)
        progress.start()
        return network

    results = encode_photos(
        list(zip(plan.jobs, plan.names, strict=True)),
        target,
        settings,
        load=load_one,
        standard_input=data or b"",
        overwrite=overwrite,
        advance=progress.advance,
    )
    with _explained(plan.target), progress, contextlib.closing(results):
        report.follow(
            results,
            tally,
            progress,
            fail_fast=settings.fail_fast,
            as_json=as_json,
            verb="encode",
        )
    report.say_summary(tally)
    if not tally.made or (settings.fail_fast and tally.failures):
        console.message("nothing was written")
    return tally.exit_code


@contextlib.contextmanager
def _explained(target: Path | None) -> Iterator[None]:
    """Names the file that could not be written."""
    try:
        yield
    except PhotoError as error:
        raise VaenhanceError(f"{target or 'the latents'} {error}") from error
    except KeyboardInterrupt:
        console.message("Interrupted: nothing was written.")
        raise
