"""No command writes over an image that it was given."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from vaenhance.errors import UsageProblem
from vaenhance.photo import save_png
from vaenhance.workflows.originals import refuse_originals
from vaenhance.workflows.sources import expand


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder of two images, which is entered, and a link to one of them."""
    (tmp_path / "clean").mkdir()
    for name in ("a", "b"):
        save_png(np.zeros((16, 16, 3), np.uint8), tmp_path / "clean" / f"{name}.png")
    os.link(tmp_path / "clean" / "a.png", tmp_path / "twin.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_originals_are_known_under_any_name(folder):
    free = [None, folder / "new.png"]
    refuse_originals(free, [folder / "clean"])
    for file in (Path("clean/a.png"), folder / "twin.png"):
        for given in (folder / "clean", folder / "clean" / "a.png"):
            with pytest.raises(UsageProblem, match="never written over"):
                refuse_originals([*free, file], [None, given])
    refuse_originals([folder / "twin.png"], [folder / "clean" / "b.png"])


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "clean", "--clean", "--sheet", "clean/a.png"],
        ["evaluate", "clean", "--likelihood", "--scatter", "clean/a.png"],
        ["sample", "clean/a.png", "-m", "look", "--apply", "clean/a.png"],
        ["interpolate", "clean/a.png", "clean/b.png", "clean/b.png"],
        ["enhance", "twin.png", "clean/b.png", "--style", "clean"],
        [
            "enhance",
            "twin.png",
            "x.png",
            "--style",
            "clean/b.png",
            "--sheet",
            "clean/b.png",
        ],
    ],
)
def test_not_even_with_overwrite(folder, invoke, words):
    result = invoke(*words, "--overwrite", exit_code=2)
    assert "never written over" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["sample", "-", "-m", "look", "--apply", "sample.png"],
        ["interpolate", "interpolation.png", "clean/a.png", "-"],
    ],
)
def test_a_name_that_is_not_written_is_no_original(folder, invoke, words, monkeypatch):
    """Standard output has none."""
    for name in ("sample.png", "interpolation.png"):
        save_png(np.zeros((16, 16, 3), np.uint8), folder / name)

    def reached(*_, **__):
        raise UsageProblem("as far as this")

    monkeypatch.setattr("vaenhance.cli.sample._gradings", reached)
    monkeypatch.setattr("vaenhance.cli.interpolate.check_class", reached)
    assert "as far as this" in invoke(*words, exit_code=2).stderr


def test_a_target_above_a_pattern_hides_nothing(folder):
    pattern = str(folder / "clean" / "*.png")
    for skip in (folder, Path(), folder / "clean", folder / "clean" / "out"):
        assert len(expand([pattern], recursive=True, skip=[skip]).found) == 2
    every = str(folder / "**" / "*.png")
    assert len(expand([every], recursive=True, skip=[folder / "clean"]).found) == 1
