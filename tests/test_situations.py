"""What disks, other programs and odd names do to a run over a folder.

Everything is real but the model, a stand-in; what needs a small or a locked disk is in
test_disks.
"""

import contextlib
import dataclasses
import errno
import json
import os
import resource
import shutil
import stat
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.stand_in import install
from tests.test_latents import ORIGIN, SHAPES, entry, latents
from vaenhance import checkpoint, photo
from vaenhance.config import Config
from vaenhance.data.dataset import open_dataset
from vaenhance.errors import PhotoError, TargetTaken, UsageProblem, VaenhanceError
from vaenhance.latents import LatentReader, LatentWriter
from vaenhance.photo import leftovers, reading, source
from vaenhance.workflows import evaluate, interpolate, sample
from vaenhance.workflows.prepare import check_folder

posix = pytest.mark.skipif(os.name != "posix", reason="names and limits of POSIX")


@pytest.fixture
def model(monkeypatch):
    return install(monkeypatch)


@pytest.fixture
def run(invoke, model, tmp_path, monkeypatch):
    """vaenhance enhance ..., in an empty folder, with the stand-in."""
    monkeypatch.chdir(tmp_path)

    def enhance(*arguments, exit_code=0, **options):
        return invoke("enhance", *arguments, exit_code=exit_code, **options)

    return enhance


def save(name, side=6, seed=0) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (side, side + 1, 3), np.uint8)
    with path.open("wb") as file:  # the name may say nothing of the format
        Image.fromarray(pixels).save(file, format="BMP")
    return path


def contents(folder) -> dict[str, bytes]:
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


def is_negative(new, old) -> bool:
    with Image.open(new) as one, Image.open(old) as other:
        return np.array_equal(np.asarray(one), 255 - np.asarray(other))


# === Files that change ===


