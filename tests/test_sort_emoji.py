"""Emoji by what they show: scripts/sort_emoji.py."""

from __future__ import annotations

import pytest

from scripts import sort_emoji


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("emoji_u1f600.png", "faces"),
        ("emoji_u1f468_1f3fb.png", "people"),
        ("emoji_u1f468_1f3fb_200d_1f9bd.png", None),  # in a wheelchair
        ("emoji_u1f469_200d_2764_200d_1f468.png", "couples"),
        ("emoji_u1f46d_1f3ff.png", "couples"),
        ("emoji_u1f44d_1f3fe.png", "hands"),
        ("emoji_u1f926.png", "people"),
        ("emoji_u1f34e.png", None),  # an apple
        ("Thumbs.db", None),
    ],
)
def test_code_points_decide(name, expected):
    assert sort_emoji.class_of(name) == expected


def test_files_are_copied_into_folders_of_their_class(tmp_path, capsys):
    (tmp_path / "all").mkdir()
    for name in ("emoji_u1f600.png", "emoji_u1f44d.png", "emoji_u1f34e.png"):
        (tmp_path / "all" / name).write_bytes(name.encode())
    target = tmp_path / "sorted"
    assert sort_emoji.main([str(tmp_path / "all"), str(target)]) == 0
    found = sorted(p.relative_to(target).as_posix() for p in target.rglob("*.png"))
    assert found == ["faces/emoji_u1f600.png", "hands/emoji_u1f44d.png"]
    assert capsys.readouterr().err == "1 faces, 1 hands\n"
