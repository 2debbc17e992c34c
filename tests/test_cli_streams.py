"""Real processes: what pipes, signals and start-up are like from outside."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent

# The command line with a model that needs no TensorFlow: the negative, after a pause.
RUNNER = """
import sys, time
import numpy as np
import vaenhance

class Negative:
    device, precision, conditioned_on_noise = "a test", "float32", False

    def enhance(self, image, *, strength, noise_sigma, tile, overlap, progress):
        time.sleep(PAUSE)
        return np.iinfo(image.dtype).max - image

vaenhance.load_model = lambda name, device, precision: Negative()
from vaenhance.cli import main
main()
"""

windows = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def command(*arguments, pause=0.0):
    code = RUNNER.replace("PAUSE", str(pause))
    return [sys.executable, "-c", code, "enhance", *map(str, arguments)]


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}


def run(words, **options):
    return subprocess.run(
        words, capture_output=True, env=environment(), timeout=60, **options
    )


def wake_up_to_ctrl_c():
    # A shell starts background jobs with SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def photograph(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    Image.fromarray(rng.integers(0, 255, (8, 9, 3), np.uint8, True)).save(path)
    return path


def test_a_pipe_carries_image_bytes_and_nothing_else(photograph, tmp_path):
    done = run(command("-", "-"), input=photograph.read_bytes())
    assert done.returncode == 0, done.stderr
    single = tmp_path / "single.png"
    assert run(command(photograph, single)).returncode == 0
    assert done.stdout == single.read_bytes()
    assert done.stderr.decode().splitlines()[0] == "device: a test, float32"
    with Image.open(photograph) as before, Image.open(single) as after:
        np.testing.assert_array_equal(np.asarray(after), 255 - np.asarray(before))


@windows
def test_a_process_substitution_is_read_once(photograph, tmp_path):
    reader, writer = os.pipe()
    os.write(writer, photograph.read_bytes())
    os.close(writer)
    new = tmp_path / "new.png"
    done = run(command(f"/dev/fd/{reader}", new), pass_fds=[reader])
    os.close(reader)
    assert done.returncode == 0, done.stderr
    assert new.exists()


def test_an_empty_pipe_fails_and_writes_nothing():
    done = run(command("-", "-"), input=b"")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"cannot enhance -: " in done.stderr


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
    done = run([sys.executable, "-m", "vaenhance", "enhance", "nothing.png"])
    assert done.returncode == 2
    assert done.stderr.startswith(b"vaenhance: there is no file or folder nothing.png")


@windows
def test_ctrl_c_ends_with_130_and_without_a_trace(photograph, tmp_path):
    for name in ("b", "c", "d", "e"):
        (photograph.parent / f"{name}.png").write_bytes(photograph.read_bytes())
    out = tmp_path / "out"
    process = subprocess.Popen(
        command(photograph.parent, out, pause=0.5),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        preexec_fn=wake_up_to_ctrl_c,
    )
    for _ in range(600):
        if (out / "a.png").exists():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == b"" and b"Traceback" not in stderr
    assert b"Interrupted." in stderr
    left = sorted(path.name for path in out.iterdir())
    assert left[0] == "a.png" and len(left) < 5
    for name in left:
        assert name in ("a.png", "b.png", "c.png", "d.png")
        assert (out / name).read_bytes() == (out / "a.png").read_bytes()


@windows
@pytest.mark.parametrize("what", ["--json", "--dry-run"])
def test_a_closed_pipe_is_quiet(photograph, tmp_path, what):
    for index in range(20):
        copy = photograph.parent / f"{index}.png"
        copy.write_bytes(photograph.read_bytes())
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        command(photograph.parent, tmp_path / "out", what, "-q", "-m", ROOT),
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    os.close(writer)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr == b""


@windows
def test_image_bytes_into_a_closed_pipe_are_quiet(photograph):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command(photograph, "-", "-q"),
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
