"""The noise of a camera: made by light and electronics, shaped by what follows.

The clean image is taken back to the light on the sensor, noise is added there,
and only the noise goes through demosaicing, colour and tone. So the picture itself
is not blurred by the demosaicing, and noise of strength 0 changes nothing. Not for
the other faults of cameras: blur and JPEG are in ``blur`` and ``codec``.

The ranges are those of Brooks et al. 2019, "Unprocessing Images for Learned Raw
Denoising", where nothing else is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaenhance.data import codec
from vaenhance.data.blur import gaussian_blur
from vaenhance.data.pixels import Pixels

Plane = NDArray[np.float32]  # (H, W)

REDUCED = 0.7  # part of the cameras that reduce noise themselves


@dataclass(frozen=True)
class Camera:
    """One camera and exposure. Raw signals are 1 at white."""

    shot: float  # variance of the raw signal for each unit of signal
    read: float  # variance of the raw signal in the dark
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)  # R, G, B: raw to balanced
    saturation: float = 0.0  # how far the colour matrix parts the colours
    has_tone_curve: bool = False  # an S-curve as well as sRGB's
    phase: tuple[int, int] | None = None  # row and column of the first red pixel of
    # the Bayer pattern, 0 or 1; None: every pixel has all colours
    luma_blur: float = 0.0  # sigma in pixels of the camera's own noise reduction
    chroma_blur: float = 0.0  # the same for colour, where cameras do more
    chroma_kept: float = 1.0  # part of the colour noise that it leaves otherwise


def draw_camera(
    shot: tuple[float, float], demosaiced: float, rng: np.random.Generator
) -> Camera:
    """Draws a camera.

    Args:
        shot: smallest and largest shot noise; log-uniform between them.
        demosaiced: part of the cameras with a Bayer pattern.
        rng: decides everything.
    """
    level = rng.uniform(np.log(shot[0]), np.log(shot[1]))
    read = 2.18 * level + 1.2 + 0.26 * rng.standard_normal()
    brightness = 1.0 / max(0.5, rng.normal(0.8, 0.1))
    red, blue = rng.uniform(1.9, 2.4), rng.uniform(1.5, 1.9)
    # From here on ours: one number for the many colour matrices of cameras, and
    # noise reduction, without which there is too much colour in the noise
    # (docs/design.md, "Degradations").
    saturation = rng.uniform(0.0, 1.0)
    has_tone_curve = bool(rng.random() < 0.5)
    phase = int(rng.integers(2)), int(rng.integers(2))
    has_phase, has_reduction = rng.random() < demosaiced, rng.random() < REDUCED
    luma_blur, chroma_blur = rng.uniform(0.0, 0.8), rng.uniform(0.0, 2.0)
    chroma_kept = rng.uniform(0.1, 1.0)
    return Camera(
        shot=float(np.exp(level)),
        read=float(np.exp(read)),
        gains=(brightness * red, brightness, brightness * blue),
        saturation=saturation,
        has_tone_curve=has_tone_curve,
        phase=phase if has_phase else None,
        luma_blur=luma_blur if has_reduction else 0.0,
        chroma_blur=chroma_blur if has_reduction else 0.0,
        chroma_kept=chroma_kept if has_reduction else 1.0,
    )


def add_camera_noise(x: Pixels, camera: Camera, rng: np.random.Generator) -> Pixels:
    """Adds the noise that a camera would have left in a photograph.

    It grows with the light (Poisson–Gaussian, as a Gaussian of that variance), and
    is correlated among neighbours and colours if the camera has a Bayer pattern.

    Args:
        x: image in sRGB with 1 or 3 channels; one is a sensor without colours.
        camera: how much noise, and what shapes it.
        rng: where the noise comes from.

    Returns:
        Image in sRGB; of the same mean, neither rounded nor clipped to [0, 1].
    """
    if camera.shot <= 0 and camera.read <= 0:
        return x
    is_colour = x.shape[-1] == 3
    gains = np.array(camera.gains if is_colour else camera.gains[1:2], np.float32)
    light = _to_light(x, camera.has_tone_curve)
    raw = _mix(light, camera.saturation, inverse=True) / gains
    if is_colour and camera.phase is not None:
        noise = demosaic(_sensor_noise(_mosaic(raw, camera.phase), camera, rng), camera)
    else:
        noise = _sensor_noise(raw, camera, rng)
    noise = _mix(noise * gains, camera.saturation)
    # Half the way from one sign of the noise to the other: the tone curve bends, and
    # one sign alone would darken the image, by 1.3 of 255 on average (measured). A
    # network would learn to brighten what is noisy.
    more = _to_screen(light + noise, camera.has_tone_curve)
    less = _to_screen(light - noise, camera.has_tone_curve)
    return x + _reduced(np.float32(0.5) * (more - less), camera)


def add_coarse_noise(
    x: Pixels, camera: Camera, step: float, rng: np.random.Generator
) -> Pixels:
    """Adds a camera's noise in grains of several pixels.

    So it looks where a photograph was enlarged after it was taken: by a digital zoom,
    by a small sensor's software, or scanned from a grainy print.

    Args:
        x: as for ``add_camera_noise``.
        camera: how much noise a pixel of the sensor has, and what shapes it.
        step: pixels of the image for each of the sensor, >= 1; 1 is
            ``add_camera_noise``.
        rng: where the noise comes from.

    Returns:
        As ``add_camera_noise``: only the noise is coarse, the picture stays sharp.
    """
    height, width = x.shape[:2]
    size = max(round(height / step), 2), max(round(width / step), 2)
    if size == (height, width):
        return add_camera_noise(x, camera, rng)
    small = codec.to_size(x, size, "bicubic")
    noise = add_camera_noise(small, camera, rng) - small
    return x + codec.to_size(noise, (height, width), "bicubic")


def demosaic(mosaic: Plane, camera: Camera) -> Pixels:
    """Fills in the two colours that each pixel of a Bayer pattern lacks (bilinear).

    Args:
        mosaic: raw signal, or the noise in it.
        camera: with a phase.
    """
    assert camera.phase is not None
    row, column = camera.phase
    height, width = mosaic.shape
    # Reflected without the edge itself, so that colours stay at their places.
    padded = np.pad(mosaic, 1, mode="reflect")
    planes = np.zeros((3, height + 2, width + 2), np.float32)
    for colour, place in ((0, (1 - row, 1 - column)), (2, (row, column))):
        own = slice(place[0], None, 2), slice(place[1], None, 2)
        planes[colour][own] = padded[own]
    planes[1] = padded - planes[0] - planes[2]
    result = np.empty((height, width, 3), np.float32)
    for colour in (0, 2):
        tall = planes[colour]
        wide = tall[:-2] + tall[2:] + 2 * tall[1:-1]
        sides = wide[:, :-2] + wide[:, 2:] + 2 * wide[:, 1:-1]
        result[..., colour] = sides / 4
    green = planes[1]
    around = green[:-2, 1:-1] + green[2:, 1:-1] + green[1:-1, :-2] + green[1:-1, 2:]
    result[..., 1] = green[1:-1, 1:-1] + around / 4
    return result


def _mosaic(raw: Pixels, phase: tuple[int, int]) -> Plane:
    """Returns of every pixel the one colour that a Bayer pattern sees there."""
    row, column = phase
    mosaic = raw[..., 1].copy()
    for colour, place in ((0, (row, column)), (2, (1 - row, 1 - column))):
        own = slice(place[0], None, 2), slice(place[1], None, 2)
        mosaic[own] = raw[..., colour][own]
    return mosaic


def _sensor_noise(
    raw: NDArray[np.float32], camera: Camera, rng: np.random.Generator
) -> NDArray[np.float32]:
    deviation = np.sqrt(np.float32(camera.shot) * raw + np.float32(camera.read))
    return deviation * rng.standard_normal(raw.shape, dtype=np.float32)


def _mix(values: Pixels, saturation: float, inverse: bool = False) -> Pixels:
    """Applies the colour matrix (1 + s)·I − s/3, which leaves grays as they are.

    The inverse is a mean of the colour and its gray, so it makes nothing negative.
    """
    s = -saturation / (1 + saturation) if inverse else saturation
    if values.shape[-1] == 1 or s == 0:
        return values
    gray = (values[..., :1] + values[..., 1:2] + values[..., 2:]) / np.float32(3)
    return np.float32(1 + s) * values - np.float32(s) * gray


def _to_light(x: Pixels, has_tone_curve: bool) -> Pixels:
    """Takes sRGB to linear light, the inverse of ``_to_screen``."""
    x = np.clip(x, 0.0, 1.0)
    if has_tone_curve:
        x = np.float32(0.5) - np.sin(np.arcsin(1 - 2 * x) / np.float32(3))
    curved = ((x + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(x <= 0.04045, x / np.float32(12.92), curved)


def _to_screen(light: Pixels, has_tone_curve: bool) -> Pixels:
    """Takes linear light to sRGB; clips what is darker than black or over white."""
    light = np.clip(light, 0.0, 1.0)
    curved = np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055)
    x = np.where(light <= 0.0031308, light * np.float32(12.92), curved)
    return x * x * (3 - 2 * x) if has_tone_curve else x


def _reduced(noise: Pixels, camera: Camera) -> Pixels:
    """Smooths noise as cameras do before they save: colour more than brightness."""
    if noise.shape[-1] == 1:
        return gaussian_blur(noise, camera.luma_blur)
    if camera.luma_blur == camera.chroma_blur == 0 and camera.chroma_kept == 1:
        return noise
    luma = (noise[..., :1] + 2 * noise[..., 1:2] + noise[..., 2:]) / np.float32(4)
    chroma = gaussian_blur(noise - luma, camera.chroma_blur)
    chroma *= np.float32(camera.chroma_kept)
    return gaussian_blur(luma, camera.luma_blur) + chroma
