"""Camera noise: signal-dependent, correlated, unbiased; the picture stays sharp."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.damage import RAMP, TEXTURE, neighbours, rng
from vaenhance.data import camera as cameras
from vaenhance.data.camera import (
    Camera,
    add_camera_noise,
    add_coarse_noise,
    demosaic,
    draw_camera,
)

PLAIN = Camera(shot=0.002, read=0.0001)
BAYER = dataclasses.replace(PLAIN, gains=(2.0, 1.0, 1.6), phase=(0, 1))
PHASES = [(row, column) for row in (0, 1) for column in (0, 1)]


def drawn(count: int, seed: int = 0) -> list[Camera]:
    return [draw_camera((2e-4, 0.02), 0.75, rng(seed + i)) for i in range(count)]


def flat(light: float, side: int = 96, channels: int = 3) -> np.ndarray:
    """An even gray of that linear light, in sRGB."""
    value = cameras._to_screen(np.full((1, 1, 1), light, np.float32), False)
    return np.broadcast_to(value, (side, side, channels)).copy()


def light_noise(x: np.ndarray, camera: Camera, seed: int = 0) -> np.ndarray:
    """The noise in linear light."""
    y = add_camera_noise(x, camera, rng(seed))
    curve = camera.has_tone_curve
    return cameras._to_light(y, curve) - cameras._to_light(x, curve)


@pytest.mark.parametrize("seed", range(8))
def test_no_noise_is_the_identity(seed):
    camera = dataclasses.replace(drawn(1, seed)[0], shot=0.0, read=0.0)
    assert np.array_equal(add_camera_noise(TEXTURE, camera, rng()), TEXTURE)
    # And next to none next to nothing: the demosaicing blurs no picture.
    faint = dataclasses.replace(camera, shot=1e-12, read=1e-12)
    assert np.abs(add_camera_noise(TEXTURE, faint, rng()) - TEXTURE).max() < 1e-3


@pytest.mark.parametrize("has_tone_curve", [False, True])
def test_light_and_screen_are_inverse(has_tone_curve):
    x = np.linspace(0, 1, 257, dtype=np.float32)[:, None, None]
    light = cameras._to_light(x, has_tone_curve)
    assert np.all(np.diff(light[:, 0, 0]) > 0)
    assert np.allclose(cameras._to_screen(light, has_tone_curve), x, atol=2e-5)


@pytest.mark.parametrize("saturation", [0.0, 0.4, 1.0])
def test_the_colour_matrix_keeps_grays_and_can_be_undone(saturation):
    assert np.allclose(cameras._mix(RAMP, saturation), RAMP, atol=1e-6)
    sensor = cameras._mix(TEXTURE, saturation, inverse=True)
    assert sensor.min() >= 0
    assert sensor.max() <= 1
    assert np.allclose(cameras._mix(sensor, saturation), TEXTURE, atol=1e-5)


@pytest.mark.parametrize("light", [0.1, 0.3, 0.6])
def test_variance_is_shot_times_light_plus_read(light):
    noise = light_noise(flat(light), PLAIN)
    assert noise.var() == pytest.approx(0.002 * light + 0.0001, rel=0.05)


def test_gains_multiply_the_noise_of_their_colour():
    # The signal is gained by less light on the sensor: variance shot·light·gain.
    camera = Camera(shot=0.001, read=0.0, gains=(2.0, 1.0, 1.5))
    noise = light_noise(flat(0.3), camera)
    for colour, gain in enumerate(camera.gains):
        assert noise[..., colour].var() == pytest.approx(0.0003 * gain, rel=0.08)


@pytest.mark.parametrize("light", [0.0, 0.002, 0.05, 0.25, 1.0])
@pytest.mark.parametrize("camera", [PLAIN, BAYER], ids=["plain", "bayer"])
@pytest.mark.parametrize("has_tone_curve", [False, True])
def test_noise_does_not_change_the_mean(camera, light, has_tone_curve):
    camera = dataclasses.replace(camera, has_tone_curve=has_tone_curve)
    x = flat(light)
    noise = add_camera_noise(x, camera, rng()) - x
    # A third and fewer of the values are independent.
    assert abs(noise.mean()) < 4 * noise.std() / np.sqrt(noise.size / 3)


def test_noise_does_not_change_the_light_of_middle_grays():
    noise = light_noise(flat(0.25), PLAIN)
    assert abs(noise.mean()) < 0.005


@pytest.mark.parametrize("phase", PHASES)
def test_demosaicing_correlates_neighbours(phase):
    noise = light_noise(flat(0.3), dataclasses.replace(BAYER, phase=phase))
    assert min(neighbours(noise)) > 0.1
    white = light_noise(flat(0.3), dataclasses.replace(BAYER, phase=None))
    assert max(map(abs, neighbours(white))) < 0.05


@pytest.mark.parametrize("phase", PHASES)
def test_demosaicing_keeps_what_is_smooth(phase):
    camera = dataclasses.replace(BAYER, phase=phase)
    down, right = np.mgrid[:12, :16].astype(np.float32)
    plane = 0.2 + 0.01 * down + 0.02 * right
    inside = demosaic(plane, camera)[1:-1, 1:-1]
    for colour in range(3):
        assert np.allclose(inside[..., colour], plane[1:-1, 1:-1], atol=1e-6)


@pytest.mark.parametrize("phase", PHASES)
def test_the_bayer_pattern_has_every_colour_at_its_place(phase):
    camera = dataclasses.replace(BAYER, phase=phase)
    red, green, blue = 0.2, 0.5, 0.9
    picture = np.broadcast_to(np.float32([red, green, blue]), (8, 10, 3))
    mosaic = cameras._mosaic(picture, phase)
    assert mosaic[phase] == np.float32(red)
    assert np.sum(mosaic == np.float32(red)) == np.sum(mosaic == np.float32(blue)) == 20
    # Even colours come back everywhere, also at the edges.
    assert np.allclose(demosaic(mosaic, camera), picture, atol=1e-6)


def test_noise_reduction_smooths_colour_and_keeps_brightness():
    reduced = dataclasses.replace(PLAIN, chroma_blur=1.5, chroma_kept=0.5)
    x = flat(0.3)
    before = add_camera_noise(x, PLAIN, rng()) - x
    after = add_camera_noise(x, reduced, rng()) - x
    luma = np.array([0.25, 0.5, 0.25], np.float32)
    assert np.allclose(after @ luma, before @ luma, atol=1e-5)
    colour_before, colour_after = (n[..., 0] - n[..., 1] for n in (before, after))
    assert colour_after.std() < 0.5 * colour_before.std()
    assert min(neighbours(colour_after)) > 0.5


@pytest.mark.parametrize("step", [1.0, 1.6, 2.7])
def test_coarse_noise_is_none_without_noise_and_keeps_the_mean(step):
    silent = dataclasses.replace(PLAIN, shot=0.0, read=0.0)
    same = add_coarse_noise(TEXTURE, silent, step, rng())
    assert np.allclose(same, TEXTURE, atol=1e-6)
    x = flat(0.4)
    assert abs((add_coarse_noise(x, PLAIN, step, rng()) - x).mean()) < 1e-3


def test_coarse_noise_has_larger_grains():
    x = flat(0.4)
    noises = [add_coarse_noise(x, PLAIN, step, rng()) - x for step in (1, 1.5, 3)]
    likeness = [min(neighbours(noise[..., 1])) for noise in noises]
    assert abs(likeness[0]) < 0.1
    assert likeness[1] > 0.3
    assert likeness[2] > 0.7
    plain = add_camera_noise(x, PLAIN, rng()) - x
    assert np.array_equal(noises[0], plain)
    # Coarse, not faint.
    assert all(noise.std() > 0.5 * plain.std() for noise in noises)


def test_gray_images_have_a_sensor_without_colours():
    x = flat(0.3, channels=1)
    for camera in drawn(6):
        y = add_camera_noise(x, camera, rng())
        assert y.shape == x.shape
        assert y.dtype == np.float32
        assert y.std() > 0


def test_drawn_cameras_are_of_the_stated_kinds():
    found = drawn(400)
    shots = np.log([camera.shot for camera in found])
    assert np.exp(shots.min()) >= 2e-4
    assert np.exp(shots.max()) <= 0.02
    middle = np.log(2e-4 * 0.02) / 2
    assert shots.mean() == pytest.approx(middle, abs=0.25)
    reads = np.log([camera.read for camera in found])
    # Brooks et al. 2019: log read = 2.18·log shot + 1.2, ± 0.26.
    rest = reads - (2.18 * shots + 1.2)
    assert abs(rest.mean()) < 0.06
    assert rest.std() == pytest.approx(0.26, abs=0.04)
    bayer = [camera.phase for camera in found if camera.phase is not None]
    assert len(bayer) == pytest.approx(300, abs=35)
    assert set(bayer) == set(PHASES)


def test_drawn_cameras_are_as_noisy_as_photographs_are():
    """In sRGB, 0-255 scale: about 2 to 35."""
    x = 0.15 + 0.7 * TEXTURE[:32, :32]
    sigmas = [
        255 * (add_camera_noise(x, camera, rng(i)) - x).std()
        for i, camera in enumerate(drawn(200))
    ]
    low, middle, high = np.percentile(sigmas, [5, 50, 95])
    assert 1 < low < 4
    assert 4 < middle < 14
    assert 15 < high < 40
