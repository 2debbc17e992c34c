"""Calibrating a model's uncertainty: fit the decoder's scale on known originals.

Photographs are cropped and degraded as in the model's own training, so that σ is
right for the damage that the model has learnt. A third of the crops have the sizes
of the training, whose textures teach where errors are large; the others are of the
photographs as they are stored, and set how large σ is. The scales of a model that
enlarges have their turns, and one fit is for all of them. The weights stay as they are;
what is fitted goes into ``calibration.json`` beside them. Not for measuring how good
it is: ``coverage`` does.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import checkpoint
from vaenhance.checkpoint_calibration import (
    CALIBRATION,
    Calibration,
    save_calibration,
)
from vaenhance.config import Config, stride
from vaenhance.errors import UsageProblem, VaenhanceError
from vaenhance.workflows.coverage import Reliability
from vaenhance.workflows.headers import folder_problem

Array = NDArray[np.float32]

CROP = 192  # pixels a side
# The same of the small image, for models that enlarge: the crop is so many times as
# large, and photographs with shorter sides are left out.
SMALL_CROP = 128
BORDER = 32  # pixels next to the border of a crop that see padding: not used
PLACES = 400  # of a crop, of its σ's that are used: neighbours say the same
SEED = 20_000  # beside the seeds of trainings, so that no crop is one of theirs


@dataclass(frozen=True)
class Places:
    """What was found at N places of degraded photographs."""

    values: Array  # (N, F) features
    errors: Array  # (N, GRID² · C) of pixels and colours, [0, 1] units
    spread: Array  # (N,) mean squared distance of a draw


def calibrate(
    model: Any,
    source: Path,
    *,
    crops: int,
    seed: int = 0,
    warn: Callable[[str], None] = lambda line: None,
    advance: Callable[[float], None] = lambda crops: None,
) -> Calibration:
    """Fits a model's σ and writes it into the model's folder.

    Args:
        model: ``api.Model`` for photographs of any size.
        source: folder of clean photographs, or an .npz, as for ``train``.
        crops: how many are looked at, 3 or more; each costs two passes of the network.
        seed: of crops, degradations and the fit.
        warn: told of images that cannot be read or are too small for a crop.
        advance: told of crops that are done.

    Raises:
        UsageProblem: there are no photographs.
        VaenhanceError: the folder cannot be written into.
    """
    from vaenhance.model import scale_fit

    told: dict[str, Any] = {"seed": seed, "warn": warn, "advance": advance}
    stored = collect(model, source, crops=crops - crops // 3, as_stored=True, **told)
    trained = collect(model, source, crops=crops // 3, **told)
    both = [
        np.concatenate([getattr(part, name) for part in (trained, stored)])
        for name in ("values", "errors", "spread")
    ]
    fitted = scale_fit.fit(both[0], both[1], both[2], seed)
    fitted = scale_fit.cover(fitted, stored.values, stored.errors, stored.spread, seed)
    found = Calibration(*fitted, model.checksum)
    with _saving(model.folder):
        _replace(model.folder, found)
    return found


def _replace(folder: Path, found: Calibration) -> None:
    """Saves a calibration; what the card says of another one goes."""
    path = folder / CALIBRATION
    before = path.read_bytes() if path.exists() else None
    save_calibration(folder, found)
    card = checkpoint.load_card(folder)
    if before != path.read_bytes() and card.pop("uncertainty", None) is not None:
        checkpoint.save_card(folder, card)


@contextlib.contextmanager
def reserved(folder: Path) -> Iterator[None]:
    """Keeps trainings and other calibrations out of a model folder.

    The weights would change while their errors are measured, or the card would be
    replaced by one that does not know of the other's.

    Raises:
        ModelError: another process is at work there.
        UsageProblem: the folder cannot be written into.
    """
    with checkpoint.locked(folder):
        problem = folder_problem(folder)
        if problem is not None:
            raise UsageProblem(f"{folder} {problem}")
        checkpoint.remove_leftovers(folder)
        yield


@contextlib.contextmanager
def _saving(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise VaenhanceError(f"cannot write in {folder}: {why}") from error


def check_config(folder: Path) -> None:
    """Refuses models whose errors the decoder's scale does not describe.

    Raises:
        UsageProblem: the model is not for photographs of any size.
    """
    model = checkpoint.load_config(folder).model
    is_for_photos = model.network == "ladder" and model.likelihood == "gaussian"
    if not is_for_photos or model.image_size:
        raise UsageProblem(
            f"{folder} has images of one size or of bits: only models that enhance "
            "photographs of any size are calibrated"
        )


def note_in_card(
    folder: Path, name: str, precision: str, found: Sequence[Reliability]
) -> None:
    """Writes what was measured into the model's card, under ``uncertainty``.

    Args:
        folder: of the model.
        name: of the folder of photographs.
        precision: that was used.
        found: as ``coverage.measure`` gives it.

    Raises:
        VaenhanceError: the folder cannot be written into.
    """
    card = checkpoint.load_card(folder)
    rows = {row.degradation: row.as_json() for row in found}
    before = card.get("uncertainty", {})
    if before.get("weights_sha256") != card.get("weights_sha256"):
        before = {}  # of other weights
    card["uncertainty"] = {
        **before,
        "weights_sha256": card.get("weights_sha256"),
        name: {"precision": precision, "rows": rows},
    }
    with _saving(folder):
        checkpoint.save_card(folder, card)


def collect(
    model: Any,
    source: Path,
    *,
    crops: int,
    as_stored: bool = False,
    seed: int = 0,
    warn: Callable[[str], None] = lambda line: None,
    advance: Callable[[float], None] = lambda crops: None,
) -> Places:
    """Returns features and errors at places of degraded crops.

    Args:
        model: as for ``calibrate``.
        source: as for ``calibrate``.
        crops: how many.
        as_stored: photographs are not made smaller before they are cropped, and
            their damage is that of ``_stored_damage``.
        seed: as for ``calibrate``.
        warn: as for ``calibrate``.
        advance: as for ``calibrate``.
    """
    from vaenhance.data.dataset import open_dataset
    from vaenhance.data.pipeline import Pipeline

    config = _cropping(checkpoint.load_config(model.folder), seed, as_stored)
    largest = max(config.model.scales)
    dataset, scan = open_dataset(source, config.data.crop * largest)
    if as_stored:  # once for both looks at the same photographs
        for name, reason in scan.unreadable:
            warn(f"left out {name}: {reason}")
        for name, size in scan.too_small:
            warn(f"left out {name}: too small ({size})")
    pipeline = Pipeline(dataset, config, warn)
    found = []
    try:
        batches = pipeline.batches(0)
        for number in range(crops):
            batch = next(batches)
            rng = np.random.default_rng([seed, number, as_stored])
            found.append(_look(model, batch.x, batch.y, batch.noise_sigma, rng))
            advance(1)
    finally:
        pipeline.close()
    return Places(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _cropping(config: Config, seed: int, as_stored: bool) -> Config:
    """Returns the model's configuration, with crops that show all of a photograph.

    Not only those with detail: σ must be right in the sky, too.
    """
    from vaenhance.model.decoder_scale import GRID

    side = CROP if config.model.scales == (1,) else SMALL_CROP
    step = math.lcm(stride(config.model), GRID)
    return config.replace(
        data={
            "crop": -(-side // step) * step,
            "crops_per_image": 2,
            "min_scale": 1.0 if as_stored else config.data.min_scale,
            "detail_candidates": 1,
            "flat_threshold": 0.0,
            "graphics": 0.0,
            "whole": False,
            "cache_megapixels": 16.0,
        },
        degradation=_stored_damage(config) if as_stored else {},
        training={"batch": 1, "seed": SEED + 2 * seed + as_stored},
    )


def _stored_damage(config: Config) -> dict[str, float]:
    """Returns weights of the damage for which the scale of σ is set.

    White noise and JPEG as often as each other, whatever the training has more of, and
    as often as no damage where images are enlarged, which is damage enough.
    Cameras and blur are left to what the likelihood says of them: rare as they are,
    their larger errors would only widen σ for all others.
    """
    kinds = config.degradation
    if not (kinds.noise or kinds.jpeg):
        return {}
    both = max(kinds.noise, kinds.jpeg)
    names = ["noise", "jpeg", *(["clean"] if config.model.scales != (1,) else [])]
    equal = {name: both for name in names if getattr(kinds, name)}
    return {**equal, "camera": 0.0, "soft": 0.0}


def _look(
    model: Any, x: Array, y: Array, told: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Returns features, errors and spreads at some places of a crop."""
    from vaenhance.model import assessment
    from vaenhance.model.decoder_scale import GRID

    inference, scale = model._inference, x.shape[1] // y.shape[1]
    noise_sigma = float(told[0]) if told[0] >= 0 else None
    x_hat, values = inference.observe(y, noise_sigma, scale)
    shapes = inference.latent_shapes(*y.shape[1:3])
    epsilons = [rng.standard_normal((1, *shape), np.float32) for shape in shapes]
    spread = assessment.spread(inference, y, noise_sigma, x_hat, [epsilons], scale)
    errors = assessment.by_place(x_hat - x, scale)
    border = BORDER // GRID
    inside = slice(border, -border)
    rows = [part[0, inside, inside] for part in (values, errors, spread)]
    flat = [part.reshape(-1, *part.shape[2:]) for part in rows]
    chosen = rng.choice(len(flat[1]), min(PLACES, len(flat[1])), replace=False)
    values, errors, spread = (part[chosen] for part in flat)
    if scale > 1:  # as many errors of a place at every scale
        some = rng.integers(0, errors.shape[1], (len(errors), GRID**2 * x.shape[3]))
        errors = np.take_along_axis(errors, some, axis=1)
    return values, errors, spread
