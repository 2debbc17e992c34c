"""Model folders from strangers: one clear error, no code run, memory bounded first."""

from __future__ import annotations

import itertools
import json
import pickle
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.tiny import calibrate_tiny_model
from vaenhance import checkpoint, checkpoint_files
from vaenhance.checkpoint_calibration import CALIBRATION, load_calibration
from vaenhance.checkpoint_styles import STYLES, load_styles, style_names
from vaenhance.config import Config, ModelConfig, named_preset, start_side
from vaenhance.config.size import MOST_WEIGHTS, most_weights
from vaenhance.errors import ConfigError, ModelError
from vaenhance.grading_style import STATISTICS
from vaenhance.workflows.card import hours_of

OLD = Path(__file__).parent / "models" / "0.1.0"
LONGEST = 600  # characters of a message, with the folder's name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "model"))


def shapes_of(folder: Path) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            found[name] = node.shape

    with h5py.File(folder / checkpoint.WEIGHTS) as file:
        file["weights"].visititems(visit)
    return found


SHAPES = shapes_of(OLD)


def one_line(error: BaseException) -> bool:
    text = str(error)
    return 0 < len(text) < LONGEST and "\n" not in text


# === An older version's model ===


def test_a_model_of_an_older_version_gives_what_it_gave():
    """Made by commit 920b9fa of version 0.1.0, which also made the picture.

    That version saw zeros beyond the border; the middle does not know of them.
    """
    import vaenhance
    from vaenhance.photo import read_photo

    y, x = np.mgrid[0:96, 0:96]
    planes = (x * 2 + y) % 256, (x * y) % 256, (255 - x - y) % 256
    image = np.stack(planes, -1).astype(np.uint8)
    model = vaenhance.load_model(OLD, device="cpu", precision="float32")
    given = model.enhance(image)[32:64, 32:64].astype(int)
    expected = read_photo(OLD.with_name("0.1.0.png")).pixels.astype(int)
    assert abs(given - expected).max() <= 1
    assert expected.std() > 5


# === Weights ===


def damages(data: bytes, parts: int = 16) -> list[bytes]:
    """Every part of a file flipped, zeroed, full of ones, repeated; and cuts."""
    chance, found = random.Random(5), []
    edges = [round(i * len(data) / parts) for i in range(parts + 1)]
    for start, end in itertools.pairwise(edges):
        flipped = bytearray(data)
        for _ in range(3):
            flipped[chance.randrange(start, end)] ^= 1 << chance.randrange(8)
        short = slice(start, min(start + chance.choice((1, 8, 200)), end))
        length = short.stop - short.start
        for filling in (bytes(length), b"\xff" * length):
            found.append(data[: short.start] + filling + data[short.stop :])
        found += [bytes(flipped), data[:start]]
    return found


def test_damage_in_every_part_of_the_weights_is_seen(folder):
    path, before = folder / checkpoint.WEIGHTS, checkpoint.load_weights(folder, SHAPES)
    seen = 0
    for data in damages(path.read_bytes()):
        path.write_bytes(data)
        try:
            after = checkpoint.load_weights(folder, SHAPES)
        except ModelError as error:
            assert one_line(error)
            seen += 1
        else:  # it belonged to nothing that is read
            assert all(np.array_equal(after[name], before[name]) for name in SHAPES)
    assert seen > 30


@pytest.mark.parametrize(
    "name", [checkpoint.CONFIG, checkpoint.CARD, CALIBRATION, STYLES]
)
def test_damage_in_every_part_of_the_other_files_is_one_line(folder, name):
    calibrate_tiny_model(folder)
    style = {"look": [0.5, 1.0], "colours": [1.0] * STATISTICS}
    (folder / STYLES).write_text(json.dumps({"a": style, "b": style}))
    read = {
        checkpoint.CONFIG: lambda: checkpoint.load_config(folder),
        checkpoint.CARD: lambda: checkpoint.load_card(folder),
        CALIBRATION: lambda: load_calibration(folder),
        STYLES: lambda: load_styles(folder, 2),
    }[name]
    read()
    refused = 0
    for data in damages((folder / name).read_bytes()):
        (folder / name).write_bytes(data)
        try:
            read()
        except ModelError as error:
            assert one_line(error)
            refused += 1
    assert refused > 30


