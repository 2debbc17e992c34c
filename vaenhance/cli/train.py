"""``vaenhance train``: train a model on a folder of images, or go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from vaenhance.cli import console, options, train_start
from vaenhance.cli.paths import FilePath
from vaenhance.cli.sections import SectionCommand
from vaenhance.cli.train_screen import Screen
from vaenhance.config import (
    PRESETS,
    Config,
    can_fit,
    load_toml,
    named_preset,
    to_toml,
    with_crop,
)
from vaenhance.errors import UsageProblem

_HELP = """Train a model on a folder of images.

\b
Examples:
  vaenhance train photos/ mine --minutes 60       a model for photographs
  vaenhance train photos/ mine --minutes 60       the same again goes on with it
  vaenhance train scans/ mine --init photo --minutes 20
                                                  fine-tune the built-in model
  vaenhance train flowers/ f --preset generate    small images, to draw new ones;
                                                  sub-folders are classes
  vaenhance train flowers/ f2 --prior f --minutes 10
                                                  fit the prior of f, no more
  vaenhance train --preset restore --print-config > my.toml

FOLDER is searched with its sub-folders; it may also be an .npz of images.
Ctrl-C and SIGTERM save, and the same command goes on from there.
"""

# Flags that set one setting of the configuration.
_SETTINGS = {
    "steps": ("training", "steps"),
    "minutes": ("training", "minutes"),
    "batch": ("training", "batch"),
    "crop": ("data", "crop"),
    "learning_rate": ("training", "learning_rate"),
    "beta": ("objective", "beta"),
    "adversarial": ("adversarial", "weight"),
    "seed": ("training", "seed"),
}


@click.command(cls=SectionCommand, help=_HELP)
@click.argument(
    "folder",
    required=False,
    type=FilePath(path_type=Path),
    help="Images to learn from: a folder, or an .npz file.",
)
@click.argument(
    "model",
    required=False,
    type=FilePath(path_type=Path),
    help="Folder of the model; made, or gone on with.",
)
@options.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Settings in TOML; flags go before it.",
)
@options.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    metavar="NAME",
    help="Settings to start from: restore (default), generate, look or mlp.",
)
@options.option(
    "--init",
    metavar="MODEL",
    shell_complete=options.complete_model,
    help="Start from this model's weights: a built-in name or a folder.",
)
@options.option(
    "--teacher",
    "teachers",
    metavar="MODEL",
    multiple=True,
    shell_complete=options.complete_model,
    help="Learn from what this model makes of the images as well; may be repeated.",
)
@options.option(
    "--prior",
    metavar="MODEL",
    shell_complete=options.complete_model,
    help="Copy this model and fit its prior alone, for sampling: what enhance makes "
    "stays the same to the bit.",
)
@options.option("--steps", type=click.IntRange(1), help="Length of the run in steps.")
@options.option(
    "--minutes", type=options.Number(0, min_open=True), help="Length in minutes."
)
@options.option("--batch", type=click.IntRange(1), help="Crops a step.")
@options.option("--crop", type=click.IntRange(4), help="Pixels a side of a crop.")
@options.option(
    "--learning-rate", type=options.Number(0, min_open=True), help="Peak rate."
)
@options.option("--beta", type=options.Number(0), help="Weight of the KL.")
@options.option(
    "--adversarial",
    type=options.Number(0),
    metavar="WEIGHT",
    help="Weight of a discriminator in the second half of the run, for sharpness.",
)
@options.option("--seed", type=click.IntRange(0), help="Of everything random.")
@options.option(
    "--print-config",
    is_flag=True,
    help="Write the settings as TOML to standard output and stop.",
)
@options.training_device_options
@options.verbosity_options
def command(
    folder: Path | None,
    model: Path | None,
    init: str | None,
    prior: str | None,
    teachers: tuple[str, ...],
    print_config: bool,
    device: str,
    precision: str,
    config: Path | None,
    preset: str | None,
    **flags: Any,
) -> None:
    """Check what can be checked, then start TensorFlow and train."""
    start = train_start.find(init, prior, preset, teachers)
    settings = _settings(config, preset, start, precision, flags)
    if print_config:
        console.product(to_toml(settings).rstrip())
        return
    if folder is None or model is None:
        raise click.UsageError("give a FOLDER of images and a MODEL folder")
    from vaenhance.data.reachable import is_there

    if not is_there(folder):
        raise UsageProblem(f"{folder} does not exist")
    train_start.check(start, settings)
    from vaenhance.workflows.prepare import prepare

    fits_crop = start.is_tuning and config is None and flags["crop"] is None
    prepared = prepare(
        folder,
        model,
        settings,
        fits_crop=fits_crop and can_fit(settings),
        fits_batch=start.is_tuning and config is None and flags["batch"] is None,
    )
    train_start.check_teachers(start, prepared.config)  # the crop is known now
    _show_scan(prepared.scan)
    if prepared.config.data.crop < settings.data.crop:
        crop, batch = prepared.config.data.crop, prepared.config.training.batch
        console.message(f"small images: crops of {crop} pixels, {batch} a step")
    console.detail("loading TensorFlow ...")
    from vaenhance.runtime import import_tensorflow

    import_tensorflow(for_training=True)
    from vaenhance.workflows.train import train

    with Screen(settings) as screen:
        card = train(
            prepared,
            screen,
            device=device,
            init=start.folder,
            teachers=start.teachers,
        )
    screen.finished(model, card)


def _settings(
    config: Path | None,
    preset: str | None,
    start: train_start.Start,
    precision: str,
    flags: Mapping[str, Any],
) -> Config:
    """Lays file and flags over the preset, or over the model to start from."""
    settings = base = start.adapted(start.settings or named_preset(preset or "restore"))
    if config is not None:
        settings = load_toml(config, base, preset, start.adapted)
    elif start.is_tuning and flags["crop"] is not None and can_fit(base):
        settings = with_crop(base, flags["crop"])
    changes: dict[str, dict[str, Any]] = {}
    for flag, value in flags.items():
        if value is not None:
            section, key = _SETTINGS[flag]
            changes.setdefault(section, {})[key] = value
    if precision != "auto":
        changes.setdefault("training", {})["precision"] = precision
    if flags.get("steps") is not None and flags.get("minutes") is None:
        changes["training"]["minutes"] = 0.0
    return settings.replace(**changes)


def _show_scan(scan: Any) -> None:
    """Says how much there is to learn from, and what is left out."""
    console.message(f"{scan.images} images, {scan.megapixels:.1f} megapixels")
    groups = (("unreadable", scan.unreadable), ("too small", scan.too_small))
    for title, group in groups:
        for name, reason in group[:20]:
            console.message(f"  left out, {title}: {name} ({reason})")
        if len(group) > 20:
            console.message(f"  and {len(group) - 20} more that are {title}")
    if scan.classes:
        counts = ", ".join(f"{name} {n}" for name, n in scan.classes.items())
        console.message(f"class folders: {counts}")
