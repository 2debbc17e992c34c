"""Training pairs of models that enlarge: how y is shrunk, and that it lies on x."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.damage import TEXTURE, rng
from tests.test_degrade import only
from tests.test_pipeline import dataset, same
from tests.tiny import tiny_config
from vaenhance.data import codec
from vaenhance.data.degrade import GRID, KINDS, degrade
from vaenhance.data.pipeline import Pipeline
from vaenhance.data.windows import draw_window

CROP = 12
SMOOTH = codec.to_size(TEXTURE[:16, :16], (128, 128), "bicubic").clip(0, 1)


def pair(kind, scale, seed=0, window=SMOOTH, **settings):
    side = (CROP + GRID) * scale
    config = only(kind, **settings)
    return degrade(window[:side, :side], CROP, config, rng(seed), scale)


def test_the_clean_kind_is_pillows_bicubic_of_the_8_bit_image():
    side = 28 * 4
    picture = Image.fromarray(np.rint(SMOOTH[:side, :side] * 255).astype(np.uint8))
    small = picture.resize((28, 28), Image.Resampling.BICUBIC)
    expected = np.asarray(small, np.float32) / 255
    x, y, _ = pair("clean", 4)
    places = [
        (top, left)
        for top in range(GRID + 1)
        for left in range(GRID + 1)
        if np.array_equal(y, expected[top : top + CROP, left : left + CROP])
    ]
    assert len(places) == 1
    top, left = (4 * start for start in places[0])
    assert np.array_equal(x, SMOOTH[top : top + 4 * CROP, left : left + 4 * CROP])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_x_has_so_many_times_the_size_of_y_and_lies_upon_it(kind, scale):
    mild = {
        "noise_sigma": (0.0, 2.0),
        "soft_sigma": (0.0, 2.0),
        "jpeg_quality": (90, 95),
        "camera_shot": (0.0002, 0.0003),
        "soft_blur": (0.1, 0.4),
        "soft_motion": (1.0, 1.5),
    }
    away = 0.0
    for seed in range(6):
        x, y, _ = pair(kind, scale, seed, **mild)
        assert y.shape == (CROP, CROP, 3)
        assert x.shape == (CROP * scale, CROP * scale, 3)
        small = codec.to_size(x, (CROP, CROP), "box")
        errors = {
            shift: float(np.mean((np.roll(small, shift, (0, 1)) - y)[2:-2, 2:-2] ** 2))
            for shift in ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
        }
        assert min(errors, key=errors.get) == (0, 0)
        away += float(np.mean(small - y))
    assert abs(away / 6) < 0.01  # as bright


def test_windows_without_a_margin_will_do():
    window = SMOOTH[: 4 * CROP, : 4 * CROP]
    x, y, _ = degrade(window, CROP, only("soft"), rng(), 4)
    assert np.array_equal(x, window)
    assert y.shape == (CROP, CROP, 3)


def test_windows_fit_the_scale_whatever_the_image():
    config = tiny_config(data={"graphics": 0.3}, model={"scales": (3,)})
    for side in (48, 55, 200):
        picture = np.zeros((side, side + 9, 3), np.uint8)
        for seed in range(8):
            window = draw_window(picture, config, rng(seed), 3)
            assert window.shape[0] == window.shape[1]
            assert window.shape[0] % 3 == 0
            assert 48 <= window.shape[0] <= (16 + GRID) * 3


def test_the_scales_take_turns_and_batches_stay_a_function_of_the_step():
    config = tiny_config(model={"scales": (2, 4)})
    first, second = (Pipeline(dataset(side=70), config) for _ in range(2))
    for step in range(4):
        batch = first.batch(step)
        assert batch.scale == (2, 4)[step % 2]
        assert batch.y.shape[1:] == (16, 16, 3)
        assert batch.x.shape[1] == 16 * batch.scale
    assert same(first.batch(5), second.batch(5))
    first.close()
    second.close()
