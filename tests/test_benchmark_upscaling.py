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
    kept = ["--model", "photo", "--repeats", "1"]
    assert script.main([image, *kept]) == 2
    assert "keeps the size" in capsys.readouterr().err
