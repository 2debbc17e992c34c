"""``enhance --draws --uncertainty``, ``score`` and ``calibrate``, on real files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vaenhance
from tests.tiny import calibrate_tiny_model, save_tiny_model
from vaenhance import checkpoint, photo
from vaenhance.errors import ModelError, VaenhanceError
from vaenhance.workflows import calibrate as story


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    calibrate_tiny_model(folder)
    return folder


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    photo.save_png(pixels, folder / "a.png")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


FILES = sorted(
    f"a.{kind}png" for kind in ("", "draw1.", "draw2.", "mean.", "sigma.", "heat.")
)


def test_alternatives_and_maps_lie_beside_the_result(invoke, model, source, tmp_path):
    out = tmp_path / "out"
    asked = ("enhance", source, out, "-m", model, "--device", "cpu", "--json")
    asked += ("--precision", "float32", "--draws", 2, "--uncertainty", "--seed", 3)
    record = json.loads(invoke(*asked).stdout)
    assert names(out) == FILES
    assert sorted(Path(p).name for p in [*record["companions"], "a.png"]) == FILES
    network = vaenhance.load_model(model, device="cpu", precision="float32")
    image = photo.read_pixels(source / "a.png")
    found = network.assess(image, seed=3)
    draws = [network.draw(image, number, seed=3) for number in range(2)]
    for name, pixels in zip(
        ("", "draw1.", "draw2."), (found.image, *draws), strict=True
    ):
        assert np.array_equal(photo.read_pixels(out / f"a.{name}png"), pixels)
    mean = photo.read_pixels(out / "a.mean.png")
    assert np.abs(mean - np.mean(draws, axis=0)).max() <= 0.5
    with Image.open(out / "a.sigma.png") as opened:
        assert opened.mode.startswith("I;16")
        scale = float(opened.text["Scale"])
        stored = np.asarray(opened).astype(float) / scale
    assert np.abs(stored - 255 * found.sigma).max() <= 0.5 / scale + 1e-4
    rms = float(np.sqrt(np.mean(np.square(255 * found.sigma))))
    assert record["uncertainty"] == pytest.approx(rms, abs=0.01)
    assert photo.read_pixels(out / "a.heat.png").shape[0] > 40
    # once more: nothing to do; without one of them: only that one is made
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert json.loads(invoke(*asked).stdout)["status"] == "skipped"
    (out / "a.draw2.png").unlink()
    (out / "a.png").write_bytes(before["a.mean.png"])
    assert json.loads(invoke(*asked).stdout)["status"] == "enhanced"
    assert (out / "a.draw2.png").read_bytes() == before["a.draw2.png"]
    assert (out / "a.png").read_bytes() == before["a.mean.png"]


def test_what_is_uncertain_is_kept(invoke, model, source, tmp_path):
    asked = ("enhance", source / "a.png", "-m", model, "--device", "cpu")
    invoke(*asked, "--keep-uncertain", 0.001, "--suffix", ".kept")
    image = photo.read_pixels(source / "a.png").astype(int)
    kept = photo.read_pixels(source / "a.kept.png")
    assert np.abs(kept - image).max() <= 1
    invoke(*asked, "--keep-uncertain", 255, "--suffix", ".all")
    invoke(*asked, "--suffix", ".plain")
    changed = photo.read_pixels(source / "a.plain.png")
    assert (
        np.abs(photo.read_pixels(source / "a.all.png") - changed.astype(int)).max() <= 1
    )
    assert np.abs(changed - image).max() > 20


def test_what_makes_no_sense_is_refused_before_any_work(invoke, source, tmp_path):
    photograph = source / "a.png"
    for words, *asked in (
        ("standard output", "--draws", 2, photograph, "-"),
        ("nothing to draw", "--draws", 2, "--strength", 0, photograph),
    ):
        assert words in invoke("enhance", *asked, exit_code=2).stderr
    fresh = save_tiny_model(tmp_path / "fresh")
    asked = ("enhance", photograph, "--uncertainty", "-m", fresh)
    assert "vaenhance calibrate" in invoke(*asked, exit_code=2).stderr
    assert names(source) == ["a.png"]


def test_scores_are_lines(invoke, model, source):
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff no photograph")
    asked = ("score", source, "-m", model, "--device", "cpu")
    lines = invoke(*asked, "--json", exit_code=1).stdout.splitlines()
    good, bad = (json.loads(line) for line in lines)
    assert good.keys() == bad.keys()
    assert (good["width"], good["height"], good["error"]) == (56, 40, None)
    assert good["noise"] > good["uncertainty"] > 0
    assert bad["error"]
    assert bad["noise"] is None
    plain = invoke(*asked, exit_code=1)
    assert plain.stdout.count("\n") == 1
    assert "broken.jpg" in plain.stderr
    from_pipe = invoke(
        *("score", "-", "-m", model, "--json", "--device", "cpu"),
        input=(source / "a.png").read_bytes(),
    )
    assert json.loads(from_pipe.stdout)["noise"] == good["noise"]
    assert "no images" in invoke("score", model, exit_code=2).stderr


def test_calibrating_writes_beside_the_weights(invoke, samples, tmp_path, monkeypatch):
    from vaenhance.model import scale_fit

    monkeypatch.setattr(scale_fit, "STEPS", 20)
    monkeypatch.setattr(scale_fit, "COVER_STEPS", 10)
    folder = save_tiny_model(tmp_path / "tiny")
    weights = (folder / "model.weights.h5").read_bytes()
    asked = ("calibrate", samples, folder, "--device", "cpu")
    photograph = tmp_path / "test"
    photograph.mkdir()
    pixels = photo.read_pixels(samples / "coffee.png")[:64, :64]
    photo.save_png(np.ascontiguousarray(pixels), photograph / "coffee.png")
    shown = invoke(*asked, "--crops", 3, "--test", photograph, "--json")
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [row["degradation"] for row in rows] == [
        *("noise 15", "noise 25", "noise 50", "jpeg 20", "clean")
    ]
    assert all(0 <= row["within_1"] <= row["within_2"] <= 1 for row in rows)
    assert (folder / "model.weights.h5").read_bytes() == weights
    card = json.loads((folder / "card.json").read_text())
    assert card["uncertainty"]["test"]["rows"]["noise 15"]["images"] == 1
    network = vaenhance.load_model(folder, device="cpu", precision="float32")
    assert network.is_calibrated
    once = (folder / "calibration.json").read_bytes()
    again = invoke(*asked, "--crops", 3)
    assert "calibrated" in again.stderr
    assert (folder / "calibration.json").read_bytes() == once
    assert "name photographs" in invoke(*asked, "--crops", 0, exit_code=2).stderr
    digits = invoke("calibrate", samples, "digits", exit_code=2)
    assert "only models" in digits.stderr


def test_calibrating_keeps_out_trainings_and_is_kept_out_by_them(
    invoke, samples, tmp_path, monkeypatch
):
    folder = save_tiny_model(tmp_path / "tiny")
    left = folder / ".calibration.json.x1.vaenhance-part"
    left.write_bytes(b"of a run that was killed")
    asked = ("calibrate", samples, folder, "--crops", 3)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with checkpoint.locked(folder):
        held = invoke(*asked, exit_code=2)
    assert f"another process is training or calibrating {folder}" in held.stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before

    refused = pytest.raises(ModelError, match="another process")
    with story.reserved(folder), refused, checkpoint.locked(folder):
        pass
    assert not left.exists()
    with monkeypatch.context() as patch:
        patch.setattr(story, "folder_problem", lambda folder: "is read-only")
        assert "is read-only" in invoke(*asked, exit_code=2).stderr

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_card", full)
    with pytest.raises(VaenhanceError, match=f"cannot write in {folder}: No space"):
        story.note_in_card(folder, "test", "float32", [])
