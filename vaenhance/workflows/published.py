"""Figures that others have published for the standard sets. Facts, no code to speak of.

PSNR in dB, in the order of the task's columns. Not measured here, and only to be
shown for a whole set under the very protocol of its task: published figures for one
method differ by up to a decibel from table to table, so each names its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from vaenhance.workflows.standards import (
    COLOUR_JPEG,
    COLOUR_NOISE,
    GRAY,
    GRAY_NOISE,
    JPEG_OF_Y,
    RGB,
    Task,
    Y,
)


@dataclass(frozen=True)
class Published:
    """One row of somebody's table."""

    method: str
    psnr: tuple[float, ...]
    source: str


Tables = dict[str, tuple[Published, ...]]

_SWINIR = "table of colour denoising in Liang et al. 2021 (SwinIR)"
_ADNET = "table 7 of Tian et al. 2020 (ADNet)"
_GRAY = "table of gray denoising in Liang et al. 2021 (SwinIR)"
_DNCNN = "table of results in github.com/cszn/DnCNN (Zhang et al. 2017)"
_FBCNN = "table of gray JPEG in Jiang et al. 2021 (FBCNN)"
_COLOUR_JPEG = "table of colour JPEG in the README of SwinIR (Liang et al. 2021)"

# Of the methods: "blind" where one network serves every strength and is told none.
_NOISE: Tables = {
    "CBSD68": (
        Published("CBM3D", (33.52, 30.71, 27.38), _SWINIR),
        Published("ADNet-B (blind)", (33.79, 31.12, 27.83), _ADNET),
        Published("FFDNet", (33.87, 31.21, 27.96), _SWINIR),
        Published("DnCNN", (33.90, 31.24, 27.95), _SWINIR),
        Published("DRUNet", (34.30, 31.69, 28.51), _SWINIR),
    ),
    # FFDNet's files of this set are 500x500 parts of the 768x512 originals
    # (``Standard.parts``). CBM3D at 25 is 32.15 in SwinIR's table, which contradicts
    # all others.
    "Kodak24": (
        Published("CBM3D", (34.28, 31.68, 28.46), _ADNET),
        Published("ADNet-B (blind)", (34.53, 32.03, 28.81), _ADNET),
        Published("FFDNet", (34.63, 32.13, 28.98), _SWINIR),
        Published("DnCNN", (34.60, 32.14, 28.95), _SWINIR),
        Published("DRUNet", (35.31, 32.89, 29.86), _SWINIR),
    ),
    "McMaster": (
        Published("CBM3D", (34.06, 31.66, 28.51), _SWINIR),
        Published("ADNet-B (blind)", (34.60, 32.28, 29.03), _ADNET),
        Published("FFDNet", (34.66, 32.35, 29.18), _SWINIR),
        Published("DnCNN", (33.45, 31.52, 28.62), _SWINIR),
        Published("DRUNet", (35.40, 33.14, 30.08), _SWINIR),
    ),
    "Urban100": (
        Published("CBM3D", (33.93, 31.36, 27.93), _SWINIR),
        Published("FFDNet", (33.83, 31.40, 28.05), _SWINIR),
        Published("DnCNN", (32.98, 30.81, 27.59), _SWINIR),
        Published("DRUNet", (34.81, 32.60, 29.61), _SWINIR),
    ),
}
_GRAY_NOISE: Tables = {
    "BSD68": (
        Published("BM3D", (31.08, 28.57, 25.60), _GRAY),
        Published("DnCNN-3 (blind)", (31.46, 29.02, 26.10), _DNCNN),
        Published("FFDNet", (31.63, 29.19, 26.29), _GRAY),
        Published("DnCNN", (31.73, 29.23, 26.23), _GRAY),
        Published("DRUNet", (31.91, 29.48, 26.59), _GRAY),
    ),
    "Set12": (
        Published("DnCNN", (32.86, 30.44, 27.18), _GRAY),
        Published("DRUNet", (33.25, 30.94, 27.90), _GRAY),
    ),
}
_JPEG_OF_Y: Tables = {
    "LIVE1": (
        Published("JPEG", (27.77, 30.07, 31.41, 32.35), _FBCNN),
        Published("ARCNN", (28.96, 31.29, 32.67, 33.61), _FBCNN),
        Published("DnCNN-3 (blind)", (29.19, 31.59, 32.98, 33.96), _DNCNN),
        Published("FBCNN (blind)", (29.75, 32.13, 33.54, 34.53), _FBCNN),
    ),
    "Classic5": (
        Published("JPEG", (27.82, 30.12, 31.48, 32.43), _FBCNN),
        Published("ARCNN", (29.03, 31.15, 32.51, 33.32), _FBCNN),
        Published("DnCNN-3 (blind)", (29.40, 31.63, 32.91, 33.77), _DNCNN),
        Published("FBCNN (blind)", (30.12, 32.31, 33.54, 34.35), _FBCNN),
    ),
}
_COLOUR: Tables = {
    "LIVE1": (
        Published("JPEG", (25.69, 28.06, 29.37, 30.28), _COLOUR_JPEG),
        Published("QGAC", (27.62, 29.88, 31.17, 32.05), _COLOUR_JPEG),
        Published("FBCNN (blind)", (27.77, 30.11, 31.43, 32.34), _COLOUR_JPEG),
        Published("SwinIR", (28.06, 30.45, 31.82, 32.75), _COLOUR_JPEG),
    ),
}
_TABLES = {
    (COLOUR_NOISE.name, RGB): _NOISE,
    (GRAY_NOISE.name, GRAY): _GRAY_NOISE,
    (JPEG_OF_Y.name, Y): _JPEG_OF_Y,
    (COLOUR_JPEG.name, RGB): _COLOUR,
}


def published(name: str, task: Task, measure: str) -> tuple[Published, ...]:
    """What is published for a standard set; nothing for any other."""
    return _TABLES.get((task.name, measure), {}).get(name, ())
