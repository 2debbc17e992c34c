"""Real processes: what pipes, signals and start-up are like from outside.

With a real network where TensorFlow's own manners are the point, else with a stand-in
that starts at once. The network is a small one, unless it has to be slow.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SMALL = ROOT / "tests" / "models" / "0.1.0"
PATIENCE = 300  # seconds; a machine that is busy with a training run is slow

# The command line with a model that needs no TensorFlow: the negative, after a pause.
# A disk that takes its time gives signals something to interrupt.
RUNNER = """
import os, sys, time
from types import SimpleNamespace
import numpy as np
import vaenhance

class Negative:
    device, precision, conditioned_on_noise = "a test", "float32", False
    config = SimpleNamespace(channels=3)

    def enhance(self, image, *, strength, noise_sigma, tile, overlap, progress):
        time.sleep(PAUSE)
        return np.iinfo(image.dtype).max - image

vaenhance.load_model = lambda name, device, precision: Negative()
fsync = os.fsync
os.fsync = lambda descriptor: (time.sleep(DISK), fsync(descriptor))
from vaenhance.cli import main
main()
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def stand_in(*arguments, pause=0.0, disk=0.0):
    code = RUNNER.replace("PAUSE", str(pause)).replace("DISK", str(disk))
    return [sys.executable, "-c", code, "enhance", *map(str, arguments)]


def real(*arguments, model=SMALL):
    words = [sys.executable, "-m", "vaenhance", "enhance", *map(str, arguments)]
    return [*words, "--model", str(model)]


def several(*commands):
    """One process that does one after the other, since TensorFlow takes its time."""
    words = [["enhance", *map(str, c), "--model", str(SMALL)] for c in commands]
    code = (
        "from vaenhance.cli import main\n"
        f"for words in {words!r}:\n"
        "    try:\n"
        "        main(words)\n"
        "    except SystemExit as end:\n"
        "        assert not end.code, words\n"
    )
    return [sys.executable, "-c", code]


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}


def run(words, **options):
    settings = {"env": environment(), "timeout": PATIENCE, **options}
    if "stdout" not in settings:
        settings["stdout"] = subprocess.PIPE
    return subprocess.run(words, stderr=subprocess.PIPE, **settings)


def wake_up_to_ctrl_c():
    # A shell starts background jobs with SIGINT ignored, nohup with SIGHUP, and
    # children inherit that.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(words, **options):
    return subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        preexec_fn=wake_up_to_ctrl_c,
        **options,
    )


def wait_for(process, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    draw(path, 9, 8)
    return path


def draw(path, width, height):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (height, width, 3), np.uint8, True)).save(path)


# === Pipes ===


def test_a_pipe_carries_image_bytes_and_stderr_our_words_only(photograph, tmp_path):
    done = run(real("-", "-"), input=photograph.read_bytes())
    assert done.returncode == 0, done.stderr
    device, arrow, summary = done.stderr.decode().splitlines()
    assert re.fullmatch(r"device: .+, (float32|bfloat16)", device)
    assert re.fullmatch(r"- -> - \(9 x 8, [0-9.a-z ]+\)", arrow)
    assert summary == "1 enhanced."
    single, out = tmp_path / "single.png", tmp_path / "out"
    quiet = run(several([photograph, single, "-q"], [photograph.parent, out, "-q"]))
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, b"", b"")
    assert done.stdout == single.read_bytes()
    assert done.stdout == (out / "a.png").read_bytes()
    with Image.open(single) as image:
        assert image.size == (9, 8)


@posix
def test_a_process_substitution_is_read_once(photograph, tmp_path):
    reader, writer = os.pipe()
    os.write(writer, photograph.read_bytes())
    os.close(writer)
    new, sheet = tmp_path / "new.png", tmp_path / "sheet.png"
    words = stand_in(f"/dev/fd/{reader}", new, "--sheet", sheet)
    done = run(words, pass_fds=[reader])
    os.close(reader)
    assert done.returncode == 0, done.stderr
    assert new.exists()
    assert b"no sheet: there is nothing to compare" in done.stderr


def test_an_empty_pipe_fails_and_writes_nothing():
    done = run(stand_in("-", "-"), input=b"")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"cannot enhance -: file is empty" in done.stderr


