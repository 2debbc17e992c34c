"""Neither the library nor a command opens a connection: they run where none may.

Python's own sockets are seen by an audit hook, which names who asked; those of native
code by the kernel, which ends the process (seccomp, Linux).
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import SHALLOW, tiny_config
from vaenhance import runtime
from vaenhance.cli import COMMANDS
from vaenhance.config import to_toml
from vaenhance.photo import save_png

ROOT = Path(__file__).resolve().parent.parent
OLD = ROOT / "tests" / "models" / "0.1.0"
PATIENCE = 600  # seconds

# (architecture for the filter, number of the system call `socket`)
SYSTEM_CALL = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
HAS_FILTER = sys.platform == "linux" and platform.machine() in SYSTEM_CALL

CUT_OFF = """
import ctypes, platform, socket, struct, sys, traceback

asked = []

def watch(event, arguments):
    if event == "socket.__new__" and arguments[1] in (socket.AF_INET, socket.AF_INET6):
        asked.append("".join(traceback.format_stack()))
        raise PermissionError("a socket was asked for")
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        asked.append("".join(traceback.format_stack()))
        raise PermissionError("the network was asked for")

sys.addaudithook(watch)

def cut_off(architecture, number):
    kill, allow = 0x80000000, 0x7FFF0000
    load, equal, end = 0x20, 0x15, 0x06
    lines = [
        (load, 0, 0, 4), (equal, 0, 4, architecture),
        (load, 0, 0, 0), (equal, 0, 4, number),
        (load, 0, 0, 16), (equal, 1, 0, 2), (equal, 0, 1, 10),  # AF_INET, AF_INET6
        (end, 0, 0, kill), (end, 0, 0, allow),
    ]
    code = b"".join(struct.pack("HBBI", *line) for line in lines)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HP", len(lines), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS"
    assert libc.prctl(22, 2, program, 0, 0) == 0, "PR_SET_SECCOMP"

FILTER = None
if FILTER:
    cut_off(*FILTER)
"""

RUN = """
import json
import numpy as np
import vaenhance  # as a library first

network = vaenhance.load_model(sys.argv[2], device="cpu", precision="float32")
network.enhance(np.zeros((8, 8, 3), np.uint8))
assert not asked, "\\n".join(asked)
assert "urllib3" not in sys.modules
import pytest
from tests import shared_networks
from vaenhance.cli import main

shared_networks.install(pytest.MonkeyPatch())
for words in json.loads(sys.argv[1]):
    if words[0] == "calibrate":  # a poor fit will do
        from vaenhance.model import scale_fit
        scale_fit.STEPS = 10
    try:
        main(words)
    except SystemExit as end:
        assert end.code == 0, (words, end.code)
    assert not asked, "\\n".join([str(words), *asked])
print("all done", file=sys.stderr)
"""


def start(code, *arguments, **options):
    filtered = SYSTEM_CALL.get(platform.machine()) if HAS_FILTER else None
    preamble = CUT_OFF.replace("FILTER = None", f"FILTER = {filtered}")
    return subprocess.run(
        [sys.executable, "-c", preamble + code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        **options,
    )


@pytest.mark.slow
def test_the_library_and_every_command_do_without_the_network(tmp_path):
    rng = np.random.default_rng(0)
    for folder, count, side in (("in", 12, 24), ("large", 1, 192)):
        (tmp_path / folder).mkdir()
        for index in range(count):
            pixels = rng.integers(0, 256, (side, side, 3), np.uint8)
            save_png(pixels, tmp_path / folder / f"{index}.png")
    plan = {"steps": 2, "deterministic": False}
    config = tiny_config(model=SHALLOW, training=plan)
    (tmp_path / "c.toml").write_text(to_toml(config))
    model = ["-m", "m"]
    words = [
        ["info"],
        ["train", "in", "m", "--config", "c.toml"],
        ["info", "m"],
        ["enhance", "in/0.png", "out.png", "--strength", "0.5", *model],
        ["encode", "in/0.png", "in/1.png", "l.npz", *model],
        ["decode", "l.npz", "decoded/", *model],
        ["interpolate", "in/0.png", "in/1.png", "i.png", *model],
        ["sample", "s.png", "--count", "2", *model],
        ["score", "in/0.png", *model],
        ["evaluate", "in", "--limit", "1", "--noise", "25", *model],
        ["calibrate", "large", "m", "--crops", "3"],
    ]
    assert {first for first, *_ in words} == set(COMMANDS)
    done = start(RUN, json.dumps(words), str(OLD), cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert done.stderr.decode().endswith("all done\n")
    for name in ("out.png", "l.npz", "decoded/0.png", "i.png", "s.png"):
        assert (tmp_path / name).exists()


@pytest.mark.skipif(not HAS_FILTER, reason="needs a filter of system calls")
def test_native_code_that_opens_a_socket_would_be_ended():
    for family in (2, 10):
        done = start(f"ctypes.CDLL(None).socket({family}, 1, 0); print('still here')")
        assert (done.returncode, done.stdout) == (-signal.SIGSYS, b"")
    done = start("assert ctypes.CDLL(None).socket(1, 1, 0) > 0; print('still here')")
    assert (done.returncode, done.stdout) == (0, b"still here\n")


def test_python_code_that_opens_a_socket_would_be_named():
    done = start("import http.client as h\nh.HTTPConnection('127.0.0.1').connect()")
    assert done.returncode == 1 and b"PermissionError: " in done.stderr


def test_a_package_that_is_put_off_is_loaded_when_it_is_used(tmp_path, monkeypatch):
    """So that programs beside us have theirs, and Keras its callback."""
    (tmp_path / "late_package").mkdir()
    (tmp_path / "late_package" / "__init__.py").write_text("value = 3\n")
    (tmp_path / "late_package" / "part.py").write_text("value = 4\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "late_package", raising=False)
    with runtime._postponed("late_package"):
        early = importlib.import_module("late_package")
        assert not hasattr(early, "__file__")
    assert "late_package" not in sys.modules
    assert early.value == 3
    assert importlib.import_module("late_package.part").value == 4
    real = sys.modules["late_package"]
    with runtime._postponed("late_package"), runtime._postponed("no_such_package"):
        assert sys.modules["late_package"] is real
    with pytest.raises(ImportError):
        importlib.import_module("no_such_package")
