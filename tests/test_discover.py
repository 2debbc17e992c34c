import os
from pathlib import Path

import pytest

from vaenhance.data import discover
from vaenhance.data.discover import class_folders, find_images, list_folder


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def names(paths) -> list[str]:
    return [path.as_posix() for path in paths]


def test_images_are_found_by_extension_in_a_fixed_order(tmp_path):
    touch(tmp_path, "b.JPG", "a.png", "sub/ü c.webp", "sub/deep/x.tif", "notes.txt")
    listing = list_folder(tmp_path)
    assert names(listing.images) == [
        "a.png",
        "b.JPG",
        "sub/deep/x.tif",
        "sub/ü c.webp",
    ]
    assert names(listing.ignored) == ["notes.txt"]
    assert find_images(tmp_path) == [tmp_path / image for image in listing.images]


def test_not_recursive_stays_at_the_top(tmp_path):
    touch(tmp_path, "a.png", "sub/b.png")
    assert find_images(tmp_path, recursive=False) == [tmp_path / "a.png"]


def test_hidden_and_system_files_are_listed_as_ignored(tmp_path):
    touch(tmp_path, "a.png", ".b.png", "Thumbs.db", ".cache/c.png", "@eaDir/d.jpg")
    listing = list_folder(tmp_path)
    assert names(listing.images) == ["a.png"]
    assert names(listing.ignored) == [".b.png", ".cache", "@eaDir", "Thumbs.db"]


def test_heic_is_an_image_even_without_the_extra_that_reads_it(tmp_path, monkeypatch):
    monkeypatch.setattr(discover, "EXTENSIONS", {".png": "PNG"})
    touch(tmp_path, "IMG_1.HEIC", "a.png", "b.jpg")
    assert names(list_folder(tmp_path).images) == ["IMG_1.HEIC", "a.png"]


def test_a_folder_called_like_an_image_is_a_folder(tmp_path):
    touch(tmp_path, "x.png/y.png")
    assert find_images(tmp_path) == [tmp_path / "x.png" / "y.png"]


def test_skipped_folders_and_files_are_not_read(tmp_path):
    touch(tmp_path, "a.png", "b.png", "out/a.png")
    (tmp_path / "same-out").symlink_to(tmp_path / "out")
    skip = [tmp_path / "out", tmp_path / "sub" / ".." / "b.png"]
    assert find_images(tmp_path)[-1] == tmp_path / "out" / "a.png"
    assert names(list_folder(tmp_path, skip=skip).images) == ["a.png"]


def test_a_loop_of_links_ends(tmp_path):
    touch(tmp_path, "sub/a.png")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert names(list_folder(tmp_path).images) == ["sub/a.png"]


def test_a_linked_folder_is_entered_but_a_real_name_wins(tmp_path):
    touch(tmp_path, "album/z-real/a.png", "elsewhere/b.png")
    (tmp_path / "album" / "a-link").symlink_to(tmp_path / "album" / "z-real")
    (tmp_path / "album" / "other").symlink_to(tmp_path / "elsewhere")
    listing = list_folder(tmp_path / "album")
    assert names(listing.images) == ["other/b.png", "z-real/a.png"]


def test_a_broken_link_counts_so_that_it_is_reported_later(tmp_path):
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    assert names(list_folder(tmp_path).images) == ["gone.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    listing = list_folder(tmp_path)
    assert (listing.images, names(listing.ignored)) == ((), ["pipe.jpg"])


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "locked/b.png")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = list_folder(tmp_path)
    assert names(listing.images) == ["a.png"]
    assert listing.unreadable == ((Path("locked"), "Permission denied"),)


def test_class_folders_are_the_top_folders_with_images(tmp_path):
    touch(tmp_path, "dogs/1.png", "cats/old/2.png", "empty/readme.txt")
    assert class_folders(list_folder(tmp_path).images) == ["cats", "dogs"]


def test_an_image_at_the_top_or_a_single_folder_is_no_class(tmp_path):
    touch(tmp_path, "one/1.png")
    assert class_folders(list_folder(tmp_path).images) == []
    touch(tmp_path, "two/2.png", "3.png")
    assert class_folders(list_folder(tmp_path).images) == []
