"""Files of model folders that are none, or much more than they seem."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from vaenhance import checkpoint_hdf5
from vaenhance.checkpoint_files import read_json, write_h5, write_json
from vaenhance.checkpoint_hdf5 import Hdf5, OtherNetwork, Unreadable
from vaenhance.errors import ModelError

POSIX = pytest.mark.skipif(os.name == "nt", reason="no such files there")
# A hang or a full memory is of that process only.
_READ = """
import resource, sys
from pathlib import Path
from vaenhance.checkpoint_files import read_json
from vaenhance.errors import ModelError
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
try:
    read_json(Path(sys.argv[1]))
except ModelError as error:
    print(error)
"""


@POSIX
@pytest.mark.parametrize("what", ["device", "pipe", "link to a pipe", "folder"])
def test_json_is_read_from_files_only(tmp_path, what):
    path = tmp_path / "card.json"
    if what == "device":
        path.symlink_to("/dev/zero")
    elif what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
    command = [sys.executable, "-c", _READ, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert f"{path} is damaged: " in done.stdout


def test_json_that_is_too_large_is_refused_though_it_says_otherwise(
    tmp_path, monkeypatch
):
    path = tmp_path / "card.json"
    path.write_bytes(b'{"a": 1}' + b" " * (4 << 20))
    small = Path(__file__).stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: small)  # it grows meanwhile
    with pytest.raises(ModelError, match="too large to be part of a model"):
        read_json(path)
    monkeypatch.undo()
    with pytest.raises(ModelError, match="too large to be part of a model"):
        read_json(path)


def test_json_may_be_behind_a_link_and_is_utf8(tmp_path):
    write_json(tmp_path / "a.json", {"größe": 1})
    if os.name != "nt":
        (tmp_path / "b.json").symlink_to("a.json")
        assert read_json(tmp_path / "b.json") == {"größe": 1}
    assert read_json(tmp_path / "a.json") == {"größe": 1}
    (tmp_path / "a.json").write_bytes(b'{"\xff": 1}')
    with pytest.raises(ModelError, match="damaged"):
        read_json(tmp_path / "a.json")


def with_long_names(path: Path, entries: int, heap: int) -> None:
    """A group whose names begin at bytes 0, 1, 2 ... of a heap without an end."""
    write_h5(path, {"g": {f"{i:04}": np.zeros(1) for i in range(entries)}}, {})
    data = bytearray(path.read_bytes())
    with Hdf5(path) as file:
        tables = file._messages(file._find("g"))[checkpoint_hdf5._GROUP]
    names = int.from_bytes(tables[0][8:16], "little")
    end = len(data)
    data[names + 8 : names + 16] = heap.to_bytes(8, "little")
    data[names + 24 : names + 32] = end.to_bytes(8, "little")
    number, start = 0, data.find(b"SNOD")
    while start >= 0:
        used = int.from_bytes(data[start + 6 : start + 8], "little")
        for at in range(start + 8, start + 8 + 40 * used, 40):
            if used > 1:  # not the root's
                data[at : at + 8] = number.to_bytes(8, "little")
                number += 1
        start = data.find(b"SNOD", start + 4)
    path.write_bytes(bytes(data) + b"a" * (heap - 1) + b"\0")


def test_names_of_groups_take_little_memory(tmp_path):
    path = tmp_path / "x.h5"
    with_long_names(path, 100, 4 << 20)
    tracemalloc.start()
    try:
        with Hdf5(path) as file, pytest.raises((OtherNetwork, Unreadable)):
            file.array("g/0000", (1,))
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [1024, 1025])
def test_names_of_1024_bytes_are_read_and_longer_ones_are_not(tmp_path, length):
    path, name = tmp_path / "x.h5", "n" * length
    write_h5(path, {"g": {name: np.ones(1), "other": np.ones(1)}}, {})
    with Hdf5(path) as file:
        assert file.array("g/other", (1,)) == 1
        if length == 1024:
            assert file.array(f"g/{name}", (1,)) == 1
        else:
            with pytest.raises(OtherNetwork):
                file.array(f"g/{name}", (1,))


def test_entries_of_all_groups_have_a_limit(tmp_path, monkeypatch):
    path = tmp_path / "x.h5"
    groups = {f"g{k}": {f"{i}": np.ones(1) for i in range(40)} for k in range(3)}
    write_h5(path, groups, {})
    monkeypatch.setattr(checkpoint_hdf5, "_MOST_NAMES", 100 * 66, raising=False)
    with Hdf5(path) as file:
        for group in ("g0", "g1", "g0", "g1"):  # 3 in the root, 40 in each
            assert file.array(f"{group}/7", (1,)) == 1
        with pytest.raises(Unreadable, match="too many arrays"):
            file.array("g2/7", (1,))
    image = io.BytesIO(path.read_bytes())
    with h5py.File(image) as file:
        assert len(file["g2"]) == 40
