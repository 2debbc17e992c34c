"""scripts/benchmark --light: a row for each change, a column for each method."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tiny_look import save_tiny_look


def test_the_table_has_a_row_for_each_change_and_the_times(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    samples: Path,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "path", [str(root / "scripts"), *sys.path])
    script, measured = import_module("benchmark_light"), import_module("measure_look")
    names = ("input", "Pillow equalize", "Pillow autocontrast")
    ways = (lambda image: image, measured.equalize, measured.autocontrast)
    # OpenCV is of the benchmark's own environment.
    filters = dict(zip(names, ways, strict=True))
    monkeypatch.setattr(measured, "filters", lambda threads: filters)
    with Image.open(samples / "coffee.png") as picture:
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            picture.resize((90, 60)).save(tmp_path / name / f"{name}.png")
    model = str(save_tiny_look(tmp_path / "looks"))
    folders = [str(tmp_path / name) for name in ("first", "second")]
    given = [*folders, "--light", "--model", model, "--json"]
    given += ["--kinds", "levels", "haze", "--repeats", "1", "--megapixels", "0.01"]
    assert script.main(given) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["images"] == 2
    assert result["folder"] == "first second"
    rows = [(row["change"], row["method"]) for row in result["rows"]]
    own = "--strength 0 --light"
    assert rows == [(k, m) for k in ("levels", "haze") for m in (*names, own)]
    best = {row["method"]: row["psnr"] for row in result["rows"][:4]}
    assert best["Pillow autocontrast"] > best["input"] + 3
    for clock in ("seconds", "processor_seconds"):
        assert set(result[clock]) == {*names[1:], own}
    table = script.lines(result)
    assert table[3].startswith("| change ")
    assert f"{best['input']:.2f} / " in table[5]
    assert table[-2].startswith("| time, 0.01 MP")
    assert table[-1].startswith("| processor, 0.01 MP")


def test_a_folder_without_colour_photographs_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: Path, capsys
) -> None:
    monkeypatch.setattr(sys, "path", [str(root / "scripts"), *sys.path])
    script = import_module("benchmark_light")
    Image.new("L", (40, 30), 90).save(tmp_path / "gray.png")
    assert script.main([str(tmp_path), "--light", "--repeats", "1"]) == 2
    assert "no colour photograph" in capsys.readouterr().err


def test_a_broken_photograph_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "path", [str(root / "scripts"), *sys.path])
    script = import_module("measure_look")
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "good.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0nothing")
    assert script.colour_images([tmp_path], None) == [tmp_path / "good.png"]
    assert "broken.jpg: " in capsys.readouterr().err
