"""scripts/benchmark --upscaling: its rows are those of evaluate. Never a time."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from tests.tiny import save_tiny_model, tiny_config


def test_the_table_has_a_row_for_each_method_and_scale(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    samples: Path,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "path", [str(root / "scripts"), *sys.path])
    script = import_module("benchmark_upscaling")
    model = tmp_path / "large"
    save_tiny_model(model, tiny_config(model={"scales": (2, 4)}))
    with Image.open(samples / "coffee.png") as picture:
        picture.resize((90, 60)).save(tmp_path / "a.png")
    small = ["--repeats", "1", "--megapixels", "0.002", "--model", str(model)]
    image = str(tmp_path / "a.png")
    assert script.main([image, "--upscaling", *small, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    rows = [(row["scale"], row["method"]) for row in result["rows"]]
    assert rows == [(s, m) for s in (2, 4) for m in ("bicubic", "Lanczos", "large")]
    assert all(row["psnr"] > 5 for row in result["rows"])
    table = script.lines(result)
    assert table[3].startswith("| scale |")
    assert f"{result['rows'][0]['psnr']:.2f}" in table[5]
    with pytest.raises(SystemExit, match="2"):  # its packages are not there
        script.main([image, "--with-span"])
    assert "run scripts/benchmark" in capsys.readouterr().err
    kept = ["--model", "photo", "--repeats", "1"]
    assert script.main([image, *kept]) == 2
    assert "keeps the size" in capsys.readouterr().err


def test_another_network_is_measured_beside_the_model(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    samples: Path,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "path", [str(root / "scripts"), *sys.path])
    script = import_module("benchmark_upscaling")

    class Repeating(script.span.Span):
        def enhance(self, image, *, scale, **told):
            return image.repeat(scale, 0).repeat(scale, 1)

    monkeypatch.setattr(script.span, "Span", Repeating)
    monkeypatch.setattr(script.span, "is_installed", lambda: True)
    model = tmp_path / "large"
    save_tiny_model(model, tiny_config(model={"scales": (2,)}))
    with Image.open(samples / "coffee.png") as picture:
        picture.resize((90, 60)).save(tmp_path / "a.png")
    small = ["--repeats", "1", "--megapixels", "0.002", "--scales", "2"]
    asked = [str(tmp_path / "a.png"), *small, "--model", str(model), "--with-span"]
    assert script.main([*asked, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    names = [row["method"] for row in rows]
    assert names == ["bicubic", "Lanczos", "large", "SPAN (ncnn)"]
    assert rows[2]["psnr"] + 5 < rows[3]["psnr"] < rows[0]["psnr"]


def test_a_photograph_that_can_be_read_is_timed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    samples: Path,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "path", [str(root / "scripts"), *sys.path])
    script = import_module("benchmark_upscaling")
    model = tmp_path / "large"
    save_tiny_model(model, tiny_config(model={"scales": (2,)}))
    folder = tmp_path / "photographs"
    folder.mkdir()
    (folder / "a.png").write_text("not a photograph")
    with Image.open(samples / "coffee.png") as picture:
        picture.resize((90, 60)).save(folder / "b.png")
    small = ["--repeats", "1", "--megapixels", "0.002", "--scales", "2", "--json"]
    asked = [str(folder), *small, "--model", str(model)]
    assert script.main(asked) == 1
    said = capsys.readouterr()
    assert said.err.count("not measured: a.png: ") == 1
    rows = json.loads(said.out)["rows"]
    assert len(rows) == 3 and all(row["median_seconds"] > 0 for row in rows)
    assert script.main([*asked, "--limit", "1"]) == 1
    assert "no photograph can be read: a.png: " in capsys.readouterr().err
