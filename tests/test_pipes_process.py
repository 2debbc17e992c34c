"""Real processes whose standard streams take or give a part only, or nothing at all."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.test_cli_streams import (
    PATIENCE,
    ROOT,
    SMALL,
    draw,
    environment,
    run,
    stand_in,
    start,
    wait_for,
)

if sys.platform == "win32":
    pytest.skip("needs POSIX pipes", allow_module_level=True)

WIDTH, HEIGHT = 400, 300  # noise: 360 kB as a PNG, far more than a pipe holds
FULL_DISK = Path("/dev/full")
FULL = "vaenhance: standard output cannot be written: No space left on device\n"
needs_full = pytest.mark.skipif(not FULL_DISK.exists(), reason="needs /dev/full")

# A scorer that needs no TensorFlow.
SCORER = """
import sys
from types import SimpleNamespace
import vaenhance

class Scorer:
    device, precision = "a test", "float32"
    config = SimpleNamespace(channels=3)

    def score(self, image, *, seed):
        return SimpleNamespace(noise=0.0, bits_per_dimension=1.0, uncertainty=None)

from vaenhance import api
api.load_model = vaenhance.load_model = lambda name, device, precision: Scorer()
from vaenhance.cli import main
main()
"""


def scorer(*sources):
    return [sys.executable, "-c", SCORER, "score", *map(str, sources)]


def vaenhance(*words):
    return [sys.executable, "-m", "vaenhance", *map(str, words)]


@pytest.fixture
def big(tmp_path):
    path = tmp_path / "big.png"
    draw(path, WIDTH, HEIGHT)
    return path


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    return path


def is_whole(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.size == (WIDTH, HEIGHT)


def buffered():
    return {k: v for k, v in environment().items() if k != "PYTHONUNBUFFERED"}


def unbuffered():
    return {**environment(), "PYTHONUNBUFFERED": "1"}


def feed(path, data):
    """Writes to a named pipe once, from a thread that does not keep the test."""
    threading.Thread(target=path.write_bytes, args=(data,), daemon=True).start()


# === Standard output takes a part ===


@pytest.mark.parametrize("env", [buffered, unbuffered])
def test_a_file_that_may_not_grow_is_no_success(big, tmp_path, env):
    def limit():
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does, later
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    with (tmp_path / "new.png").open("wb") as file:
        done = run(stand_in(big, "-"), stdout=file, env=env(), preexec_fn=limit)
    assert done.returncode == 1
    assert b"standard output cannot be written: File too large" in done.stderr
    assert b"1 enhanced" not in done.stderr


@pytest.mark.parametrize("env", [buffered, unbuffered])
def test_lines_into_a_file_that_may_not_grow_are_no_success(tmp_path, env):
    folder = tmp_path / "in"
    folder.mkdir()
    draw(folder / "a.png", 9, 8)

    def limit():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))

    with (tmp_path / "log").open("wb") as file:
        words = stand_in(folder, tmp_path / "out", "-n", "--json")
        done = run(words, stdout=file, env=env(), preexec_fn=limit)
    assert done.returncode == 1
    assert b"standard output cannot be written: File too large" in done.stderr


@pytest.mark.parametrize("env", [buffered, unbuffered])
def test_a_non_blocking_stdout_gets_all(big, env):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    process = subprocess.Popen(
        stand_in(big, "-"), stdout=writer, stderr=subprocess.PIPE, env=env()
    )
    os.close(writer)
    time.sleep(2)  # it comes to a pipe that is full
    with os.fdopen(reader, "rb") as end:
        data = end.read()
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    assert is_whole(data)


def test_a_stop_while_the_reader_is_slow_loses_nothing(big):
    process = subprocess.Popen(
        stand_in(big, "-"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=unbuffered(),
    )
    data = process.stdout.read(1)  # some has come, the rest waits for us
    time.sleep(0.5)
    for number in (signal.SIGSTOP, signal.SIGCONT):
        process.send_signal(number)
        time.sleep(0.2)
    data += process.stdout.read()
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    assert is_whole(data)


# === Standard input gives a part ===


def test_a_non_blocking_stdin_is_read_to_its_end(big):
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    process = start(stand_in("-", "-"), stdin=reader)
    os.close(reader)
    data = big.read_bytes()
    with os.fdopen(writer, "wb", buffering=0) as pipe:
        time.sleep(1)  # it finds nothing yet
        for piece in (data[:70], data[70:9000], data[9000:]):
            pipe.write(piece)
            time.sleep(0.3)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    assert is_whole(stdout)


# === Standard output that stalls or is full ===


@pytest.mark.parametrize("name, exit_code", [("SIGTERM", 143), ("SIGINT", 130)])
@pytest.mark.parametrize("env", [buffered, unbuffered])
def test_a_signal_ends_a_run_whose_reader_has_stalled(tmp_path, name, exit_code, env):
    folder = tmp_path / "in"
    folder.mkdir()
    draw(folder / "0.png", 9, 8)
    for number in range(1, 600):
        os.link(folder / "0.png", folder / f"{number}.png")
    reader, writer = os.pipe()
    process = subprocess.Popen(
        stand_in(folder, tmp_path / "out", "-n", "--json"),
        stdout=writer,
        stderr=subprocess.PIPE,
        env=env(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_for(process, lambda: is_full(writer))
        time.sleep(0.5)
        process.send_signal(getattr(signal, name))
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
        os.close(reader)
        os.close(writer)
    assert process.returncode == exit_code
    assert b"Traceback" not in stderr and b"ignored" not in stderr


def is_full(writer):
    import select

    return not select.select([], [writer], [], 0)[1]


@needs_full
@pytest.mark.parametrize("env", [buffered, unbuffered])
@pytest.mark.parametrize(
    "words", [["--help"], ["score", "--help"], ["--version"], ["completion"]]
)
def test_help_that_cannot_be_written_is_one_line(words, env):
    settings = env()
    if words == ["completion"]:
        words, settings["_VAENHANCE_COMPLETE"] = [], "bash_source"
    with FULL_DISK.open("wb") as full:
        done = run(vaenhance(*words), stdout=full, env=settings)
    assert (done.returncode, done.stderr.decode()) == (1, FULL)


@needs_full
def test_a_bare_command_that_cannot_be_explained_is_a_wrong_one():
    with FULL_DISK.open("wb") as full:
        done = subprocess.run(
            vaenhance(), stdout=full, stderr=full, env=environment(), timeout=PATIENCE
        )
    assert done.returncode == 2


# === Named pipes and <(command) ===


def test_score_reads_a_named_pipe_once(big, pipe):
    feed(pipe, big.read_bytes())
    done = run(scorer(pipe, "--json"), timeout=60)
    assert done.returncode == 0, done.stderr
    assert b'"width": 400, "height": 300' in done.stdout


def test_score_reads_a_process_substitution(big):
    words = f"exec \"$@\" <(cat '{big}')"
    done = run(["bash", "-c", words, "bash", *scorer()], timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"noise   0.00" in done.stdout


@pytest.mark.parametrize("name, exit_code", [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_ends_a_score_of_a_silent_pipe(tmp_path, pipe, name, exit_code):
    loaded = tmp_path / "loaded"
    words = scorer(pipe)
    words[2] = words[2].replace(
        ": Scorer()", f": os.mkdir({str(loaded)!r}) or Scorer()"
    )
    words[2] = "import os" + words[2]
    process = start(words)
    wait_for(process, loaded.exists)
    time.sleep(0.3)
    process.send_signal(getattr(signal, name))
    try:
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == exit_code
    assert b"Traceback" not in stderr


def test_interpolate_and_decode_read_process_substitutions(tmp_path):
    one, two = tmp_path / "1.png", tmp_path / "2.png"
    draw(one, 16, 16)
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(two)
    latents, new, sheet = (tmp_path / name for name in ("l.npz", "n.png", "s.png"))
    done = run(vaenhance("encode", one, latents, "-m", SMALL))
    assert done.returncode == 0, done.stderr
    python = f"'{sys.executable}' -m vaenhance"
    script = (
        f"cd '{ROOT}' && {python} decode <(cat '{latents}') '{new}' && "
        f"{python} interpolate <(cat '{one}') <(cat '{two}') '{sheet}' -m '{SMALL}'"
    )
    done = run(["bash", "-c", script.replace(f"'{new}'", f"'{new}' -m '{SMALL}'")])
    assert done.returncode == 0, done.stderr
    assert new.exists() and sheet.exists()
