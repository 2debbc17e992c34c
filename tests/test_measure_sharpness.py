"""How sharp reconstructions are: the figures of scripts/measure_sharpness.py."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from scripts import measure_sharpness
from tests.tiny import save_tiny_model, tiny_config


def textured(count: int = 3, side: int = 32) -> np.ndarray:
    return np.random.default_rng(4).uniform(size=(count, side, side, 3)).astype("f4")


def test_an_image_is_as_sharp_as_itself_and_sharper_than_blurred():
    x = textured()
    blurred = (x + np.roll(x, 1, 1) + np.roll(x, 1, 2) + np.roll(x, (1, 1), (1, 2))) / 4
    same, less = measure_sharpness.measure(x, x), measure_sharpness.measure(x, blurred)
    assert (same["gradient"], same["fine_energy"], same["ssim"]) == (1.0, 1.0, 1.0)
    assert less["gradient"] < 0.8
    assert less["fine_energy"] < 0.3
    assert less["ssim"] < 0.9


def test_coarse_stripes_have_no_fine_energy_and_fine_ones_nothing_else():
    wave = np.cos(np.arange(32) * np.pi / 8)[None, :, None, None]
    coarse = np.broadcast_to(wave, (1, 32, 32, 3))
    fine = np.broadcast_to(np.cos(np.arange(32) * np.pi)[:, None, None], (1, 32, 32, 3))
    assert measure_sharpness.fine_energy(coarse)[0] == pytest.approx(0.0, abs=1e-12)
    assert measure_sharpness.fine_energy(fine)[0] > 1.0


def test_every_model_gets_a_line_and_a_row_of_the_sheet(tmp_path, capsys):
    config = tiny_config(model={"image_size": 16}, data={"validation_images": 2})
    folder = save_tiny_model(tmp_path / "tiny", config)
    (tmp_path / "images").mkdir()
    for i, image in enumerate(textured(20, 16)):
        pixels = (255 * image).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{i}.png")
    sheet = tmp_path / "sheet.png"
    given = [str(tmp_path / "images"), str(folder), str(folder), f"--sheet={sheet}"]
    assert measure_sharpness.main(given) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["images"] for row in rows] == [2, 2]
    assert rows[0] == rows[1]
    with Image.open(sheet) as drawn:
        assert drawn.height > 3 * 16
