"""The options of light and style, and ``--light`` with or without a number."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click

from vaenhance.cli.options import (
    Decorated,
    Number,
    ParamType,
    complete_model,
    decorated,
    option,
)
from vaenhance.cli.refusals import refuse_half, refuse_typed
from vaenhance.cli.sections import SectionCommand

if TYPE_CHECKING:  # it brings NumPy
    from vaenhance.workflows.enhance_settings import EnhanceSettings

SECTION = "Light and style"
# What is meant as one: what is none after all, as 50%, is refused like any other.
NUMBER = re.compile(r"[+-]?(\d[\d.,]*|[.,]\d+)(e[+-]?\d+)?%?|[+-]?(nan|inf)", re.I)


class GradeCommand(SectionCommand):
    """A command whose ``--light`` stands alone, or has a number behind it.

    Click would take whatever follows for the number, as in ``--light photo.jpg``.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Writes a bare ``--light`` as ``--light=1``."""
        end = args.index("--") if "--" in args else len(args)
        followers = [*args[1:], ""]
        options = [
            "--light=1"
            if arg == "--light" and not NUMBER.fullmatch(follower) and at < end
            else arg
            for at, (arg, follower) in enumerate(zip(args, followers, strict=True))
        ]
        return super().parse_args(ctx, options)


class _Reference(ParamType):
    """An image, folder or name; names have blanks, so the environment has colons."""

    name = "text"
    envvar_list_splitter = os.pathsep


def grade_options(command: Decorated) -> Decorated:
    """Adds --light, --style, --style-strength and --look-model."""
    return decorated(
        command,
        option(
            "--light",
            section=SECTION,
            type=Number(0, 1),
            default=0.0,
            metavar="[0..1]",
            help="Mend exposure, contrast, haze and colour cast; alone it means 1.",
        ),
        option(
            "--style",
            section=SECTION,
            type=_Reference(),
            multiple=True,
            metavar="REF|NAME",
            help="Take over the look of an image, a folder, a named style or a file "
            "of styles; of several, their mean.",
        ),
        option(
            "--style-strength",
            section=SECTION,
            type=Number(0, 1),
            default=1.0,
            show_default=True,
            metavar="0..1",
            help="How far to go with --style.",
        ),
        option(
            "--look-model",
            section=SECTION,
            metavar="MODEL",
            default="look",
            show_default=True,
            shell_complete=complete_model,
            help="Model of light and style: built-in, or a folder of your own.",
        ),
    )


def refuse_idle(settings: EnhanceSettings, precision: str) -> None:
    """Refuses what is for the photo model alone where light and style are all.

    Raises:
        UsageProblem: it was typed.
    """
    if settings.grade.does_anything and not settings.needs_photo_model:
        why = "--strength 0 leaves only looks, which"
        refuse_half(f"{why} are computed in float32", precision)
        refuse_typed(f"{why} have no tiles", "tile", "overlap")
