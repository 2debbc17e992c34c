"""Crops that fit the images: where a model is fine-tuned and nobody chose a size."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from tests.tiny import save_tiny_model, tiny_config
from vaenhance import checkpoint
from vaenhance.config import can_fit, fit_crop, named_preset, stride, with_crop
from vaenhance.errors import UsageProblem
from vaenhance.photo import save_png
from vaenhance.workflows.prepare import prepare

LARGE = tiny_config(data={"crop": 128}, training={"batch": 2})


def photographs(root, *sides):
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for index, (height, width) in enumerate(sides):
        pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        save_png(pixels, root / f"{index}.png")
    return root


def test_the_crop_is_halved_until_nine_images_in_ten_have_it():
    def fitted(*sizes):
        found = fit_crop(LARGE, sizes)
        return found.data.crop, found.training.batch

    assert fitted(*[(300, 400)] * 9, (40, 40)) == (128, 2)
    assert fitted(*[(300, 400)] * 8, (40, 40), (40, 40)) == (32, 8)
    assert fitted((128, 500)) == (128, 2)
    assert fitted((127, 500)) == (64, 4)
    assert fitted((33, 32)) == (32, 8)


def test_images_too_small_for_any_crop_do_not_make_it_smaller():
    assert fit_crop(LARGE, [(300, 400), (31, 400)]) == LARGE
    assert fit_crop(LARGE, [(4, 4)]) == LARGE
    assert fit_crop(LARGE, []) == LARGE


def test_it_stays_a_multiple_of_the_coarsest_step():
    wide = LARGE.replace(model={"strides": (32,)}, data={"crop": 192})
    assert stride(wide.model) == 64
    assert fit_crop(wide, [(100, 100)]) == wide  # half of it would be 96
    assert fit_crop(wide.replace(data={"crop": 256}), [(100, 100)]).data.crop == 64


def test_models_that_enlarge_need_windows_of_the_largest_scale():
    larger = LARGE.replace(model={"scales": (2, 4)})
    assert fit_crop(larger, [(512, 512)]).data.crop == 128
    assert fit_crop(larger, [(511, 512)]).data.crop == 64


def test_the_batch_follows_the_crop_unless_it_is_chosen():
    assert with_crop(LARGE, 16).training.batch == 16
    assert with_crop(LARGE, 1024).training.batch == 1
    assert with_crop(LARGE, 48).training.batch == 4
    odd = LARGE.replace(training={"batch": 12})
    assert with_crop(odd, 128) == odd
    assert with_crop(LARGE, 16, batch=3).training.batch == 3
    assert fit_crop(LARGE, [(32, 32)], batch=3).training.batch == 3


def test_some_models_have_no_crop_to_choose():
    assert can_fit(named_preset("restore"))
    assert not any(can_fit(named_preset(name)) for name in ("generate", "look", "mlp"))


def test_the_images_that_are_still_too_small_are_left_out(tmp_path):
    sides = [(64, 80)] * 18 + [(200, 200), (64, 20)]
    images = photographs(tmp_path / "images", *sides)
    found = prepare(images, tmp_path / "m", LARGE, fits_crop=True, fits_batch=True)
    assert (found.config.data.crop, found.config.training.batch) == (64, 4)
    assert found.scan.images == 19 == len(found.training) + len(found.held_out)
    assert found.scan.too_small == [("19.png", "20x64")]
    assert found.scan.megapixels == pytest.approx(found.training.megapixels, rel=0.2)
    with pytest.raises(UsageProblem, match="smaller than 256 pixels"):
        prepare(images, tmp_path / "m", with_crop(LARGE, 256))


def test_classes_are_counted_without_the_images_left_out(tmp_path):
    for name in ("a", "b"):
        photographs(tmp_path / "images" / name, *[(64, 64)] * 10)
    photographs(tmp_path / "images" / "b", (8, 8))  # instead of one
    found = prepare(tmp_path / "images", tmp_path / "m", LARGE, fits_crop=True)
    assert found.scan.classes == {"a": 10, "b": 9}
    assert found.config.training.batch == LARGE.training.batch


def test_a_run_goes_on_with_its_own_crop(tmp_path):
    images = photographs(tmp_path / "images", *[(64, 64)] * 3)
    save_tiny_model(tmp_path / "m", with_crop(LARGE, 32))
    given = {"fits_crop": True, "fits_batch": True}
    found = prepare(images, tmp_path / "m", LARGE, **given)
    assert (found.config.data.crop, found.config.training.batch) == (32, 8)
    with pytest.raises(UsageProblem, match=r"training\.batch \(8 there, 2 now\)"):
        prepare(images, tmp_path / "m", LARGE, fits_crop=True)
    save_tiny_model(tmp_path / "mlp", named_preset("mlp"))
    with pytest.raises(UsageProblem, match=r"model\.network \(mlp there, ladder now"):
        prepare(images, tmp_path / "mlp", LARGE, **given)


def test_a_run_begun_with_a_crop_of_ones_own_goes_on_with_its_batch(tmp_path):
    images = photographs(tmp_path / "images", *[(64, 64)] * 3)
    begun = LARGE.replace(data={"crop": 32}, training={"batch": 3})
    save_tiny_model(tmp_path / "m", begun)
    asked = with_crop(LARGE, 32)  # what --init with --crop 32 says today: 8 a step
    found = prepare(images, tmp_path / "m", asked, fits_batch=True)
    assert found.config.training.batch == 3
    with pytest.raises(UsageProblem, match=r"training\.batch"):
        prepare(images, tmp_path / "m", asked)


def test_fine_tuning_takes_small_images_as_they_come(tmp_path, invoke):
    base = save_tiny_model(tmp_path / "base", LARGE)
    images = photographs(tmp_path / "images", *[(40, 50)] * 4)
    command = ("train", images, tmp_path / "m", "--init", base, "--steps", 1)
    said = invoke(*command, "--device", "cpu").stderr
    assert "small images: crops of 32 pixels, 8 a step" in said
    assert checkpoint.load_config(tmp_path / "m").data.crop == 32
    assert "small images" in invoke(*command, "--device", "cpu").stderr
    chosen = ("train", "--init", base, "--print-config", "--crop", 32)
    assert "crop = 32\n" in invoke(*chosen).stdout
    assert "batch = 8\n" in invoke(*chosen).stdout
    assert "batch = 3\n" in invoke(*chosen, "--batch", 3).stdout
    settings = tmp_path / "s.toml"
    settings.write_text("[data]\ncrop = 64\n")
    refused = invoke(*command, "--config", settings, exit_code=2).stderr
    assert "smaller than 64 pixels" in refused or "other settings" in refused


def test_the_model_is_not_trained_on_its_own_pictures(tmp_path):
    images = photographs(tmp_path / "images", *[(64, 64)] * 3)
    config = with_crop(LARGE, 32)
    before = prepare(images, images / "m", config)
    save_tiny_model(images / "m", config)
    photographs(images / "m", (300, 300))  # as sheet.png
    again = prepare(images, images / "m", config)
    assert again.fingerprint == before.fingerprint
    assert prepare(images, tmp_path / "other", config).scan.images == 4


def test_what_cannot_be_looked_into_is_named(tmp_path, invoke):
    long = "n" * 300
    for command in (
        ("train", tmp_path / long, tmp_path / "m"),
        ("train", tmp_path, tmp_path / long, "--preset", "mlp"),
        ("train", tmp_path, tmp_path / "m", "--init", tmp_path / long),
        ("calibrate", tmp_path / long, "photo"),
        ("evaluate", tmp_path / long, "--noise", "5"),
        ("evaluate", tmp_path / long, "--table"),
        ("evaluate", tmp_path / long, "--likelihood"),
        ("evaluate", tmp_path, "--noise", "5", "--sheet", tmp_path / long / "s.png"),
        ("info", tmp_path / long),
    ):
        said = invoke(*command, exit_code=2).stderr
        assert long in said and "unexpected" not in said


def test_folders_that_cannot_be_listed_are_not_passed_over(tmp_path, monkeypatch):
    images = photographs(tmp_path / "images", *[(64, 64)] * 3)
    (images / "locked").mkdir()
    real = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = prepare(images, tmp_path / "m", with_crop(LARGE, 32))
    why = "the folder cannot be listed: Permission denied"
    assert found.scan.unreadable == [("locked/", why)]
