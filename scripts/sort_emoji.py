#!/usr/bin/env python3
r"""Sorts Noto emoji into folders by what they show, for a model that knows classes.

    python scripts/sort_emoji.py emoji64/ emoji/
    vaenhance train emoji/ stage2 --init emoji-stage1 --preset generate \
        --config configs/emoji-stage2.toml

Files are named by their code points, emoji_u1f468_1f3fb.png. People, couples, hands
and faces are copied, which have many images alike; the rest (things, animals, signs,
flags, people who walk or do sports) is left out. For developers.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

# First and last code points, both included.
FACES = (
    *((0x1F600, 0x1F644), (0x1F910, 0x1F917), (0x1F920, 0x1F925), (0x1F927, 0x1F92F)),
    *((0x1F970, 0x1F976), (0x1F978, 0x1F97A), (0x1F9D0, 0x1F9D0), (0x1FAE0, 0x1FAE8)),
    (0x2639, 0x263A),
)
HANDS = (
    *((0x1F446, 0x1F450), (0x261D, 0x261D), (0x270A, 0x270D), (0x1F590, 0x1F590)),
    *((0x1F595, 0x1F596), (0x1F918, 0x1F91F), (0x1F64C, 0x1F64C), (0x1F64F, 0x1F64F)),
    *((0x1F4AA, 0x1F4AA), (0x1FAF0, 0x1FAF8), (0x1F90C, 0x1F90C), (0x1F90F, 0x1F90F)),
    *((0x1F932, 0x1F933), (0x1F485, 0x1F485)),
)
PEOPLE = (
    *((0x1F466, 0x1F469), (0x1F9D1, 0x1F9D9), (0x1F46E, 0x1F478), (0x1F47C, 0x1F47C)),
    *((0x1F481, 0x1F482), (0x1F486, 0x1F487), (0x1F575, 0x1F575), (0x1F645, 0x1F647)),
    *((0x1F64B, 0x1F64B), (0x1F64D, 0x1F64E), (0x1F926, 0x1F926), (0x1F930, 0x1F931)),
    *((0x1F934, 0x1F937), (0x1F385, 0x1F385), (0x1F9CF, 0x1F9CF), (0x1F9DB, 0x1F9DB)),
    *((0x1F9DD, 0x1F9DD), (0x1F977, 0x1F977), (0x1FAC3, 0x1FAC5), (0x1F9B8, 0x1F9B9)),
    (0x1F9D2, 0x1F9D2),
)
COUPLES = ((0x1F46B, 0x1F46D), (0x1F491, 0x1F491), (0x1F48F, 0x1F48F))
ADULTS = ((0x1F468, 0x1F469), (0x1F9D1, 0x1F9D1))
TOGETHER = {0x1F91D, 0x2764, 0x1F48B}  # handshake, heart, kiss, between two adults
ON_THE_WAY = {0x1F9AF, 0x1F9BC, 0x1F9BD}  # with a cane or a wheelchair: whole figures


def class_of(name: str) -> str | None:
    """Returns the class of a file by its name; None for one that is left out."""
    if not re.fullmatch(r"emoji_u[0-9a-f]+(_[0-9a-f]+)*\.png", name):
        return None
    points = [int(part, 16) for part in name[7:-4].split("_")]
    first = points[0]
    is_couple = _within(first, ADULTS) and TOGETHER.intersection(points)
    if is_couple or _within(first, COUPLES):
        return "couples"
    if _within(first, HANDS):
        return "hands"
    if _within(first, FACES):
        return "faces"
    if _within(first, PEOPLE) and not ON_THE_WAY.intersection(points):
        return "people"
    return None


def _within(point: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= point <= last for first, last in ranges)


def main(arguments: list[str] | None = None) -> int:
    """Copies the files; says how many of which class on standard error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("source", type=Path, help="folder of Noto emoji")
    parser.add_argument("target", type=Path, help="folder for the classes")
    options = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    for path in sorted(options.source.iterdir()):
        name = class_of(path.name)
        if name is None:
            continue
        (options.target / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, options.target / name / path.name)
        counts[name] += 1
    print(", ".join(f"{counts[k]} {k}" for k in sorted(counts)), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
