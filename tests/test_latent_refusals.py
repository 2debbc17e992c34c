"""Small files of latents stay small, and what is not in one is never given."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.test_latents import CUT, ORIGIN, SHAPES, entry, latents, written
from vaenhance.errors import LatentError, UsageProblem
from vaenhance.latents import LatentReader, LatentWriter, TiledLatents, carried
from vaenhance.photo import COLOR_CHUNKS, Metadata

ROOM = 24 << 20  # bytes


def added_to(path: Path, arrays: dict[str, np.ndarray], method: int) -> Path:
    with zipfile.ZipFile(path, "a", method) as file:
        for key, array in arrays.items():
            with file.open(f"{key}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("key", ["other", "exif/0"])
def test_what_python_unpacks_without_a_bound_is_refused(tmp_path, method, key):
    bomb = {key: np.zeros(64 << 20, np.uint8)}
    path = added_to(written(tmp_path / "l.npz"), bomb, method)
    del bomb
    tracemalloc.start()
    try:
        with pytest.raises(
            LatentError, match=f"{key}.npy' is packed in a way"
        ) as caught:
            LatentReader(path)
        assert tracemalloc.get_traced_memory()[1] < ROOM
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


def test_many_blocks_that_pack_well_are_refused_before_they_are_read(tmp_path):
    path, count = tmp_path / "l.npz", 60
    written(path, [(20, 24)] * count)
    block = np.zeros(1_000_000, np.uint8)
    names = "exif", "icc_profile", "xmp", "iptc", "comment"
    blocks = {f"{name}/{i}": block for name in names for i in range(count)}
    added_to(path, blocks, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2 << 20
    tracemalloc.start()
    try:
        with pytest.raises(LatentError, match="its metadata unpack to 300"):
            LatentReader(path)
        assert tracemalloc.get_traced_memory()[1] < ROOM
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [300_000, 1_000_000])
def test_all_metadata_that_is_written_is_read(tmp_path, monkeypatch, size):
    """Also that which packs well, of any number of photographs."""
    monkeypatch.setattr(carried, "_MOST_PACKED", 2_000_000)
    monkeypatch.setattr(carried, "_MOST_METADATA", 4_000_000)
    with LatentWriter(tmp_path / "l.npz", ORIGIN) as file:
        for i in range(40):
            meta = Metadata(b"II*\0" + bytes(size), xmp=b" " * size)
            file.add(entry(f"{i}.jpg", metadata=meta), latents(i))
    with LatentReader(tmp_path / "l.npz") as file:
        assert len(file.entries[39].metadata.xmp) == size
        assert len(file.entries[0].metadata.exif) == size + 4


def drawn(path: Path) -> Path:
    with LatentWriter(path, ORIGIN, content="draws", facts={"draws": 2}) as file:
        for i in range(3):
            both = [latents(10 * i + draw).tiles[0] for draw in range(2)]
            tile = {name: np.stack([one[name] for one in both]) for name in both[0]}
            alpha = np.full((20, 24), i, np.uint8)
            file.add(entry(f"{i}.png"), TiledLatents(20, 24, CUT, [tile]), alpha)
    return path


def test_images_and_draws_that_are_not_there_are_refused(tmp_path):
    with LatentReader(drawn(tmp_path / "l.npz")) as file:
        (tile,) = file.tiles(2, 1, SHAPES, draw=1)
        assert np.array_equal(tile["level0"], latents(21).tiles[0]["level0"])
        for draw in (2, 5, -1):
            with pytest.raises(LatentError, match=f"no draw {draw}: .* 2, from 0"):
                file.tiles(0, 1, SHAPES, draw=draw)
        for index in (-1, -3, 3):
            with pytest.raises(LatentError, match=f"no image {index}: .* 3, from 0"):
                file.tiles(index, 1, SHAPES)
            with pytest.raises(LatentError, match=f"no image {index}: .* 3, from 0"):
                file.alpha(index)
        assert file.alpha(2).max() == 2


def test_a_mean_is_draw_0(tmp_path):
    with LatentReader(written(tmp_path / "l.npz")) as file:
        for draw in (None, 0):
            (tile,) = file.tiles(1, 1, SHAPES, draw=draw)
            assert np.array_equal(tile["level0"], latents(1).tiles[0]["level0"])
        for draw in (1, -1):
            with pytest.raises(LatentError, match=f"no draw {draw}: .* 1, from 0"):
                file.tiles(1, 1, SHAPES, draw=draw)


def test_a_file_is_written_once(tmp_path):
    path, stream = tmp_path / "l.npz", io.BytesIO()
    for target in (path, stream):
        with LatentWriter(target, ORIGIN) as file:
            file.add(entry("0.png"), latents(0))
            file.finish()
            for again in (
                file.finish,
                lambda file=file: file.add(entry("1.png"), latents(1)),
                lambda file=file: file.keep(0, latents(1).tiles[0]),
            ):
                with pytest.raises(UsageProblem, match="written or closed already"):
                    again()
    assert stream.getvalue() == path.read_bytes()


def test_a_writer_that_was_closed_writes_nothing(tmp_path):
    with closing(LatentWriter(tmp_path / "l.npz", ORIGIN)) as file:
        file.add(entry("0.png"), latents(0))
    with pytest.raises(UsageProblem, match="written or closed already"):
        file.finish()
    with pytest.raises(UsageProblem, match="written or closed already"):
        file.add(entry("0.png"), latents(0))
    file.discard()
    file.close()
    with LatentWriter(tmp_path / "m.npz", ORIGIN) as file:
        file.add(entry("0.png"), latents(0))
        file.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [name.decode() for name in COLOR_CHUNKS])
def test_colour_chunks_of_another_length_are_refused(tmp_path, name):
    right = COLOR_CHUNKS[name.encode()]
    for length in (1 if right > 1 else 2, right - 1 or 3, right + 1, 1 << 16):
        path = written(tmp_path / "l.npz", overwrite=True)
        chunk = {f"png_color/1/{name}": np.ones(length, np.uint8)}
        added_to(path, chunk, zipfile.ZIP_STORED)
        with pytest.raises(
            LatentError, match=f"png_color/1/{name} has .* {right} bytes"
        ):
            LatentReader(path)


@pytest.mark.parametrize("data", [b"x", b"MM", b"Exif\0\0II*\0", bytes(70_000)])
def test_what_is_no_exif_is_refused(tmp_path, data):
    exif = {"exif/0": np.frombuffer(data, np.uint8)}
    path = added_to(written(tmp_path / "l.npz"), exif, zipfile.ZIP_STORED)
    with pytest.raises(LatentError, match="exif/0 is no EXIF"):
        LatentReader(path)
