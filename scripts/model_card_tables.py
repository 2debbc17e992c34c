"""The tables of scores on a model's page, as Markdown.

For ``model_card``, which says where the figures come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model_card_protocol import KINDS, kind, words, words_of_scales

FIGURES = ("psnr_input", "psnr_enhanced", "ssim_input", "ssim_enhanced")
SCALE_FIGURES = ("psnr", "ssim", "psnr_back")  # of ``evaluate --scale``
LIGHT_FIGURES = ("psnr", "ssim", "ciede2000")  # of ``measure_look.py light``
DRAWN_FIGURES = (  # of ``measure_samples.py``
    *("recognised", "frechet_distance", "count", "classifier_accuracy"),
    *("nearest_training_image_rms", "nearest_training_image_rms_of_unseen"),
)


def table(folder: str, rows: Mapping[str, Any]) -> list[str]:
    """Returns the lines of the table of one folder's scores, by their kind.

    Args:
        folder: its name.
        rows: as ``model_card.read_scores`` gives them.
    """
    first = next(iter(rows.values()))
    others = dict(
        zip(KINDS.values(), (_scale_table, _light_table, _drawn_table), strict=True)
    )
    if kind(first) in others:
        return others[kind(first)](folder, rows)
    about = (
        f"`{folder}`: {first['images']} images, {first['precision']}, "
        f"{words(rows)}; means over the images, dB and 0 to 1."
    )
    head = "degradation | PSNR input | PSNR enhanced | SSIM input | SSIM enhanced"
    return _means(about, head, rows, FIGURES)


def _scale_table(folder: str, rows: Mapping[str, Any]) -> list[str]:
    first = next(iter(rows.values()))
    about = (
        f"`{folder}`: {first['images']} images, {first['precision']}; shrunk by "
        f"Pillow's bicubic filter on 8 bits, then {words_of_scales(rows)}; PSNR (dB) "
        "and SSIM of Y without a border of scale pixels; PSNR back: the result shrunk "
        "again; means over the images."
    )
    head = "scale, small image, method | PSNR | SSIM | PSNR back"
    return _means(about, head, rows, SCALE_FIGURES)


def _light_table(folder: str, rows: Mapping[str, Any]) -> list[str]:
    first = next(iter(rows.values()))
    about = (
        f"`{folder}`: {first['images']} images, spoilt in one way at a time and in "
        "several mixed, seeded; PSNR (dB), SSIM and CIEDE2000 to the original, means "
        "over the images; OpenCV's and Pillow's ways beside it."
    )
    head = "change, method | PSNR | SSIM | CIEDE2000"
    return _means(about, head, rows, LIGHT_FIGURES)


def _means(
    about: str, head: str, rows: Mapping[str, Any], figures: tuple[str, ...]
) -> list[str]:
    """Returns the lines of a table with a row a kind and a column a figure."""
    lines = [about, "", f"| {head} |", f"| --- |{' ---: |' * len(figures)}"]
    for name, row in rows.items():
        cells = [
            "–" if row[f] is None else f"{row[f]:.{4 if 'ssim' in f else 2}f}"
            for f in figures
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def _drawn_table(folder: str, rows: Mapping[str, Any]) -> list[str]:
    first = next(iter(rows.values()))
    near, far = DRAWN_FIGURES[-2:]
    unseen = next(row[far] for row in rows.values() if far in row)
    lines = [
        f"`{folder}`: {first['count']} drawn images a row, from seed 0. The nearest "
        "training image of the first 16: root mean square of the difference in "
        f"pixels, [0, 1] units, median; {unseen:.3f} of images nobody trained on.",
        "",
    ]
    accuracy = [
        row[DRAWN_FIGURES[3]] for row in rows.values() if DRAWN_FIGURES[3] in row
    ]
    if accuracy:
        lines[0] += (
            " Recognised: by a classifier that is trained on the real training images "
            f"and right for {100 * accuracy[0]:.2f} % of the real test images. Fréchet "
            "distance: between 128 of its features, to the real test images; it cannot "
            "be compared with published FIDs."
        )
    lines += [
        "| drawn at | recognised | Fréchet distance | nearest training image |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, row in rows.items():
        recognised = f"{100 * row['recognised']:.2f} %" if "recognised" in row else "–"
        apart = f"{row['frechet_distance']:.2f}" if "frechet_distance" in row else "–"
        distance = f"{row[near]:.3f}" if near in row else "–"
        lines.append(f"| {name} | {recognised} | {apart} | {distance} |")
    return [*lines, ""]
