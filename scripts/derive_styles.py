"""Derive the built-in styles of a model of looks from groups of photographs.

    python scripts/derive_styles.py photos/ vaenhance/models/look

Nothing is drawn by hand: every photograph is measured (means and deviations of L*, a*,
b*), a style's group are those that have most of what its name says, and the style is
the mean of their looks and colours. Photographs without colour are left out. Run it
again after every training: looks are latents of one network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vaenhance import load_look, photo
from vaenhance.checkpoint_styles import save_styles
from vaenhance.data.discover import find_images
from vaenhance.grading_style import measured

GROUP = 64  # photographs a style
LEAST_COLOUR = 3.0  # deviation of a* and b*, together; below it is a gray photograph

Score = Callable[[np.ndarray], float]


def _chroma(c: np.ndarray) -> float:
    return float(np.hypot(c[4], c[5]))


# The more the better, of colours (L*, a*, b*, and their deviations).
SCORES: dict[str, Score] = {
    "airy": lambda c: c[0],
    "blue": lambda c: -c[2] - abs(c[1]) - abs(c[0] - 50) / 2,
    "dramatic": lambda c: c[3] - abs(c[0] - 40) / 2,
    "faded": lambda c: -_chroma(c) - c[3] / 2 - abs(c[0] - 60) / 2,
    "forest": lambda c: -c[1] + c[2] / 2 - abs(c[0] - 40) / 2,
    "golden": lambda c: c[1] + c[2] - abs(c[0] - 50) / 2,
    "night": lambda c: -c[0] - c[2] / 2,
}


def groups(colours: np.ndarray) -> dict[str, list[int]]:
    """Returns which photographs each style is made of, best first.

    Args:
        colours: (N, 6) as ``measured`` gives them.
    """
    own = [i for i, c in enumerate(colours) if _chroma(c) >= LEAST_COLOUR]
    return {
        name: sorted(own, key=lambda i: -score(colours[i]))[:GROUP]
        for name, score in SCORES.items()
    }


def main() -> None:
    """Reads the arguments and writes styles.json into the model's folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photographs", type=Path)
    parser.add_argument("model", type=Path, help="folder; styles.json is replaced")
    parser.add_argument("--names", action="store_true", help="say which photographs")
    given = parser.parse_args()
    paths = find_images(given.photographs)
    found = np.stack([measured(_read(path)) for path in paths])
    look = load_look(given.model, device="cpu")
    styles = {}
    for name, members in groups(found).items():
        styles[name] = look.style(*(_read(paths[i]) for i in members))
        print(f"{name}: {np.round(styles[name].colours, 1)}", file=sys.stderr)
        if given.names:
            print(f"  {', '.join(paths[i].name for i in members)}", file=sys.stderr)
    save_styles(given.model, styles)


def _read(path: Path) -> np.ndarray:
    pixels = photo.read_pixels(path)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


if __name__ == "__main__":
    main()
