"""``vaenhance evaluate --draws`` and ``--latents``: what they measure and show."""

from __future__ import annotations

import json
import math
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaenhance import metrics
from vaenhance.config import ModelConfig
from vaenhance.workflows import evaluate as story
from vaenhance.workflows import pairs as files
from vaenhance.workflows import posterior
from vaenhance.workflows.evaluate import Degradation, Settings


class Level:
    """One channel that varies, one that does not, one that varies too little."""

    def __init__(self, image: np.ndarray, kl: float):
        height, width = (side // 2 for side in image.shape[:2])
        self.pixels = height * 2 * width * 2
        plane = image[: 2 * height : 2, : 2 * width : 2, 0]
        channels = plane, np.full_like(plane, 3.0), 0.01 * plane
        self.distances = np.stack(channels, axis=-1)[None].astype(np.float32)
        self.kl = np.array([kl], np.float32)


class DrawingModel:
    """Its mean is the input; a draw has seeded noise around it."""

    device, precision = "CPU (fake)", "float32"
    conditioned_on_noise = True
    spread = np.float32(0.2)

    def __init__(self, channels: int = 3):
        self.config = ModelConfig(channels=channels)
        self.seen: list[np.ndarray] = []
        self.seeds: list[int] = []
        self.sigmas: list[float | None] = []

    def enhance(self, image, *, noise_sigma=None, progress=None):
        return image

    def draw(self, image, number=0, *, seed=0, noise_sigma=None):
        self.seen.append(image)
        self.seeds.append(seed)
        self.sigmas.append(noise_sigma)
        rng = np.random.default_rng([seed, number])
        return image + self.spread * rng.standard_normal(image.shape, np.float32)

    def describe_latents(self, image, seed=0, *, noise_sigma=None):
        return [Level(image, 10.0), Level(image, 2.0 * image.shape[0])]


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def texture(seed: int, height: int = 40, width: int = 30) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(90, 160, (height, width, 3), np.uint8)


def run(source, settings, model=None, rows=None):
    pairs, _ = files.find_pairs(source, None)
    rows = rows or [Degradation()]
    return list(story.evaluate(pairs, rows, model or DrawingModel(), settings))


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "clean/a.png", texture(1))
    save(tmp_path / "clean/b.png", texture(2, 24, 26))
    return tmp_path / "clean"


# === Draws ===


def test_draws_are_measured_against_the_reference(folder):
    model = DrawingModel()
    (score,) = run(folder / "a.png", Settings(draws=4), model)
    x = texture(1).astype(np.float32) / 255
    assert len(set(model.seeds)) == 1
    draws = [DrawingModel().draw(x, i, seed=model.seeds[0]) for i in range(4)]
    single = [metrics.psnr(x, np.clip(draw, 0, 1)) for draw in draws]
    assert score.draws.psnr_draw == pytest.approx(np.mean(single), abs=1e-4)
    # noise of 0.2 hardly reaches the ends of the range here: averaging 4 wins 6 dB
    gain = score.draws.psnr_mean_of_draws - score.draws.psnr_draw
    assert gain == pytest.approx(20 * math.log10(2), abs=0.3)


def test_draws_have_seeds_of_their_own(folder):
    def seeds(source: Path, seed: int) -> list[int]:
        model = DrawingModel()
        run(source, Settings(draws=1, seed=seed), model)
        return model.seeds

    first, second = seeds(folder, 0)
    assert first != second
    assert seeds(folder / "b.png", 0) == [second]
    assert seeds(folder / "b.png", 1) != [second]


def test_draws_hear_the_noise_level_when_it_is_told(folder):
    model = DrawingModel()
    rows = [Degradation(noise=51), Degradation(jpeg=50)]
    run(folder / "a.png", Settings(draws=1, known_noise=True), model, rows)
    assert model.sigmas == [pytest.approx(0.2), None]


def test_draws_of_gray_images_are_gray_and_luma_is_luma(tmp_path):
    save(tmp_path / "g.png", texture(1)[..., 0])
    save(tmp_path / "c.png", texture(1))
    model = DrawingModel()
    (gray,) = run(tmp_path / "g.png", Settings(draws=2), model)
    assert model.seen[0].shape == (40, 30, 3)
    # the mean over three draws of one noise each has a third of its variance
    expected = -20 * math.log10(0.2 / math.sqrt(3))
    assert gray.draws.psnr_draw == pytest.approx(expected, abs=0.5)
    (colour,) = run(tmp_path / "c.png", Settings(draws=2))
    (luma,) = run(tmp_path / "c.png", Settings(draws=2, luma=True))
    assert luma.draws.psnr_draw > colour.draws.psnr_draw + 1


