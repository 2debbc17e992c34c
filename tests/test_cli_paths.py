"""An empty argument is what an unset variable leaves, never the current folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vaenhance.photo import save_png

WORDS = [
    ("enhance", "", "out.png"),
    ("enhance", "in", ""),
    ("enhance", "in/a.png", "", "--overwrite"),
    ("enhance", "in", "out", "--style", ""),
    ("enhance", "in", "out", "--sheet", ""),
    ("enhance", "in", "out", "-m", ""),
    ("encode", "", "x.npz"),
    ("encode", "in", ""),
    ("decode", "", "out"),
    ("decode", "x.npz", ""),
    ("decode", "x.npz", "out", "--apply", ""),
    ("score", ""),
    ("score", "in", ""),
    ("sample", ""),
    ("sample", "out.png", "-m", "look", "--apply", ""),
    ("interpolate", "", "in/a.png", "out.png"),
    ("interpolate", "in/a.png", "", "out.png"),
    ("interpolate", "in/a.png", "in/a.png", ""),
    ("evaluate", ""),
    ("evaluate", "in", "--reference", ""),
    ("evaluate", "in", "--sheet", ""),
    ("evaluate", "in", "--likelihood", "--scatter", ""),
    ("calibrate", "", "photo"),
    ("calibrate", "in", ""),
    ("calibrate", "in", "photo", "--test", ""),
    ("train", "", "mine"),
    ("train", "in", ""),
    ("train", "in", "mine", "--init", ""),
    ("info", ""),
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_an_empty_argument_is_refused(words, tmp_path, monkeypatch, invoke):
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name in ("a.png", "b.png", "in/a.png"):
        save_png(np.zeros((20, 30, 3), np.uint8), Path(name))
    # As if the current folder were everything that can be asked for.
    Path("config.json").write_text("{}")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    stderr = invoke(*words, exit_code=2).stderr
    assert "empty" in stderr and "is a variable not set?" in stderr
    after = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert after == before
