"""What to say about a name that does not exist, or a value that is none."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any

_LONGEST = 80  # characters shown of what a stranger's file holds


def unknown(kind: str, key: str, known: Iterable[str], prefix: str = "") -> str:
    """Returns "unknown KIND KEY; did you mean …", or lists what is known."""
    known = list(known)
    names = [f"{prefix}.{name}" if prefix else name for name in known]
    if len(key) > _LONGEST or not key.isprintable():
        key = shown(key)
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
    return f"unknown {kind} {key}{hint}"


def shown(value: Any) -> str:
    """Returns a value as Python writes it, in one line and not all of a long one."""
    text = reprlib.repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
