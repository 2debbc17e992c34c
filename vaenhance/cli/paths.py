"""The type of arguments and options that name a file or folder.

``""`` is what a variable of the shell leaves that is not set. As a path it would be the
current folder, and that would be read, trained into or filled with files.
"""

from __future__ import annotations

import os
from typing import Any

import click


class FilePath(click.Path):
    """Click's own, which an empty word is none of."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Converts what was typed."""
        if not os.fspath(value):
            self.fail("it is empty: is a variable not set?", param, ctx)
        return super().convert(value, param, ctx)