def test_files_of_another_model_are_one_line_and_exit_code_two(
    folder, tmp_path, invoke
):
    image, out = OLD.with_name("0.1.0.png"), tmp_path / "out.png"
    for name in ("photo", "digits", "look"):
        other = checkpoint.find_model(name)
        shutil.copy(other / checkpoint.CONFIG, folder / checkpoint.CONFIG)
        result = invoke("enhance", image, out, "-m", folder, exit_code=2)
        assert len(result.stderr.splitlines()) == 1, result.stderr
        assert result.stderr.startswith("vaenhance: ")
    assert not out.exists()


def test_weights_of_another_model_are_refused(folder):
    for name in ("photo", "digits", "look"):
        other = checkpoint.find_model(name)
        shutil.copy(other / checkpoint.WEIGHTS, folder / checkpoint.WEIGHTS)
        with pytest.raises(ModelError, match="belongs to another network"):
            checkpoint.load_weights(folder, SHAPES)


@pytest.mark.parametrize(
    "value", [np.zeros(5), 7, "x" * 100_000, np.void(pickle.dumps(print)), b"\xff"]
)
def test_a_checksum_that_is_none_is_refused(folder, value):
    with h5py.File(folder / checkpoint.WEIGHTS, "r+") as file:
        del file.attrs["sha256"]
        try:
            file.attrs["sha256"] = value
        except OSError:  # too large for an attribute
            return
    with pytest.raises(ModelError) as caught:
        checkpoint.load_weights(folder, SHAPES)
    assert one_line(caught.value)


def test_newer_kinds_of_hdf5_are_not_opened(folder):
    path = folder / checkpoint.WEIGHTS
    assert path.read_bytes()[8] == 0
    with h5py.File(path, "w", libver="latest") as file:
        file["weights/x"] = np.zeros(3)
    with pytest.raises(ModelError, match="does not begin as weights of"):
        checkpoint.load_weights(folder, SHAPES)
    path.write_bytes(bytes(512) + (OLD / checkpoint.WEIGHTS).read_bytes())
    with pytest.raises(ModelError, match="does not begin as weights of"):
        checkpoint.load_weights(folder, SHAPES)
    for name in ("state", "weights"):
        again = folder / f"{name}.h5"
        checkpoint_files.write_h5(again, {"a": {"b": np.zeros(2)}}, {})
        assert again.read_bytes()[8] == 0


def test_packed_weights_are_no_plain_array(folder):
    """Contiguous numbers take in memory what they take on the disk; others may not."""
    name = min(SHAPES)
    with h5py.File(folder / checkpoint.WEIGHTS, "r+") as file:
        value = file[f"weights/{name}"][()]
        del file[f"weights/{name}"]
        file.create_dataset(
            f"weights/{name}", data=value, chunks=value.shape, compression="gzip"
        )
    with pytest.raises(ModelError, match="not a plain array"):
        checkpoint.load_weights(folder, SHAPES)


# === Words and numbers ===

ODD = (
    *(None, True, -1, 0, 3, 10**400, -(10**400), 1e308, 0.5, float("nan")),
    *("", "x", "\n", "é" * 10_000, "../../etc/passwd", [], [[]], [None], {}, {"a": {}}),
    *([1e9] * 5_000, [1] * 65, {"class_name": "Lambda", "config": {"f": "4wEA"}}),
)


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(data))
    node = copy
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return copy


def paths(data: Any, start: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data[:2])
    found = []
    for key, value in items:
        found.append((*start, key))
        if isinstance(value, dict | list):
            found += paths(value, (*start, key))
    return found


def odd_versions(data: Any, each: int) -> Iterator[str]:
    """JSON with one value replaced; each place gets some odd ones, in turn."""
    turn = itertools.cycle(ODD)
    for place in paths(data):
        for value in itertools.islice(turn, each):
            yield json.dumps(changed(data, place, value))


def try_all(path: Path, read: Any, each: int = len(ODD)) -> tuple[int, int]:
    """Reads odd versions of a file; (read, refused)."""
    counts = [0, 0]
    for text in odd_versions(json.loads(path.read_text()), each):
        path.write_text(text)
        try:
            read()
        except ModelError as error:
            assert one_line(error), text[:2000]
            counts[1] += 1
        else:
            counts[0] += 1
    return counts[0], counts[1]


def test_odd_values_anywhere_in_a_configuration_are_refused(folder):
    read, refused = try_all(
        folder / checkpoint.CONFIG, lambda: checkpoint.load_config(folder), each=5
    )
    assert refused > read > 10


