"""scripts/faults.py: it ends processes, and notices what it is there to notice."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from vaenhance import checkpoint

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "faults.py"

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs /proc"
)


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module


def test_a_small_campaign(tmp_path):
    report = tmp_path / "report.md"
    others = ["--train", "0", "--enhance", "0", "--encode", "0", "--together", "0"]
    others.append("--forked")
    words = ["--copy", "3", "--crowd", "20", "--files", "30", "--report", str(report)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words, *others],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    row = next(x for x in report.read_text().splitlines() if "strength 0` |" in x)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert sum(map(int, cells[1:5])) >= 3 and int(cells[6]) >= 1 and cells[7] == "0"
    assert "20 files of one pixel" in report.read_text()


def test_photographs_are_mixed_and_always_the_same(scripts, tmp_path):
    files = scripts("faults_files")
    for name in ("one", "two"):
        files.make_photographs(tmp_path / name, 60, 3)
    sums = files.checksums(tmp_path / "one")
    assert sums == files.checksums(tmp_path / "two") and len(sums) == 60
    assert {Path(name).suffix for name in sums} == {
        ".jpg", ".png", ".webp", ".tif", ".bmp",
    }  # fmt: skip
    assert len({str(Path(name).parent) for name in sums}) == len(files.FOLDERS)
    files.make_photographs(tmp_path / "two", 60, 4)
    assert sums != files.checksums(tmp_path / "two")


def test_damage_is_noticed(scripts, tmp_path):
    commands = scripts("faults_commands")
    enhance = commands.Enhance(tmp_path, tmp_path)
    wanted = {"out/a": "1", "out/b": "2"}
    assert enhance.damage({"out/a": "1", "out/.part": "3"}, wanted) == []
    assert enhance.damage({"out/a": "x"}, wanted) == ["out/a differs"]
    assert enhance.damage({"out/c": "1"}, wanted) == ["out/c differs"]
    model = tmp_path / "m" / "out"
    arrays = {"w": np.arange(1000, dtype=np.float64)}
    for step in (1, 2):
        checkpoint.save_state(model, {"network": arrays}, {"step": step})
    train = commands.Train(tmp_path, tmp_path)
    whole = train.left(model)
    assert list(whole) == [checkpoint.STATE] and train.damage(whole, {}) == []
    with h5py.File(model / checkpoint.PREVIOUS_STATE, "r+") as file:
        file["network/w"][3] = 0.5
    damaged = train.left(model)
    assert train.damage(damaged, {}) == [f"{checkpoint.PREVIOUS_STATE} is damaged"]


@pytest.mark.parametrize("kind", ["SIGKILL", "closed pipe"])
def test_a_process_that_lives_too_short_is_not_hit(scripts, tmp_path, kind):
    kill = scripts("faults_kill")
    end = kill.run(["--version"], tmp_path / "log", kind=kind, moment=100.0)
    assert (end.was_hit, end.code) == (False, 0) and b"vaenhance" in end.output
    wait = {"moment": 0.0, "jitter": 1.5}  # it ends in between
    end = kill.run(["--version"], tmp_path / "log", kind=kind, **wait)
    assert (end.was_hit, end.code) == (False, 0)
