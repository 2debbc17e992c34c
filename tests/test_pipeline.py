"""Batches: a pure function of data, configuration and step."""

from __future__ import annotations

import itertools
import os
import threading
import time

import numpy as np
import pytest

from tests.tiny import tiny_config
from vaenhance.config import PRESETS
from vaenhance.data import windows
from vaenhance.data.dataset import Dataset, open_dataset
from vaenhance.data.pipeline import Pipeline
from vaenhance.data.windows import draw_window
from vaenhance.errors import PhotoError, UsageProblem, VaenhanceError
from vaenhance.photo import save_png
from vaenhance.workflows.validation import Validation


def images(count: int = 6, side: int = 40, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, side, side, channels), np.uint8)


def dataset(count: int = 6, side: int = 40, channels: int = 3) -> Dataset:
    names = [f"i{n}" for n in range(count)]
    return Dataset(names, [(side, side)] * count, images(count, side, channels))


def same(a, b) -> bool:
    return all(
        np.array_equal(getattr(a, n), getattr(b, n)) for n in ("x", "y", "noise_sigma")
    )


def test_a_resumed_run_sees_the_batches_that_the_killed_one_would_have_seen():
    first = Pipeline(dataset(), tiny_config())
    second = Pipeline(dataset(), tiny_config())
    straight = list(itertools.islice(first.batches(0), 12))
    resumed = list(itertools.islice(second.batches(7), 5))
    assert all(same(a, b) for a, b in zip(straight[7:], resumed, strict=True))
    assert not same(straight[0], straight[1])
    first.close()
    second.close()


def test_each_worker_makes_its_own_part_of_every_batch():
    whole = Pipeline(dataset(), tiny_config())
    parts = [Pipeline(dataset(), tiny_config(), part=(i, 2)) for i in range(2)]
    for step in (0, 5):
        first, second = (pipeline.batch(step) for pipeline in parts)
        assert len(first.x) == len(second.x) == 2
        for name in ("x", "y", "noise_sigma"):
            both = np.concatenate([getattr(first, name), getattr(second, name)])
            assert np.array_equal(both, getattr(whole.batch(step), name))
    for pipeline in (whole, *parts):
        pipeline.close()


def test_chunks_smaller_than_a_batch_stay_as_long_as_a_thread_needs_them():
    """As of sixteen photographs of 24 megapixels, which fit into the cache."""
    side = 24
    data = {"cache_megapixels": 16 * side**2 / 1e6, "crops_per_image": 4, "crop": 16}
    config = tiny_config(data=data, training={"batch": 32})

    class Slow(Dataset):
        def read(self, index):
            time.sleep(0.002)
            return super().read(index)

    names, sizes = [f"i{n}" for n in range(16)], [(side, side)] * 16
    slow = Pipeline(Slow(names, sizes, images(16, side)), config)
    assert slow.crops_per_chunk == 16
    found = list(itertools.islice(slow.batches(0), 24))
    assert len(slow._chunks) < 16  # and no longer
    slow.close()
    alone = Pipeline(dataset(16, side), config)
    assert all(same(alone.batch(step), batch) for step, batch in enumerate(found))
    alone.close()


def test_closing_stops_the_threads_in_the_middle_of_a_chunk():
    class Slow(Dataset):
        reads = 0

        def read(self, index):
            self.reads += 1
            closing.wait(0.05)
            return super().read(index)

    closing = threading.Event()
    data = Slow([f"i{n}" for n in range(1000)], [(40, 40)] * 1000, images(1000))
    before = set(threading.enumerate())
    pipeline = Pipeline(data, tiny_config())
    pipeline._makers.submit(pipeline.batch, 0)
    while not data.reads:
        closing.wait(0.01)
    pipeline.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert data.reads < pipeline.images_per_chunk


def test_another_seed_gives_other_batches():
    batches = []
    for seed in (0, 1):
        pipeline = Pipeline(dataset(), tiny_config(training={"seed": seed}))
        batches.append(pipeline.batch(0))
        pipeline.close()
    assert not same(*batches)


def test_batches_have_the_shapes_and_ranges_that_are_promised():
    pipeline = Pipeline(dataset(), tiny_config())
    batch = pipeline.batch(3)
    pipeline.close()
    assert batch.x.shape == batch.y.shape == (4, 16, 16, 3)
    assert batch.x.dtype == batch.y.dtype == np.float32
    assert batch.x.min() >= 0
    assert batch.x.max() <= 1
    assert batch.noise_sigma.shape == (4,)


