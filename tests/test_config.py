"""Configurations: round trips, suggestions, limits."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from vaenhance.config import (
    PRESETS,
    Config,
    check_run,
    from_dict,
    load_toml,
    named_preset,
    stride,
    to_dict,
    to_toml,
    validate,
)
from vaenhance.errors import ConfigError

SHIPPED = sorted((Path(__file__).parent.parent / "configs").glob("*.toml"))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_toml_and_json(name):
    config = validate(PRESETS[name])
    assert from_dict(tomllib.loads(to_toml(config))) == config
    assert from_dict(to_dict(config)) == config


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_shipped_configurations_load_and_say_how_to_run_them(path):
    check_run(load_toml(path))
    header = path.read_text().split("\n\n")[0]
    assert "vaenhance train" in path.read_text()
    assert header.startswith("#")


def test_there_are_shipped_configurations():
    assert SHIPPED


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"training": {"bacth": 3}}, "did you mean training.batch"),
        ({"trainng": {}}, "did you mean training"),
        ({"training": {"batch": "many"}}, "training.batch must be a whole number"),
        ({"training": {"batch": True}}, "whole number"),
        ({"training": {"batch": 2.5}}, "whole number"),
        ({"training": {"batch": 0}}, "1..65536"),
        ({"training": {"learning_rate": float("nan")}}, "must be a number"),
        ({"training": {"precision": "double"}}, "one of auto"),
        ({"model": {"widths": [8, "x", 9]}}, "model.widths must be a whole number"),
        ({"model": {"widths": 8}}, "must be a list"),
        ({"model": {"widths": [8]}}, "one number a level"),
        ({"model": {"widths": [10**9, 1, 1]}}, "1..1024"),
        ({"model": {"strides": [2]}}, "one number between every two levels, 2 here"),
        ({"model": {"strides": [1, 0]}}, "1..32"),
        ({"data": {"binarize": "static"}}, "bernoulli"),
        ({"model": {"image_size": 30}}, "multiple of 8"),
        ({"data": {"crop": 60}}, "multiple of 8"),
        ({"degradation": {"noise_sigma": [50.0, 10.0]}}, "[smallest, largest]"),
        ({"training": 3}, "must be a section"),
    ],
)
def test_what_is_wrong_is_named(data, words):
    with pytest.raises(ConfigError) as raised:
        from_dict(data)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"model": {"image_size": 64}, "data": {"crop": 128}}, "image_size, 64"),
        ({"model": {"scales": [2, 4]}, "data": {"whole": True}}, "data.whole is"),
        ({"model": {"leak": 0.1}, "training": {"revive": 5}}, "model.leak"),
        ({"adversarial": {"weight": 0.3, "width": 12}}, "multiple of 8, received 12"),
    ],
)
def test_what_no_run_may_begin_with_can_still_be_loaded(data, words):
    config = from_dict(data)
    with pytest.raises(ConfigError, match=words):
        check_run(config)


@pytest.mark.parametrize(
    ("preset", "data", "words"),
    [
        ("look", {"model": {"likelihood": "bernoulli"}}, "likelihood gaussian"),
        ("look", {"model": {"likelihood": "logistic"}}, "likelihood gaussian"),
        ("look", {"data": {"whole": True}}, "data.whole is not for network look"),
        ("look", {"objective": {"agreement": 0.5}}, "objective.agreement is not for"),
        ("look", {"model": {"noise_map": True}}, "model.noise_map is for network lad"),
        ("mlp", {"model": {"noise_map": True}}, "model.noise_map is for network lad"),
        ("mlp", {"model": {"latent_bound": 8.0}}, "model.latent_bound is for network"),
        ("mlp", {"model": {"leak": 0.1}}, "model.leak is for network ladder"),
        ("look", {"model": {"leak": 0.1}}, "model.leak is for network ladder"),
        ("look", {"model": {"residual": True}}, "model.residual is for network ladder"),
    ],
)
def test_what_a_network_has_no_use_for_is_refused_where_a_run_begins(
    preset, data, words
):
    check_run(PRESETS[preset])
    config = from_dict(data, PRESETS[preset])
    with pytest.raises(ConfigError, match=words):
        check_run(config)


def test_an_mlp_has_no_residual_form():
    gaussian = {"likelihood": "gaussian", "residual": True}
    config = from_dict({"model": gaussian}, PRESETS["mlp"])
    with pytest.raises(ConfigError, match=r"model\.residual is for network ladder"):
        check_run(config)


@pytest.mark.parametrize(
    "data",
    [{"flip": True}, {"mirror": True}, {"half_chroma": 0.5}, {"whole": False}],
    ids=str,
)
def test_bits_that_are_to_stay_are_of_whole_images_as_they_are(data):
    settings = {"binarize": "static", "crop": 28}
    check_run(from_dict({"data": settings}, PRESETS["mlp"]))
    config = from_dict({"data": {**settings, **data}}, PRESETS["mlp"])
    with pytest.raises(ConfigError, match=r"data\.binarize static needs data\.whole"):
        check_run(config)
    check_run(config.replace(data={"binarize": "dynamic"}))


def test_the_width_of_an_adversary_that_is_off_does_not_matter():
    check_run(from_dict({"adversarial": {"width": 12}}))


def test_toml_is_laid_over_a_preset(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text('preset = "mlp"\n[training]\nsteps = 7\n')
    config = load_toml(path)
    assert config.training.steps == 7
    assert config.model == PRESETS["mlp"].model


@pytest.mark.parametrize(
    "text", ['preset = ["restore"]', "[preset]\na = 1", "preset = 3"]
)
def test_what_is_no_name_is_no_preset(tmp_path, text):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="preset"):
        load_toml(path)


def test_a_file_may_not_contradict_the_preset_that_was_asked_for(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text('preset = "mlp"\n')
    assert load_toml(path, given="mlp") == PRESETS["mlp"]
    with pytest.raises(ConfigError, match=r"my\.toml.*contradicts --preset generate"):
        load_toml(path, PRESETS["generate"], given="generate")


def test_errors_of_a_file_name_it(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("[training\n")
    with pytest.raises(ConfigError, match=r"my\.toml"):
        load_toml(path)
    path.write_text("[training]\nstep = 3\n")
    with pytest.raises(ConfigError, match=r"my\.toml.*did you mean training\.steps"):
        load_toml(path)
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_toml(tmp_path / "none.toml")


def test_unknown_presets_are_suggested():
    with pytest.raises(ConfigError, match="did you mean restore"):
        named_preset("restor")


def test_replace_checks_too():
    with pytest.raises(ConfigError):
        Config().replace(training={"batch": 0})
    assert Config().replace(training={"batch": 3}).training.batch == 3


def test_stride_counts_unshuffling_and_levels():
    assert stride(Config().model) == 8
    assert stride(PRESETS["mlp"].model) == 1


def test_any_text_survives_toml(tmp_path):
    words = 'a "flower" \\ \U0001f338 \x7f \x1f\n\u2028 \u00e9'
    config = Config().replace(card={"title": words, "sources": (words, "b")})
    path = tmp_path / "c.toml"
    path.write_text(to_toml(config), encoding="utf-8")
    assert load_toml(path) == config
