"""write_atomic: the file is whole, or as it was before, and nothing else is there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from vaenhance.errors import PhotoError
from vaenhance.photo import write_atomic


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
