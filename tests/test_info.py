"""``vaenhance info``: the card as it is, and an installation that can be broken."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys

import numpy as np
import pytest

from vaenhance import checkpoint, runtime
from vaenhance.cli import info as cli
from vaenhance.config import PRESETS
from vaenhance.errors import ModelError
from vaenhance.workflows import info

CARD = {
    "title": "A test of cards",
    "purpose": "Nothing but this test, " * 8,
    "licence": "CC0-1.0",
    "data": {"images": 12345, "sources": ["a://one", "a://two"], "fingerprint": ""},
    "training": {"finished": True, "hours": 1.6789012},
    "scores": {"bsd24_noise25": 30.49},
}
DEVICES = {
    "devices": ["CPU (2 cores)"],
    "gpu_reason": "no GPU visible to TensorFlow",
    "auto_precision": "bfloat16",
}


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "mine"
    checkpoint.save_model(folder, PRESETS["restore"], {"w": np.zeros(3)}, CARD)
    return folder


@pytest.fixture
def builtin(model, monkeypatch):
    monkeypatch.setattr(checkpoint, "BUILTIN", model.parent)


@pytest.fixture
def devices(monkeypatch):
    monkeypatch.setattr(runtime, "describe", lambda: dict(DEVICES))


def test_everything_on_the_card_is_shown(model, invoke):
    result = invoke("info", str(model))
    out, err = result.stdout, result.stderr
    assert err == ""
    assert out.startswith("mine: A test of cards\n")
    words = " ".join(out.split())
    for text in (
        CARD["purpose"].strip(),
        "licence CC0-1.0",
        "images 12,345",
        "a://one - a://two",
        "finished yes",
        "hours 1.6789",
        "30.49",
        str(model),
    ):
        assert text in words
    assert "fingerprint" not in words  # empty facts are no facts
    assert all(len(line) <= 88 for line in out.splitlines() if str(model) not in line)
    assert "widths" not in words


def test_verbose_adds_the_configuration(model, invoke):
    result = invoke("info", str(model), "-v")
    out = result.stdout
    assert "widths 48 80 128" in " ".join(out.split())
    assert "purpose" in out


def test_json_is_the_model_as_data(model, invoke):
    result = invoke("info", str(model), "--json")
    found = json.loads(result.stdout)
    card = dict(found["card"])
    assert len(card.pop("weights_sha256")) == 64
    assert card == CARD
    assert found["name"] == "mine"
    assert found["built_in"] is False
    assert found["config"]["model"]["widths"] == [48, 80, 128]
    size = (model / checkpoint.WEIGHTS).stat().st_size
    assert found["weights_megabytes"] == pytest.approx(size / 1e6, abs=0.01)


def test_json_of_a_card_with_numbers_that_are_none_is_json(model, invoke):
    path = model / checkpoint.CARD
    scores = '"scores": {"a": NaN, "b": [-Infinity, 1e999, 2.5]}, "title": "x"'
    path.write_text(f"{{{scores}}}")

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    out = invoke("info", str(model), "--json").stdout
    card = json.loads(out, parse_constant=refuse)["card"]
    assert card == {"scores": {"a": None, "b": [None, None, 2.5]}, "title": "x"}
    assert "mine: x" in invoke("info", str(model)).stdout


def test_a_builtin_model_is_found_by_name(builtin, invoke):
    result = invoke("info", "mine", "--json")
    found = json.loads(result.stdout)
    assert found["built_in"] is True
    assert info.builtin_models() == {"mine": "A test of cards"}


def test_what_is_no_model_ends_with_2(tmp_path, model, invoke):
    (tmp_path / "empty").mkdir()
    (model / checkpoint.WEIGHTS).unlink()
    for name in ("nonsense", str(tmp_path / "empty"), str(model)):
        result = invoke("info", name, exit_code=2)
        out, err = result.stdout, result.stderr
        assert out == ""
        assert name in err


def test_a_damaged_card_is_an_error_and_does_not_spoil_the_list(builtin, model):
    (model / checkpoint.CARD).write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        info.describe_model(str(model))
    assert "damaged" in info.builtin_models()["mine"]


def test_the_installation(builtin, devices, invoke):
    result = invoke("info")
    out = result.stdout
    words = " ".join(out.split())
    version = ".".join(map(str, sys.version_info[:3]))
    for text in (
        f"python {version}",
        f"tensorflow {importlib.metadata.version('tensorflow')}",
        f"numpy {importlib.metadata.version('numpy')}",
        "mine A test of cards",
        "devices CPU (2 cores) gpu no GPU visible to TensorFlow",
        "precision auto chooses bfloat16",
    ):
        assert text in words


def test_the_installation_as_json(builtin, devices, invoke):
    result = invoke("info", "--json")
    found = json.loads(result.stdout)
    assert found["models"] == {"mine": "A test of cards"}
    assert {key: found[key] for key in DEVICES} == DEVICES
    assert set(found["versions"]) >= {"vaenhance", "keras", "pillow"}


def test_a_broken_tensorflow_is_reported_not_raised(monkeypatch, invoke):
    def fail():
        raise ImportError("libfoo.so is missing")

    monkeypatch.setattr(runtime, "describe", fail)
    result = invoke("info")
    out = " ".join(result.stdout.split())
    assert "TensorFlow fails: libfoo.so is missing" in out
    assert "numpy" in out


def test_a_card_is_shown_without_tensorflow(model, root):
    code = (
        "import sys\n"
        "from vaenhance.cli import app\n"
        f"app.main(['info', {str(model)!r}], standalone_mode=False)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("mine: ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (9999, "9999"),
        (2_600_000, "2,600,000"),
        (0.1 + 0.2, "0.3"),
        ([1, 2.5], "1 2.5"),
        ("as it is", "as it is"),
    ],
)
def test_values_read_as_people_write_them(value, text):
    assert cli._plain(value) == text
