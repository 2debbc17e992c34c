"""``enhance --draws --uncertainty``, ``score`` and ``calibrate``, on real files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vaenhance
from tests.tiny import calibrate_tiny_model, save_tiny_model, tiny_config
from tests.tiny_look import save_tiny_look
from vaenhance import checkpoint, photo
from vaenhance.errors import ModelError, VaenhanceError
from vaenhance.workflows import calibrate as story

pytestmark = pytest.mark.usefixtures("shared_networks")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    calibrate_tiny_model(folder)
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """One that enlarges."""
    folder = tmp_path_factory.mktemp("models") / "large"
    save_tiny_model(folder, tiny_config(model={"scales": (2, 4)}))
    calibrate_tiny_model(folder, scales=(2, 4))
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


def test_companions_have_the_size_and_kind_of_the_result(invoke, large, tmp_path):
    rng = np.random.default_rng(0)
    deep = rng.integers(0, 65536, (20, 28, 3), np.uint16)
    alpha = rng.integers(30_000, 40_000, (20, 28), np.uint16)
    whole = photo.Photo(deep, alpha, False, "PNG", photo.Metadata(dpi=(300, 300)))
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(photo.encode_photo(whole, deep))
    asked = ("enhance", tmp_path / "in", tmp_path / "out", "-m", large)
    asked += ("--scale", 3, "--device", "cpu", "--precision", "float32", "--json")
    asked += ("--draws", 2)
    record = json.loads(invoke(*asked, "--uncertainty").stdout)
    assert names(tmp_path / "out") == FILES
    assert (record["width"], record["height"]) == (84, 60)
    network = vaenhance.load_model(large, device="cpu", precision="float32")
    for name, pixels in (
        ("a.png", network.assess(deep, scale=3).image),
        ("a.draw2.png", network.draw(deep, 1, scale=3)),
    ):
        made = photo.read_photo(tmp_path / "out" / name)
        assert made.bit_depth == 16
        assert np.array_equal(made.pixels, pixels)
        assert made.alpha is not None
        assert made.alpha.shape == (60, 84)
        assert made.metadata.dpi == pytest.approx((300, 300), abs=0.1)
    with Image.open(tmp_path / "out/a.sigma.png") as opened:
        assert opened.size == (84, 60)
    # only what is missing is made, and the size stated is still that of the result
    (tmp_path / "out/a.mean.png").unlink()
    record = json.loads(invoke(*asked).stdout)
    assert (record["width"], record["height"]) == (84, 60)
    assert photo.read_photo(tmp_path / "out/a.mean.png").pixels.shape == (60, 84, 3)


def test_draws_and_sigma_in_a_new_light(invoke, model, source, tmp_path):
    look = save_tiny_look(tmp_path / "look")
    asked = ("enhance", source / "a.png", "-m", model, "--look-model", look)
    asked += ("--device", "cpu", "--precision", "float32", "--light")
    invoke(*asked, "--draws", 1, "--uncertainty", "--suffix", ".lit")
    assert "a.lit.draw1.png" in names(source)
    network = vaenhance.load_model(model, device="cpu", precision="float32")
    looks = vaenhance.load_look(look, device="cpu")
    image = photo.read_pixels(source / "a.png")
    lit = looks.enhance(image.astype(np.uint16) * np.uint16(257))
    for name, pixels in (
        ("a.lit.png", network.assess(lit).image),
        ("a.lit.draw1.png", network.draw(lit)),
    ):
        assert np.array_equal(
            photo.read_pixels(source / name), photo.to_eight_bits(pixels)
        )
    styled = (*asked, "--style", source / "a.png")
    invoke(*styled, "--draws", 1, "--suffix", ".styled")
    assert "a.styled.draw1.png" in names(source)
    for words, *more in (
        ("--style changes colours", "--style", source / "a.png", "--uncertainty"),
        ("does not have the new light", "--keep-uncertain", 5),
    ):
        assert words in invoke(*asked, *more, exit_code=2).stderr


def test_what_makes_no_sense_is_refused_before_any_work(invoke, source, tmp_path):
    photograph = source / "a.png"
    for words, *asked in (
        ("standard output", "--draws", 2, photograph, "-"),
        ("nothing to draw", "--draws", 2, "--strength", 0, photograph),
        ("draws images anew", "--draws", 2, "--class", "cat", photograph),
        (
            *("--consistent changes it", "--uncertainty", "--scale", 2),
            *("--consistent", photograph),
        ),
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
    assert json.loads((folder / "card.json").read_text()) == card
    invoke(*asked, "--crops", 3, "--seed", 1)
    assert "uncertainty" not in json.loads((folder / "card.json").read_text())
    assert "name photographs" in invoke(*asked, "--crops", 0, exit_code=2).stderr
    assert "--test" in invoke(*asked, "--crops", 3, "--json", exit_code=2).stderr
    measured = (folder / "card.json").read_bytes()
    (photograph / "coffee.png").write_bytes(b"no image")
    only = (*asked, "--crops", 0, "--test", photograph)
    assert "could be measured" in invoke(*only, exit_code=1).stderr
    assert (folder / "card.json").read_bytes() == measured
    photo.save_png(np.ascontiguousarray(pixels), photograph / "other.png")
    assert "coffee.png" in invoke(*only, exit_code=1).stderr
    digits = invoke("calibrate", samples, "digits", exit_code=2)
    assert "only models" in digits.stderr


def test_photographs_too_small_for_a_crop_are_named(
    invoke, samples, tmp_path, monkeypatch
):
    from vaenhance.model import scale_fit

    monkeypatch.setattr(scale_fit, "STEPS", 2)
    monkeypatch.setattr(scale_fit, "COVER_STEPS", 2)
    pixels = photo.read_pixels(samples / "coffee.png")
    photographs = tmp_path / "photos"
    photographs.mkdir()
    for name, side in (("large", 200), ("small", 64)):
        part = np.ascontiguousarray(pixels[:side, :side])
        photo.save_png(part, photographs / f"{name}.png")
    folder = save_tiny_model(tmp_path / "tiny")
    asked = ("calibrate", photographs, folder, "--device", "cpu", "--crops", 3)
    shown = invoke(*asked)
    assert "left out small.png: too small (64x64)" in shown.stderr
    assert "large.png" not in shown.stderr


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


def test_a_model_that_enlarges_is_calibrated_at_each_scale(
    invoke, samples, tmp_path, monkeypatch
):
    from vaenhance.model import scale_fit
    from vaenhance.workflows import calibrate

    monkeypatch.setattr(scale_fit, "STEPS", 20)
    monkeypatch.setattr(scale_fit, "COVER_STEPS", 10)
    monkeypatch.setattr(calibrate, "SMALL_CROP", 72)
    folder = tmp_path / "large"
    save_tiny_model(folder, tiny_config(model={"scales": (2, 4)}))
    photograph = tmp_path / "test"
    photograph.mkdir()
    pixels = photo.read_pixels(samples / "coffee.png")[:66, :67]
    photo.save_png(np.ascontiguousarray(pixels), photograph / "coffee.png")
    asked = ("calibrate", samples, folder, "--device", "cpu", "--crops", 4)
    shown = invoke(*asked, "--test", photograph, "--json")
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [row["degradation"] for row in rows] == [
        *("x2 + noise 15", "x2 + jpeg 50", "x2"),
        *("x4 + noise 15", "x4 + jpeg 50", "x4"),
    ]
    assert all(0 <= row["within_1"] <= row["within_2"] <= 1 for row in rows)
    network = vaenhance.load_model(folder, device="cpu", precision="float32")
    assert network.is_calibrated
    assert len(network.calibration().mean) == 21
    assert network.calibration().deviation[-1] == pytest.approx(0.5, abs=0.1)
