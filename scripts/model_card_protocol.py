"""Under which rules a table's scores were measured, in words; and that all were so.

For ``model_card``. The rules are the ``protocol`` of ``vaenhance evaluate --json``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from vaenhance.errors import UsageProblem
from vaenhance.workflows.evaluate import Settings

Row = Mapping[str, Any]

USUAL = dataclasses.asdict(Settings())
# Pages said this of every table while cards were kept without the protocol.
BEFORE = "blind, noise unclipped, JPEG 4:2:0 by Pillow"
DRAWS_BEFORE = 8
BESIDE = ("draws", "latents")  # measured beside the scores, which stay the same
# A row's name says the first two.
MAY_DIFFER = ("luma", "consistent", *BESIDE)
# A figure that only rows of one kind have, and what writes them.
KINDS = {
    "psnr_back": "evaluate --scale",
    "ciede2000": "measure_look.py light",
    "count": "measure_samples.py",
}
SHARED = ("images", "count", "precision")


def rules(row: Row) -> dict[str, Any]:
    """Returns a row's protocol; what it does not say is as usual."""
    return {**USUAL, **row.get("protocol", {})}


def one_table(
    folder: str, parts: Sequence[tuple[str, str, Row]]
) -> dict[str, dict[str, Any]]:
    """Returns the rows of one table by name, of a name the last.

    Args:
        folder: the table's name.
        parts: the file, name and figures of each row.

    Raises:
        UsageProblem: Rows were measured by different rules, on a different number of
            images or in different precisions, or one would replace another that says
            more.
    """
    told: dict[str, tuple[Any, str]] = {}
    found: dict[str, tuple[str, Row]] = {}
    for file, name, row in parts:
        place = f"{file} ({name})"
        for what, value in _told(row).items():
            first, where = told.setdefault(what, (value, place))
            if first != value:
                raise UsageProblem(
                    f"{folder}: {what} is {first} in {where} and {value} in {place}: "
                    "a table has one protocol; give them two names"
                )
        earlier, before = found.get(name, (file, row))
        if any(rules(before)[k] not in (0, rules(row)[k]) for k in BESIDE):
            raise UsageProblem(
                f"{folder}: {name} of {file} would replace that of {earlier}, which "
                "has other draws or latents: give the one with more last, or only one"
            )
        found[name] = file, row
    return {name: dict(row) for name, (_, row) in found.items()}


def kind(row: Row) -> str:
    """Returns what a row was measured with: what it has figures of."""
    for figure, name in KINDS.items():
        if figure in row:
            return name
    return "evaluate"


def _told(row: Row) -> dict[str, Any]:
    """Returns what a table says once, of all of its rows."""
    protocol = {k: v for k, v in rules(row).items() if k not in MAY_DIFFER}
    shared = {name: row.get(name) for name in SHARED}
    return {"what is measured": kind(row), **shared, **protocol}


def words(rows: Mapping[str, Row]) -> str:
    """Returns the rules of a table of degraded images.

    Args:
        rows: by name, of one protocol.
    """
    if not any("protocol" in row for row in rows.values()):
        return BEFORE
    told = _of(rows)
    has_noise, has_blur = _has(rows, "noise "), _has(rows, "blur ")
    is_told = told["known_noise"] and has_noise
    parts = ["σ of the noise told to the model" if is_told else "blind"]
    if _has(rows, "as given"):
        parts.append("input as given")
    if told["clip"]:
        parts.append("input rounded to 8 bits")
    elif has_noise or has_blur:
        parts.append("noise unclipped" if has_noise else "blur not rounded to 8 bits")
    if _has(rows, "jpeg "):
        parts.append(f"JPEG {told['subsampling']} by Pillow")
    return ", ".join([*parts, *_seed(told)])


def words_of_scales(rows: Mapping[str, Row]) -> str:
    """Returns what was done to small images, with the rules that are not usual.

    Args:
        rows: by name, of one protocol.
    """
    told, unusual = _of(rows), []
    if told["subsampling"] != USUAL["subsampling"] and _has(rows, "jpeg "):
        unusual.append(f"JPEG {told['subsampling']}")
    if told["clip"]:
        unusual.append("rounded to 8 bits")
    unusual += _seed(told)
    return f"degraded ({', '.join(unusual)})" if unusual else "degraded"


def draws(row: Row) -> int:
    """Returns how many draws from the posterior a row was measured with."""
    return row.get("protocol", {}).get("draws", DRAWS_BEFORE)


def _of(rows: Mapping[str, Row]) -> dict[str, Any]:
    known = [row for row in rows.values() if "protocol" in row]
    return rules(known[0] if known else {})


def _has(rows: Mapping[str, Row], kind: str) -> bool:
    return any(kind in name for name in rows)


def _seed(told: Row) -> list[str]:
    return [] if told["seed"] == USUAL["seed"] else [f"seed {told['seed']}"]
