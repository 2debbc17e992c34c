"""Damaged weights files against the code that loads them, for ``scripts/fuzz``."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from scripts.fuzz_worker import Limits, Verdict, limit_memory, peak, silence
from vaenhance import checkpoint
from vaenhance.errors import ModelError

_TELLING = (0, 1, 8, 96, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
_LONGEST = 500  # characters of a reason


def weights_cases(
    model: Path, count: int, seed: int
) -> Iterator[tuple[str, str, bytes]]:
    """Yields mutants of a model's weights, damaged outside their arrays.

    What the arrays hold is only numbers, and covered by a checksum.
    """
    path = model / checkpoint.WEIGHTS
    good, outside = path.read_bytes(), np.ones(path.stat().st_size, bool)
    for dataset in _datasets(path).values():
        start, length = dataset
        outside[start : start + length] = False
    places = np.flatnonzero(outside)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        data = bytearray(good)
        for _ in range(int(rng.choice((1, 1, 2, 4, 16)))):
            place = int(rng.choice(places))
            if rng.random() < 0.5:
                data[place] ^= 1 << int(rng.integers(8))
            else:
                word = int(_TELLING[rng.integers(len(_TELLING))]).to_bytes(8, "little")
                data[place : place + 8] = word
        yield (
            "weights, outside their arrays",
            f"mutant {number}",
            bytes(data[: len(good)]),
        )


def serve_weights(pipe: Connection, folder: Path, model: str, limits: Limits) -> None:
    """Answers paths of weights files with verdicts until the pipe closes.

    Args:
        pipe: to the parent.
        folder: for a copy of the model.
        model: the model whose weights were damaged.
        limits: of every file.
    """
    noise = silence(folder.parent / "noise.log")
    copy = Path(shutil.copytree(model, folder / "model"))
    shapes = _shapes(Path(model))
    good = checkpoint.load_weights(copy, shapes)
    limit_memory(4 * limits.megabytes)
    pipe.send("ready")
    with contextlib.suppress(EOFError):
        while True:
            source = Path(pipe.recv())
            shutil.copy(source, copy / checkpoint.WEIGHTS)
            said, before = noise.stat().st_size, peak(reset=True)
            started = time.process_time()
            status, reason, fault = _loaded(copy, shapes, good)
            seconds = time.process_time() - started
            megabytes = (peak() - before) / 1024
            if noise.stat().st_size > said:
                fault = "noise"
            elif megabytes > limits.megabytes:
                fault = f"took {megabytes:.0f} MB"
            pipe.send(Verdict(status, reason, fault, seconds, megabytes))


def _loaded(folder: Path, shapes: Any, good: Any) -> tuple[str, str, str]:
    try:
        found = checkpoint.load_weights(folder, shapes)
    except ModelError as error:
        reason = str(error)
        is_line = "\n" not in reason and len(reason) < _LONGEST
        return "refused", reason, "" if is_line else f"not one line: {reason!r}"
    except Exception as error:
        return "crash", "", f"raised {type(error).__name__}: {error}"
    same = all(np.array_equal(found[name], good[name]) for name in shapes)
    return "enhanced", "", "" if same else "other numbers were loaded"


def _shapes(model: Path) -> dict[str, tuple[int, ...]]:
    with h5py.File(model / checkpoint.WEIGHTS) as file:
        return {name: node.shape for name, node in _walk(file["weights"])}


def _datasets(path: Path) -> dict[str, tuple[int, int]]:
    with h5py.File(path) as file:
        return {
            name: (node.id.get_offset(), node.id.get_storage_size())
            for name, node in _walk(file["weights"])
        }


def _walk(group: h5py.Group) -> list[tuple[str, h5py.Dataset]]:
    found: list[tuple[str, h5py.Dataset]] = []

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            found.append((name, node))

    group.visititems(visit)
    return found
