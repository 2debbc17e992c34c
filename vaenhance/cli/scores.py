"""How scores look: a table, a JSON object, a protocol in words, a sheet.

Not for measuring, and nothing is printed here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vaenhance import photo, report
from vaenhance.errors import PhotoError, VaenhanceError
from vaenhance.workflows.evaluate import FIGURES, Degradation, Row, Score, Settings
from vaenhance.workflows.pairs import Failure

_HEADINGS = (
    "degradation",
    "images",
    "PSNR input",
    "PSNR enhanced",
    "gain",
    "SSIM input",
    "SSIM enhanced",
)


def table(rows: Sequence[Row]) -> list[str]:
    """The lines of the table: PSNR and gain in dB, SSIM from 0 to 1."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]


def one_line(score: Score) -> str:
    """One image under one degradation, for ``-v``."""
    return (
        f"{score.image}, {score.degradation}: "
        f"{score.psnr_input:.2f} -> {score.psnr_enhanced:.2f} dB, "
        f"SSIM {score.ssim_input:.4f} -> {score.ssim_enhanced:.4f}"
    )


def record(
    row: Row,
    model: str,
    precision: str,
    settings: Settings,
    failures: Sequence[Failure],
) -> dict[str, Any]:
    """One row as plain data; infinite PSNR (equal images) becomes null."""
    return {
        "model": model,
        "precision": precision,
        "degradation": row.degradation,
        "images": len(row.scores),
        **{name: _finite(row.mean(name)) for name in FIGURES},
        "gain": row.gain if row.gain is None else _finite(row.gain),
        "protocol": asdict(settings),
        "per_image": [
            {
                "image": score.image,
                **{name: _finite(getattr(score, name)) for name in FIGURES},
            }
            for score in row.scores
        ],
        "failed": [{"image": f.image, "error": f.reason} for f in failures],
    }


def protocol(settings: Settings, rows: Sequence[Degradation]) -> str:
    """One line that says under which rules the figures were measured."""
    parts = ["Y of YCbCr (BT.601)" if settings.luma else "RGB"]
    if any(row.noise is not None for row in rows):
        told = " told to the model" if settings.known_noise else ""
        parts.append(f"noise{told}, seed {settings.seed}")
    has_jpeg = any(row.jpeg is not None for row in rows)
    if has_jpeg:
        parts.append(f"JPEG {settings.subsampling} by Pillow")
    if settings.clip:
        parts.append("input rounded to 8 bits")
    elif not any(row.is_given for row in rows):
        eight_bits = " (8 bits after JPEG)" if has_jpeg else ""
        parts.append(f"input unclipped floats{eight_bits}")
    parts.append("output clipped to 0..1")
    parts.append("means over images")
    return "protocol: " + "; ".join(parts)


def save_sheet(rows: Sequence[Row], target: Path) -> None:
    """Write the pictures that the scores kept: degraded, enhanced, reference.

    Raises:
        VaenhanceError: The file cannot be written.
    """
    shown = [score for row in rows for score in row.scores if score.views]
    captions: list[str] = []
    for score in shown:
        captions.append(f"{score.image}, {score.degradation}{_db(score.psnr_input)}")
        captions += [f"enhanced{_db(score.psnr_enhanced)}", "reference"]
    picture = report.sheet([score.views for score in shown], labels=captions)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        photo.save_png(picture, target)
    except PhotoError as error:
        raise VaenhanceError(f"{target} {error}") from error
    except OSError as error:
        raise VaenhanceError(
            f"{target} cannot be written: {error.strerror or error}"
        ) from error


def _cells(row: Row) -> tuple[str, ...]:
    means = {name: row.mean(name) for name in FIGURES}
    return (
        row.degradation,
        str(len(row.scores)),
        f"{means['psnr_input']:.2f}",
        f"{means['psnr_enhanced']:.2f}",
        "-" if row.gain is None else f"{row.gain:+.2f}",
        f"{means['ssim_input']:.4f}",
        f"{means['ssim_enhanced']:.4f}",
    )


def _db(value: float) -> str:
    return f": {value:.2f} dB" if math.isfinite(value) else ""


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return value if math.isfinite(value) else None
