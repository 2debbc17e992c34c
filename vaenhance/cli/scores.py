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
from vaenhance.workflows.evaluate import (
    DRAW_FIGURES,
    FIGURES,
    Degradation,
    Row,
    Score,
    Settings,
)
from vaenhance.workflows.files import named
from vaenhance.workflows.pairs import Failure
from vaenhance.workflows.posterior import LatentRow

_HEADINGS = (
    "degradation",
    "images",
    "PSNR input",
    "PSNR enhanced",
    "gain",
    "SSIM input",
    "SSIM enhanced",
)


_LATENT_HEADINGS = (
    "degradation",
    "level",
    "channels",
    "active",
    "nats/value",
    "nats/pixel",
    "bits/pixel",
)


def lines(
    rows: Sequence[Row], settings: Settings, degradations: Sequence[Degradation]
) -> list[str]:
    """All that is said for people: the table, its protocol, and the latents."""
    found = [*table(rows, settings.draws), protocol(settings, degradations)]
    if settings.latents:
        found += ["", *latent_table(rows)]
    return found


def table(rows: Sequence[Row], draws: int = 0) -> list[str]:
    """The lines of the table: PSNR and gain in dB, SSIM from 0 to 1."""
    extra = ("PSNR draw", f"PSNR mean of {draws}") if draws else ()
    return aligned([(*_HEADINGS, *extra), *(_cells(row) for row in rows)])


def latent_table(rows: Sequence[Row]) -> list[str]:
    """The lines about the latents: KL(q|p) of each level, and active channels."""
    cells: list[Sequence[str]] = [_LATENT_HEADINGS]
    for row in rows:
        for level in row.latents:
            kl = (level.kl_per_value, level.kl_per_pixel, level.bits_per_pixel)
            counts = str(level.channels), str(level.active)
            figures = (f"{value:.4f}" for value in kl)
            cells.append((row.degradation, level.level, *counts, *figures))
        every = row.latents
        nats = sum(level.kl_per_pixel for level in every)
        bits = sum(level.bits_per_pixel for level in every)
        channels = sum(level.channels for level in every)
        active = sum(level.active for level in every)
        total = (str(channels), str(active), "", f"{nats:.4f}", f"{bits:.4f}")
        cells.append((row.degradation, "all", *total))
    return aligned(cells)


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
        **{name: finite(row.mean(name)) for name in FIGURES},
        "gain": row.gain if row.gain is None else finite(row.gain),
        "protocol": asdict(settings),
        **_draws(row),
        **({"latents": [_level(one) for one in row.latents]} if row.latents else {}),
        "per_image": [
            {
                "image": score.image,
                **{name: finite(getattr(score, name)) for name in FIGURES},
                **_draws(score),
            }
            for score in row.scores
        ],
        "failed": [{"image": f.image, "error": f.reason} for f in failures],
    }


def failed(failure: Failure) -> str:
    """One image that could not be measured."""
    return f"cannot measure {failure.image}: {failure.reason} (kept going)"


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
    if settings.draws:
        parts.append("PSNR draw: the mean over the draws")
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
    with named(target):
        photo.save_png(picture, target)


def _cells(row: Row) -> tuple[str, ...]:
    means = {name: row.mean(name) for name in FIGURES}
    draws = row.draws
    return (
        row.degradation,
        str(len(row.scores)),
        f"{means['psnr_input']:.2f}",
        f"{means['psnr_enhanced']:.2f}",
        "-" if row.gain is None else f"{row.gain:+.2f}",
        f"{means['ssim_input']:.4f}",
        f"{means['ssim_enhanced']:.4f}",
        *(f"{getattr(draws, name):.2f}" for name in DRAW_FIGURES if draws is not None),
    )


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Columns under each other, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]


def _draws(one: Row | Score) -> dict[str, float | None]:
    """The figures of the draws, where there were any."""
    if one.draws is None:
        return {}
    return {name: finite(getattr(one.draws, name)) for name in DRAW_FIGURES}


def _level(row: LatentRow) -> dict[str, Any]:
    """What one level says, as plain data."""
    return {**asdict(row), "bits_per_pixel": row.bits_per_pixel}


def _db(value: float) -> str:
    return f": {value:.2f} dB" if math.isfinite(value) else ""


def finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return value if math.isfinite(value) else None
