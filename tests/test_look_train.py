"""Training a model of looks: the same command, folder and resume as any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.tiny_look import look_config
from vaenhance.cli import app
from vaenhance.config import to_toml
from vaenhance.runtime import import_tensorflow

import_tensorflow()

import vaenhance  # noqa: E402


def draw_photographs(root: Path) -> Path:
    """Two classes: warm and dark, cold and light."""
    rng = np.random.default_rng(0)
    for name, colour in {"ember": (0.5, 0.25, 0.1), "frost": (0.7, 0.8, 1.0)}.items():
        (root / name).mkdir(parents=True)
        for index in range(6):
            coarse = rng.uniform(0.4, 1.0, (5, 6, 1)) * colour * 255
            image = coarse.astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)
            Image.fromarray(image).save(root / name / f"{index}.png")
    return root


def train(source: Path, folder: Path, config: Path) -> None:
    command = ["train", source, folder, "--config", config, "--device", "cpu"]
    done = CliRunner().invoke(app, [str(part) for part in command])
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("looks")
    config = root / "tiny.toml"
    config.write_text(to_toml(look_config(training={"steps": 4})))
    train(draw_photographs(root / "photos"), root / "looks", config)
    return root / "looks"


def test_the_folder_is_a_model_whose_classes_are_styles(trained) -> None:
    model = vaenhance.load_look(trained)
    assert sorted(model.styles) == ["ember", "frost"]
    ember, frost = (model.styles[name] for name in ("ember", "frost"))
    assert not np.array_equal(ember.look, frost.look)
    # Warm and dark, cold and light: L*, and b* from blue to yellow.
    assert ember.colours[0] < frost.colours[0]
    assert ember.colours[2] > 0 > frost.colours[2]
    assert model.card["training"]["steps"] == 4
    assert (trained / "sheet.png").exists()
    lines = (trained / "log.jsonl").read_text().splitlines()
    kinds = {json.loads(line)["type"] for line in lines}
    assert "validation" in kinds


def test_a_class_whose_only_picture_is_held_out_is_a_style(tmp_path) -> None:
    rng = np.random.default_rng(0)
    names = [f"film{number}" for number in range(12)]
    for name in names:
        (tmp_path / "films" / name).mkdir(parents=True)
        pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "films" / name / "a.png")
    config = tmp_path / "tiny.toml"
    config.write_text(to_toml(look_config(training={"steps": 1, "warmup_steps": 0})))
    train(tmp_path / "films", tmp_path / "looks", config)
    assert sorted(vaenhance.load_look(tmp_path / "looks").styles) == sorted(names)


def test_a_class_is_a_style_of_enhance(trained, tmp_path, invoke) -> None:
    source = trained.parent / "photos" / "frost" / "0.png"
    invoke("enhance", source, tmp_path / "warm.png", "--strength", "0",
           "--look-model", trained, "--style", "ember")  # fmt: skip
    cold, warm = (np.asarray(Image.open(p)) for p in (source, tmp_path / "warm.png"))
    redness = [float(i[..., 0].mean()) - i[..., 2].mean() for i in (cold, warm)]
    assert redness[0] < 0 < redness[1]
    assert warm.mean() < cold.mean()