def test_odd_values_anywhere_in_a_calibration_are_refused(folder):
    calibrate_tiny_model(folder)
    _, refused = try_all(folder / CALIBRATION, lambda: load_calibration(folder))
    assert refused > 100


def test_odd_values_anywhere_in_styles_are_refused(folder):
    style = {"look": [0.5, 1.0], "colours": [1.0] * STATISTICS}
    (folder / STYLES).write_text(json.dumps({"a": style, "b": style}))

    def read() -> None:
        style_names(folder)
        load_styles(folder, 2)

    _, refused = try_all(folder / STYLES, read)
    assert refused > 60
    (folder / STYLES).write_text(json.dumps({"\n" * 300: {}}))
    with pytest.raises(ModelError) as caught:
        read()
    assert one_line(caught.value)


def test_odd_values_in_a_card_harm_nobody(folder, invoke):
    card = {"title": "t", "data": {"images": 1}, "training": {"hours": 1.0}}
    for text in odd_versions(card, 4):
        (folder / checkpoint.CARD).write_text(text)
        invoke("info", folder)


def test_hours_of_a_card_are_a_number_whatever_it_says():
    card = {"training": {"hours": 1.5, "hours_before": 2}}
    assert hours_of(card) == 3.5
    assert all(hours_of(json.loads(text)) >= -1 for text in odd_versions(card, 23))


@pytest.mark.parametrize(
    "text",
    [
        *("", "nul", "[]", '"x"', "{", "\ufeff{}", "[" * 200_000, '{"a":' * 200_000),
        *('{"schema_version": 1e400}', '{"schema_version": ' + "9" * 5000 + "}"),
        '{"schema_version": 2}',
        '{"schema_version": 1, "model": {"' + "x" * 100_000 + '": 1}}',
        '{"schema_version": 1, "' + "\\n" * 50 + '": {}}',
        " " * (5 << 20),
    ],
)
@pytest.mark.parametrize("name", [checkpoint.CONFIG, CALIBRATION])
def test_what_is_no_description_is_one_clear_error(folder, name, text):
    (folder / name).write_text(text)
    read = checkpoint.load_config if name == checkpoint.CONFIG else load_calibration
    with pytest.raises(ModelError) as caught:
        read(folder)
    assert one_line(caught.value)


def test_a_configuration_never_asks_for_gigabytes(folder):
    """With every number in its range; refused before anything is built."""
    huge: list[dict[str, Any]] = [
        {
            "widths": [1024] * 8,
            "encoder_blocks": [30] * 8,
            "decoder_blocks": [30] * 8,
            "latent_channels": [512] * 8,
        },
        {"network": "mlp", "image_size": 1024, "latent_channels": [2]},
        {
            "network": "mlp",
            "image_size": 8,
            "latent_channels": [2],
            "hidden": [8192] * 9,
        },
        {"classes": [f"{i}" for i in range(4096)], "image_size": 1024},
        {"prior_width": 1024, "prior_blocks": 64, "prior_steps": 64},
    ]
    good = json.loads((folder / checkpoint.CONFIG).read_text())
    for model in huge:
        data = {**good, "model": model, "data": {"crop": 64}}
        (folder / checkpoint.CONFIG).write_text(json.dumps(data))
        with pytest.raises(ModelError, match=r"million weights|blocks; at most"):
            checkpoint.load_config(folder)


def test_the_bound_of_the_weights_holds():
    """Against networks that are built."""
    from vaenhance.runtime import import_tensorflow

    import_tensorflow()
    from vaenhance.model.build import build_network

    small = {"widths": (6, 8, 10), "latent_channels": (4, 6, 5)}
    models = [
        checkpoint.load_config(OLD).model,
        named_preset("look").model,
        ModelConfig(strides=(4, 2), unshuffle=1, **small),
        ModelConfig(classes=("a", "b"), image_size=32, prior_width=7, **small),
        ModelConfig(scales=(2, 4), context_blocks=(1, 0, 2), **small),
        ModelConfig(network="mlp", image_size=6, latent_channels=(3,)),
    ]
    for model in models:
        variables = build_network(model).variables
        weights = sum(int(np.prod(v.shape)) for v in variables)
        bound = most_weights(model, start_side(model))
        assert weights <= bound < 1.4 * weights + 70_000
        assert bound < MOST_WEIGHTS


def test_lists_have_an_end():
    with pytest.raises(ConfigError, match=r"model.hidden has 65 numbers; at most 64"):
        Config().replace(model={"hidden": (1,) * 65})


