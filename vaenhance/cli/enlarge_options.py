"""The options of ``enhance`` and ``decode`` for larger photographs."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from vaenhance.cli.options import Decorated, Number, ParamType, decorated, option
from vaenhance.cli.refusals import is_typed
from vaenhance.errors import ModelError, UsageProblem

if TYPE_CHECKING:  # it brings NumPy
    from vaenhance.workflows.enlarging import Enlargement

_SECTION = "Larger photographs"
_SIZE = re.compile(r"(\d{1,6})?[xX×](\d{1,6})?")


class Box(ParamType):
    """3840x, x2160 or 3840x2160: (width, height), None for what is left open."""

    name = "WxH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None, int | None]:
        """Reads the two numbers."""
        if isinstance(value, tuple):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        groups = found.groups() if found else ()
        sides = [int(side) if side else None for side in groups]
        if not any(sides) or 0 in sides:
            self.fail(f"{value!r} is not like 3840x, x2160 or 3840x2160.", param, ctx)
        return sides[0], sides[1]


def size_options(command: Decorated) -> Decorated:
    """Adds --scale, --size and --megapixels."""
    return decorated(
        command,
        option(
            "--scale",
            section=_SECTION,
            type=Number(0, 4, min_open=True),
            metavar="2|4|N",
            help="So many times the sides; numbers between by its next larger scale.",
        ),
        option(
            "--size",
            section=_SECTION,
            type=Box(),
            metavar="WxH",
            help="Fit into WxH pixels: 3840x, x2160 or 3840x2160.",
        ),
        option(
            "--megapixels",
            section=_SECTION,
            type=Number(0, min_open=True),
            metavar="N",
            help="So many megapixels.",
        ),
    )


def enlarge_options(command: Decorated) -> Decorated:
    """Adds those, and --consistent."""
    return decorated(
        command,
        size_options,
        option(
            "--consistent",
            section=_SECTION,
            is_flag=True,
            help="Make the result shrink to the input again, for clean photographs.",
        ),
    )


def take_enlargement(chosen: dict[str, Any]) -> Enlargement | None:
    """Takes these options out of all of a command's.

    Raises:
        UsageProblem: they contradict each other.
    """
    from vaenhance.workflows.enlarging import Enlargement

    sizes = {name: chosen.pop(name) for name in ("scale", "size", "megapixels")}
    consistent = chosen.pop("consistent", False)
    given = [name for name, value in sizes.items() if value is not None]
    typed = [name for name in given if is_typed(name)]
    if typed:  # a flag goes before the environment
        given = typed
    if len(given) > 1:
        raise UsageProblem("give one of --scale, --size and --megapixels")
    if not given:
        if consistent and is_typed("consistent"):
            raise UsageProblem(
                "--consistent is for larger photographs: give --scale, --size or "
                "--megapixels"
            )
        return None
    scale, box, megapixels = (
        value if name in given else None for name, value in sizes.items()
    )
    width, height = box or (None, None)
    return Enlargement(scale, width, height, megapixels, consistent)


def choose_model(
    model: str, enlargement: Enlargement | None
) -> tuple[str, Enlargement | None]:
    """Returns the model of the command line, or the one that enlarges by default.

    Beside it what is wanted, with the limit of that model.

    Raises:
        ModelError: there is no such model.
        UsageProblem: it cannot do what was asked for.
    """
    from vaenhance.workflows import enlarging

    if enlargement is None:
        with contextlib.suppress(ModelError):  # said when it is loaded
            enlarging.check_plain(model)
        return model, None
    source = click.get_current_context().get_parameter_source("model")
    is_given = source is not ParameterSource.DEFAULT
    return enlarging.model_for(model if is_given else None, enlargement)