def test_every_image_is_used_equally_often():
    flat = np.stack([np.full((40, 40, 3), 10 * n, np.uint8) for n in range(6)])
    data = Dataset([f"i{n}" for n in range(6)], [(40, 40)] * 6, flat)
    config = tiny_config(
        data={"crop": 16, "crops_per_image": 2}, degradation={"clean": 1.0}
    )
    pipeline = Pipeline(data, config)
    steps = pipeline.crops_per_chunk // 4
    seen = np.concatenate([pipeline.batch(s).x[:, 0, 0, 0] for s in range(steps)])
    pipeline.close()
    counts = np.bincount(np.round(seen * 25.5).astype(int), minlength=6)
    assert counts.max() - counts.min() <= 2


def test_a_broken_image_is_named_and_left_out():
    class Broken(Dataset):
        def read(self, index):
            if index == 2:
                raise PhotoError("file is truncated")
            return super().read(index)

    whole = dataset()
    data = Broken(whole.names, whole.sizes, images())
    warnings: list[str] = []
    pipeline = Pipeline(data, tiny_config(), warnings.append)
    pipeline.batch(0)
    pipeline.close()
    assert warnings == ["left out i2: file is truncated"]


def test_many_broken_images_stop_the_run():
    class Broken(Dataset):
        def read(self, index):
            raise PhotoError("file is truncated")

    whole = dataset()
    pipeline = Pipeline(Broken(whole.names, whole.sizes, images()), tiny_config())
    with pytest.raises(VaenhanceError, match="cannot be decoded"):
        pipeline.batch(0)
    pipeline.close()


def test_windows_prefer_detail_and_leave_flat_places():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = np.random.default_rng(0).integers(0, 255, (64, 32, 3))
    config = tiny_config(
        data={"crop": 16, "detail_candidates": 4, "flat_threshold": 0.01}
    )
    windows = [
        draw_window(image, config, np.random.default_rng(seed)) for seed in range(20)
    ]
    assert all(w.std() > 0 for w in windows)


@pytest.mark.parametrize(
    ("candidates", "threshold", "expected"),
    [
        (1, 0.0, 0),
        (4, 0.0, 4),
        (4, 1.0, 8),
        (12, 0.0, 12),
        (12, 1.0, 12),
        (16, 0.0, 16),
    ],
)
def test_so_many_windows_are_looked_at_as_are_asked_for(
    candidates, threshold, expected, monkeypatch
):
    looked = []
    detail = windows._detail
    monkeypatch.setattr(windows, "_detail", lambda w: looked.append(w) or detail(w))
    plan = {"detail_candidates": candidates, "flat_threshold": threshold}
    config = tiny_config(data={"crop": 16, **plan})
    draw_window(images()[0], config, np.random.default_rng(0))
    assert len(looked) == expected


@pytest.mark.parametrize("side", [16, 17, 30, 33, 200])
def test_windows_fit_into_small_images(side):
    image = images(1, side)[0]
    for seed in range(5):
        window = draw_window(image, tiny_config(), np.random.default_rng(seed))
        assert 16 <= window.shape[0] == window.shape[1] <= 32


def test_gray_and_colour_become_what_the_model_takes():
    gray = tiny_config(model={**vars(tiny_config().model), "channels": 1})
    rng = np.random.default_rng(0)
    assert draw_window(images()[0], gray, rng).shape[-1] == 1
    assert draw_window(images(channels=1)[0], tiny_config(), rng).shape[-1] == 3


@pytest.mark.parametrize("part", [0.0, 1.0])
def test_half_chroma_is_of_what_is_cut_not_of_what_is_drawn(part):
    cut = tiny_config(data={"crop": 16, "half_chroma": part})
    drawn = tiny_config(data={"crop": 16, "half_chroma": part, "graphics": 1.0})
    plain = [config.replace(data={"half_chroma": 0.0}) for config in (cut, drawn)]
    same = [
        np.array_equal(
            draw_window(images()[0], config, np.random.default_rng(1)),
            draw_window(images()[0], without, np.random.default_rng(1)),
        )
        for config, without in zip((cut, drawn), plain, strict=True)
    ]
    assert same == [part == 0.0, True]


def test_whole_images_are_resized_to_the_crop():
    config = tiny_config(data={"crop": 16, "whole": True, "flip": False})
    rng = np.random.default_rng(0)
    assert draw_window(images()[0], config, rng).shape == (16, 16, 3)


def test_a_folder_is_scanned(tmp_path):
    for name, side in (("a/one.png", 40), ("b/two.png", 40), ("b/small.png", 8)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save_png(images(1, side)[0], tmp_path / name)
    (tmp_path / "b" / "text.png").write_text("not an image")
    (tmp_path / "notes.txt").write_text("not an image either")
    data, scan = open_dataset(tmp_path, 16)
    assert data.names == ["a/one.png", "b/two.png"]
    assert data.labels == [0, 1]
    assert scan.classes == {"a": 1, "b": 1}
    assert [name for name, _ in scan.unreadable] == ["b/text.png"]
    assert scan.too_small == [("b/small.png", "8x8")]
    assert scan.megapixels == pytest.approx(0.0032)
    assert np.array_equal(data.read(1), images(1, 40)[0])


def test_an_npz_is_a_data_set(tmp_path):
    np.savez(tmp_path / "d.npz", x_train=images(3)[..., 0], y_train=np.arange(3))
    for source in (tmp_path / "d.npz", tmp_path):
        data, scan = open_dataset(source, 1)
        assert scan.images == 3
        assert data.read(2).shape == (40, 40, 1)


def test_an_npz_with_objects_is_not_unpickled(tmp_path):
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "d.npz", x_train=objects, allow_pickle=True)
    with pytest.raises(UsageProblem, match="cannot read"):
        open_dataset(tmp_path / "d.npz", 1)


