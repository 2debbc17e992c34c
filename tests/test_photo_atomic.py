"""write_atomic: the file is whole, or as it was before, and nothing else is there."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vaenhance.errors import PhotoError, TargetTaken
from vaenhance.photo import atomic_stream, leftovers, write_atomic

posix = pytest.mark.skipif(os.name != "posix", reason="needs locks of POSIX")


def test_bytes_arrive_and_replace_what_was_there(tmp_path):
    target = tmp_path / "a b ä.png"
    write_atomic(b"first", target)
    write_atomic(b"second", target)
    assert target.read_bytes() == b"second"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("name", ["fsync", "write", "replace"])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), RuntimeError("bug")]
)
@pytest.mark.parametrize("exists", [False, True])
def test_a_failing_write_leaves_nothing(tmp_path, monkeypatch, name, error, exists):
    target = tmp_path / "photo.jpg"
    if exists:
        target.write_bytes(b"original")

    def fail(*args: object) -> None:
        raise error

    if name == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    elif name == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    else:
        real = os.fdopen

        def failing_file(*args, **kwargs):
            stream = real(*args, **kwargs)
            stream.write(b"half")
            stream.flush()
            stream.close()
            raise error

        monkeypatch.setattr(os, "fdopen", failing_file)
    expected = PhotoError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as caught:
        write_atomic(b"new bytes", target)
    if expected is PhotoError:
        assert "no space left on the disk" in str(caught.value)
        assert caught.value.__cause__ is error
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"] * exists
    if exists:
        assert target.read_bytes() == b"original"


def test_the_temporary_file_is_hidden_and_in_the_same_folder(tmp_path, monkeypatch):
    seen = []
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda fd: (seen.extend(tmp_path.iterdir()), real(fd))
    )
    write_atomic(b"x", tmp_path / "photo.jpg")
    assert seen[0].name.startswith(".")
    assert seen[0].suffix == ".tmp"


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_permissions_follow_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomic(b"x", tmp_path / "photo.jpg")
    finally:
        os.umask(before)
    mode = stat.S_IMODE((tmp_path / "photo.jpg").stat().st_mode)
    assert mode == 0o666 & ~umask


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(PhotoError, match="the folder does not exist"):
        write_atomic(b"x", tmp_path / "missing" / "photo.jpg")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PhotoError, match="the folder does not exist"):
        write_atomic(b"x", tmp_path / "file" / "photo.jpg")


def test_a_folder_of_that_name(tmp_path):
    (tmp_path / "photo.jpg").mkdir()
    with pytest.raises(PhotoError, match="a folder has this name"):
        write_atomic(b"x", tmp_path / "photo.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_name_as_long_as_the_system_allows(tmp_path):
    target = tmp_path / ("n" * 251 + ".png")
    write_atomic(b"x", target)
    assert target.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
        (errno.EDQUOT, "quota"),
    ],
)
def test_reasons_in_words(tmp_path, monkeypatch, number, reason):
    def refuse(*args: object) -> int:
        raise OSError(number, "in the words of the system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PhotoError, match=f"^cannot be written: .*{reason}"):
        write_atomic(b"x", tmp_path / "photo.jpg")


def test_a_link_is_replaced_and_its_target_unharmed(tmp_path):
    original = tmp_path / "original.jpg"
    original.write_bytes(b"original")
    (tmp_path / "link.jpg").symlink_to(original)
    write_atomic(b"new", tmp_path / "link.jpg")
    assert original.read_bytes() == b"original"
    assert (tmp_path / "link.jpg").read_bytes() == b"new"


def test_what_is_not_to_be_replaced_stays(tmp_path):
    target = tmp_path / "photo.jpg"
    write_atomic(b"first", target, replace=False)
    with pytest.raises(TargetTaken, match=r"photo\.jpg has come to be there"):
        write_atomic(b"second", target, replace=False)
    assert target.read_bytes() == b"first"
    (tmp_path / "link.jpg").symlink_to("nowhere")
    write_atomic(b"third", tmp_path / "link.jpg", replace=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "photo.jpg": b"first",
        "link.jpg": b"third",
    }


@pytest.mark.parametrize("number", [None, errno.EPERM])
def test_of_writers_at_the_same_moment_one_gets_the_name(tmp_path, monkeypatch, number):
    target = tmp_path / "photo.jpg"
    if number is not None:  # a memory card: no hard links

        def refuse(*args: object) -> None:
            raise OSError(number, "in the words of the system")

        monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(TargetTaken), atomic_stream(target, replace=False) as stream:
        stream.write(b"slow")
        write_atomic(b"fast", target, replace=False)
    assert target.read_bytes() == b"fast"
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_many_writers_of_one_name_leave_one_whole_file(tmp_path):
    target, taken = tmp_path / "photo.jpg", []

    def write(number: int) -> None:
        try:
            write_atomic(bytes([number]) * 100_000, target, replace=False)
        except TargetTaken:
            taken.append(number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = target.read_bytes()
    assert len(taken) == 7 and data == bytes([data[0]]) * 100_000
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


# === What killed processes leave ===

WRITER = """
import sys, time
from pathlib import Path
from vaenhance.photo import atomic_stream
with atomic_stream(Path(sys.argv[1]) / "photo.jpg") as stream:
    stream.write(b"half")
    stream.flush()
    print("writing", flush=True)
    time.sleep(600)
