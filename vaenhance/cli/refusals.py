"""Arguments that are refused before any work, in the same words by every command.

Nothing is imported with this module that ``--help`` can do without.
"""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from vaenhance.errors import UsageProblem

_Tiles = tuple[int | None, int | None]


def check_sheet(sheet: Path | None, overwrite: bool, name: str = "--sheet") -> None:
    """Refuses now a picture that could not be written after all the work.

    Raises:
        UsageProblem: it is no PNG by name, or exists.
    """
    if sheet is None:
        return
    if sheet.suffix.lower() != ".png":
        raise UsageProblem(f"{name} {sheet}: the {name[2:]} is a PNG, call it so")
    from vaenhance.data.reachable import is_there

    if is_there(sheet) and not overwrite:
        raise UsageProblem(f"{sheet} exists; pass --overwrite to replace it")
    from vaenhance.workflows.headers import folder_problem

    problem = folder_problem(sheet.parent)
    if problem is not None:
        raise UsageProblem(f"{name} {sheet}: {problem}")


def is_typed(name: str) -> bool:
    """Tells whether a parameter of the command stands on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def fitting_tiles(tile: int | None, overlap: int | None) -> _Tiles:
    """Returns --tile and --overlap; one that was typed goes before the environment's.

    Raises:
        UsageProblem: the overlap is not smaller than the tile.
    """
    if tile and overlap is not None and overlap >= tile:
        if is_typed("tile") == is_typed("overlap"):
            raise UsageProblem(
                f"--overlap {overlap} leaves nothing of --tile {tile}: make the tile "
                "larger or leave --overlap out"
            )
        if is_typed("tile"):
            overlap = None
        else:
            tile = None
    return tile, overlap


def refuse_typed(why: str, *names: str) -> None:
    """Refuses options that would do nothing where they were typed.

    Defaults and values of the environment are for many commands, and stay silent.

    Args:
        why: what the message says of the command.
        names: of the options, as parameters.

    Raises:
        UsageProblem: one of them stands on the command line.
    """
    for parameter in click.get_current_context().command.params:
        if parameter.name in names and is_typed(str(parameter.name)):
            raise UsageProblem(f"{why}: leave out {parameter.opts[-1]}")


def refuse_half(why: str, precision: str) -> None:
    """Refuses a half precision that was typed, where float32 is all there is.

    Raises:
        UsageProblem: as ``refuse_typed``.
    """
    if precision not in ("auto", "float32"):
        refuse_typed(why, "precision")
