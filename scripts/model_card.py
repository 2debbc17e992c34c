"""Complete a trained model's card and write its page for docs/models.

    vaenhance evaluate bsd24/ -m runs/photo --noise 25 --json > b.json
    python scripts/model_card.py runs/photo --config configs/photo.toml \
        --scores bsd24=b.json --page docs/models/photo.md

What the training measured (steps, hours, data, checksum) stays as the trainer wrote
it; the words come from the configuration's ``[card]`` and the scores from files of
``vaenhance evaluate --json``, ``scripts/benchmark --light --json``,
``scripts/measure_look.py light --json`` or ``scripts/measure_samples.py``, so that no
figure is typed by hand. Files of one NAME are one table: they have one protocol, one
number of images and one precision, or nothing is written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model_card_page import page
from model_card_protocol import one_table, rules
from model_card_tables import DRAWN_FIGURES, FIGURES, SCALE_FIGURES

from vaenhance.checkpoint import load_config
from vaenhance.config import load_toml
from vaenhance.errors import UsageProblem
from vaenhance.photo import write_atomic

POSTERIOR_FIGURES = ("psnr_draw", "psnr_mean_of_draws", "latents")


def read_scores(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Returns the rows of ``vaenhance evaluate --json``, each with its name.

    Each has the ``FIGURES`` (means over the images; dB and 0..1), the number of
    images, the precision and the protocol. Of ``scripts/benchmark --light --json`` the
    rows are its only line's.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    if len(rows) == 1 and "rows" in rows[0]:
        images = rows[0]["images"]
        rows = [{**row, "images": images} for row in rows[0]["rows"]]
    kept = (*FIGURES, *SCALE_FIGURES, "ciede2000", "images", "precision", "protocol")
    kept += (*DRAWN_FIGURES, *POSTERIOR_FIGURES)
    return [
        (
            _row_name(row),
            {
                key: round(row[key], 4) if isinstance(row[key], float) else row[key]
                for key in kept
                if key in row
            },
        )
        for row in rows
    ]


def collect(items: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns the tables of ``--scores NAME=FILE``, by name: their rows by name.

    Raises:
        UsageProblem: Files of one name were not measured by the same rules.
    """
    parts: dict[str, list[tuple[str, str, Any]]] = {}
    for item in items:
        name, _, path = item.partition("=")
        rows = read_scores(Path(path))
        parts.setdefault(name, []).extend((path, *row) for row in rows)
    return {name: one_table(name, rows) for name, rows in parts.items()}


def _row_name(row: Mapping[str, Any]) -> str:
    if "classifier_accuracy" in row:
        return "real training images"
    if "temperature" in row:
        return f"temperature {row['temperature']}"
    if "change" in row:
        return f"{row['change'].replace('_', ' ')}, {row['method']}"
    if "scale" not in row:
        return f"{row['degradation']}{', Y' if rules(row)['luma'] else ''}"
    back = ", consistent" if rules(row).get("consistent") else ""
    is_filter = row["method"] in ("bicubic", "Lanczos")
    method = row["method"] if is_filter else f"model{back}"
    return f"x{row['scale']}, {row['degradation']}, {method}"


def complete(
    card: Mapping[str, Any], words: Any, scores: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the card with the configuration's words and the measured scores.

    Without scores it keeps those that it has.
    """
    data = {
        **card["data"],
        "description": words.data,
        "sources": list(words.sources),
    }
    own = {k: v for k, v in card["scores"].items() if k.startswith("validation")}
    return {
        **card,
        "title": words.title,
        "purpose": words.purpose,
        "licence": words.licence,
        "limits": words.limits,
        "data": data,
        "scores": {**own, **scores} if scores else card["scores"],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path, help="folder of a trained model")
    parser.add_argument("--config", type=Path, required=True, help="with a [card]")
    parser.add_argument(
        "--scores",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="what evaluate --json wrote; repeat, also for one name",
    )
    parser.add_argument("--page", type=Path, help="Markdown file to write")
    parser.add_argument(
        "--picture", default="", help="of examples, as the page has to name it"
    )
    options = parser.parse_args(arguments)
    target = options.model / "card.json"
    card = json.loads(target.read_text(encoding="utf-8"))
    try:
        scores = collect(options.scores)
        card = complete(card, load_toml(options.config).card, scores)
        for name, rows in card["scores"].items():  # those that it has, too
            if isinstance(rows, Mapping):
                one_table(name, [(str(target), *row) for row in rows.items()])
    except UsageProblem as error:
        print(f"scripts/model_card.py: {error}", file=sys.stderr)
        return error.exit_code
    write_atomic((json.dumps(card, indent=2) + "\n").encode(), target)
    if options.page:
        options.page.parent.mkdir(parents=True, exist_ok=True)
        degradation = load_config(options.model).degradation
        name = options.model.resolve().name
        text = page(name, card, degradation, options.picture)
        write_atomic(text.encode(), options.page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
