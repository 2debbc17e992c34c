"""What to say about a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(kind: str, key: str, known: Iterable[str], prefix: str = "") -> str:
    """Returns "unknown KIND KEY; did you mean …", or lists what is known."""
    names = [f"{prefix}.{name}" if prefix else name for name in known]
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(names)}"
    return f"unknown {kind} {key}{hint}"
