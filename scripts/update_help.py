"""Puts the current help texts into README.md and docs/*.md.

A fenced block whose first line is `$ vaenhance [COMMAND] --help` (or -h) is
replaced by what that command prints, 80 columns wide. `--check` changes nothing
and exits with 1 when a block is not current; tests/test_docs.py calls that.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from click.testing import CliRunner

from vaenhance.cli import app

ROOT = Path(__file__).resolve().parent.parent
# Group 1: up to the prompt's line end; 2: the command; 3: its output; 4: the fence.
BLOCK = re.compile(
    r"(^```[a-z]*\n\$ vaenhance ?((?:[a-z]+ )*)(?:--help|-h)\n)(.*?)(^```$)",
    re.MULTILINE | re.DOTALL,
)


def documents() -> list[Path]:
    """Returns the files that may hold help texts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def help_text(command: str) -> str:
    """Returns what `vaenhance COMMAND --help` prints, 80 columns wide."""
    result = CliRunner().invoke(
        app, [*command.split(), "--help"], prog_name="vaenhance", terminal_width=80
    )
    if result.exit_code != 0:
        raise SystemExit(f"vaenhance {command} --help failed: {result.output}")
    return result.stdout


def refresh(text: str) -> str:
    """Returns the document with every help block made current."""
    return BLOCK.sub(lambda m: m[1] + help_text(m[2]) + m[4], text)


def main() -> int:
    """Rewrites or checks every document; returns the exit code."""
    check = "--check" in sys.argv[1:]
    stale = 0
    for path in documents():
        text = path.read_text(encoding="utf-8")
        current = refresh(text)
        if text == current:
            continue
        stale += 1
        print(f"{path.relative_to(ROOT)}: {'not current' if check else 'updated'}")
        if not check:
            path.write_text(current, encoding="utf-8")
    if check and stale:
        print("run: make docs")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
