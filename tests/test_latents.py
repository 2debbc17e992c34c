"""Files of latents: written is read, NumPy reads it, and nothing is believed."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaenhance.errors import LatentError, UsageProblem
from vaenhance.latents import (
    Entry,
    LatentReader,
    LatentWriter,
    Origin,
    PlacedNoise,
    Pool,
    TiledLatents,
    Unwritable,
    between,
    index,
)
from vaenhance.latents.members import Member
from vaenhance.photo import Metadata
from vaenhance.tiling import Tiling, places, read_padded

ORIGIN = Origin("m", "ab" * 32, "float32", 4, 8, (4, 2))
CUT = Tiling(0, 0, 4, 8)
META = Metadata(
    b"II*\0exif", b"icc" * 50, b"<xmp/>", (300.0, 150.0), ((b"gAMA", b"1234"),)
)


def latents(seed: int, size: tuple[int, int] = (20, 24), tiles: int = 1):
    rng = np.random.default_rng(seed)
    height, width = (side + 2 * CUT.margin for side in size)
    found = [
        {
            "level0": rng.random((height // 4, width // 4, 3), np.float32),
            "level1": rng.random((height // 2, width // 2, 2), np.float32),
        }
        for _ in range(tiles)
    ]
    return TiledLatents(*size, CUT, found)


def entry(name: str, size: tuple[int, int] = (20, 24), **more) -> Entry:
    return Entry(name, *size, CUT, **more)


def written(path: Path, sizes=((20, 24), (20, 24)), **options) -> Path:
    with LatentWriter(path, ORIGIN, **options) as file:
        for index, size in enumerate(sizes):
            file.add(entry(f"d/{index}.png", size), latents(index, size))
    return path


SHAPES = [(9, 10, 3), (18, 20, 2)]


def read_all(path: Path) -> None:
    with LatentReader(path) as file:
        for index in range(len(file)):
            list(file.tiles(index, 1, SHAPES))


def test_what_is_written_is_read(tmp_path):
    first, second = entry("a.jpg", format="JPEG", metadata=META), entry("b/c.png")
    alpha = np.arange(480, dtype=np.uint8).reshape(20, 24)
    with LatentWriter(tmp_path / "l.npz", ORIGIN, facts={"seed": 3}) as file:
        file.add(first, latents(1))
        file.add(second, latents(2), alpha)
    with LatentReader(tmp_path / "l.npz") as file:
        assert file.origin == ORIGIN
        assert file.content == "mean"
        assert file.entries == (first, second)
        assert file.alpha(0) is None
        assert np.array_equal(file.alpha(1), alpha)
        for index in range(2):
            (tile,) = file.tiles(index, 1, SHAPES)
            for name, z in latents(index + 1).tiles[0].items():
                assert np.array_equal(tile[name], z)
    assert [p.name for p in tmp_path.iterdir()] == ["l.npz"]


def test_numpy_reads_images_of_one_size_as_one_array(tmp_path):
    with np.load(written(tmp_path / "l.npz"), allow_pickle=False) as file:
        assert file["level0"].shape == (2, 1, 9, 10, 3)
        assert np.array_equal(file["level1"][1, 0], latents(1).tiles[0]["level1"])
        assert file["names"].tolist() == ["d/0.png", "d/1.png"]
        assert file["sizes"].tolist() == [[20, 24], [20, 24]]
        assert str(file["model_sha256"]) == ORIGIN.checksum
        assert file["steps"].tolist() == [4, 2]


def test_numpy_reads_images_of_several_sizes_one_by_one(tmp_path):
    path = written(tmp_path / "l.npz", [(20, 24), (40, 12)])
    with np.load(path, allow_pickle=False) as file:
        assert "level0" not in file
        assert file["level0/1"].shape == (1, 14, 7, 3)
    with LatentReader(path) as file:
        (tile,) = file.tiles(1, 1, [(14, 7, 3), (28, 14, 2)])
        assert np.array_equal(tile["level0"], latents(1, (40, 12)).tiles[0]["level0"])


@pytest.mark.parametrize("save", [None, np.savez_compressed])
def test_images_are_read_in_any_order(tmp_path, save):
    path = written(tmp_path / "l.npz", [(20, 24)] * 4)
    if save is not None:
        with np.load(path) as file:
            arrays = dict(file)
        save(path, **arrays)
    with LatentReader(path) as file:
        for index in (2, 0, 3, 3, 1):
            (tile,) = file.tiles(index, 1, SHAPES)
            for name, z in latents(index).tiles[0].items():
                assert np.array_equal(tile[name], z)


def test_the_same_latents_give_the_same_bytes(tmp_path):
    one, other = (written(tmp_path / f"{n}.npz").read_bytes() for n in "ab")
    assert one == other


def test_what_numpy_has_written_again_is_read(tmp_path):
    for save in (np.savez, np.savez_compressed):
        with np.load(written(tmp_path / "l.npz", overwrite=True)) as file:
            changed = {**file, "level0": file["level0"].astype(np.float64) / 2}
        save(tmp_path / "half.npz", **changed)
        with LatentReader(tmp_path / "half.npz") as file:
            (tile,) = file.tiles(1, 1, SHAPES)
        assert tile["level0"].dtype == np.float32
        assert np.allclose(tile["level0"], latents(1).tiles[0]["level0"] / 2)


def test_a_failed_image_leaves_nothing(tmp_path):
    with LatentWriter(tmp_path / "l.npz", ORIGIN) as file:
        file.add(entry("0.png"), latents(0))
        file.keep(0, latents(9).tiles[0])
        file.discard()
        file.keep(0, latents(8).tiles[0])  # 0 again: memory ran out
        for number, tile in enumerate(latents(1).tiles):
            file.keep(number, tile)
        file.add(entry("1.png"))
    with np.load(tmp_path / "l.npz") as file:
        assert np.array_equal(file["level0"][1, 0], latents(1).tiles[0]["level0"])


def test_an_error_leaves_no_file(tmp_path):
    with (
        pytest.raises(RuntimeError),
        LatentWriter(tmp_path / "l.npz", ORIGIN) as file,
    ):
        file.add(entry("0.png"), latents(0))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    file = LatentWriter(tmp_path / "l.npz", ORIGIN)
    with pytest.raises(UsageProblem, match="no latents"), file:
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_exists_stays(tmp_path):
    path = written(tmp_path / "l.npz")
    with pytest.raises(UsageProblem, match="exists"):
        LatentWriter(path, ORIGIN)


def test_a_stream_takes_it_too(tmp_path):
    stream = io.BytesIO()
    with LatentWriter(stream, ORIGIN) as file:
        file.add(entry("0.png"), latents(0))
    with LatentReader(stream.getvalue()) as file:
        assert len(file) == 1


def test_a_stream_without_room_is_named():
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    with closing(LatentWriter(Full(), ORIGIN)) as file:
        file.add(entry("0.png"), latents(0))
        words = r"cannot be written: no space left on device \(temporary files are in"
        with pytest.raises(Unwritable, match=words):
            file.finish()


def test_heif_is_a_format_without_the_extra_too(tmp_path, monkeypatch):
    path = rewritten(written(tmp_path / "l.npz"), formats=np.array(["HEIF", "PNG"]))
    known = {e: kind for e, kind in index.EXTENSIONS.items() if kind != "HEIF"}
    monkeypatch.setattr(index, "EXTENSIONS", known)
    with LatentReader(path) as file:
        assert [one.format for one in file.entries] == ["HEIF", "PNG"]


def rewritten(path: Path, **changes) -> Path:
    with np.load(path) as file:
        arrays = {**file, **changes}
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 2}, "newer vaenhance"),
        ({"schema_version": "x"}, "makes no sense"),
        ({"model_sha256": None}, "no array model_sha256"),
        ({"content": "secrets"}, "content"),
        ({"precision": "int4"}, "precision is 'int4'"),
        ({"names": np.array(["../../x.png", "b"])}, "not that of a file"),
        ({"names": np.array(["/x.png", "b"])}, "not that of a file"),
        ({"names": np.array(["a"])}, "claims 1 images"),
        ({"names": np.array(["\ud800.png", "b"])}, "damaged"),
        ({"level0": np.zeros((2, 1, 1 << 20, 0), np.float32)}, "there is nothing"),
        ({"sizes": np.ones((1, 2), int)}, "sizes has the shape"),
        ({"level0": np.zeros((3, 1, 9, 10, 3), np.float32)}, "claims 2 images"),
        ({"names": np.array(["a"] * 200_000)}, "claims 200000 images"),
        ({"sizes": np.array([[0, 1], [1, 1]])}, "no size"),
        ({"sizes": np.array([[2**40, 1], [1, 1]])}, "no size"),
        ({"sizes": np.array([[1.0, 1], [1, 1]])}, "makes no sense"),
        ({"tilings": np.array([[-1, 0], [0, 0]])}, "no size of a tile"),
        ({"formats": np.array(["EXE", "PNG"])}, "no format"),
        ({"bits": np.array([7, 8])}, "bits"),
        ({"exif/0": np.zeros(3, np.float32)}, "makes no sense"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, changes, words):
    path = rewritten(written(tmp_path / "l.npz"), **changes)
    with pytest.raises(LatentError, match=words) as caught:
        LatentReader(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level0": np.zeros((2, 1, 9, 11, 3), np.float32)}, "shape"),
        ({"level0": np.zeros((2, 1, 9, 10, 3), np.int32)}, "int32"),
        ({"level1": None}, "no array level1/0"),
        ({"level1": np.zeros((2, 1, 20, 18, 2), np.float32).T}, "column by column"),
    ],
)
def test_latents_of_another_shape_are_refused(tmp_path, changes, words):
    path = rewritten(written(tmp_path / "l.npz"), **changes)
    with LatentReader(path) as file, pytest.raises(LatentError, match=words):
        list(file.tiles(0, 1, SHAPES))


def test_objects_are_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    path = written(tmp_path / "l.npz")
    for key in ("names", "exif/0"):
        rewritten(path, **{key: np.array([Trap(), Trap()], object)})
        with pytest.raises(LatentError, match="neither numbers nor text"):
            LatentReader(path)
        written(path, overwrite=True)
    rewritten(path, level1=np.array([Trap(), Trap()], object))
    with LatentReader(path) as file, pytest.raises(LatentError, match="neither"):
        list(file.tiles(0, 1, SHAPES))
    rewritten(written(path, overwrite=True), level0=np.array([Trap(), Trap()], object))
    with pytest.raises(LatentError, match="neither"):
        LatentReader(path)
    assert not (tmp_path / "sprung").exists()


def test_one_draw_is_read_alone_and_must_be_there(tmp_path, monkeypatch):
    draws = [latents(seed).tiles[0] for seed in range(4)]
    tile = {name: np.stack([one[name] for one in draws]) for name in draws[0]}
    with LatentWriter(
        tmp_path / "l.npz", ORIGIN, content="draws", facts={"draws": 4}
    ) as file:
        file.add(entry("0.png"), TiledLatents(20, 24, CUT, [tile]))
    sizes = []
    read = Member.read

    def counted(member, shape):
        sizes.append(np.prod(shape))
        return read(member, shape)

    monkeypatch.setattr(Member, "read", counted)
    with LatentReader(tmp_path / "l.npz") as file:
        for draw in (2, 0, 3):
            sizes.clear()
            (found,) = file.tiles(0, 1, SHAPES, draw)
            assert sum(sizes) - 1 == sum(np.prod(shape) for shape in SHAPES)
            assert all(np.array_equal(found[n], draws[draw][n]) for n in found)
    monkeypatch.undo()
    path = rewritten(tmp_path / "l.npz", draws=20_000)
    with LatentReader(path) as file, pytest.raises(LatentError, match="claims 20000"):
        _ = file.draws


def test_vectors_longer_than_expected_are_not_read(tmp_path):
    with LatentWriter(tmp_path / "l.npz", ORIGIN, content="vectors") as file:
        for index in range(2):
            name, vector = f"{index}.png", np.arange(5, dtype=np.float32)
            tiles = [{"vectors": vector}]
            file.add(entry(name), TiledLatents(20, 24, CUT, tiles))
    with LatentReader(tmp_path / "l.npz") as file:
        assert file.vectors().shape == file.vectors(5).shape == (2, 5)
        with pytest.raises(LatentError, match="vectors has the shape"):
            file.vectors(4)


def test_a_shape_that_is_not_there_allocates_nothing(tmp_path):
    path = written(tmp_path / "l.npz")
    header = io.BytesIO()
    huge = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)}
    np.lib.format.write_array_header_1_0(header, huge)
    with zipfile.ZipFile(path) as source:
        parts = {n: source.read(n) for n in source.namelist()}
    for name in ("level0.npy", "names.npy"):
        with zipfile.ZipFile(path, "w") as file:
            for other, data in parts.items():
                file.writestr(other, header.getvalue() if other == name else data)
        with pytest.raises(LatentError, match="not the size"):
            read_all(path)


def test_texts_that_pack_well_are_read_again_and_bombs_are_not(tmp_path):
    texts = ((b"tEXt", b"Comment\0" + b" " * 1_500_000), (b"iTXt", b"a\0\0\0\0\0b"))
    meta = Metadata(png_text=texts, iptc=bytes(2 << 20), comment=b"me")
    path = tmp_path / "l.npz"
    with LatentWriter(path, ORIGIN) as file:
        file.add(entry("a.png", metadata=meta), latents(0))
    with LatentReader(path) as file:
        assert file.entries[0].metadata == meta
    text = np.frombuffer(b"tEXt" + bytes(900_000), np.uint8)
    with np.load(path) as file:
        arrays = {**file, **{f"png_text/0/{i}": text for i in range(9)}}
    np.savez_compressed(path, **{**arrays, "iptc/0": text[:9]})
    with pytest.raises(LatentError, match="too large"):
        LatentReader(path)
    rewritten(written(path, overwrite=True), **{"png_text/0/0": text[1:]})
    with pytest.raises(LatentError, match="no text of a PNG"):
        LatentReader(path)


def test_a_header_that_is_no_python_is_one_clear_line(tmp_path):
    path = written(tmp_path / "l.npz")
    with zipfile.ZipFile(path) as source:
        parts = {n: source.read(n) for n in source.namelist()}
    for old, new in ((b"), }", b"), ("), (b"a.png", b"\xff\xff\xff\xff\xff")):
        with zipfile.ZipFile(path, "w") as file:
            for name, data in parts.items():
                file.writestr(name, data.replace(old, new, 1))
        with suppress(LatentError):
            read_all(path)
    words = np.array(["a.png", "b.png"])
    wild = words.view(np.uint32).copy()
    wild[0] = 0x110000  # beyond Unicode
    rewritten(written(path, overwrite=True), names=wild.view(words.dtype))
    with pytest.raises(LatentError, match="damaged"):
        LatentReader(path)


def test_metadata_that_unpacks_to_gigabytes_is_refused(tmp_path):
    path = written(tmp_path / "l.npz")
    with np.load(path) as file:
        arrays = dict(file)
    arrays["exif/0"] = np.zeros(2 << 20, np.uint8)
    np.savez_compressed(path, **arrays)
    with pytest.raises(LatentError, match="exif/0 unpacks to 2097280 bytes"):
        LatentReader(path)
    arrays["exif/0"] = b"II*\0" + np.random.default_rng(0).bytes((2 << 20) - 4)
    arrays["exif/0"] = np.frombuffer(arrays["exif/0"], np.uint8)
    np.savez_compressed(path, **arrays)
    with LatentReader(path) as file:
        assert len(file.entries[0].metadata.exif) == 2 << 20


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_is_one_clear_line(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    whole = bytearray(written(path, overwrite=True).read_bytes())
    if data.draw(st.booleans()):
        whole = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1)):
            whole[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:
        read_all(path)
    except LatentError as error:
        assert "\n" not in str(error)


def test_what_is_no_file_of_latents_is_named(tmp_path):
    with pytest.raises(LatentError, match="no file"):
        LatentReader(tmp_path / "absent.npz")
    with pytest.raises(LatentError, match="no file of latents"):
        LatentReader(b"GIF89a")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(LatentError, match="no array schema_version"):
        LatentReader(tmp_path / "other.npz")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([0, 40, 64]))
def test_pooling_does_not_depend_on_the_tiles(height, width, tile):
    image = np.random.default_rng([height, width]).random(
        (height, width, 2), np.float32
    )

    def pooled(cut: Tiling) -> np.ndarray:
        pool = Pool((height, width), 3)
        for number, place in enumerate(places((height, width), cut)):
            part = read_padded(image, place)
            pool.add(cut, number, {"level0": part[::4, ::4], "level1": part[::2, ::2]})
        return pool.vector()

    whole = pooled(Tiling(0, 0, 4, 8))
    assert whole.shape == (2 * 2 * 9 * 2,)
    assert np.allclose(pooled(Tiling(tile, 16, 4, 8)), whole, atol=1e-5)


def test_pooling_averages_cells():
    z = np.zeros((8, 8, 1), np.float32)
    z[:4, 4:] = 1
    z[4:, :4] = np.indices((4, 4)).sum(0)[..., None] % 2 * 2 - 1
    pool = Pool((8, 8), 2)
    pool.add(Tiling(0, 0, 1, 0), 0, {"level0": z})
    assert np.allclose(pool.vector(), [0, 1, 0, 0, 0, 0, 1, 0])


def test_noise_is_that_of_its_place():
    shapes = [(4, 6, 3), (8, 12, 2)]
    whole = PlacedNoise(1, 0, (slice(-8, 8), slice(-8, 16))).of_levels(shapes, 8)
    part = PlacedNoise(1, 0, (slice(0, 8), slice(-4, 16))).of_levels(
        [(2, 5, 3), (4, 10, 2)], 8
    )
    for a, b, step in zip(whole, part, (4, 2), strict=True):
        assert np.array_equal(a[:, 8 // step :, 4 // step :], b)
    other = PlacedNoise(1, 1, (slice(-8, 8), slice(-8, 16))).of_levels(shapes, 8)
    assert not np.array_equal(whole[0], other[0])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9), st.floats(0, 1))
def test_ways_between_vectors(seed, t):
    a, b = np.random.default_rng(seed).standard_normal((2, 40))
    straight = between([a], [b], "linear")
    assert straight(t) == (1 - t, t)
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    pieces = [[v[:10], v[10:]] for v in (a, b)]
    u, v = between(*pieces, "spherical")(t)
    point = u * a + v * b
    assert np.linalg.norm(point) == pytest.approx(1)
    angle = np.arccos(np.clip(a @ b, -1, 1))
    assert point @ a == pytest.approx(np.cos(t * angle), abs=1e-6)


def test_the_ends_of_a_way_are_exact():
    a, b = np.random.default_rng(0).standard_normal((2, 40))
    for method in ("spherical", "linear"):
        for end in (b, 2 * a, -a, 0 * a):
            way = between([a], [end], method)
            assert way(0.0) == (1, 0)
            assert way(1.0) == (0, 1)
            assert np.isfinite(way(0.5)).all()


def test_memory_does_not_grow_with_the_latents(tmp_path):
    tile = {"level0": np.ones((64, 64, 64), np.float32)}  # 1 MiB
    alpha, exif = np.zeros((1024, 1024), np.uint8), b"II*\0" + bytes(100_000)
    cut = Tiling(0, 0, 4, 8)
    tracemalloc.start()
    with LatentWriter(tmp_path / "l.npz", ORIGIN) as file:
        for index in range(24):
            file.keep(0, tile)
            file.keep(1, tile)
            metadata = Metadata(exif + b"%d" % index)
            own = Entry(f"{index}.png", 240, 240, cut, metadata=metadata)
            file.add(own, alpha=alpha)
    assert tracemalloc.get_traced_memory()[1] < 12 << 20
    tracemalloc.reset_peak()
    with LatentReader(tmp_path / "l.npz") as file:
        for index in range(24):
            for read in file.tiles(index, 2, [(64, 64, 64)]):
                assert read["level0"].shape == (64, 64, 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "l.npz").stat().st_size > 48 << 20
    assert peak < 12 << 20


def test_entries_know_their_type():
    assert replace(entry("a"), bits=16).dtype == np.uint16
    assert replace(entry("a"), bits=32).dtype == np.float32
