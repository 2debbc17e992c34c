"""The oldest versions that are taken are explained, and nothing older is installed.

What can be known of the errors of dependencies without a network; CONTRIBUTING.md has
the rest.
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FLOORS = dict(
    re.match(r"([\w-]+)>=([\d.]+)", line).groups()
    for line in PROJECT["project"]["dependencies"]
)


def version(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)]


def test_every_floor_is_explained():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = text.partition("## Floors of dependencies")[2]
    explained = re.findall(r"`([\w-]+)>=([\d.]+)[^`]*`", table)
    assert dict(explained) == FLOORS
    assert len(FLOORS) > 7


@pytest.mark.parametrize("name", FLOORS)
def test_nothing_older_is_installed(name):
    assert version(importlib.metadata.version(name)) >= version(FLOORS[name])


def test_the_oldest_keras_has_all_fixes_that_are_named():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:CVE|GHSA)-.*\| (.*) \|$", text, re.MULTILINE)
    assert len(rows) > 8
    for row in rows:
        fixed = re.findall(r"\d+\.\d+(?:\.\d+)?", row)
        assert max(map(version, fixed)) <= version(FLOORS["keras"]), row
