"""What all tests share: a quiet TensorFlow, the command line in-process, markers."""

from __future__ import annotations

import os

# Before anything can import TensorFlow: its C++ log lines, and the user's own
# Keras settings, are not what is tested.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
# A training turns oneDNN on where it imports TensorFlow. Here it is there already, and
# runs of other processes are compared with runs of this one to the bit.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # As a script's background jobs have it; what is tested respects that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

ROOT = Path(__file__).resolve().parent.parent

Invoke = Callable[..., Result]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of free sample photographs; samples/noisy has degraded ones."""
    return ROOT / "samples"


@pytest.fixture
def invoke() -> Invoke:
    """Runs `vaenhance ARGUMENTS...` in-process and checks its exit code.

    invoke("info", exit_code=0, input=b"...") returns Click's result: exit_code,
    stdout, stderr, stdout_bytes.
    """

    def run(*arguments: Any, exit_code: int = 0, **options: Any) -> Result:
        from vaenhance.cli import app

        result = CliRunner().invoke(app, [str(a) for a in arguments], **options)
        assert result.exit_code == exit_code, (
            f"vaenhance {' '.join(map(str, arguments))}\n"
            f"exit code {result.exit_code}, expected {exit_code}\n"
            f"stdout: {result.stdout_bytes[:2000]!r}\nstderr: {result.stderr}\n"
            f"exception: {result.exception!r}"
        )
        return result

    return run


@pytest.fixture
def values_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of every value of a tag that is read from here on."""
    from vaenhance.photo import ifd

    found: list[int] = []
    real = ifd.Entry

    def counted(tag: int, kind: int, count: int, raw: bytes, **more: Any) -> Any:
        found.append(len(raw))
        return real(tag, kind, count, raw, **more)

    monkeypatch.setattr(ifd, "Entry", counted)
    return found


@pytest.fixture
def shared_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds and compiles a network once for all tests that load the same weights."""
    from tests import shared_networks

    shared_networks.install(monkeypatch)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with files of slow tests; skips gpu tests where TensorFlow sees none."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Else one process would end with a long file while the others are idle.
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        sizes = Counter(item.path for item in items)
        items.sort(key=lambda i: (i.path not in slow, -sizes[i.path], i.path))
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no GPU visible to TensorFlow"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Repeats what failed before pytest, so that its last lines tell all."""
    failed = os.environ.get("VAENHANCE_FAILED_CHECKS")
    if failed:
        terminalreporter.section("before the tests", red=True)
        terminalreporter.line(f"FAILED {failed} (messages above)", red=True)
