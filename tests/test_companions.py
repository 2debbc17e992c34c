"""The files beside a target: their names, what exists, and what may not happen."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vaenhance.api_uncertainty import Assessed
from vaenhance.errors import TargetTaken, UsageProblem
from vaenhance.photo import Metadata, Photo, save_png
from vaenhance.workflows import explore, files, jobs
from vaenhance.workflows.companions import kinds, with_companions

ALL = kinds(2, True)


def folder(path: Path, *names: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name in names:
        save_png(np.zeros((4, 4, 3), np.uint8), path / name)
    return path


def planned(*paths: Path, **options) -> list[jobs.Job]:
    plan = jobs.plan([str(path) for path in paths], **options)
    return with_companions(plan.jobs, ALL)


def test_the_files_and_their_order():
    assert ALL == ["draw1", "draw2", "mean", "sigma", "heat"]
    assert kinds(0, False) == []
    assert kinds(0, True) == ["sigma", "heat"]


def test_names_follow_the_target_and_maps_are_png(tmp_path):
    source = folder(tmp_path / "in", "a.png")
    (job,) = planned(source / "a.png", tmp_path / "out.v2.jpg")
    names = [companion.path.name for companion in job.companions]
    assert names == [
        *("out.v2.draw1.jpg", "out.v2.draw2.jpg", "out.v2.mean.jpg"),
        *("out.v2.sigma.png", "out.v2.heat.png"),
    ]
    assert {companion.path.parent for companion in job.companions} == {tmp_path}


def test_what_exists_stays_file_by_file(tmp_path):
    source = folder(tmp_path / "in", "a.png", "b.png")
    out = folder(tmp_path / "out", "a.png", "a.draw1.png")
    first, second = planned(source, out)
    assert first.is_open
    assert first.keeps_target
    assert [companion.exists for companion in first.companions] == [True] + 4 * [False]
    assert second.is_open
    assert not second.keeps_target
    folder(out, "a.draw2.png", "a.mean.png", "a.sigma.png", "a.heat.png")
    assert not planned(source, out)[0].is_open
    redone = planned(source, out, overwrite=True)[0]
    assert redone.is_open
    assert not redone.keeps_target
    assert not any(companion.exists for companion in redone.companions)


def test_nothing_is_written_onto_another_file(tmp_path):
    source = folder(tmp_path / "in", "a.png", "a.draw1.png")
    with pytest.raises(UsageProblem, match=r"a\.draw1\.png.* is the target"):
        planned(source, tmp_path / "out")
    beside = folder(tmp_path / "one", "a.png", "b.sigma.png")
    with pytest.raises(UsageProblem, match="is the source"):
        planned(beside / "b.sigma.png", beside / "b.png", overwrite=True)


def test_standard_output_holds_one_file_only(tmp_path):
    source = folder(tmp_path / "in", "a.png")
    plan = jobs.plan([str(source / "a.png"), "-"])
    with pytest.raises(UsageProblem, match="standard output"):
        with_companions(plan.jobs, ALL)
    assert with_companions(plan.jobs, []) == list(plan.jobs)


def test_a_name_that_is_too_long_with_its_kind_is_not_there(tmp_path):
    source = folder(tmp_path / "in", "n" * 245 + ".png")
    (tmp_path / "out").mkdir()
    (job,) = planned(source, tmp_path / "out")
    assert not any(companion.exists for companion in job.companions)


@pytest.mark.parametrize("names", [("a.jpg", "a.png"), ("A.jpg", "a.png")])
def test_maps_of_one_stem_keep_the_extension(tmp_path, names):
    source = folder(tmp_path / "in", *names, "b.png")
    plan = jobs.plan([str(source), str(tmp_path / "out")])
    found = with_companions(plan.jobs, kinds(0, True))
    paths = [companion.path.name for job in found for companion in job.companions]
    first, second = names
    assert paths == [
        *(f"{first}.sigma.png", f"{first}.heat.png"),
        *(f"{second}.sigma.png", f"{second}.heat.png"),
        *("b.sigma.png", "b.heat.png"),
    ]
    draws = with_companions(plan.jobs, kinds(1, False))
    assert [job.companions[0].path.suffix for job in draws] == [".jpg", ".png", ".png"]


class Other:
    """Another run, which makes every companion in the last moment."""

    def encode(self, job, picture):
        return b"data"

    def write_beside(self, job, path, data):
        raise TargetTaken(f"{path} is there")


@pytest.mark.parametrize("wanted", [explore.Exploring(2), explore.Exploring(0, True)])
def test_a_companion_that_another_run_has_made_is_no_failure(tmp_path, wanted):
    class Model:
        def enhance(self, image, **dials):
            return image

        def draw(self, image, number, **dials):
            return image

        def assess(self, image, **dials):
            return Assessed(image, np.zeros(image.shape[:2], np.float32))

    pixels = np.zeros((4, 4, 3), np.uint8)
    picture = Photo(pixels, None, False, "PNG", Metadata())
    plain = jobs.Job(Path("a.png"), tmp_path / "b.png")
    beside = kinds(wanted.draws, wanted.uncertainty)
    (job,) = with_companions([plain], beside)
    assert len(job.companions) == len(beside)

    def answer(job):
        told = (Other(), wanted, {}, lambda megapixels: None)
        return explore.answer(Model(), picture, job, *told)

    answer(job)
    with pytest.raises(TargetTaken):
        answer(replace(job, is_named=True))


def test_work_is_shared_with_another_run_once_all_files_are_there(tmp_path):
    source = folder(tmp_path / "in", "a.png")
    out = folder(tmp_path / "out", "a.png", "a.sigma.png")
    job = with_companions(jobs.plan([str(source), str(out)]).jobs, kinds(0, True))[0]
    assert job.is_open and not files.is_made_by_another(job)
    folder(out, "a.heat.png")
    assert files.is_made_by_another(job)
    assert not files.is_made_by_another(replace(job, may_replace=True))
    assert not files.is_made_by_another(replace(job, is_named=True))
    (out / "a.png").unlink()
    assert not files.is_made_by_another(job)


def test_a_source_is_known_whatever_its_spelling(tmp_path, monkeypatch):
    source = folder(tmp_path / "in", "a.png", "a.x.draw1.png")
    monkeypatch.chdir(tmp_path)
    given = [Path("in/a.png"), Path("in/a.x.draw1.png"), source]
    with pytest.raises(UsageProblem, match=r"is the source in/a\.x\.draw1\.png: name"):
        planned(*given, suffix=".x", overwrite=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_no_pipe_is_replaced_by_a_map(tmp_path):
    source = folder(tmp_path / "in", "a.png")
    os.mkfifo(tmp_path / "b.sigma.png")
    with pytest.raises(UsageProblem, match=r"b\.sigma\.png, .* is no ordinary file"):
        planned(source / "a.png", tmp_path / "b.png", overwrite=True)
