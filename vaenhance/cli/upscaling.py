"""``vaenhance evaluate --scale``: how a run goes and how its figures look.

``workflows/upscaling.py`` measures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaenhance.cli import console
from vaenhance.cli.scores import aligned, failed, finite
from vaenhance.errors import UsageProblem
from vaenhance.workflows import pairs as files
from vaenhance.workflows import upscaling as story
from vaenhance.workflows.evaluate import Settings, degradations
from vaenhance.workflows.pairs import Failure

if TYPE_CHECKING:
    from vaenhance.api import Model

_HEADINGS = ("scale", "degradation", "method", "images", "PSNR", "SSIM", "PSNR back")
_FIGURES = ("psnr", "ssim", "psnr_back")
_DEGRADATIONS = ("noise", "jpeg", "blur", "clean", "combine")


def run(
    source: Path,
    model: str,
    load: Callable[[], Model],
    chosen: Mapping[str, Any],
    *,
    scales: Sequence[int],
    consistent: bool,
    limit: int | None,
    as_json: bool,
) -> int:
    """Measure the images in SOURCE at the scales.

    Args:
        source: Image or folder.
        model: How the user calls the model.
        load: Starts TensorFlow; called when the images are found.
        chosen: The other options of the command.
        scales: Of the sides.
        consistent: The model's results are back-projected.
        limit: Only the first images.
        as_json: One object a row instead of a table.

    Returns:
        The exit code.

    Raises:
        UsageProblem: There are no images, or an option has no meaning here.
    """
    for name in ("reference", "sheet", "luma", "known_noise", "draws", "latents"):
        if chosen[name]:
            raise UsageProblem(
                f"--scale measures enlargements on Y: leave out "
                f"--{name.replace('_', '-')}"
            )
    degraded = {name: chosen[name] for name in _DEGRADATIONS}
    is_clean = not any(degraded.values())
    rows = degradations(**{**degraded, "clean": degraded["clean"] or is_clean})
    rules = {name: chosen[name] for name in ("clip", "subsampling", "seed")}
    settings = Settings(luma=True, **rules)
    pairs, failures = files.find_pairs(source, None)
    pairs = pairs[:limit]
    network = load()
    scores: list[story.Score] = []
    work = files.count_megapixels(pairs) * len(rows) * len(scales)
    with console.Progress(work) as bar:
        for one in story.evaluate_scales(
            pairs,
            scales,
            rows,
            network,
            settings,
            consistent=consistent,
            progress=bar.advance,
        ):
            if isinstance(one, Failure):
                failures.append(one)
            else:
                scores.append(one)
    for failure in failures:
        console.error(failed(failure))
    found = story.summarise(scores)
    missing = [{"image": f.image, "error": f.reason} for f in failures]
    if as_json:
        for row in found:
            said = record(row, model, network.precision, settings, consistent)
            console.json_line({**said, "failed": missing})
    elif found:
        for line in lines(found, settings, consistent):
            console.product(line)
    return 1 if failures else 0


def lines(rows: Sequence[story.Row], settings: Settings, consistent: bool) -> list[str]:
    """The table and its protocol."""
    cells = [
        (
            f"x{row.scale}",
            row.degradation,
            row.method,
            str(len(row.scores)),
            f"{row.mean('psnr'):.2f}",
            f"{row.mean('ssim'):.4f}",
            f"{row.mean('psnr_back'):.2f}",
        )
        for row in rows
    ]
    rules = (
        "protocol: cut to multiples of the scale and shrunk by Pillow's bicubic filter "
        f"on 8 bits, then degraded (seed {settings.seed}); Y of YCbCr (BT.601) without "
        "a border of scale pixels; output clipped to 0..1; means over images; PSNR "
        "back: the result shrunk again against what was enlarged, RGB"
    )
    if consistent:
        rules += "; the model's results back-projected"
    return [*aligned([_HEADINGS, *cells]), rules]


def record(
    row: story.Row, model: str, precision: str, settings: Settings, consistent: bool
) -> dict[str, Any]:
    """One row as plain data."""
    return {
        "model": model,
        "precision": precision,
        "scale": row.scale,
        "degradation": row.degradation,
        "method": row.method,
        "images": len(row.scores),
        **{name: finite(row.mean(name)) for name in _FIGURES},
        "protocol": {**asdict(settings), "consistent": consistent},
        "per_image": [
            {
                "image": score.image,
                **{name: finite(getattr(score, name)) for name in _FIGURES},
            }
            for score in row.scores
        ],
    }
