"""Models that teach another: a whole run by the command line, and going on with it."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from tests.tiny import SHALLOW, save_tiny_model, tiny_config
from vaenhance import checkpoint
from vaenhance.cli import app
from vaenhance.config import to_toml
from vaenhance.photo import save_png


@pytest.fixture(scope="module")
def taught(tmp_path_factory, samples):
    """A run of eight steps with two teachers, one of another shape: its command."""
    root = tmp_path_factory.mktemp("taught")
    save_tiny_model(root / "large", tiny_config(model={"widths": (12, 16)}))
    save_tiny_model(root / "own", tiny_config(model=SHALLOW))
    settings = tiny_config(
        model=SHALLOW, objective={"teacher": 0.5, "sigma_floor": 0.02}
    )
    (root / "run.toml").write_text(to_toml(settings))
    command = ["train", samples, root / "m", "--config", root / "run.toml"]
    names = ("large", "own")
    teachers = [word for name in names for word in ("--teacher", root / name)]
    words = [str(word) for word in (*command, *teachers)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    return root, command, teachers


def test_the_card_tells_who_taught(taught):
    root, _, _ = taught
    found = checkpoint.load_card(root / "m")["training"]["teachers"]
    assert [each["name"] for each in found] == ["large", "own"]
    for each in found:
        weights = checkpoint.weights_checksum(root / each["name"])
        assert each["weights_sha256"] == weights
    plan = checkpoint.load_config(root / "m").objective
    assert (plan.teacher, plan.sigma_floor) == (0.5, 0.02)  # as the file says


def test_what_taught_is_not_kept_twice(taught):
    import h5py

    with h5py.File(taught[0] / "m" / checkpoint.STATE) as file:
        assert "network" in file
        assert "teacher" not in file


def test_the_same_command_goes_on(taught, invoke):
    root, command, teachers = taught
    again = invoke(*command, *teachers, "--steps", 9)
    assert "going on from step 8" in again.stderr
    assert checkpoint.load_card(root / "m")["training"]["steps"] == 9


def test_other_teachers_are_refused(taught, invoke):
    _, command, teachers = taught
    fewer = invoke(*command, *teachers[:2], "--steps", 12, exit_code=2)
    assert "taught by large, own" in fewer.stderr
    assert "--teacher large --teacher own" in fewer.stderr


def test_a_run_goes_on_under_no_new_teacher(tmp_path, samples, invoke):
    """Nor the other way round, where the first weights have taught before."""
    save_tiny_model(tmp_path / "base", tiny_config(model=SHALLOW))
    settings = tiny_config(model=SHALLOW, objective={"teacher": 0.8})
    (tmp_path / "run.toml").write_text(to_toml(settings))
    base = tmp_path / "base"
    command = ["train", samples, tmp_path / "m", "--config", tmp_path / "run.toml"]
    invoke(*command, "--init", base, "--steps", 1)
    refused = invoke(*command, "--init", base, "--teacher", base, exit_code=2)
    assert "taught by nobody else: give no --teacher" in refused.stderr


def test_a_teacher_of_one_size_is_refused_once_the_crop_is_known(tmp_path, invoke):
    rng = np.random.default_rng(0)
    (tmp_path / "small").mkdir()
    for number in range(3):
        pixels = rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)
        save_png(pixels, tmp_path / "small" / f"{number}.png")
    base = save_tiny_model(tmp_path / "base", tiny_config(data={"crop": 64}))
    plan = tiny_config(model={"image_size": 64}, data={"crop": 64})
    other = save_tiny_model(tmp_path / "other", plan)
    words = ["train", tmp_path / "small", tmp_path / "m", "--init", base, "--steps", 1]
    refused = invoke(*words, "--teacher", other, exit_code=2)
    assert "other cannot teach: it is for images of 64 pixels" in refused.stderr
    assert not (tmp_path / "m").exists()
