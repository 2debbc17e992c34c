"""Targets from turned images: the turns, their mean, and the step that uses it."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.tiny import save_tiny_model, tiny_config
from vaenhance import checkpoint
from vaenhance.cli import train_start
from vaenhance.config.teaching import taught, untaught
from vaenhance.errors import ConfigError, UsageProblem
from vaenhance.runtime import import_tensorflow

tf = import_tensorflow()

from vaenhance.config import PRESETS, Config, ObjectiveConfig  # noqa: E402
from vaenhance.data.pipeline import Batch  # noqa: E402
from vaenhance.model import teacher  # noqa: E402
from vaenhance.model.objective import evidence  # noqa: E402
from vaenhance.model.trainer import Trainer  # noqa: E402
from vaenhance.runtime import start_training  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.random((2, 8, 8, 3), np.float32)
VIEWS = range(teacher.VIEWS)
TOLD = (np.full(2, -1, np.float32), np.full(2, -1, np.int32))


def slanted(part: float = 1.0, views: int = 8) -> Config:
    return Config().replace(objective={"teacher": part, "views": views})


def network(gain: np.ndarray) -> teacher.Teacher:
    """Decodes y times a gain that knows where is up."""

    def infer(y, sigma, scale, label):
        return tf.repeat(tf.repeat(y * gain, scale, 1), scale, 2), [], []

    return teacher.Teacher(SimpleNamespace(infer=infer), Config().model)


@pytest.mark.parametrize("view", VIEWS)
def test_turning_back_undoes_turning(view):
    there = teacher.turned(tf.constant(X), tf.constant(view))
    assert np.array_equal(teacher.turned_back(there, tf.constant(view)), X)


def test_all_views_differ_and_are_turns_and_mirrors():
    found = [teacher.turned(tf.constant(X), tf.constant(v)).numpy() for v in VIEWS]
    assert len({part.tobytes() for part in found}) == teacher.VIEWS
    for part in found:
        assert np.array_equal(np.sort(part[0], axis=None), np.sort(X[0], axis=None))


def test_a_step_has_views_of_its_own_each_once():
    drawn = [teacher.choose_views(0, tf.constant(n, tf.int64), 4) for n in range(20)]
    drawn = [tuple(views.numpy()) for views in drawn]
    assert all(len(set(views)) == 4 and set(views) <= set(VIEWS) for views in drawn)
    assert len(set(drawn)) > 10
    again = teacher.choose_views(0, tf.constant(3, tf.int64), 4)
    assert tuple(again.numpy()) == drawn[3]


def test_the_mean_over_all_views_has_no_upside():
    gain = RNG.random((1, 8, 8, 1), np.float32)
    number = tf.constant(0, tf.int64)
    found = teacher.target([network(gain)], slanted(), X, X, TOLD, 1, number).numpy()
    mean = np.mean(
        [np.rot90(g, k) for g in (gain[0], gain[0, ::-1]) for k in range(4)], axis=0
    )
    assert found == pytest.approx(X * mean, abs=1e-6)


def gains_of(views: int, steps: range) -> list[float]:
    """Returns what three teachers, of gains 1, 3 and 8, say at steps."""
    known = [network(np.float32(gain)) for gain in (1, 3, 8)]
    config = slanted(1, views)
    said = [
        teacher.target(known, config, X, X, TOLD, 1, tf.constant(n, tf.int64))
        for n in steps
    ]
    return [round(float((part / X).numpy().mean()), 2) for part in said]


def test_of_as_many_views_as_teachers_each_is_one_teachers():
    assert set(gains_of(3, range(5))) == {4.0}


@pytest.mark.parametrize("every", [1, 2, 3])
def test_all_teachers_are_heard_whatever_else_has_a_rhythm(every):
    """Steps of one scale, or that decode the mean, come every few steps."""
    assert set(gains_of(1, range(0, 20 * every, every))) == {1.0, 3.0, 8.0}


def test_a_teacher_of_other_classes_is_told_none():
    told: list[object] = []

    def infer(y, sigma, scale, label):
        told.append(label)
        return y, [], []

    config = slanted(1, 1).replace(model={"classes": ("a", "b")})
    number = tf.constant(0, tf.int64)
    for classes in (("a", "b"), ("b", "a"), ()):
        model = config.replace(model={"classes": classes}).model
        other = teacher.Teacher(SimpleNamespace(infer=infer), model)
        teacher.target([other], config, X, X, TOLD, 1, number)
    assert told[0] is TOLD[1]
    assert told[1:] == [None, None]


@pytest.mark.parametrize("scale", [1, 2])
def test_the_part_is_the_way_from_x_to_the_mean(scale):
    x = np.ones((2, 8 * scale, 8 * scale, 3), np.float32)
    gain, number = np.float32(1), tf.constant(7, tf.int64)
    told = slanted(0.25, 3)
    found = teacher.target([network(gain)], told, x, X, TOLD, scale, number).numpy()
    large = X.repeat(scale, 1).repeat(scale, 2)
    assert found == pytest.approx(0.75 * x + 0.25 * large, abs=1e-6)


def test_the_likelihood_is_of_the_target_and_the_psnr_of_x():
    kl, aim = [tf.constant([0.0, 0.0])], X + np.float32(0.1)
    config = ObjectiveConfig(sigma_floor=0.01)
    plain = evidence("gaussian", config, aim, X, kl, 1.0)
    taught = evidence("gaussian", config, X, X, kl, 1.0, target=aim)
    assert taught.loss == plain.loss
    assert taught.squared_error.numpy() == pytest.approx([0, 0])


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"flip": False}},
        {"model": {"likelihood": "logistic"}},
        {"model": {"network": "mlp", "image_size": 28, "latent_channels": (2,)}},
    ],
)
def test_where_images_may_not_be_turned_there_is_no_teacher(change):
    with pytest.raises(ConfigError, match=r"objective\.teacher"):
        slanted().replace(**change)


def test_the_teacher_stays_what_the_weights_were_and_is_kept_for_resuming():
    x = RNG.random((2, 32, 32, 3), np.float32)
    batch = Batch(x, x, np.full(2, -1, np.float32), np.full(2, -1, np.int32))
    config = tiny_config().replace(objective={"teacher": 1.0})
    plain, taught = (
        Trainer(each, start_training("cpu", "float32"))
        for each in (tiny_config(), config)
    )
    first = {k: v + 0.01 for k, v in taught.state()["network"].items()}
    for trainer in (plain, taught):
        trainer.initialise_from(first)
        assert np.isfinite(trainer.step(batch, 0, 0.0)["loss"])
    state = taught.state()
    assert "teacher" not in plain.state()
    assert all(np.array_equal(state["teacher"][key], first[key]) for key in first)
    moved = [k for k in first if not np.array_equal(state["network"][k], first[k])]
    other = plain.state()["network"]
    assert moved
    assert any(not np.array_equal(state["network"][k], other[k]) for k in moved)


def test_a_taught_model_is_fine_tuned_without_its_teacher(tmp_path):
    config = tiny_config().replace(
        objective={"teacher": 0.8, "sigma_floor": 0.005, "beta": 0.01}
    )
    save_tiny_model(tmp_path / "taught", config)
    plan = train_start.find(str(tmp_path / "taught"), None, None).settings.objective
    assert plan.teacher == 0
    assert (plan.sigma_floor, plan.beta) == pytest.approx((0.02, 0.001))
    prior = train_start.find(None, str(tmp_path / "taught"), None).settings
    assert prior.objective.teacher == 0


def test_fine_tuning_is_not_bound_to_the_machine_that_made_the_model(tmp_path):
    sitting = {
        "precision": "float32",
        "deterministic": False,
        "checkpoint_minutes": 1.0,
        "seed": 7,
    }
    config = tiny_config(training={**sitting, "ema": 0.99})
    save_tiny_model(tmp_path / "m", config)
    plan = train_start.find(str(tmp_path / "m"), None, None).settings.training
    fresh = Config().training
    for name in sitting:
        assert getattr(plan, name) == getattr(fresh, name)
    assert (plan.ema, plan.learning_rate) == (0.99, config.training.learning_rate / 4)


def test_the_look_is_fine_tuned_as_a_whole():
    """Its last stage trained one number, by an objective for that."""
    plan, preset = train_start.find("look", None, None).settings, PRESETS["look"]
    assert not plan.training.only_exponent
    assert (plan.objective, plan.look) == (preset.objective, preset.look)
    assert plan.training.precision == "float32"


def test_what_a_teacher_changes_is_taken_back_without_it():
    plan = Config().replace(objective={"sigma_floor": 0.02, "beta": 0.001}).objective
    with_it = replace(plan, **taught(plan))
    assert with_it.teacher > 0
    assert (with_it.sigma_floor, with_it.beta) == pytest.approx((0.005, 0.01))
    back = replace(with_it, **untaught(with_it))
    assert (back.teacher, back.sigma_floor, back.beta) == pytest.approx(
        (plan.teacher, plan.sigma_floor, plan.beta)
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": {"channels": 1}}, "channel"),
        ({"model": {"likelihood": "logistic"}}, "logistic"),
        ({"model": {"image_size": 32}, "data": {"crop": 32}}, "32 pixels"),
        ({"model": {"scales": (2,)}}, "enlarge by 1"),
        ({"model": {"unshuffle": 3}, "data": {"crop": 24}}, "multiples of 6"),
    ],
)
def test_who_cannot_teach_is_refused_before_tensorflow_works(tmp_path, change, reason):
    checkpoint.save_config(tmp_path / "other", tiny_config(**change))
    start = train_start.find(None, None, None, (str(tmp_path / "other"),))
    with pytest.raises(UsageProblem, match=f"other cannot teach: .*{reason}"):
        train_start.check(start, slanted())


def test_a_teacher_that_is_not_listened_to_is_refused():
    start = train_start.find(None, None, None, ("photo",))
    with pytest.raises(UsageProblem, match=r"--teacher needs"):
        train_start.check(start, Config())


@pytest.mark.parametrize(
    ("text", "flags", "beta", "floor"),
    [
        ("", [], 0.2, 0.005),
        ("", ["--beta", "0.05"], 0.05, 0.005),
        ("[objective]\nsigma_floor = 0.03", [], 0.2, 0.03),
        ('preset = "restore"\n[objective]\nbeta = 0.3', [], 0.3, 0.005),
        ("[objective]\nteacher = 0.5", [], 0.2, 0.005),
    ],
)
def test_what_a_file_or_flags_say_counts(tmp_path, invoke, text, flags, beta, floor):
    (tmp_path / "c.toml").write_text(text)
    words = ["train", "--teacher", "photo", "--config", tmp_path / "c.toml", *flags]
    found = tomllib.loads(invoke(*words, "--print-config").stdout)["objective"]
    assert (found["beta"], found["sigma_floor"]) == pytest.approx((beta, floor))
    assert found["teacher"] == (0.5 if "teacher" in text else 0.8)


def test_a_prior_alone_has_no_teacher():
    with pytest.raises(click.UsageError, match="--teacher"):
        train_start.find(None, "photo", None, ("photo",))


def test_nobody_teaches_random_weights():
    with pytest.raises(UsageProblem, match="--init"):
        train_start.check(train_start.Start(), slanted())
