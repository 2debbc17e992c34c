"""The options of ``vaenhance enhance`` about alternatives and uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vaenhance.cli.options import Decorated, Number, decorated, option, seed_option
from vaenhance.errors import UsageProblem

if TYPE_CHECKING:
    from vaenhance.workflows.enhance_settings import EnhanceSettings

# Names of the values, in the order of ``Exploring.of_levels``.
EXPLORING = ("draws", "uncertainty", "keep_uncertain", "seed")


def explore_options(command: Decorated) -> Decorated:
    """Adds them, passed on by the names of ``EXPLORING``."""
    return decorated(command, *OPTIONS)


OPTIONS = (
    option(
        "--draws",
        type=click.IntRange(0, 64),
        default=0,
        metavar="K",
        help="Also write K alternatives (posterior draws) and their mean.",
    ),
    option(
        "--uncertainty",
        is_flag=True,
        help="Also write how far off each pixel may be: a map and a heat map.",
    ),
    option(
        "--keep-uncertain",
        type=Number(0, 255, min_open=True),
        metavar="SIGMA",
        help="Blend the input back where the uncertainty is above SIGMA (0-255 scale).",
    ),
    seed_option("Of the draws; another seed gives others.", most=None),
)


def check_exploring(settings: EnhanceSettings) -> None:
    """Refuses to explore what the photo model has no part in.

    Raises:
        UsageProblem: names what excludes what.
    """
    if not settings.exploring.is_on:
        return
    if settings.strength == 0:
        raise UsageProblem(
            "--strength 0 asks for the input itself, so there is nothing to draw or "
            "to be unsure of: leave out --strength, or --draws, --uncertainty and "
            "--keep-uncertain"
        )
    if settings.label:
        raise UsageProblem(
            "--draws, --uncertainty and --keep-uncertain are about photographs, and "
            "--class draws images anew: leave one of them out"
        )
    if not settings.exploring.needs_sigma:
        return
    if settings.grade.has_style:
        raise UsageProblem(
            "--uncertainty and --keep-uncertain say how far off the photo model may "
            "be, and --style changes colours after it: leave one of them out"
        )
    if settings.grade.does_anything and settings.exploring.keep_uncertain:
        raise UsageProblem(
            "--keep-uncertain keeps the input, which does not have the new light: "
            "leave it out, or --light"
        )
    if settings.enlargement and settings.enlargement.consistent:
        raise UsageProblem(
            "--uncertainty and --keep-uncertain are about what the model gives, and "
            "--consistent changes it: leave one of them out"
        )