def test_without_the_options_nothing_is_drawn(folder):
    model = DrawingModel()
    found = run(folder, Settings(), model)
    assert model.seen == []
    (row,) = story.summarise(found)
    assert row.draws is None
    assert row.latents == []


def test_rows_average_draws_over_images(folder):
    found = run(folder, Settings(draws=2))
    (row,) = story.summarise(found)
    for name in story.DRAW_FIGURES:
        values = [getattr(score.draws, name) for score in found]
        assert getattr(row.draws, name) == pytest.approx(np.mean(values))


# === Latents ===


def test_latents_are_added_up_over_images(folder):
    found = run(folder, Settings(latents=True))
    coarse, fine = story.summarise(found)[0].latents
    values = (20 * 15 + 12 * 13) * 3
    pixels = 40 * 30 + 24 * 26
    assert (coarse.level, coarse.channels) == ("1/2", 3)
    assert coarse.kl_per_value == pytest.approx(20 / values)
    assert coarse.kl_per_pixel == pytest.approx(20 / pixels)
    assert coarse.bits_per_pixel == pytest.approx(20 / pixels / math.log(2))
    assert fine.kl_per_pixel == pytest.approx(2 * (40 + 24) / pixels)


def test_active_channels_are_those_that_vary(tmp_path):
    wide = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    save(tmp_path / "wide.png", wide)  # variance 1/12, constant, 1/12 of 1/10000
    (row,) = story.summarise(run(tmp_path, Settings(latents=True)))
    assert [level.active for level in row.latents] == [1, 1]


def test_channels_that_vary_only_between_images_are_active():
    def image(value: float) -> list[posterior.Sums]:
        means = np.full((1, 2, 2, 1), value)
        return [
            posterior.Sums(
                step=2,
                kl=1.0,
                values=4,
                pixels=16,
                first=means.sum(axis=(0, 1, 2)),
                second=np.square(means).sum(axis=(0, 1, 2)),
            )
        ]

    (same,) = posterior.summarise_latents([image(0.5), image(0.5)])
    (other,) = posterior.summarise_latents([image(0.5), image(0.8)])
    assert (same.active, other.active) == (0, 1)


# === The command ===


@pytest.fixture
def model(monkeypatch):
    fake = DrawingModel()
    api = types.ModuleType("vaenhance.api")
    api.load_model = lambda name, *, device, precision: fake
    monkeypatch.setitem(sys.modules, "vaenhance.api", api)
    return fake


def test_the_tables(folder, model, invoke):
    arguments = ["--noise", "25", "--clean", "--draws", "3", "--latents"]
    lines = invoke("evaluate", folder, *arguments).stdout.splitlines()
    heading, noise, clean, protocol, blank, latents, *levels = lines
    assert heading.endswith("PSNR draw  PSNR mean of 3")
    assert len(heading) == len(noise) == len(clean)
    single, mean = map(float, clean.split()[-2:])
    assert mean > single
    assert "PSNR draw" in protocol
    assert blank == ""
    assert latents.split()[:4] == ["degradation", "level", "channels", "active"]
    assert [line.split()[-6] for line in levels[:2]] == ["1/2", "1/2"]
    assert len(levels) == 2 * 3  # two levels and their sum, for each degradation
    parts = [float(line.split()[-2]) for line in levels[:3]]
    assert parts[2] == pytest.approx(parts[0] + parts[1], abs=2e-4)


def test_json_lines(folder, model, invoke):
    arguments = ["--clean", "--draws", "2", "--latents", "--json"]
    (line,) = invoke("evaluate", folder, *arguments).stdout.splitlines()
    row = json.loads(line)
    values = [image["psnr_draw"] for image in row["per_image"]]
    assert row["psnr_draw"] == pytest.approx(np.mean(values))
    assert row["psnr_mean_of_draws"] > row["psnr_draw"]
    assert (row["protocol"]["draws"], row["protocol"]["latents"]) == (2, True)
    coarse, _ = row["latents"]
    assert coarse["kl_per_pixel"] / math.log(2) == pytest.approx(
        coarse["bits_per_pixel"]
    )
    assert {"level", "channels", "active", "kl_per_value"} < set(coarse)


def test_a_plain_run_has_none_of_it(folder, model, invoke):
    result = invoke("evaluate", folder, "--clean", "--json")
    row = json.loads(result.stdout)
    assert not {"psnr_draw", "latents"} & set(row)
    assert not {"psnr_draw"} & set(row["per_image"][0])
    assert "PSNR draw" not in invoke("evaluate", folder, "--clean").stdout
