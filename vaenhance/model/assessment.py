"""How far off an enhanced image may be: the decoder's scale and the draws' spread.

Runs ``Inference`` on tiles and adds both variances. Nothing about files, and no
network of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vaenhance.checkpoint_calibration import Calibration
from vaenhance.model.decoder_scale import GRID, log_sigma
from vaenhance.model.inference import Inference

Pixels = NDArray[np.float32]
Draws = Sequence[Sequence[Pixels]]  # of each draw the standard normal noise by level


def variance(
    inference: Inference,
    y: Pixels,
    noise_sigma: float | None,
    draws: Draws,
    calibration: Calibration,
    scale: int = 1,
) -> tuple[Pixels, Pixels]:
    """Returns E[x|z] at the posterior mean, and the variance of its error.

    The decoder's σ² of a place, plus the mean squared distance of posterior draws
    from E[x|z]: what the latents leave open and what they themselves are unsure of.

    Args:
        inference: the network.
        y: (B, H, W, C) degraded images.
        noise_sigma: None where it is unknown.
        draws: noise of the draws; without any the decoder's part is all.
        calibration: of the decoder's scale.
        scale: of E[x|z], one of the model's.

    Returns:
        ((B, scale·H, scale·W, C), (B, scale·H, scale·W, 1) in [0, 1] units squared).
    """
    x_hat, values = inference.observe(y, noise_sigma, scale)
    total = np.square(decoder_sigma(values, calibration))
    total += spread(inference, y, noise_sigma, x_hat, draws, scale)
    # One value a place; between places it is interpolated. The last places may go
    # beyond the image.
    size = [GRID * scale * side for side in total.shape[1:3]]
    enlarged: Pixels = tf.image.resize(total[..., None], size, "bilinear").numpy()
    return x_hat, enlarged[:, : x_hat.shape[1], : x_hat.shape[2]]


def decoder_sigma(values: Pixels, calibration: Calibration) -> Pixels:
    """Returns the decoder's σ, (B, h, w) in [0, 1] units, of features (B, h, w, F)."""
    standard = (values - calibration.mean) / calibration.deviation
    found = np.exp(log_sigma(standard, calibration.layers).numpy()[..., 0])
    return found.astype(np.float32)


def spread(
    inference: Inference,
    y: Pixels,
    noise_sigma: float | None,
    x_hat: Pixels,
    draws: Draws,
    scale: int = 1,
) -> Pixels:
    """Returns the mean squared distance of draws from an image, a value a place.

    Args:
        inference: the network.
        y: (B, H, W, C) degraded images.
        noise_sigma: None where it is unknown.
        x_hat: what the draws are compared with, (B, scale·H, scale·W, C).
        draws: noise of the draws.
        scale: of the draws.

    Returns:
        (B, ⌈H / GRID⌉, ⌈W / GRID⌉), [0, 1] units squared; 0 without draws.
    """
    batch, height, width = y.shape[:3]
    total = np.zeros((batch, -(-height // GRID), -(-width // GRID)), np.float32)
    for epsilons in draws:
        drawn, _ = inference.posterior(y, noise_sigma, epsilons, scale)
        means = by_place(np.square(drawn - x_hat), scale).mean(axis=-1)
        total += means / np.float32(len(draws))
    return total


def by_place(image: Pixels, scale: int = 1) -> Pixels:
    """Returns the numbers of each place, (B, h, w, (GRID·scale)² · C).

    The stride of a model may be odd, and so may be the sides of its tiles: a place
    that goes beyond the image has the numbers that are there twice.

    Args:
        image: (B, H, W, C), H and W multiples of ``scale``.
        scale: of the image, as a multiple of y.
    """
    side = GRID * scale
    beyond = [(0, -length % side) for length in image.shape[1:3]]
    if np.any(beyond):
        image = np.pad(image, [(0, 0), *beyond, (0, 0)], "symmetric")
    batch, height, width, channels = image.shape
    cells = image.reshape(batch, height // side, side, width // side, side, channels)
    placed = cells.transpose(0, 1, 3, 2, 4, 5)
    return placed.reshape(*placed.shape[:3], side * side * channels)