@posix
@pytest.mark.parametrize("what", ["--json", "--dry-run"])
def test_a_closed_pipe_is_quiet(photograph, tmp_path, what):
    for index in range(20):
        copy = photograph.parent / f"{index}.png"
        copy.write_bytes(photograph.read_bytes())
    reader, writer = os.pipe()
    os.close(reader)
    words = stand_in(photograph.parent, tmp_path / "out", what, "-q")
    done = run(words, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@posix
def test_image_bytes_into_a_closed_pipe_are_quiet(photograph):
    reader, writer = os.pipe()
    os.close(reader)
    done = run(real(photograph, "-", "-q"), stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("what", ["-", "--json", "--dry-run"])
def test_a_full_disk_behind_stdout_is_said_in_words(photograph, tmp_path, what):
    words = ["-"] if what == "-" else [tmp_path / "new.png", what]
    with Path("/dev/full").open("wb") as full:
        done = run(stand_in(photograph, *words, "-q"), stdout=full)
    assert done.returncode == 1
    text = "vaenhance: standard output cannot be written: No space left on device\n"
    assert done.stderr.decode() == text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stderr_does_not_stop_the_work(photograph, tmp_path):
    new = tmp_path / "new.png"
    with Path("/dev/full").open("wb") as full:
        words = stand_in(photograph, new, "-v")
        done = subprocess.run(words, stderr=full, env=environment(), timeout=PATIENCE)
    assert done.returncode == 0
    assert new.exists()


def close(*descriptors):
    return lambda: [os.close(number) for number in descriptors]


@posix
@pytest.mark.parametrize(
    "command, closed",
    [(stand_in, [0]), (stand_in, [1]), (stand_in, [2]), (real, [0, 1, 2])],
)
def test_closed_streams_do_not_stop_a_run_into_files(
    photograph, tmp_path, command, closed
):
    new = tmp_path / "new.png"
    done = run(command(photograph, new), preexec_fn=close(*closed))
    assert done.returncode == 0, done.stderr
    with Image.open(new) as image:
        image.load()
    if 2 not in closed:
        assert b"1 enhanced." in done.stderr


@posix
def test_an_image_for_a_closed_stdout_is_an_error(photograph):
    done = run(stand_in(photograph, "-"), preexec_fn=close(1))
    assert done.returncode == 1
    assert b"standard output cannot be written: Bad file descriptor" in done.stderr


@posix
def test_a_closed_stdin_is_an_empty_one():
    done = run(stand_in("-", "-"), preexec_fn=close(0))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"cannot enhance -: file is empty" in done.stderr


# === Start-up ===


@pytest.mark.parametrize("arguments", [["--help"], ["enhance", "-h"], ["--version"]])
def test_help_does_without_tensorflow_numpy_and_pillow(arguments):
    code = (
        "import atexit, sys\n"
        "from vaenhance.cli import main\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'PIL', 'tqdm'}\n"
        "atexit.register(lambda: print(heavy & set(sys.modules), file=sys.stderr))\n"
        f"main({arguments!r})\n"
    )
    done = run([sys.executable, "-c", code])
    assert (done.returncode, done.stderr.decode().strip()) == (0, "set()")
    assert b"vaenhance" in done.stdout


def test_the_package_runs_as_a_module():
    done = run(real("nothing.png"))
    assert done.returncode == 2
    assert done.stderr.startswith(b"vaenhance: there is no file or folder nothing.png")


# === Signals ===


@posix
@pytest.mark.parametrize("name, exit_code", [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_stops_the_model_and_leaves_whole_files(
    photograph, tmp_path, name, exit_code
):
    for other in "bcdef":
        draw(photograph.parent / f"{other}.png", 320, 320)
    out = tmp_path / "out"
    # Many small tiles: the signal comes while they are computed.
    many = ("--tile", 32, "--overlap", 16)
    process = start(real(photograph.parent, out, *many, model="photo"))
    wait_for(process, (out / "a.png").exists)
    process.send_signal(getattr(signal, name))
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == exit_code
    device, summary, hint = stderr.decode().splitlines()
    assert device.startswith("device: ")
    assert re.fullmatch(r"\d enhanced, \d not tried\. Interrupted\.", summary)
    assert hint == "The same command goes on where this one stopped."
    assert stdout == b""
    left = sorted(path.name for path in out.iterdir())
    assert left[0] == "a.png" and len(left) < 6
    for index, path in enumerate(left):
        assert path == f"{'abcdef'[index]}.png"
        with Image.open(out / path) as image:
            image.load()


@posix
@pytest.mark.parametrize(
    "name, exit_code", [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)]
)
def test_a_signal_while_a_file_is_written(photograph, tmp_path, name, exit_code):
    for other in "bcd":
        draw(photograph.parent / f"{other}.png", 9, 8)
    out = tmp_path / "out"
    process = start(stand_in(photograph.parent, out, disk=0.5))
    wait_for(process, lambda: any(out.glob(".vaenhance-*")))
    process.send_signal(getattr(signal, name))
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == exit_code
    assert b"Interrupted." in stderr and b"Traceback" not in stderr
    left = sorted(path.name for path in out.iterdir())  # hidden ones, too
    assert left in (["a.png"], ["a.png", "b.png"])
    count = f"{len(left)} enhanced, {4 - len(left)} not tried. Interrupted."
    assert count in stderr.decode()
    for path in left:
        with Image.open(out / path) as image:
            image.load()


@posix
@pytest.mark.parametrize(
    "kind, name, exit_code",
    [("silent", "SIGTERM", 143), ("stalled", "SIGINT", 130), ("named", "SIGTERM", 143)],
)
def test_a_signal_ends_the_wait_for_a_silent_pipe(
    photograph, tmp_path, kind, name, exit_code
):
    reader, writer = os.pipe()
    source, loaded = Path(f"/dev/fd/{reader}"), tmp_path / "loaded"
    if kind == "stalled":
        os.write(writer, photograph.read_bytes()[:50])
    if kind == "named":  # nobody opens it
        source = tmp_path / "pipe.png"
        os.mkfifo(source)
    # The signal comes when the model is there, and nothing is left but to wait. No file
    # that is never closed: what is raised while Python warns of that is lost.
    words = stand_in(source, tmp_path / "new.png")
    words[2] = words[2].replace(": Negative()", ": os.mkdir(%r) or Negative()")
    words[2] %= str(loaded)
    process = start(words, pass_fds=[reader])
    os.close(reader)
    wait_for(process, loaded.exists)
    process.send_signal(getattr(signal, name))
    try:
        _, stderr = process.communicate(timeout=PATIENCE)  # before the writer closes
    finally:
        process.kill()
        os.close(writer)
    assert process.returncode == exit_code
    assert b"0 enhanced, 1 not tried. Interrupted." in stderr
    assert b"Traceback" not in stderr
    assert not (tmp_path / "new.png").exists()


@posix
def test_a_pipe_that_pauses_is_read_to_its_end(photograph, tmp_path):
    new, source = tmp_path / "new.png", tmp_path / "pipe.png"
    os.mkfifo(source)
    process = start(stand_in(source, new))
    data = photograph.read_bytes()
    with source.open("wb", buffering=0) as pipe:
        for piece in (data[:70], data[70:]):
            pipe.write(piece)
            time.sleep(0.5)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    with Image.open(new) as image:
        assert image.size == (9, 8)


@posix
def test_a_second_sigterm_does_not_disturb_the_first(photograph, tmp_path):
    out = tmp_path / "out"
    process = start(stand_in(photograph.parent, out, disk=1))
    wait_for(process, lambda: any(out.glob(".vaenhance-*")))
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert b"Traceback" not in stderr
    assert [path.name for path in out.iterdir()] == ["a.png"]


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_third_signal_ends_it_at_once(photograph, tmp_path, name):
    out = tmp_path / "out"
    process = start(stand_in(photograph.parent, out, disk=PATIENCE))
    wait_for(process, lambda: any(out.glob(".vaenhance-*")))
    for _ in range(3):
        process.send_signal(getattr(signal, name))
        time.sleep(0.2)
    process.communicate(timeout=PATIENCE / 2)
    assert process.returncode == -getattr(signal, name)


@posix
@pytest.mark.parametrize("name, exit_code", [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_that_comes_out_as_another_error_is_still_a_signal(
    photograph, tmp_path, name, exit_code
):
    # As TensorFlow's C++ does while it is imported.
    code = f"""
import os, signal, vaenhance

def load_model(name, device, precision):
    try:
        os.kill(os.getpid(), signal.{name})
    except KeyboardInterrupt:
        raise ImportError("initialization failed")

vaenhance.load_model = load_model
from vaenhance.cli import main
main()
"""
    words = [sys.executable, "-c", code, "enhance", photograph, tmp_path / "new.png"]
    done = run(words, preexec_fn=wake_up_to_ctrl_c)
    assert (done.returncode, done.stdout, done.stderr) == (exit_code, b"", b"")


# Ctrl-C in the moment when a module is looked for, or when Python is being left.
EARLY_OR_LATE = """
import atexit, os, runpy, signal, sys

class Interrupter:
    def find_spec(self, name, path, target=None):
        if name == WHEN:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
if WHEN == "the end":
    atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))
sys.argv = ["vaenhance", "--version"]
runpy.run_module("vaenhance", run_name="__main__")
"""


@posix
@pytest.mark.parametrize(
    "when", ["vaenhance.cli", "click", "vaenhance.cli.streams", "the end"]
)
def test_ctrl_c_before_and_after_the_command_line_listens_is_quiet(when):
    code = EARLY_OR_LATE.replace("WHEN", repr(when))
    done = run([sys.executable, "-c", code], preexec_fn=wake_up_to_ctrl_c)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
    assert done.stdout.startswith(b"vaenhance") == (when == "the end")


@posix
def test_nohup_is_respected(photograph, tmp_path):
    new = tmp_path / "new.png"

    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = subprocess.Popen(
        stand_in(photograph, new, disk=2.0), env=environment(), preexec_fn=ignore
    )
    wait_for(process, lambda: any(tmp_path.glob(".vaenhance-*")))
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=PATIENCE) == 0
    assert new.exists()
