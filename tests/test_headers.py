"""What is known before any pixel is read: sizes, and what would fail at the end."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaenhance import photo
from vaenhance.workflows import headers
from vaenhance.workflows.enlarging import Enlargement
from vaenhance.workflows.headers import folder_problem, measure
from vaenhance.workflows.jobs import Job, plan


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    photo.save_png(np.zeros((20, 30, 3), np.uint8), Path("in/a.png"))


def test_headers_give_sizes_or_reasons():
    Path("in/b.png").touch()
    Path("in/c.png").touch()
    Path("out").mkdir()
    Path("out/c.png").touch()
    good, bad, there = measure(plan(["in", "out"]).jobs, None)
    assert (good.info.width, good.info.height) == (30, 20)
    assert good.megapixels == pytest.approx(600e-6)
    assert bad.problem and not bad.is_open and bad.megapixels == 0
    assert there.info is None and there.problem is None  # nobody will read it


def test_the_size_of_standard_input():
    (job,) = measure(plan(["-"]).jobs, Path("in/a.png").read_bytes())
    assert job.megapixels == pytest.approx(600e-6)


def test_standard_input_that_has_not_been_read_has_no_size():
    (job,) = measure(plan(["-"]).jobs, None)
    assert job.is_open and job.info is None


def test_a_file_that_has_vanished_is_a_job_that_fails():
    (job,) = measure(plan(["in/a.png", "b.png"]).jobs, None)
    Path("in/a.png").unlink()
    (job,) = measure([replace(job, info=None)], None)
    assert job.problem == "file not found"


def test_a_gif_needs_another_format_unless_it_is_copied():
    Image.new("P", (3, 2)).save("in/a.gif")
    (job,) = measure(plan(["in/a.gif", "out/"]).jobs, None)
    assert "GIF cannot hold an enhanced photograph" in job.problem
    (job,) = measure(plan(["in/a.gif", "out/"]).jobs, None, unchanged=True)
    assert job.is_open
    (job,) = measure(plan(["in/a.gif", "b.png"]).jobs, None, unchanged=True)
    assert job.is_open
    wanted = [Job(Path("in/a.png"), Path("b.gif"), "GIF")]
    (job,) = measure(wanted, None, unchanged=True)
    assert "GIF cannot hold" in job.problem
    (job,) = measure(plan(["in/a.gif", "a.png"]).jobs, None)
    assert job.is_open and job.megapixels > 0


def test_a_side_that_the_format_cannot_hold_is_known_at_once():
    Image.new("L", (20_000, 1)).save("in/wide.png")
    (job,) = measure(plan(["in/wide.png", "b.webp"]).jobs, None)
    assert job.problem.startswith("WEBP holds at most 16383 pixels a side")
    (job,) = measure(plan(["in/wide.png", "b.jpg"]).jobs, None)
    assert job.is_open
    larger = Enlargement(scale=4)
    (job,) = measure(plan(["in/wide.png", "b.jpg"]).jobs, None, enlargement=larger)
    assert job.problem.startswith("JPEG holds at most 65500 pixels a side")


@pytest.mark.parametrize("unchanged", [False, True])
def test_what_is_too_large_to_be_read_is_too_large_to_be_copied(unchanged):
    jobs = plan(["in/a.png", "b.png"]).jobs
    (job,) = measure(jobs, None, unchanged=unchanged, max_megapixels=0.0001)
    assert "more than the limit" in job.problem


def test_a_folder_that_is_a_file_is_known_at_once():
    Path("busy").touch()
    for target in (Path("busy/a.png"), Path("busy/deeper/a.png")):
        (job,) = measure([Job(Path("in/a.png"), target)], None)
        assert job.problem == "cannot be written: busy is a file, not a folder"


def test_a_link_to_a_disk_that_is_not_there_is_known_at_once():
    Path("disk").symlink_to("nowhere/out")
    for target in (Path("disk/a.png"), Path("disk/deeper/a.png")):
        (job,) = measure([Job(Path("in/a.png"), target)], None)
        assert job.problem == "cannot be written: disk is a link to what is not there"


def test_a_folder_that_may_not_be_written_is_known_at_once(monkeypatch):
    # The tests may run as root, whom no permission stops.
    monkeypatch.setattr(os, "access", lambda path, mode: path != Path("in"))
    (job,) = measure([Job(Path("in/a.png"), Path("in/new/a.png"))], None)
    assert job.problem == "cannot be written: permission denied in the folder in"


def test_each_folder_is_looked_at_once(monkeypatch):
    seen = []
    monkeypatch.setattr(headers, "folder_problem", lambda path: seen.append(path))
    jobs = [Job(Path("in/a.png"), Path(f"out/{i}.png")) for i in range(5)]
    assert all(job.is_open for job in measure(jobs, None))
    assert seen == [Path("out")]


def test_a_folder_to_be_made_is_no_problem():
    assert folder_problem(Path("new/and/deep")) is None
    assert folder_problem(Path()) is None
    assert "cannot be written" in folder_problem(Path("x" * 300) / "y")
