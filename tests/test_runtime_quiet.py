"""The first import of TensorFlow: nothing is read, written or needed around it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.tiny import SHALLOW, TINY, save_tiny_model, tiny_config

LOAD = "import sys, vaenhance; vaenhance.load_model(sys.argv[1], device='cpu')"
# What a shell says by 2>&-, and what a daemon does once Python runs.
CLOSED = "import os; os.close(2); " + LOAD
STATE = """
import os, sys
from vaenhance.runtime import import_tensorflow
import_tensorflow()
import keras
from keras.src.backend.config import keras_home
print(keras.config.epsilon(), keras_home(), os.environ.get("KERAS_HOME"))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    config = tiny_config(model={**vars(TINY), **SHALLOW})
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", config)


def run(code, *words, **env):
    inherited = {k: v for k, v in os.environ.items() if k != "KERAS_HOME"}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        env={**inherited, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("text", ['{"epsilon": 1}', '{"epsilon": 0.5}', "[]"])
def test_the_settings_of_keras_have_no_effect(tmp_path, text):
    home = tmp_path / ".keras"
    home.mkdir()
    (home / "keras.json").write_text(text, encoding="utf-8")
    done = run(STATE, HOME=str(tmp_path))
    assert done.stdout.split() == ["1e-07", str(home), "None"], done.stderr
    assert (home / "keras.json").read_text(encoding="utf-8") == text


def test_no_settings_of_keras_are_left_behind(tmp_path):
    done = run(STATE, HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())


def test_the_home_of_keras_is_given_back(tmp_path):
    own = tmp_path / "own"
    done = run(STATE, HOME=str(tmp_path), KERAS_HOME=str(own))
    assert done.stdout.split() == ["1e-07", str(own), str(own)], done.stderr
    assert not list(tmp_path.iterdir())


def test_keras_may_come_after_tensorflow(tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"epsilon": 0.5}')
    done = run("import tensorflow\n" + STATE, HOME=str(tmp_path))
    assert done.stdout.startswith("1e-07 "), done.stderr


@pytest.mark.parametrize("code", [LOAD, CLOSED])
def test_a_model_is_loaded_without_a_stderr(folder, code):
    # Python is started by a shell, so that it has no descriptor 2 from the first.
    closing = "2>&-" if code == LOAD else ""
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" "$2" {closing}', sys.executable, code, folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_descriptor_2_is_not_left_to_the_next_file():
    code = "import os; os.close(2)\nfrom vaenhance.runtime_quiet import silent_stderr\n"
    code += "with silent_stderr(): pass\nprint(os.open(os.devnull, os.O_RDONLY) > 2)"
    assert run(code).stdout == "True\n"
