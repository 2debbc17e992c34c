"""The options of ``vaenhance evaluate``: which images, what is done to them, how.

Declarations only; what they mean is up to ``evaluate``.
"""

from __future__ import annotations

from pathlib import Path

import click

from vaenhance.cli import options
from vaenhance.cli.paths import FilePath


def image_options(command: options.Decorated) -> options.Decorated:
    """Which images are measured, and what is kept of them."""
    return options.decorated(
        command,
        options.option(
            "--reference",
            type=FilePath(path_type=Path),
            metavar="FOLDER",
            help="Clean images of the same names (any extension); SOURCE is degraded.",
        ),
        options.option(
            "--table",
            is_flag=True,
            help="Remake the published tables for the sets in SOURCE.",
        ),
        options.option(
            "--limit",
            type=click.IntRange(1),
            metavar="N",
            help="Only the first N images, with --table of each set; with --likelihood "
            "N that the seed chooses.",
        ),
        options.option(
            "--sheet",
            type=FilePath(path_type=Path, dir_okay=False),
            metavar="FILE.png",
            help="Save parts of the first images: degraded, enhanced, reference.",
        ),
        options.option(
            "--overwrite", is_flag=True, help="Replace a sheet or chart that exists."
        ),
    )


def degradation_options(command: options.Decorated) -> options.Decorated:
    """What is done to clean images; every one may be given several times."""
    heading = "Degradation of clean images"
    return options.decorated(
        command,
        options.option(
            "--noise",
            type=options.Number(0.0, 255.0, min_open=True),
            multiple=True,
            metavar="SIGMA",
            section=heading,
            help="Gaussian noise, 0-255 scale; repeat for several rows.",
        ),
        options.option(
            "--jpeg",
            type=click.IntRange(1, 100),
            multiple=True,
            metavar="QUALITY",
            section=heading,
            help="JPEG compression; repeat for several rows.",
        ),
        options.option(
            "--blur",
            type=options.Number(0.0, 50.0, min_open=True),
            multiple=True,
            metavar="SIGMA",
            section=heading,
            help="Gaussian blur, pixels; repeat for several rows.",
        ),
        options.option(
            "--clean",
            is_flag=True,
            section=heading,
            help="A row without degradation: what the model does to good images.",
        ),
        options.option(
            "--combine",
            is_flag=True,
            section=heading,
            help="One after the other (blur, noise, JPEG), not a row for each.",
        ),
    )


def protocol_options(command: options.Decorated) -> options.Decorated:
    """What else moves the figures."""
    heading = "Protocol"
    return options.decorated(
        command,
        options.option(
            "--clip",
            is_flag=True,
            section=heading,
            help="Round degraded images to 8 bits; default: unclipped floats.",
        ),
        options.option(
            "--luma",
            is_flag=True,
            section=heading,
            help="Measure on Y of YCbCr (BT.601) instead of RGB.",
        ),
        options.option(
            "--subsampling",
            type=click.Choice(["4:2:0", "4:4:4"]),
            default="4:2:0",
            show_default=True,
            section=heading,
            help="Chroma of the JPEG.",
        ),
        options.option(
            "--known-noise",
            is_flag=True,
            section=heading,
            help="Tell the model the sigma of the noise.",
        ),
        options.seed_option(
            "Of the noise; each image has its own, by its name.", section=heading
        ),
    )


def likelihood_options(command: options.Decorated) -> options.Decorated:
    """How likely the images are, instead of how well they are enhanced."""
    heading = "Likelihood"
    return options.decorated(
        command,
        options.option(
            "--likelihood",
            is_flag=True,
            section=heading,
            help="-ELBO of the images, in nats; SOURCE may be an .npz with x_test.",
        ),
        options.option(
            "--samples",
            type=click.IntRange(1, 1_000_000),
            metavar="K",
            default=None,
            section=heading,
            help="Also the importance-weighted bound of K draws.",
        ),
        options.option(
            "--scatter",
            type=FilePath(path_type=Path, dir_okay=False),
            metavar="FILE.png",
            section=heading,
            help="Also a chart of the images' latents by class; latents of 2 numbers.",
        ),
    )


def scale_options(command: options.Decorated) -> options.Decorated:
    """How well small images are enlarged."""
    heading = "Enlargement"
    return options.decorated(
        command,
        options.option(
            "--scale",
            type=click.IntRange(2, 4),
            multiple=True,
            metavar="2|3|4",
            section=heading,
            help="Shrink, degrade if asked for, and enlarge; may be repeated.",
        ),
        options.option(
            "--consistent",
            is_flag=True,
            section=heading,
            help="Back-project the model's results, as enhance --consistent does.",
        ),
    )


def posterior_options(command: options.Decorated) -> options.Decorated:
    """What is measured beside the posterior's mean."""
    heading = "Beside the mean of the posterior"
    return options.decorated(
        command,
        options.option(
            "--draws",
            type=click.IntRange(1),
            metavar="K",
            default=None,
            section=heading,
            help="Also PSNR of one draw from the posterior, and of the mean of K.",
        ),
        options.option(
            "--latents",
            is_flag=True,
            section=heading,
            help="Also what each level says: its KL, and channels that are active.",
        ),
    )
