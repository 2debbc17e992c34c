"""Disks that are full or read-only: real ones, of memory, where the system lets us.

Each test is one process with disks of its own (a mount namespace); the model is a
stand-in.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# As root plainly, else as the root of a user namespace.
UNSHARE = (
    ["unshare", "-m"]
    if os.name == "posix" and os.geteuid() == 0
    else (["unshare", "-rm"])
)


def can_mount() -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    words = [*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(), reason="needs to mount a small disk")

PREAMBLE = """
import subprocess, sys
from pathlib import Path
import numpy as np
import pytest
from PIL import Image
from click.testing import CliRunner
from tests.stand_in import install

patch = pytest.MonkeyPatch()
model = install(patch)

def mount(size, *more):
    Path("disk").mkdir(exist_ok=True)
    options = ",".join([f"size={size}", *more])
    words = ["mount", "-t", "tmpfs", "-o", options, "none", "disk"]
    subprocess.run(words, check=True)

def run(*words, code=0):
    from vaenhance.cli import app
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, (result.exit_code, result.output)
    return result.stderr

def save(name, side):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(name)

def files(folder):
    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())
"""


def play(tmp_path: Path, story: str) -> None:
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-c", PREAMBLE + story],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_photographs_on_a_full_disk(tmp_path):
    play(
        tmp_path,
        """
for name, side in (("a", 60), ("b", 120), ("c", 60), ("d", 120)):
    save(f"in/{name}.bmp", side)
mount("80k")  # the small ones fit, 11 kB each; of the large ones, 43 kB, one
said = run("enhance", "in", "disk/out", code=1)
assert "in/d.bmp: cannot be written: no space left on the disk" in said, said
assert "3 enhanced, 1 failed." in said, said
assert files("disk") == [f"disk/out/{name}.bmp" for name in "abc"]
Path("disk/out/b.bmp").unlink()
Path("in/b.bmp").unlink()
said = run("enhance", "in", "disk/out")
assert "1 enhanced, 2 skipped." in said
assert files("disk") == [f"disk/out/{name}.bmp" for name in "acd"]
for name in "acd":
    new, old = Image.open(f"disk/out/{name}.bmp"), Image.open(f"in/{name}.bmp")
    assert np.array_equal(np.asarray(new), 255 - np.asarray(old))
""",
    )


def test_photographs_on_a_read_only_disk(tmp_path):
    play(
        tmp_path,
        """
save("in/a.bmp", 10)
mount("64k", "ro")
said = run("enhance", "in", "disk/out", code=1)
assert "the file system of disk is read-only" in said, said
assert model.loaded == []  # known before the work
said = run("train", "in", "disk/model", "--crop", 8, code=2)
assert "disk/model cannot be written: the file system of disk is read-only" in said
# One that becomes so during the run.
subprocess.run(["mount", "-o", "remount,rw", "disk"], check=True)
usual = model.enhance
def enhance(image, **settings):
    subprocess.run(["mount", "-o", "remount,ro", "disk"], check=True)
    return usual(image, **settings)
model.enhance = enhance
said = run("enhance", "in", "disk/out", code=1)
assert "Read-only file system" in said or "is read-only" in said, said
assert files("disk") == []
""",
    )


def test_training_states_on_a_full_disk(tmp_path):
    play(
        tmp_path,
        """
from vaenhance import checkpoint
from vaenhance.workflows.journal import Journal

def state(step):
    arrays = {f"w{i}": np.full(3000, step, np.float64) for i in range(3)}
    return {group: arrays for group in ("network", "averaged")}, {"step": step}

SHAPES = {g: {f"w{i}": (3000,) for i in range(3)} for g in ("network", "averaged")}
mount("250k")  # one state of 150 kB
model = Path("disk/m")
checkpoint.save_state(model, *state(1))
for _ in range(2):
    with pytest.raises(OSError) as caught:
        checkpoint.save_state(model, *state(2))
    assert caught.value.errno == 28
    groups, progress = checkpoint.load_state(model, SHAPES)
    assert progress == {"step": 1} and groups["network"]["w0"][0] == 1
    assert not [name for name in files("disk") if "vaenhance-part" in name]
Path("disk/filler").write_bytes(b"")
with pytest.raises(OSError), Path("disk/filler").open("ab", buffering=0) as filler:
    while True:
        assert filler.write(bytes(4096)) == 4096 or filler.write(b"x")
journal = Journal(model)
with pytest.raises(OSError):
    for step in range(10_000):
        journal.write("train", step, 0.0, {"loss": 1.0})
written = journal.records()
Path("disk/filler").unlink()
journal.write("train", step, 0.0, {"loss": 1.0})
assert [r["step"] for r in journal.records()] == [*range(len(written)), step]
assert len(written) == step
subprocess.run(["mount", "-o", "remount,size=500k", "disk"], check=True)
checkpoint.save_state(model, *state(3))
assert checkpoint.load_state(model, SHAPES)[1] == {"step": 3}
""",
    )
