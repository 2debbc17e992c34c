"""No command opens a connection: all of them run in a process that may not.

Python's own sockets are seen by an audit hook, which names who asked; those of native
code by the kernel, which ends the process (seccomp, Linux).
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import tiny_config
from vaenhance.cli import COMMANDS
from vaenhance.config import to_toml
from vaenhance.photo import save_png

ROOT = Path(__file__).resolve().parent.parent
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
from vaenhance.cli import main

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


def test_every_command_does_without_the_network(tmp_path):
    import json

    rng = np.random.default_rng(0)
    for folder, count, side in (("in", 12, 24), ("large", 1, 192)):
        (tmp_path / folder).mkdir()
        for index in range(count):
            pixels = rng.integers(0, 256, (side, side, 3), np.uint8)
            save_png(pixels, tmp_path / folder / f"{index}.png")
    config = tiny_config(training={"steps": 2, "deterministic": False})
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
    done = start(RUN, json.dumps(words), cwd=tmp_path)
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
