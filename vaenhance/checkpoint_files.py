"""The files that ``checkpoint`` is made of: JSON and HDF5, replaced as a whole.

Nothing here knows what a model is. A file from a stranger is not trusted: only
the arrays asked for are read, of the shapes asked for, out of that very file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import stat
import struct
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from vaenhance.checkpoint_hdf5 import Hdf5, OtherNetwork
from vaenhance.errors import ModelError

Arrays = Mapping[str, NDArray[Any]]

TEMPORARY = ".vaenhance-part"  # ends the names of files being written
_EARLIEST = "earliest"  # version of HDF5; ``Hdf5`` reads no other
# What reading raises for files that are not whole, or not what they say.
_FAULTS = (OSError, ValueError, MemoryError, struct.error)
_LARGEST_JSON = 4 * 2**20  # bytes; a card or configuration is a few kB


def digest(arrays: Arrays, text: str = "") -> str:
    """Returns the SHA-256 of names, shapes, types and values."""
    total = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        total.update(f"{name}\0{value.shape}\0{value.dtype.str}\0".encode())
        total.update(value.tobytes())
    return total.hexdigest()


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Replaces a JSON file as a whole."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Replaces a text file as a whole."""
    with _replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        ModelError: it is missing, too large or not a JSON object.
    """
    try:
        # A name may be that of a pipe, or a link to a device without an end.
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ModelError(f"{path} is damaged: not a file")
            data = file.read(_LARGEST_JSON + 1)
        if len(data) > _LARGEST_JSON:
            raise ModelError(f"{path} is too large to be part of a model")
        text = data.decode("utf-8")
    except FileNotFoundError as error:
        raise ModelError(f"{path.parent} is no vaenhance model: no {path.name}") from (
            error
        )
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged: {_words(error)}") from error
    return parsed(text, path)


def _open_at_once(path: str, flags: int) -> int:
    """Opens a pipe, too, without waiting for somebody who writes."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def parsed(text: str, path: Path) -> dict[str, Any]:
    """Returns the JSON object that a text of a file is.

    Raises:
        ModelError: it is none.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: {_words(error)}") from error
    if not isinstance(data, dict):
        raise ModelError(f"{path} is damaged: not a JSON object")
    return data


def _words(error: Exception) -> str:
    """Returns what a library says, in one line and not all of a long one."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def write_h5(
    path: Path, groups: Mapping[str, Arrays], attributes: Mapping[str, str]
) -> None:
    """Replaces an HDF5 file: arrays by name by group, and words about them.

    It is made in memory: HDF5 that meets a full disk takes the process with it, by a
    segmentation fault after the error.
    """
    image = io.BytesIO()
    with h5py.File(image, "w", track_order=False, libver=_EARLIEST) as file:
        for group, arrays in groups.items():
            for name, value in arrays.items():
                # No creation times: the same numbers give the same bytes.
                file.create_dataset(f"{group}/{name}", data=value, track_times=False)
        file.attrs.update(attributes)
    with _replacing(path) as temporary, temporary.open("wb") as written:
        written.write(image.getbuffer())


@contextlib.contextmanager
def open_h5(path: Path) -> Iterator[Hdf5]:
    """Opens an HDF5 file for reading; whatever is wrong with it is a ModelError."""
    if not path.is_file():
        raise ModelError(f"{path.parent} is no complete model: no {path.name}")
    try:
        with Hdf5(path) as file:
            yield file
    except OtherNetwork as error:
        raise ModelError(f"{path} belongs to another network: {error}") from error
    except _FAULTS as error:
        raise ModelError(f"{path} is damaged: {_words(error)}") from error


def read_group(file: Hdf5, group: str, shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
    """Reads exactly the arrays asked for; nothing else of the file is looked at."""
    return {
        name: file.array(f"{group}/{name}", shape) for name, shape in shapes.items()
    }


def remove_temporary(folder: Path) -> None:
    """Deletes what ``_replacing`` leaves in a folder when the process is killed."""
    for path in folder.glob(f".*{TEMPORARY}"):
        path.unlink(missing_ok=True)


def check_digest(file: Hdf5, found: str, path: Path) -> None:
    """Compares a checksum with the one that was written into the file.

    Raises:
        ModelError: they differ.
    """
    if file.text("sha256") != found:
        raise ModelError(f"{path} is damaged: its checksum does not match")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes that ask for the same lock out of a folder.

    The system takes the lock back when the process ends, however it ends. Where a
    system or a file system has no locks, nothing is kept out.

    Raises:
        ModelError: another process has the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ModelError(
                f"another process is training or calibrating {folder}: wait for it, or "
                "give another folder"
            ) from error
        except OSError:  # some network file systems
            pass
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the same folder that then takes ``path``'s place."""
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        # On the disk before it has the name. Windows wants a handle that may write.
        with temporary.open("r+b") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def reason_of(error: Exception) -> str:
    """Says why a file cannot be written; HDF5's own words fill five lines."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error)
