"""Which folders are standard sets, and what is published about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaenhance.errors import UsageProblem
from vaenhance.workflows.published import _TABLES
from vaenhance.workflows.standards import (
    GENERAL,
    STANDARDS,
    find_sets,
    recognise,
)


def images(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(folder / name)


def numbered(folder: Path, count: int) -> None:
    images(folder, *(f"{i:03}.png" for i in range(count)))


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("CBSD68", "CBSD68"),
        ("cbsd68-dataset", "CBSD68"),
        ("BSD68_color", "CBSD68"),
        ("BSD68", "BSD68"),
        ("bsds68_gray_png", "BSD68"),
        ("kodak", "Kodak24"),
        ("Kodak-24", "Kodak24"),
        ("kodak24 (rgb)", "Kodak24"),
        ("McM", "McMaster"),
        ("McMaster_original", "McMaster"),
        ("urban100_HR", "Urban100"),
        ("Set12", "Set12"),
        ("SET5", "Set5"),
        ("Set14-gt", "Set14"),
        ("live1_refimgs", "LIVE1"),
        ("LIVE1_gray", "LIVE1"),
        ("classic5", "Classic5"),
        ("B100", "BSD100"),
        ("BSDS100", "BSD100"),
    ],
)
def test_standard_sets_are_known_by_their_names(folder, name):
    found = recognise(folder)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "folder",
    ["", "bsd24", "set50", "kodak portra 400", "my live1 pictures", "testset", "hr"],
)
def test_other_folders_are_not_taken_for_one(folder):
    assert recognise(folder) is None


def test_a_folder_of_sets(tmp_path):
    images(tmp_path / "Set5", "b.png", "a.png")
    images(tmp_path / "holiday", "x.jpg")
    images(tmp_path / "more" / "kodak", "y.png")
    images(tmp_path, "loose.png")
    sets, failures = find_sets(tmp_path)
    assert failures == []
    assert [(one.name, [p.name for p in one.pairs]) for one in sets] == [
        ("Set5", ["a.png", "b.png"]),
        ("holiday", ["x.jpg"]),
        (tmp_path.name, ["loose.png"]),
        ("Kodak24", ["y.png"]),
    ]
    for one in sets:
        assert all(pair.source == one.folder / pair.name for pair in one.pairs)
        assert all(pair.source.is_file() for pair in one.pairs)
    assert [one.tasks == GENERAL for one in sets] == [True, True, True, False]


def test_a_set_by_itself(tmp_path):
    numbered(tmp_path / "Classic5", 5)
    (found,), _ = find_sets(tmp_path / "Classic5")
    assert (found.name, found.is_whole, found.parts) == ("Classic5", True, None)
    assert not found.first(3).is_whole
    assert found.first(None) == found


@pytest.mark.parametrize("source", [".", "LIVE1", "LIVE1/refimgs"])
def test_the_clean_folder_of_a_set_is_found_wherever_one_starts(tmp_path, source):
    images(tmp_path / "LIVE1/refimgs", "bikes.bmp")
    (found,), _ = find_sets(tmp_path / source)
    assert (found.name, [p.name for p in found.pairs]) == ("LIVE1", ["bikes.bmp"])


def test_degraded_copies_beside_the_clean_images_are_left_alone(tmp_path):
    for folder in ("original_png", "noisy15", "noisy25"):
        numbered(tmp_path / "CBSD68-dataset" / folder, 3)
    (found,), failures = find_sets(tmp_path)
    assert failures == []
    assert found.folder.name == "original_png"
    assert len(found.pairs) == 3


def test_images_at_the_top_of_a_set_are_the_clean_ones(tmp_path):
    numbered(tmp_path / "Set5", 5)
    numbered(tmp_path / "Set5/x2", 5)
    (found,), _ = find_sets(tmp_path)
    assert found.folder == tmp_path / "Set5"
    assert found.is_whole


def test_of_two_formats_of_the_clean_images_one_is_taken(tmp_path):
    numbered(tmp_path / "Set5/original", 4)
    numbered(tmp_path / "Set5/original_png", 5)
    (found,), _ = find_sets(tmp_path)
    assert found.folder.name == "original_png"


def test_sub_folders_that_could_all_be_clean_are_named(tmp_path):
    numbered(tmp_path / "Set5/x2", 5)
    numbered(tmp_path / "Set5/x4", 5)
    images(tmp_path / "other", "a.png")
    (other,), (failure,) = find_sets(tmp_path)
    assert other.name == "other"
    assert failure.image.endswith("Set5")
    assert "original" in failure.reason
    numbered(tmp_path / "Set5/x2", 6)
    sets, failures = find_sets(tmp_path)  # only one has five images now
    assert failures == []
    assert sets[0].folder.name == "x4"


def test_nothing_to_measure_is_refused(tmp_path):
    images(tmp_path / "one", "a.png")
    with pytest.raises(UsageProblem, match="not a folder"):
        find_sets(tmp_path / "one/a.png")
    with pytest.raises(UsageProblem, match="not a folder"):
        find_sets(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageProblem, match="no images"):
        find_sets(tmp_path / "empty")


def test_published_figures_fit_their_tasks():
    standards = {one.name: one for one in STANDARDS}
    count = 0
    for (task_name, measure), sets in _TABLES.items():
        for name, rows in sets.items():
            tasks = {task.name: task for task in standards[name].tasks}
            task = tasks[task_name]
            assert measure in task.measures
            for row in rows:
                count += 1
                assert len(row.psnr) == len(task.columns), (name, row.method)
                assert row.source
                falls = task.columns[0].noise is not None
                assert list(row.psnr) == sorted(row.psnr, reverse=falls), row
                assert 24 < min(row.psnr) < max(row.psnr) < 37
    assert count > 30
