"""Model folders: round trips, damage, strangers' files, old versions."""

from __future__ import annotations

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.tiny import tiny_config
from vaenhance import checkpoint
from vaenhance.errors import ModelError

SHAPES = {"a/kernel": (3, 4), "b": (2,)}
WEIGHTS = {
    "a/kernel": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
    "b": np.array([0.5, -2.0], np.float32),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    checkpoint.save_model(tmp_path / "m", tiny_config(), WEIGHTS, {"title": "t"})
    return tmp_path / "m"


def test_what_is_saved_comes_back(folder):
    assert checkpoint.load_config(folder) == tiny_config()
    card = checkpoint.load_card(folder)
    assert card["title"] == "t"
    assert len(card["weights_sha256"]) == 64
    weights = checkpoint.load_weights(folder, SHAPES)
    for name, value in WEIGHTS.items():
        assert weights[name].dtype == np.float32
        assert np.allclose(weights[name], value, rtol=1e-3)


def test_what_was_measured_of_the_same_weights_stays_in_the_card(folder):
    card = checkpoint.load_card(folder)
    measured = {"weights_sha256": card["weights_sha256"], "test": {"rows": {}}}
    checkpoint.save_card(folder, {**card, "uncertainty": measured})
    checkpoint.save_model(folder, tiny_config(), WEIGHTS, {"title": "again"})
    again = checkpoint.load_card(folder)
    assert (again["title"], again["uncertainty"]) == ("again", measured)
    other = {name: value + 1 for name, value in WEIGHTS.items()}
    checkpoint.save_model(folder, tiny_config(), other, {"title": "other"})
    assert "uncertainty" not in checkpoint.load_card(folder)


def test_numbers_of_a_card_that_are_not_finite_are_unknown(folder):
    (folder / checkpoint.CARD).write_text('{"a": NaN, "b": [-Infinity, 1e999, 0.1]}')
    assert checkpoint.load_card(folder) == {"a": None, "b": [None, None, 0.1]}
    deep = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"
    (folder / checkpoint.CARD).write_text(deep)
    with pytest.raises(ModelError, match="damaged"):
        checkpoint.load_card(folder)


def test_full_precision_is_exact(tmp_path):
    checkpoint.save_model(tmp_path, tiny_config(), WEIGHTS, {}, half=False)
    weights = checkpoint.load_weights(tmp_path, SHAPES)
    assert all(np.array_equal(weights[n], v) for n, v in WEIGHTS.items())


def test_the_same_weights_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        checkpoint.save_model(tmp_path / name, tiny_config(), WEIGHTS, {})
    files = [(tmp_path / n / checkpoint.WEIGHTS).read_bytes() for n in ("one", "two")]
    assert files[0] == files[1]


def test_files_are_put_on_the_disk_through_a_handle_that_may_write(folder, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    modes = []

    def fsync(handle):  # Windows refuses one that may only read
        modes.append(fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE)

    monkeypatch.setattr(os, "fsync", fsync)
    before = checkpoint.load_weights(folder, SHAPES)
    checkpoint.save_model(folder, tiny_config(), WEIGHTS, {"title": "again"})
    assert set(modes) == {os.O_RDWR}
    after = checkpoint.load_weights(folder, SHAPES)
    assert all(np.array_equal(before[name], after[name]) for name in SHAPES)


@pytest.mark.parametrize("at", np.linspace(0.02, 0.98, 13))
def test_a_flipped_byte_or_a_cut_file_never_loads_other_numbers(folder, at):
    path = folder / checkpoint.WEIGHTS
    good = path.read_bytes()
    before = checkpoint.load_weights(folder, SHAPES)
    data = bytearray(good)
    data[int(at * len(data))] ^= 0x55
    for bad in (bytes(data), good[: int(at * len(good))]):
        path.write_bytes(bad)
        try:
            after = checkpoint.load_weights(folder, SHAPES)
        except ModelError:
            continue
        # The byte belonged to nothing that is read.
        assert all(np.array_equal(after[n], before[n]) for n in SHAPES)


def test_other_shapes_and_missing_arrays_are_named(folder):
    with pytest.raises(ModelError, match="another network: weights/b has shape"):
        checkpoint.load_weights(folder, {"b": (3,)})
    with pytest.raises(ModelError, match="another network: it has no weights/c"):
        checkpoint.load_weights(folder, {"c": (3,)})


def rewrite(folder: Path, change) -> None:
    with h5py.File(folder / checkpoint.WEIGHTS, "r+") as file:
        del file["weights/b"]
        change(file)


def test_links_out_of_the_file_are_not_followed(folder, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["b"] = np.array([7.0, 7.0], np.float16)
    for link in (
        h5py.ExternalLink(str(tmp_path / "secret.h5"), "/b"),
        h5py.SoftLink("/weights/a/kernel"),
    ):
        checkpoint.save_model(folder, tiny_config(), WEIGHTS, {})
        rewrite(folder, lambda file, link=link: file.__setitem__("weights/b", link))
        with pytest.raises(ModelError):
            checkpoint.load_weights(folder, SHAPES)


def test_external_and_virtual_arrays_are_not_read(folder, tmp_path):
    (tmp_path / "raw").write_bytes(b"\0" * 8)

    def external(file):
        file.create_dataset(
            "weights/b", (2,), "f4", external=[(str(tmp_path / "raw"), 0, 8)]
        )

    def virtual(file):
        layout = h5py.VirtualLayout((2,), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "x.h5"), "b", (2,))
        file.create_virtual_dataset("weights/b", layout)

    for change in (external, virtual):
        checkpoint.save_model(folder, tiny_config(), WEIGHTS, {})
        rewrite(folder, change)
        with pytest.raises(ModelError, match="not a plain array"):
            checkpoint.load_weights(folder, SHAPES)


def test_a_shape_bomb_is_refused_before_memory_is_taken(folder):
    def bomb(file, **options):
        file.create_dataset("weights/b", (2**40,), "f4", **options)

    for words, options in (
        ("not a plain array", {"chunks": (2**20,)}),
        ("another network", {}),
    ):
        checkpoint.save_model(folder, tiny_config(), WEIGHTS, {})
        rewrite(folder, lambda file, options=options: bomb(file, **options))
        with pytest.raises(ModelError, match=words):
            checkpoint.load_weights(folder, SHAPES)


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    bad = {**WEIGHTS, "b": np.array([np.nan, 1.0], np.float32)}
    checkpoint.save_model(tmp_path, tiny_config(), bad, {})
    with pytest.raises(ModelError, match="not finite"):
        checkpoint.load_weights(tmp_path, SHAPES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged"),
        ("[]", "not a JSON object"),
        ("{}", "not a vaenhance model"),
        ('{"schema_version": 99}', "newer vaenhance"),
        ('{"schema_version": "1"}', "not a vaenhance model"),
        ('{"schema_version": 1, "model": {"widths": [1e99]}}', "model.widths"),
        ('{"schema_version": 1, "modul": {}}', "did you mean model"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_a_bad_configuration_is_one_clear_error(folder, text, words):
    (folder / checkpoint.CONFIG).write_text(text)
    with pytest.raises(ModelError, match=words):
        checkpoint.load_config(folder)


def test_a_folder_that_is_no_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no vaenhance model: no config\.json"):
        checkpoint.load_config(tmp_path)
    with pytest.raises(ModelError, match="neither a built-in model"):
        checkpoint.find_model(tmp_path / "nothing")


def test_states_come_back_and_the_one_before_helps_out(tmp_path):
    shapes = {"network": SHAPES}
    assert checkpoint.load_state(tmp_path, shapes) is None
    for step in (1, 2):
        checkpoint.save_state(tmp_path, {"network": WEIGHTS}, {"step": step})
    groups, progress = checkpoint.load_state(tmp_path, shapes)
    assert progress == {"step": 2}
    assert np.array_equal(groups["network"]["b"], WEIGHTS["b"])
    (tmp_path / checkpoint.STATE).write_bytes(b"power cut")
    assert checkpoint.load_state(tmp_path, shapes)[1] == {"step": 1}
    (tmp_path / checkpoint.PREVIOUS_STATE).write_bytes(b"power cut")
    with pytest.raises(ModelError, match="damaged"):
        checkpoint.load_state(tmp_path, shapes)


def test_progress_is_covered_by_the_checksum(tmp_path):
    checkpoint.save_state(tmp_path, {"network": WEIGHTS}, {"step": 1})
    with h5py.File(tmp_path / checkpoint.STATE, "r+") as file:
        file.attrs["progress"] = json.dumps({"step": 9})
    with pytest.raises(ModelError, match="checksum"):
        checkpoint.load_state(tmp_path, {"network": SHAPES})


def test_a_failing_write_leaves_the_old_file_and_no_other(folder):
    before = (folder / checkpoint.CARD).read_bytes()
    with pytest.raises(TypeError):
        checkpoint.save_model(folder, tiny_config(), WEIGHTS, {"bad": object()})
    assert (folder / checkpoint.CARD).read_bytes() == before
    names = {p.name for p in folder.iterdir()}
    assert names == {checkpoint.CONFIG, checkpoint.WEIGHTS, checkpoint.CARD}


def test_what_a_killed_writer_leaves_behind_is_removed(folder):
    part = folder / ".model.weights.h5.x1.vaenhance-part"
    part.write_bytes(b"half")
    (folder / ".hidden").write_text("the user's")
    checkpoint.remove_leftovers(folder)
    assert not part.exists()
    assert (folder / ".hidden").exists()