@pytest.mark.parametrize("shape", [(4, 8, 8, 4), (4, 8, 8, 2), (4, 3, 32, 32), (4, 8)])
def test_an_npz_of_other_shapes_is_refused(tmp_path, shape):
    np.savez(tmp_path / "d.npz", x_train=np.zeros(shape, np.uint8))
    with pytest.raises(UsageProblem, match="must be uint8"):
        open_dataset(tmp_path / "d.npz", 8)


def test_what_only_calls_itself_npz_is_refused(tmp_path):
    array, empty = tmp_path / "array.npz", tmp_path / "empty.npz"
    with array.open("wb") as file:
        np.save(file, images())
    empty.write_bytes(b"")
    for path in (array, empty):
        with pytest.raises(UsageProblem, match=r"cannot read .*no \.npz file"):
            open_dataset(path, 8)


def test_a_class_whose_name_is_not_unicode_is_named(tmp_path):
    for name in (b"roses", b"fleurs d\xe9t\xe9"):
        folder = tmp_path / os.fsdecode(name)
        try:
            folder.mkdir()
        except OSError:
            pytest.skip("the disk takes Unicode alone")
        save_png(images(1)[0], folder / "a.png")
    with pytest.raises(UsageProblem, match=r"class folder 'fleurs d\\udce9"):
        open_dataset(tmp_path, 8)


def test_what_holds_no_images_is_named(tmp_path):
    with pytest.raises(UsageProblem, match="no usable image"):
        open_dataset(tmp_path, 16)
    with pytest.raises(UsageProblem, match="neither a folder"):
        open_dataset(tmp_path / "nothing", 16)
    np.savez(tmp_path / "d.npz", other=np.zeros(3))
    with pytest.raises(UsageProblem, match="none of the arrays"):
        open_dataset(tmp_path / "d.npz", 16)


def test_the_fingerprint_follows_names_and_sizes():
    assert dataset().fingerprint() == dataset().fingerprint()
    assert dataset(5).fingerprint() != dataset(6).fingerprint()
    assert dataset(6, 40).fingerprint() != dataset(6, 41).fingerprint()


@pytest.mark.parametrize("network", ["ladder", "look"])
def test_a_held_out_image_that_cannot_be_read_is_named_and_left_out(network):
    class Damaged(Dataset):
        def read(self, index):
            if index == 1:
                raise PhotoError("file is truncated")
            return super().read(index)

    names, sizes = [f"i{n}" for n in range(3)], [(70, 70)] * 3
    held_out = Damaged(names, sizes, images(3, 70))
    config = PRESETS["look"] if network == "look" else tiny_config()
    warnings: list[str] = []
    found = Validation(held_out, config, warnings.append)
    assert len(found._pairs) == 2
    assert warnings == ["left out i1, which was held out: file is truncated"]
    whole = Validation(dataset(3, 70), config)
    for ours, theirs in zip(found._pairs, whole._pairs[::2], strict=True):
        assert np.array_equal(ours[1], theirs[1])  # the others are what they were


def test_drawn_text_does_not_take_the_place_of_what_is_held_out():
    plain, drawn = (
        Validation(dataset(3, 70), tiny_config(data={"graphics": part}))._pairs
        for part in (0.0, 1.0)
    )
    for ours, theirs in zip(plain, drawn, strict=True):
        assert all(map(np.array_equal, ours, theirs))


def test_images_of_the_only_size_of_a_model_are_held_out_in_that_size():
    config = tiny_config(model={"image_size": 16}, data={"crop": 16})
    for x, _, _ in Validation(dataset(3, 70), config)._pairs:
        assert x.shape == (16, 16, 3)


def test_whole_images_have_the_chroma_of_files_where_that_is_asked_for():
    plan = {"crop": 16, "whole": True, "flip": False}
    kinds = {"clean": 1.0, "noise": 0.0, "jpeg": 0.0}
    found = []
    for part in (0.0, 1.0):
        config = tiny_config(data={**plan, "half_chroma": part}, degradation=kinds)
        pipeline = Pipeline(dataset(), config)
        found.append(pipeline.batch(0).x)
        pipeline.close()
    sharp, soft = (np.ptp(x - x.mean(axis=-1, keepdims=True)) for x in found)
    assert soft < sharp
