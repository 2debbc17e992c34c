"""What surrounds the first import of TensorFlow and Keras: no words, no files.

Knows the process and the environment only; ``runtime`` does the import.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Points file descriptor 2 at nothing, then back: C++ writes there unasked.

    In a process without one, such as a daemon, it stays there: the next file that is
    opened, a photo perhaps, would otherwise be 2, and get what C++ writes later.
    """
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
            sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:
        saved = None
    nothing = os.open(os.devnull, os.O_WRONLY)  # may be 2 itself, if that was free
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        if saved is not None:
            os.dup2(saved, 2)
            os.close(saved)
        if nothing != 2:
            os.close(nothing)


@contextlib.contextmanager
def without_keras_home() -> Iterator[None]:
    """Lets Keras be imported without its reading or writing ``~/.keras/keras.json``.

    Its home is a file meanwhile, in which there is nothing and nothing can be made: a
    temporary folder is not to be had everywhere.
    """
    if "keras" in sys.modules:  # it has read what there was
        yield
        return
    own = os.environ.get("KERAS_HOME")
    os.environ["KERAS_HOME"] = str(Path(__file__).resolve())
    try:
        yield
    finally:
        if own is None:
            del os.environ["KERAS_HOME"]
        else:
            os.environ["KERAS_HOME"] = own
    _give_back_home(own)


def _give_back_home(own: str | None) -> None:
    """Says to Keras where its downloads go, for those who use it themselves."""
    try:
        home = Path.home()
    except RuntimeError:  # nobody's, as Keras takes what it cannot write to
        home = Path("/tmp")
    usual = (home if os.access(home, os.W_OK) else Path("/tmp")) / ".keras"
    with contextlib.suppress(ImportError):
        config: Any = importlib.import_module("keras.src.backend.config")
        config._KERAS_DIR = own or str(usual)