# === Code ===


class Canary:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_nothing_in_a_model_folder_is_ever_run(folder, tmp_path, invoke):
    canary = tmp_path / "canary"
    pickled = pickle.dumps(Canary(canary))
    pickle.loads(pickled)
    assert canary.exists()  # it would sing
    canary.unlink()
    code = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    layer = {"class_name": "Lambda", "config": {"function": code, "module": "os"}}
    with h5py.File(folder / checkpoint.WEIGHTS, "r+") as file:
        file.attrs["model_config"] = json.dumps(layer)
        file.attrs["pickle"] = np.void(pickled)
        file["weights"].attrs["keras_version"] = np.void(pickled)
        file["object"] = np.void(pickled)
    for name in ("saved_model.pb", "keras_metadata.pb", "model.keras", "__init__.py"):
        (folder / name).write_text(code)
    card = {"title": code, "training": {"hours": code}, "config": layer}
    (folder / checkpoint.CARD).write_text(json.dumps(card))
    invoke("info", folder)
    checkpoint.load_weights(folder, SHAPES)
    config = json.loads((folder / checkpoint.CONFIG).read_text())
    image = OLD.with_name("0.1.0.png")
    for place, value in ((("model", "network"), code), (("model", "f"), layer)):
        data = json.dumps(changed(config, place, value))
        (folder / checkpoint.CONFIG).write_text(data)
        out = tmp_path / "out.png"
        result = invoke("enhance", image, out, "-m", folder, exit_code=2)
        assert result.stderr.startswith("vaenhance: ")
        assert len(result.stderr.splitlines()) == 1
        assert not out.exists()
    assert not canary.exists()


@pytest.mark.parametrize("damaged", [checkpoint.WEIGHTS, checkpoint.CARD])
def test_a_damaged_model_is_one_line_and_exit_code_two(
    folder, tmp_path, invoke, damaged
):
    path = folder / damaged
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    out = tmp_path / "out.png"
    image = OLD.with_name("0.1.0.png")
    result = invoke("enhance", image, out, "-m", folder, exit_code=2)
    assert len(result.stderr.splitlines()) == 1
    assert str(path) in result.stderr
    assert not out.exists()


def test_a_calibration_of_another_network_is_refused(folder, tmp_path, invoke):
    calibrate_tiny_model(folder)
    data = json.loads((folder / CALIBRATION).read_text())
    for name in ("feature_mean", "feature_deviation"):
        data[name].append(1.0)
    data["layers"][0]["kernel"].append([0.0])
    (folder / CALIBRATION).write_text(json.dumps(data))
    image, out = OLD.with_name("0.1.0.png"), tmp_path / "out.png"
    given = ("enhance", image, out, "-m", folder, "--uncertainty")
    result = invoke(*given, exit_code=2)
    assert "is of another network: run vaenhance calibrate" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


# === Training states ===


def test_a_state_of_other_words_is_refused(tmp_path):
    weights = {"network": {"a": np.zeros(3, np.float32)}}
    shapes = {"network": {"a": (3,)}}
    for progress in ("{", "[]", '"x"', "[" * 100_000, ""):
        path = tmp_path / checkpoint.STATE
        checkpoint.save_state(tmp_path, weights, {"step": 1})
        path.with_name("state.previous.h5").unlink(missing_ok=True)
        with h5py.File(path, "r+") as file:
            try:
                file.attrs["progress"] = progress
            except OSError:  # too large for an attribute
                continue
            flat = {"network/a": file["network/a"][()]}
            file.attrs["sha256"] = checkpoint.digest(flat, progress)
        with pytest.raises(ModelError) as caught:
            checkpoint.load_state(tmp_path, shapes)
        assert one_line(caught.value)


def test_damage_in_every_part_of_a_state_is_seen(tmp_path):
    rng = np.random.default_rng(0)
    weights = {"network": {"a": rng.random((40, 30)), "b": rng.random(5)}}
    shapes = {"network": {"a": (40, 30), "b": (5,)}}
    checkpoint.save_state(tmp_path, weights, {"step": 3})
    path = tmp_path / checkpoint.STATE
    for data in damages(path.read_bytes(), 8):
        path.write_bytes(data)
        try:
            groups, progress = checkpoint.load_state(tmp_path, shapes)
        except ModelError as error:
            assert one_line(error)
        else:
            assert progress == {"step": 3}
            assert np.array_equal(groups["network"]["a"], weights["network"]["a"])