@pytest.mark.parametrize("name", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("is_cut", [False, True])
def test_a_file_that_is_written_to_while_it_is_read_is_named(
    tmp_path, monkeypatch, name, is_cut
):
    path = tmp_path / "photo"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    empty = photo.Photo(pixels, None, False, name, photo.Metadata())
    data = photo.encode_photo(empty, pixels)
    path.write_bytes(data)
    usual = reading._open

    def busy(stream):
        opened = usual(stream)

        def decode():
            path.write_bytes(data[: len(data) // 2] if is_cut else data + b"more")
            return opened.decode()

        return dataclasses.replace(opened, decode=decode)

    monkeypatch.setattr(reading, "_open", busy)
    with pytest.raises(PhotoError, match=r"^file was changed while it was read"):
        photo.read_photo(path)
    monkeypatch.undo()
    path.write_bytes(data)
    photo.read_photo(path)


def test_a_file_that_gets_another_name_while_it_is_read_is_read(tmp_path, monkeypatch):
    path = tmp_path / "photo.bmp"
    save(path, seed=1)
    usual = reading._open

    def busy(stream):
        save(tmp_path / "new.bmp", seed=2).replace(path)
        return usual(stream)

    monkeypatch.setattr(reading, "_open", busy)
    picture = photo.read_photo(path)
    wanted = np.random.default_rng(1).integers(0, 256, (6, 7, 3), np.uint8)
    assert np.array_equal(picture.pixels, wanted)


def test_a_source_that_vanishes_or_changes_its_size_harms_no_other(run, model):
    save("in/a.bmp")
    usual = model.enhance

    def enhance(image, **settings):
        if not model.calls:
            save("in/c.bmp", side=9, seed=3)  # it is read later
            Path("in/b.bmp").unlink()
        return usual(image, **settings)

    model.enhance = enhance
    for index in range(30):  # more than are read ahead
        save(f"in/a{index:02}.bmp")
    for name in "bc":
        save(f"in/{name}.bmp")
    result = run("in", "out", exit_code=1)
    assert "in/b.bmp: file not found" in result.stderr
    assert "32 enhanced, 1 failed." in result.stderr
    assert is_negative("out/c.bmp", "in/c.bmp")
    assert not Path("out/b.bmp").exists()


def test_a_copy_of_a_file_that_changes_is_no_mixture(run, monkeypatch):
    save("in/a.bmp")
    usual = photo.read_bytes

    def busy(path):
        with monkeypatch.context() as patch:
            patch.setattr(source, "_version", lambda stream: object())
            return usual(path)

    monkeypatch.setattr(photo, "read_bytes", busy)
    result = run("in", "out", "--strength", 0, exit_code=1)
    assert "in/a.bmp: file was changed while it was read" in result.stderr
    assert not Path("out").exists()


# === Disks ===


@posix
def test_what_is_too_large_for_the_disk_fails_alone(run):
    save("in/large.bmp", side=200)
    save("in/small.bmp")
    before = contents("in")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        result = run("in", "out", exit_code=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "in/large.bmp: cannot be written: the file is too large" in result.stderr
    assert "1 enhanced, 1 failed." in result.stderr
    assert list(contents("out")) == ["out/small.bmp"]
    assert "1 enhanced, 1 skipped." in run("in", "out").stderr
    assert is_negative("out/large.bmp", "in/large.bmp")
    assert contents("in") == before


def test_a_target_that_disappears_is_made_again(run, model):
    for name in "abc":
        save(f"in/d/{name}.bmp")
    before, usual = contents("in"), model.enhance

    def enhance(image, **settings):
        if len(model.calls) == 2:
            while list(contents("out")) != ["out/d/a.bmp", "out/d/b.bmp"]:
                time.sleep(0.01)
            shutil.rmtree("out")
        return usual(image, **settings)

    model.enhance = enhance
    result = run("in", "out")
    assert "3 enhanced." in result.stderr
    assert "out/d/c.bmp" in contents("out")
    run("in", "out")
    assert sorted(contents("out")) == [f"out/d/{name}.bmp" for name in "abc"]
    assert contents("in") == before


def test_a_target_that_becomes_a_file_is_named(run, model):
    for name in "ab":
        save(f"in/{name}.bmp")
    usual = model.enhance

    def enhance(image, **settings):
        if not model.calls:
            Path("out").write_text("mine")
        return usual(image, **settings)

    model.enhance = enhance
    result = run("in", "out", exit_code=1)
    assert "2 failed." in result.stderr and "out cannot be made" in result.stderr
    assert Path("out").read_text() == "mine"


def test_what_came_to_be_there_stays_whatever_the_command(tmp_path):
    latent_file, sheet = tmp_path / "latents.npz", tmp_path / "sheet.png"
    plan = sample.make_plan(sheet, sample.Settings())
    images = [np.zeros((4, 4, 3), np.uint8)]
    with pytest.raises(TargetTaken), LatentWriter(latent_file, ORIGIN) as file:
        file.add(entry("a.png"), latents(0))
        latent_file.write_text("mine")
    sheet.write_text("mine")
    made = iter([interpolate.Made(b"data", 4, 4)])
    for writing in (
        sample.write(images, plan, sample.Settings()),
        interpolate.write(made, plan),
    ):
        with pytest.raises(VaenhanceError, match="has come to be there"):
            list(writing)
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine"}
    assert len(list(tmp_path.iterdir())) == 2
    plan = sample.make_plan(sheet, sample.Settings(), overwrite=True)
    list(sample.write(images, plan, sample.Settings()))
    with LatentWriter(latent_file, ORIGIN, overwrite=True) as file:
        file.add(entry("a.png"), latents(0))
    assert not {path.read_bytes() for path in tmp_path.iterdir()} & {b"mine"}


def test_what_a_killed_run_left_goes_even_if_nothing_is_to_be_done(run):
    save("in/a.bmp")
    run("in", "out")
    stray = Path(f"out/.vaenhance-{leftovers._HOST}-0123456789abcdef.tmp")
    stray.write_bytes(b"half")
    leftovers._tidied.clear()  # as in a new process
    assert "0 enhanced, 1 skipped." in run("in", "out").stderr
    assert list(contents("out")) == ["out/a.bmp"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to step down"
)
def test_permissions_are_respected_and_named(run, tmp_path, monkeypatch):
    # Neither pytest's folders nor the checkout need be open to others.
    places = [tmp_path, *tmp_path.parents]
    places = [place for place in places if not place.stat().st_mode & stat.S_IXOTH]
    models = tmp_path / "models"
    (models / "photo").mkdir(parents=True)
    shutil.copy(checkpoint.BUILTIN / "photo" / "config.json", models / "photo")
    monkeypatch.setattr(checkpoint, "BUILTIN", models)
    modes = [place.stat().st_mode for place in places]
    save("in/a.bmp")
    run("in", "warm-up")  # modules may lie where nobody else reads
    save("in/secret.bmp").chmod(0)
    Path("in/locked").mkdir(mode=0o700)
    save("in/locked/b.bmp")
    Path("out").mkdir(mode=0o777)
    Path("out").chmod(0o777)
    Path("closed").mkdir(mode=0o755)
    before = contents("in")
    for place in places:
        place.chmod(0o755)
    os.setresuid(65534, 65534, 0)
    try:
        result = run("in", "out", exit_code=1)
        closed = run("in", "closed", exit_code=1)
    finally:
        os.setresuid(0, 0, 0)
        for place, mode in zip(places, modes, strict=True):
            place.chmod(mode)
    assert "in/secret.bmp: permission denied" in result.stderr
    assert "in/locked: the folder cannot be listed: Permission denied" in result.stderr
    assert "1 enhanced, 2 failed." in result.stderr
    assert list(contents("out")) == ["out/a.bmp"]
    assert "permission denied in the folder closed" in closed.stderr
    assert contents("closed") == {} and contents("in") == before


def test_a_model_folder_must_be_writable_for_the_worker_that_writes(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    folder = tmp_path / "m"
    workers = {"worker": ["one:1", "two:1"]}
    for index, is_refused in ((None, True), (0, True), (1, False)):
        if index is not None:
            task = {"type": "worker", "index": index}
            told = json.dumps({"cluster": workers, "task": task})
            monkeypatch.setenv("TF_CONFIG", told)
        refused = pytest.raises(UsageProblem, match="permission denied in the folder")
        with refused if is_refused else contextlib.nullcontext():
            check_folder(folder, Config())


# === Names ===

NAMES = [
    "line\nbreak.bmp",
    "tab\tand \x1b[31mcolour.bmp",
    "\U0001f431\u200d\U0001f464.bmp",
    "-o.bmp",
    "--overwrite.bmp",
    " blanks .bmp",
    "'quotes\" $HOME `id` *?[a].bmp",
    "back\\slash.bmp",
    "12:30.bmp",
    "n" * 251 + ".bmp",
    "\u00e9" * 125 + ".bmp",
    os.fsdecode(b"caf\xe9 \xff.bmp"),
    "e\u0301.bmp",
    "\u00e9.bmp",
]


@posix
def test_every_name_is_a_name(run):
    for index, name in enumerate(NAMES):
        save(Path("in") / name, seed=index)
    before = contents("in")
    result = run("in", "out", "--json", "-v")
    assert {path[4:] for path in contents("out")} == {path[3:] for path in before}
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert {record["source"] for record in records} == set(before)
    for name in NAMES:
        assert is_negative(Path("out") / name, Path("in") / name)
    # Words stay on their line, and terminals are not driven.
    assert len(result.stderr.splitlines()) == len(NAMES) + 3
    assert "\x1b" not in result.stderr
    assert contents("in") == before
    assert f"0 enhanced, {len(NAMES)} skipped." in run("in", "out").stderr


@posix
@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_given_alone(run, name):
    save(name)
    run("--", name, "out/")
    assert is_negative(Path("out") / name, name)
    longer = len(os.fsencode(name)) + len(".enhanced") > 255
    result = run("--", name, exit_code=1 if longer else 0)
    if longer:
        assert "the name is too long for the file system" in result.stderr
    else:
        assert is_negative(Path(f"{name[:-4]}.enhanced.bmp"), name)
    assert not list(Path().glob(".vaenhance*"))


@posix
def test_names_survive_in_a_file_of_latents(tmp_path):
    path = tmp_path / "latents.npz"
    with LatentWriter(path, ORIGIN) as file:
        for index, name in enumerate(NAMES):
            file.add(entry(f"d/{name}"), latents(index))
    with LatentReader(path) as file:
        assert [one.name for one in file.entries] == [f"d/{name}" for name in NAMES]
        for index in range(len(NAMES)):
            (tile,) = file.tiles(index, 1, SHAPES)
            wanted = latents(index).tiles[0]["level0"]
            assert np.array_equal(tile["level0"], wanted)


@posix
def test_training_and_evaluation_take_every_name(tmp_path):
    for index, name in enumerate(NAMES):
        save(tmp_path / name, seed=index)
    dataset, scan = open_dataset(tmp_path, 1)
    assert sorted(dataset.names) == sorted(NAMES) and not scan.unreadable
    assert len(dataset.fingerprint()) == 64
    assert len({evaluate._key(name) for name in NAMES[:-1]}) == len(NAMES) - 1
    assert evaluate._key(NAMES[-1]) == evaluate._key(NAMES[-2])


def test_links_and_loops(run):
    save("elsewhere/original.bmp", seed=1)
    save("in/a.bmp", seed=2)
    Path("in/loop").symlink_to("..", target_is_directory=True)
    Path("in/self.bmp").symlink_to("self.bmp")
    Path("in/nowhere.bmp").symlink_to("missing.bmp")
    Path("in/linked.bmp").symlink_to("../elsewhere/original.bmp")
    Path("in/folder").symlink_to("../elsewhere", target_is_directory=True)
    Path("out").mkdir()
    Path("out/linked.bmp").symlink_to("nowhere")
    before = contents("elsewhere") | contents("in")
    result = run("in", "out", exit_code=1)
    assert "3 enhanced, 2 failed." in result.stderr
    assert "  in/nowhere.bmp: file not found\n" in result.stderr
    assert "  in/self.bmp: Too many levels of symbolic links\n" in result.stderr
    assert is_negative("out/a.bmp", "in/a.bmp")
    assert is_negative("out/linked.bmp", "in/linked.bmp")
    assert not Path("out/linked.bmp").is_symlink()
    assert contents("elsewhere") | contents("in") == before


# === Disks that do not tell A from a ===


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_names_that_differ_in_case_only(run, options):
    save("in/A.bmp", seed=1)
    save("in/a.bmp", seed=2)
    if len(contents("in")) < 2:
        pytest.skip("the disk does not tell A from a")
    for _ in range(2):
        run("in", "out", *options)
        assert is_negative("out/A.bmp", "in/A.bmp")
        assert is_negative("out/a.bmp", "in/a.bmp")


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_a_disk_that_has_one_name_for_two_is_noticed(run, monkeypatch, options):
    save("in/A.bmp", seed=1)
    save("in/a.bmp", seed=2)
    usual = photo.write_atomic

    def write(data, target, **how):
        usual(data, target, **how)
        other = target.with_name(target.name.swapcase()[0] + target.name[1:])
        other.unlink(missing_ok=True)
        os.link(target, other)

    monkeypatch.setattr(photo, "write_atomic", write)
    result = run("in", "out", *options, exit_code=1)
    assert "in/a.bmp: a file of the name a.bmp has come to be there" in result.stderr
    assert is_negative("out/a.bmp", "in/A.bmp")
    again = run("in", "out", *options, exit_code=1)
    why = "the folder takes its name for that of out/A.bmp"
    assert f"in/a.bmp: cannot be written: {why}" in again.stderr
    assert is_negative("out/a.bmp", "in/A.bmp")


def test_reasons_of_the_system_reach_the_user(run, monkeypatch):
    save("in/a.bmp")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = run("in", "out", exit_code=1)
    assert "cannot be written: no space left on the disk" in result.stderr
    assert contents("out") == {}
