"""Damaged and hostile .npz files of images: one line that names them, nothing else."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from vaenhance.data.dataset import open_dataset
from vaenhance.errors import UsageProblem

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 40, 40, 3), np.uint8)


def npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def written(path, data: bytes, name: str = "x_train.npy", **how) -> None:
    with zipfile.ZipFile(path, "w", **how) as archive:
        archive.writestr(name, data)


def flipped(path):
    np.savez_compressed(path, x_train=IMAGES // 16)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(255 - b for b in data[middle : middle + 200])
    path.write_bytes(data)


def header(text: str) -> bytes:
    line = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line


def huge(path):
    shape = "(3000000, 1024, 1024, 3)"
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    written(path, header(head) + bytes(100))


def beyond(path):
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**30}, 3, 3), }}"
    written(path, header(head) + bytes(100))


def no_header(path):
    written(path, header("{'descr': '|u1', 'shape': (((((") + bytes(100))


def no_array(path):
    written(path, b"not an array at all", "x_train")


def no_labels(path):
    np.savez(path, x_train=IMAGES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("y_train", b"not an array at all")


def marked(offset: int, value: int):
    """Changes a 16-bit field of both headers of the only member."""

    def make(path):
        written(path, npy(IMAGES))
        data = bytearray(path.read_bytes())
        for start, at in ((data.find(b"PK\x01\x02"), offset + 2), (0, offset)):
            data[start + at : start + at + 2] = value.to_bytes(2, "little")
        path.write_bytes(data)

    return make


DAMAGED = {
    "flipped": flipped,
    "huge": huge,
    "beyond": beyond,
    "no header": no_header,
    "no array": no_array,
    "no labels": no_labels,
    "encrypted": marked(6, 1),
    "unknown compression": marked(8, 97),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_npz_is_named(tmp_path, kind):
    path = tmp_path / "d.npz"
    DAMAGED[kind](path)
    with pytest.raises(UsageProblem, match=r"cannot read .*d\.npz: .") as refused:
        open_dataset(path, 1)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_an_npz_may_hold_other_things(tmp_path):
    path = tmp_path / "d.npz"
    np.savez(path, x_train=IMAGES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("README", b"not an array at all")
    assert len(open_dataset(path, 1)[0]) == len(IMAGES)
