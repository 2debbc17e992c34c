"""``vaenhance enhance``: check the arguments, run the workflow, report.

What is enhanced, how, and where it goes is decided in ``workflows``; words and
exit codes are decided here. TensorFlow starts after every check has passed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from vaenhance.cli import console
from vaenhance.cli import enhance_report as report
from vaenhance.cli.enhance_options import enhance_options
from vaenhance.cli.enlarge_options import choose_model, take_enlargement
from vaenhance.cli.explore_options import EXPLORING, check_exploring
from vaenhance.cli.grade_options import GradeCommand, refuse_idle
from vaenhance.cli.photo_options import yielding
from vaenhance.cli.refusals import check_sheet, fitting_tiles, refuse_typed
from vaenhance.errors import ModelError, PhotoError, UsageProblem, VaenhanceError

if TYPE_CHECKING:  # they bring NumPy and Pillow, which --help can do without
    from vaenhance.workflows.enhance_settings import EnhanceSettings
    from vaenhance.workflows.grade import PhotoModel, Reference
    from vaenhance.workflows.jobs import Job

EPILOG = """\b
Exit codes: 0 all there now, 1 something failed, 2 nothing was done, 130 Ctrl-C,
143 SIGTERM.
Every option can be set in the environment: VAENHANCE_ENHANCE_TILE=512.
"""


@click.command("enhance", cls=GradeCommand, epilog=EPILOG)
@click.argument(
    "paths",
    metavar="SOURCE... [TARGET]",
    nargs=-1,
    required=True,
    type=click.Path(allow_dash=True, readable=False),  # each is named in the run
)
@enhance_options
def command(
    paths: tuple[str, ...],
    model: str,
    device: str,
    precision: str,
    dry_run: bool,
    as_json: bool,
    sheet: Path | None,
    **options: Any,
) -> int:
    """Enhance photographs.

    SOURCE is an image, several images, a folder, a quoted pattern, or - for standard
    input. TARGET is an image, a folder (made if it is missing), or - for standard
    output; without it, photo.jpg becomes photo.enhanced.jpg.

    \b
    Examples:
      vaenhance enhance holiday/ better/           a folder, sub-folders included
      vaenhance enhance old.jpg new.png            one image
      vaenhance enhance *.jpg better/              several
      vaenhance enhance old.jpg big.png --scale 2  twice the size
      curl -s URL | vaenhance enhance - > new.jpg  a pipe
      vaenhance enhance dark/ lit/ --light         better light, too
      vaenhance enhance a.jpg b.jpg --style c.jpg  the look of another photograph
    """  # noqa: D301 -- \b is Click's mark for lines to leave alone
    from vaenhance.workflows import companions, grade, headers, jobs
    from vaenhance.workflows.enhance_settings import check_models

    check_sheet(sheet, options["overwrite"])
    naming = {name: options.pop(name) for name in ("format", "suffix", "recursive")}
    naming["yielding"] = yielding()
    plan = jobs.plan(paths, overwrite=options.pop("overwrite"), **naming)
    model, enlargement = choose_model(model, take_enlargement(options))
    settings = _settings(**options, enlargement=enlargement)
    refuse_idle(settings, precision)
    # A missing one is said when it is to be loaded, but by a plan at once.
    with contextlib.nullcontext() if dry_run else contextlib.suppress(ModelError):
        check_models(model, settings)
    references = grade.find_references(settings.grade)
    wanted = companions.kinds(settings.exploring.draws, settings.exploring.uncertainty)
    plan = replace(plan, jobs=tuple(companions.with_companions(plan.jobs, wanted)))
    _check_references(plan.jobs, sheet, references)
    _check_streams(plan.jobs, dry_run, as_json)
    has_input = any(job.source is None for job in plan.jobs)
    data = console.stdin_bytes() if has_input and not dry_run else None
    rewrites = settings.strip_metadata or settings.quality is not None
    measured = headers.measure(
        plan.jobs,
        data,
        unchanged=settings.changes_nothing and not rewrites,
        enlargement=enlargement,
        max_megapixels=settings.max_megapixels,
    )
    plan = replace(plan, jobs=tuple(measured))
    if sheet is not None:
        _check_sheet(plan.jobs, sheet)
    report.say_notes(plan)
    if dry_run:
        chosen = {"model": model, "device": device, "precision": precision}
        chosen["tile"] = options["tile"]
        report.show_plan(plan.jobs, chosen, as_json, enlargement)
        return 0
    loaders = _Loaders(model, device, precision, settings, references)
    code = _run(plan.jobs, settings, data or b"", loaders, as_json)
    if sheet is not None:
        _compare(plan.jobs, sheet, settings.max_megapixels)
    return code


def _check_references(
    jobs: Sequence[Job], sheet: Path | None, references: Sequence[Reference]
) -> None:
    """Refuses to write over an image whose style is taken."""
    from vaenhance.workflows.originals import refuse_originals

    given = [path for one in references for path in (*one.images, one.styles)]
    written = [*(job.target for job in jobs), sheet]
    written += [beside.path for job in jobs for beside in job.companions]
    refuse_originals(written, given)


def _check_sheet(jobs: Sequence[Job], sheet: Path) -> None:
    """Refuses a sheet that would take the place of a photograph."""
    from vaenhance.workflows.jobs import is_among

    if is_among(sheet, jobs):
        raise UsageProblem(
            f"--sheet {sheet} is one of the photographs: name another file"
        )


def _compare(jobs: Sequence[Job], sheet: Path, max_megapixels: float) -> None:
    """Draws before and after of what is on disk now."""
    from vaenhance.data.reachable import is_there
    from vaenhance.workflows.comparison import comparison
    from vaenhance.workflows.jobs import is_pipe

    files = [(job.source, job.target) for job in jobs if not is_pipe(job.source)]
    pairs = [(s, t) for s, t in files if s and t and is_there(t)]
    try:
        rows = comparison(pairs, sheet, max_megapixels=max_megapixels)
    except PhotoError as error:
        raise VaenhanceError(f"--sheet {sheet}: {error}") from error
    if rows:
        console.message(f"sheet: {sheet}")
    else:
        console.message("no sheet: there is nothing to compare")


def _settings(
    noise: float | None, tile: int | None, overlap: int | None, **rest: Any
) -> EnhanceSettings:
    from vaenhance.workflows.enhance_settings import EnhanceSettings
    from vaenhance.workflows.explore import Exploring
    from vaenhance.workflows.grade import GradeSettings

    tile, overlap = fitting_tiles(tile, overlap)
    if not any(rest[name] for name in EXPLORING if name != "seed"):
        why = "without --draws, --uncertainty or --keep-uncertain nothing is drawn"
        refuse_typed(why, "seed")
    if not rest["style"]:
        refuse_typed("without --style there is none to weaken", "style_strength")
        if not rest["light"]:
            why = "neither --light nor --style asks for a model of looks"
            refuse_typed(why, "look_model")
    sigma = None if noise is None else noise / 255
    names = ("light", "style", "style_strength")
    grade = {name: rest.pop(name) for name in names}
    settings = EnhanceSettings(
        noise_sigma=sigma,
        tile=tile,
        overlap=overlap,
        grade=GradeSettings(model=rest.pop("look_model"), **grade),
        exploring=Exploring.of_levels(
            *(rest.pop(name) for name in EXPLORING),
        ),
        **rest,
    )
    check_exploring(settings)
    return settings


def _check_streams(jobs: Sequence[Job], dry_run: bool, as_json: bool) -> None:
    """Refuses what a terminal or a pipe could not make sense of."""
    if dry_run:
        return
    if any(job.target is None for job in jobs):
        if as_json:
            raise UsageProblem(
                "--json and TARGET - both want standard output: name a file as TARGET"
            )
        if console.stdout_is_terminal():
            raise UsageProblem(
                "standard output is a terminal, which cannot show image bytes: "
                "redirect it (> new.jpg) or name a file as TARGET"
            )
    if any(job.source is None for job in jobs) and console.stdin_is_terminal():
        raise UsageProblem(
            "standard input is a terminal: pipe an image in "
            "(vaenhance enhance - < old.jpg > new.jpg) or name a file as SOURCE"
        )


def _run(
    jobs: Sequence[Job],
    settings: EnhanceSettings,
    data: bytes,
    loaders: _Loaders,
    as_json: bool,
) -> int:
    from vaenhance.workflows.enhance import enhance_photos
    from vaenhance.workflows.results import Tally

    tally = Tally(len(jobs))
    progress = console.Progress(sum(job.megapixels for job in jobs))

    def load() -> PhotoModel:
        network = loaders.load()
        progress.start()  # not earlier: loading is no part of the time an image takes
        return network

    results = enhance_photos(
        jobs,
        settings,
        load=load,
        standard_input=data,
        deliver=console.product_bytes,
        advance=progress.advance,
    )
    try:
        with progress, contextlib.closing(results):
            report.follow(
                results,
                tally,
                progress,
                fail_fast=settings.fail_fast,
                as_json=as_json,
            )
    except KeyboardInterrupt:
        console.message(f"{tally.sentence()} Interrupted.")
        if tally.total > 1:
            again = (
                "Without --overwrite, the"
                if any(job.may_replace for job in jobs)
                else "The"
            )
            console.message(f"{again} same command goes on where this one stopped.")
        raise
    report.say_summary(tally)
    return tally.exit_code


@dataclass(frozen=True)
class _Loaders:
    """What has to be loaded before the first photograph, and said about it."""

    model: str
    device: str
    precision: str
    settings: EnhanceSettings
    references: Sequence[Reference]

    def load(self) -> PhotoModel:
        """Loads the photo model, and that of looks where light or style is asked."""
        network = self._photo() if self.settings.needs_photo_model else None
        network = (
            self._graded(network) if self.settings.grade.does_anything else network
        )
        assert network is not None  # nobody asks for it when nothing changes
        console.message(f"device: {network.device}, {network.precision}")
        return network

    def _photo(self) -> PhotoModel:
        console.detail(f"loading model {self.model} ...")
        from vaenhance import load_model
        from vaenhance.workflows.gray import for_photographs

        asked = {"device": self.device, "precision": self.precision}
        return cast("PhotoModel", for_photographs(load_model(self.model, **asked)))

    def _graded(self, network: PhotoModel | None) -> PhotoModel:
        from vaenhance import load_look
        from vaenhance.workflows.grade import Graded, read_style

        settings = self.settings.grade
        console.detail(f"loading model {settings.model} ...")
        looks = load_look(settings.model, device=self.device)
        limit = self.settings.max_megapixels
        style = read_style(looks, self.references, limit) if self.references else None
        return Graded(network, looks, settings, style)