"""


@posix
def test_a_dead_writers_file_goes_and_a_living_ones_stays(tmp_path):
    words = [sys.executable, "-c", WRITER, str(tmp_path)]
    root = str(Path(__file__).resolve().parent.parent)
    writer = subprocess.Popen(
        words, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    )
    try:
        assert writer.stdout is not None and writer.stdout.readline() == b"writing\n"
        (temporary,) = tmp_path.iterdir()
        leftovers.remove_leftovers(tmp_path)
        assert temporary.read_bytes() == b"half"
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    assert list(tmp_path.iterdir()) == [temporary]
    write_atomic(b"whole", tmp_path / "other.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["other.jpg"]


@posix
def test_a_writer_in_the_same_process_is_a_living_one(tmp_path):
    with atomic_stream(tmp_path / "photo.jpg") as stream:
        stream.write(b"half")
        leftovers.remove_leftovers(tmp_path)
        stream.write(b", whole")
    assert (tmp_path / "photo.jpg").read_bytes() == b"half, whole"


@posix
def test_a_file_that_is_taken_for_a_dead_ones_at_birth_is_made_again(
    tmp_path, monkeypatch
):
    # Somebody tidies up between making the file and locking it.
    lock, seen = leftovers._lock, []

    def late(descriptor: int, wait: bool = True) -> bool:
        if wait and not seen:
            seen.extend(tmp_path.iterdir())
            leftovers.remove_leftovers(tmp_path)
        return lock(descriptor, wait)

    monkeypatch.setattr(leftovers, "_lock", late)
    write_atomic(b"whole", tmp_path / "photo.jpg")
    assert len(seen) == 1 and not seen[0].exists()
    assert (tmp_path / "photo.jpg").read_bytes() == b"whole"


@posix
def test_only_regular_files_of_this_machine_or_old_ones_go(tmp_path):
    own = f".vaenhance-{leftovers._HOST}-"
    foreign, old = tmp_path / ".vaenhance-0-1.tmp", tmp_path / ".vaenhance-0-2.tmp"
    kept = {foreign.name, ".vaenhance-notes.txt", "photo.tmp", f"{own}2.tmp"}
    for name in (*kept, f"{own}3.tmp", old.name):
        if name != f"{own}2.tmp":
            (tmp_path / name).write_bytes(b"")
    (tmp_path / f"{own}2.tmp").mkdir()
    (tmp_path / "photo.jpg").write_bytes(b"original")
    (tmp_path / f"{own}4.tmp").symlink_to("photo.jpg")
    os.mkfifo(tmp_path / f"{own}5.tmp")
    kept |= {"photo.jpg", f"{own}4.tmp", f"{own}5.tmp"}
    os.utime(old, (0, 0))
    leftovers.remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_where_there_are_no_locks_nothing_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers, "_lock", lambda descriptor, wait=True: False)
    name = f".vaenhance-{leftovers._HOST}-1.tmp"
    (tmp_path / name).write_bytes(b"")
    write_atomic(b"whole", tmp_path / "photo.jpg")
    assert {path.name for path in tmp_path.iterdir()} == {name, "photo.jpg"}
