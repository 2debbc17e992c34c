"""How training pairs are damaged; a section of ``Config``."""

from __future__ import annotations

from dataclasses import dataclass

from vaenhance.errors import ConfigError

KINDS = ("clean", "noise", "jpeg", "camera", "soft")


@dataclass(frozen=True)
class DegradationConfig:
    """How y is made from x: one kind a crop. Kinds have weights, of any sum."""

    clean: float = 1.0  # weight of y = x
    noise: float = 0.0  # weight of white Gaussian noise
    jpeg: float = 0.0  # weight of JPEG compression alone
    camera: float = 0.0  # weight of noise through a camera's processing
    soft: float = 0.0  # weight of blur or resampling, with little noise or JPEG
    noise_sigma: tuple[float, ...] = (0.0, 55.0)  # range, 0-255 scale
    noise_jpeg: float = 0.0  # part of the noisy crops that is JPEG-compressed
    unclipped: float = 0.5  # of the other noisy crops: part unclipped and unrounded
    noise_known: float = 0.0  # part of the crops whose white noise level is told
    grain: float = 0.0  # part of the clean and JPEG crops with film grain, kept in x
    grain_sigma: tuple[float, ...] = (0.5, 6.0)  # its range, 0-255 scale
    jpeg_quality: tuple[float, ...] = (5.0, 95.0)  # range; kinds jpeg and noise
    jpeg_twice: float = 0.0  # part of all JPEGs that is compressed a second time
    jpeg_aligned: float = 0.0  # part of the crops that start at a corner of its blocks
    chroma_420: float = 0.7  # part of all JPEGs with 4:2:0 chroma, the rest 4:4:4
    camera_shot: tuple[float, ...] = (0.0002, 0.02)  # range; raw variance at white
    camera_demosaiced: float = 0.75  # part of the cameras with a Bayer pattern
    camera_jpeg: float = 0.7  # part of the camera crops that is JPEG-compressed
    camera_quality: tuple[float, ...] = (60.0, 98.0)  # range
    camera_coarse: float = 0.0  # part of the camera crops whose noise was enlarged
    camera_step: tuple[float, ...] = (1.0, 3.0)  # range; by how much
    soft_blur: tuple[float, ...] = (0.3, 2.0)  # range of sigma, pixels
    soft_motion: tuple[float, ...] = (2.0, 9.0)  # range of length, pixels
    soft_scale: tuple[float, ...] = (0.5, 1.0)  # range of down-up resampling
    soft_noise: float = 0.6  # part of the soft crops with Gaussian noise
    soft_sigma: tuple[float, ...] = (0.0, 12.0)  # its range, 0-255 scale
    soft_jpeg: float = 0.3  # part of the soft crops that is JPEG-compressed
    soft_quality: tuple[float, ...] = (50.0, 95.0)  # range


def check_degradation(degradation: DegradationConfig) -> None:
    """Refuses a mix of nothing.

    Raises:
        ConfigError: names the kinds of damage.
    """
    if not any(getattr(degradation, kind) for kind in KINDS):
        raise ConfigError(f"degradation: one of {', '.join(KINDS)} must be above 0")
