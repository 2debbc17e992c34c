"""The reader of weights files: it agrees with HDF5, and takes nothing else."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import vaenhance
from vaenhance import checkpoint
from vaenhance.checkpoint_files import write_h5
from vaenhance.checkpoint_hdf5 import Hdf5, OtherNetwork, Unreadable
from vaenhance.errors import ModelError

OLD = Path(__file__).parent / "models" / "0.1.0"
ROOM = 3 << 20  # bytes that reading may take beside the arrays
FAULTS = (ValueError, struct.error)  # what ``open_h5`` makes one line of


def arrays_of(path: Path, group: str) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            found[f"{group}/{name}"] = node[()]

    with h5py.File(path) as file:
        file[group].visititems(visit)
    return found


def is_same(path: Path, expected: dict[str, np.ndarray]) -> bool:
    with Hdf5(path) as file:
        found = {
            name: file.array(name, value.shape) for name, value in expected.items()
        }
    return all(
        np.array_equal(found[name], value) and found[name].dtype == value.dtype
        for name, value in expected.items()
    )


@pytest.mark.parametrize("name", checkpoint.builtin_models())
def test_the_models_of_the_package_are_read_as_hdf5_reads_them(name):
    path = checkpoint.find_model(name) / checkpoint.WEIGHTS
    expected = arrays_of(path, "weights")
    assert len(expected) > 5
    assert is_same(path, expected)
    with h5py.File(path) as file, Hdf5(path) as ours:
        assert ours.text("sha256") == file.attrs["sha256"]
        assert ours.text("nothing") == ""


def test_every_type_shape_and_number_of_arrays_comes_back(tmp_path):
    """Thousands in a group: their tree has inner nodes, and texts their own place."""
    rng, path = np.random.default_rng(0), tmp_path / "x.h5"
    shapes = [(), (0,), (1,), (3, 0, 2), (2, 3, 4, 5), (7,)]
    types = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
    groups = {
        kind: {
            f"deep/{i}/a": np.asarray(rng.uniform(0, 100, shape)).astype(kind)
            for i, shape in enumerate(shapes)
        }
        for kind in types
    }
    groups["many"] = {f"größe{i}": np.float32(i).reshape(1) for i in range(3000)}
    words = {"sha256": "é" * 20_000, "progress": '{"step": 3}', "ü": "x"}
    write_h5(path, groups, words)
    for group in groups:
        assert is_same(path, arrays_of(path, group))
    with Hdf5(path) as file:
        assert [file.text(name) for name in words] == list(words.values())


def test_the_hdf5_library_never_sees_a_file_that_was_there(tmp_path, monkeypatch):
    checkpoint.save_state(tmp_path, {"network": {"a": np.ones(3)}}, {"step": 1})

    def refuse(*given: Any, **options: Any) -> None:
        raise AssertionError("the HDF5 library was asked to read")

    monkeypatch.setattr(h5py, "File", refuse)
    monkeypatch.setattr(h5py.h5f, "open", refuse)
    vaenhance.load_model(OLD, device="cpu", precision="float32")
    _, progress = checkpoint.load_state(tmp_path, {"network": {"a": (3,)}})
    assert progress == {"step": 1}


def test_a_file_that_claims_gigabytes_takes_no_memory(tmp_path):
    """Wherever a size may stand, and in a file that is as large as it says."""
    path, good = tmp_path / checkpoint.WEIGHTS, (OLD / checkpoint.WEIGHTS).read_bytes()
    expected = arrays_of(OLD / checkpoint.WEIGHTS, "weights")
    shapes = {n.removeprefix("weights/"): a.shape for n, a in expected.items()}
    needed = 3 * sum(2 * a.size * a.itemsize for a in expected.values())
    rng, refused = np.random.default_rng(0), 0
    tracemalloc.start()
    try:
        for place in rng.choice(len(good) // 8, 150, replace=False):
            for size in (4, 8):
                data, claim = bytearray(good), 2 ** int(rng.integers(28, 8 * size - 1))
                data[8 * place : 8 * place + size] = claim.to_bytes(size, "little")
                path.write_bytes(data)
                os.truncate(path, 2**40)  # a hole: it takes no room on the disk
                tracemalloc.reset_peak()
                try:
                    checkpoint.load_weights(tmp_path, shapes)
                except ModelError:
                    refused += 1
                assert tracemalloc.get_traced_memory()[1] < needed + ROOM
    finally:
        tracemalloc.stop()
    assert refused > 50


def test_what_leads_in_circles_has_an_end(tmp_path):
    path = tmp_path / "x.h5"
    write_h5(path, {"g": {f"{i}": np.zeros(1) for i in range(600)}}, {"t": "text"})
    good = path.read_bytes()
    ends = 0
    for mark, child in ((b"TREE", 32), (b"TREE", 48), (b"GCOL", 24), (b"HEAP", 8)):
        start = good.find(mark)
        while start >= 0:
            for number in (start, 0, 2**64 - 1):  # itself, nothing, everything
                data = bytearray(good)
                data[start + child : start + child + 8] = number.to_bytes(8, "little")
                path.write_bytes(data)
                try:
                    with Hdf5(path) as file:
                        file.text("t")
                        file.array("g/7", (1,))
                except FAULTS:
                    ends += 1
            start = good.find(mark, start + 1)
    assert ends > 20


@pytest.mark.parametrize(
    "what", ["soft", "external", "group", "text", "compound", "big"]
)
def test_what_is_no_plain_array_is_refused(tmp_path, what):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        file["g/a"] = np.zeros(2, np.float32)
        made: dict[str, Any] = {
            "soft": h5py.SoftLink("/g/a"),
            "external": h5py.ExternalLink(str(path), "/g/a"),
            "text": np.array([b"x", b"y"]),
            "compound": np.zeros(2, [("x", "f4"), ("y", "f4")]),
            "big": np.zeros(2, ">f4"),
        }
        if what == "group":
            file.create_group("g/x")
        else:
            file["g/x"] = made[what]
    with Hdf5(path) as file, pytest.raises((OtherNetwork, Unreadable)):
        file.array("g/x", (2,))
    if what == "external":  # such links are in groups of a newer kind
        return
    with Hdf5(path) as file:
        for name in ("g/a/b", "g/a/", "/g/a", "g//a", "", "h", "../g/a"):
            with pytest.raises(OtherNetwork):
                file.array(name, (2,))
