"""How TensorFlow is started: what is asked of it before it is imported."""

from __future__ import annotations

import os
import sys
from types import ModuleType

import pytest

from vaenhance import runtime

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


class _Import(Exception):
    """TensorFlow would be imported now."""


@pytest.fixture
def unimported(monkeypatch):
    def imported():
        raise _Import

    monkeypatch.setattr(runtime, "import_tensorflow", imported)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setenv(ONEDNN, "unset")
    monkeypatch.delenv(ONEDNN)


@pytest.mark.usefixtures("unimported")
def test_training_asks_for_onednn_before_tensorflow_comes():
    with pytest.raises(_Import):
        runtime.start_training("cpu")
    assert os.environ[ONEDNN] == "1"


@pytest.mark.usefixtures("unimported")
def test_what_the_user_says_of_onednn_stays(monkeypatch):
    monkeypatch.setenv(ONEDNN, "0")
    with pytest.raises(_Import):
        runtime.start_training("cpu")
    assert os.environ[ONEDNN] == "0"


@pytest.mark.usefixtures("unimported")
def test_enhancing_does_not_ask_for_it():
    with pytest.raises(_Import):
        runtime.start("cpu")
    assert ONEDNN not in os.environ


@pytest.mark.usefixtures("unimported")
def test_it_is_not_asked_for_when_it_is_too_late(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))
    with pytest.raises(_Import):
        runtime.start_training("cpu")
    assert ONEDNN not in os.environ
