"""How TensorFlow is started: what is asked of it before it is imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.tiny import tiny_config
from vaenhance.config import to_toml

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
IS_ON = re.compile("oneDNN custom operations are on")  # TensorFlow's own words


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (48, 48, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}.png")
    return folder


def run(*words, **variables):
    """Runs the command with TensorFlow's messages; returns what stderr got."""
    loud = {"TF_CPP_MIN_LOG_LEVEL": "0", "VAENHANCE_TENSORFLOW_LOG": "1"}
    inherited = {k: v for k, v in os.environ.items() if k != ONEDNN}
    command = [sys.executable, "-m", "vaenhance", *map(str, words)]
    result = subprocess.run(
        command,
        env={**inherited, **loud, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stderr


@pytest.mark.parametrize(("variables", "is_on"), [({}, True), ({ONEDNN: "0"}, False)])
def test_training_uses_onednn_unless_told_not_to(tmp_path, photos, variables, is_on):
    config = tmp_path / "tiny.toml"
    config.write_text(to_toml(tiny_config(training={"steps": 1})), encoding="utf-8")
    words = ["train", photos, tmp_path / "model", "--config", config, "--device", "cpu"]
    assert bool(IS_ON.search(run(*words, **variables))) is is_on
