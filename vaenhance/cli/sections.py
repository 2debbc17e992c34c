"""Options that stand under a heading of the help, and commands that show them so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.types import OptionHelpExtra


class SectionOption(click.Option):
    """An option that knows under which heading of the help it belongs."""

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section

    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        """Returns the words in brackets; a metavar says the range already."""
        extra = super().get_help_extra(ctx)
        if self.metavar is not None:
            extra.pop("range", None)
        return extra

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Returns what the environment says, by the name that users know.

        Click's own name is that of the variable which the option is passed on as.
        """
        found = None
        if ctx.auto_envvar_prefix is not None:
            word = max(self.opts, key=len).lstrip("-").replace("-", "_").upper()
            found = os.environ.get(f"{ctx.auto_envvar_prefix}_{word}")
        # What is of this command alone goes before what is of several.
        return found or super().resolve_envvar_value(ctx)


class SectionCommand(click.Command):
    """A command whose help groups the options under headings."""

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Writes one block of options a heading, in order of appearance."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and not isinstance(parameter, click.Argument):
                heading = getattr(parameter, "section", "Reporting")
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(_in_one_column(records, sections))


def _in_one_column(
    records: list[tuple[str, str]], sections: dict[str, list[tuple[str, str]]]
) -> list[tuple[str, str]]:
    """Pads the names so that the texts of all headings stand under each other."""
    names = [name for rows in sections.values() for name, _ in rows]
    width = max(len(name) for name in names)
    return [(name.ljust(width), text) for name, text in records]
