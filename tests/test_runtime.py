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
from vaenhance import runtime
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


def test_a_training_turns_onednn_on(tmp_path, photos):
    config = tmp_path / "tiny.toml"
    config.write_text(to_toml(tiny_config()), encoding="utf-8")
    words = ["train", photos, tmp_path / "model", "--config", config, "--device", "cpu"]
    loud = {"TF_CPP_MIN_LOG_LEVEL": "0", "VAENHANCE_TENSORFLOW_LOG": "1"}
    inherited = {k: v for k, v in os.environ.items() if k != ONEDNN}
    with subprocess.Popen(
        [sys.executable, "-m", "vaenhance", *map(str, words)],
        env={**inherited, **loud},
        stderr=subprocess.PIPE,
        text=True,
    ) as training:
        # TensorFlow says so when it is imported; what follows need not be waited for.
        is_on = any(IS_ON.search(line) for line in training.stderr)
        training.kill()
    assert is_on


class _Import(Exception):
    """TensorFlow would be imported now."""


@pytest.mark.parametrize(
    ("given", "for_training", "found"),
    [(None, True, "1"), ("0", True, "0"), (None, False, None)],
)
def test_what_the_user_says_of_onednn_stays(monkeypatch, given, for_training, found):
    monkeypatch.setenv(ONEDNN, "0")  # comes back afterwards, whatever is done to it
    monkeypatch.delenv(ONEDNN)
    if given is not None:
        monkeypatch.setenv(ONEDNN, given)

    def imported():
        raise _Import

    monkeypatch.setattr(runtime, "_first_import", imported)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    with pytest.raises(_Import):
        runtime.import_tensorflow(for_training=for_training)
    assert os.environ.get(ONEDNN) == found
