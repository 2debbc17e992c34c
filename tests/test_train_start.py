"""What a run begins with: the settings that follow from --init and --prior."""

from __future__ import annotations

import dataclasses

import pytest

from tests.tiny import save_tiny_model, tiny_config
from tests.tiny_look import look_config
from vaenhance.cli import train_start
from vaenhance.config import PRESETS, check_run
from vaenhance.errors import UsageProblem

KINDS = ("clean", "noise", "jpeg", "camera", "soft", "grain", "noise_known")


@pytest.fixture
def prior_of(tmp_path):
    """Fits the prior of a model, by its settings; returns the folder of the result."""

    def fitted(config):
        base = str(save_tiny_model(tmp_path / "base", config))
        plan = train_start.find(None, base, None).settings
        return str(save_tiny_model(tmp_path / "fitted", plan))

    return fitted


@pytest.mark.parametrize("name", ["photo", "detail", "digits", "flowers", "emoji"])
def test_every_model_that_ships_can_be_begun_with(name) -> None:
    for init, prior in ((name, None), (None, name)):
        start = train_start.find(init, prior, None)
        check_run(start.settings)
        train_start.check(start, start.settings)


@pytest.mark.parametrize(
    ("changes", "preset"),
    [
        ({}, "restore"),
        ({"model": {"scales": (2, 4)}}, "restore"),
        ({"model": {"image_size": 16}}, "generate"),
        ({"model": {"likelihood": "bernoulli"}}, "generate"),
    ],
)
def test_a_model_whose_prior_was_fitted_learns_from_damage_again(
    changes, preset, prior_of
) -> None:
    own = {"sigma_floor": 0.3, "focal_frequency": 0.1, "mean_path": 0.5, "beta": 0.001}
    ranges = {"noise_sigma": (5.0, 20.0), "jpeg_twice": 0.3}
    config = tiny_config(objective=own, degradation=ranges, **changes)
    plan = train_start.find(prior_of(config), None, None).settings
    expected = PRESETS[preset]
    for key in ("beta", "beta_warmup", "free_bits", "mean_path"):
        assert getattr(plan.objective, key) == getattr(expected.objective, key)
    for kind in KINDS:
        assert getattr(plan.degradation, kind) == getattr(expected.degradation, kind)
    # What fitting a prior leaves alone is the model's own.
    assert (plan.objective.sigma_floor, plan.objective.focal_frequency) == (0.3, 0.1)
    assert plan.degradation.noise_sigma == (5.0, 20.0)
    assert plan.degradation.jpeg_twice == 0.3
    assert plan.data.labels == (preset == "generate")
    assert not plan.training.only_prior
    assert plan.model.prior_width == train_start.PRIOR_WIDTH


def test_a_model_that_was_trained_whole_keeps_what_it_had(tmp_path) -> None:
    config = tiny_config(objective={"beta": 0.001, "mean_path": 0.5})
    name = str(save_tiny_model(tmp_path / "whole", config))
    plan = train_start.find(name, None, None).settings
    assert plan.objective == config.objective
    assert plan.degradation == config.degradation


def test_classes_of_a_fitted_prior_are_still_told(prior_of, tmp_path) -> None:
    config = tiny_config()
    plan = train_start.find(None, str(save_tiny_model(tmp_path / "m", config)), None)
    told = plan.settings.replace(model={"classes": ("a", "b")})
    name = str(save_tiny_model(tmp_path / "told", told))
    assert train_start.find(name, None, None).settings.data.labels


def test_the_prior_of_a_model_whose_units_started_anew_can_be_fitted(tmp_path) -> None:
    config = tiny_config(training={"revive": 250, "revive_latents": True})
    name = str(save_tiny_model(tmp_path / "revived", config))
    plan = train_start.find(None, name, None).settings.training
    assert plan.only_prior
    assert (plan.revive, plan.revive_latents) == (0, False)


def test_what_tells_an_exponent_is_trained_on_a_model_that_is_there(tmp_path) -> None:
    config = look_config(model={"exponents": 5}, training={"only_exponent": True})
    with pytest.raises(UsageProblem, match=r"only_exponent .* --init"):
        train_start.check(train_start.Start(), config)
    train_start.check(train_start.Start(tmp_path), config)
    whole = config.replace(training={"only_exponent": False})
    train_start.check(train_start.Start(), whole)
    assert dataclasses.replace(whole.training, only_exponent=True) == config.training
