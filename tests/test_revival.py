"""Silent hidden units start anew, and nothing else changes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.tiny import tiny_config
from vaenhance.config import check_run
from vaenhance.errors import ConfigError
from vaenhance.runtime import import_tensorflow

import_tensorflow()

from vaenhance.data.pipeline import Batch  # noqa: E402
from vaenhance.model.build import build_network, named  # noqa: E402
from vaenhance.model.revival import (  # noqa: E402
    FIRING,
    WOKEN_SCALE,
    firing,
    revive,
    start_anew,
    wake,
)

RNG = np.random.default_rng(3)
BATCHES = [
    Batch(y, y, np.full(4, -1, np.float32), np.full(4, -1, np.int32))
    for y in RNG.random((2, 4, 32, 32, 3), np.float32)
]
SILENT = {"encoder0_0/first": [0, 5], "decoder1_0/first": [2], "mix1": [1, 3, 4]}
AFTER = {"encoder0_0/first": "encoder0_0/second", "mix1": "posterior1"}
AFTER["decoder1_0/first"] = "decoder1_0/second"


@pytest.fixture
def networks():
    """A network with silent units, and an average of other weights."""
    made = [build_network(tiny_config().model) for _ in range(2)]
    rng = np.random.default_rng(0)
    for network in made:
        for variable in network.variables:
            spread = 0.0 if variable.path.endswith("bias") else 0.3
            variable.assign(rng.normal(0, spread, variable.shape))
    variables = named(made[0].variables)
    for name, units in SILENT.items():
        bias = np.asarray(variables[f"{name}/bias"]).copy()
        bias[units] = -6e4
        variables[f"{name}/bias"].assign(bias)
    return made


def arrays(network):
    return {name: np.asarray(v).copy() for name, v in named(network.variables).items()}


def test_silent_units_start_anew_and_the_function_stays(networks):
    before, answers = arrays(networks[0]), [networks[0](b.y) for b in BATCHES]
    found = revive(networks, BATCHES, seed=1)
    hidden = sum(v.size for n, v in before.items() if is_hidden(n))
    assert found == {"revived": 6, "hidden_units": hidden}
    for batch, answer in zip(BATCHES, answers, strict=True):
        np.testing.assert_allclose(networks[0](batch.y), answer, rtol=1e-4, atol=1e-4)
    after = arrays(networks[0])
    for name, units in SILENT.items():
        kernel, old = after[f"{name}/kernel"], before[f"{name}/kernel"]
        others = np.setdiff1d(np.arange(kernel.shape[-1]), units)
        assert np.array_equal(kernel[..., others], old[..., others])
        assert (kernel[..., units] != old[..., units]).all()
        rows = after[f"{AFTER[name]}/kernel"]
        assert not rows[..., units, :].any()
        assert np.array_equal(
            rows[..., others, :], before[f"{AFTER[name]}/kernel"][..., others, :]
        )
    touched = {f"{n}/{part}" for n in SILENT for part in ("kernel", "bias")}
    touched |= {f"{after}/kernel" for after in AFTER.values()}
    assert {n for n in before if not np.array_equal(before[n], after[n])} == touched


def is_hidden(name):
    return name.endswith("first/bias") or (name.startswith("mix") and "bias" in name)


def test_they_fire_now_and_the_average_has_them_too(networks):
    revive(networks, BATCHES, seed=1)
    block = networks[0].up_blocks[0][0]
    stem = networks[0].stem
    seen = []
    for batch in BATCHES:
        h = 2.0 * batch.y - 1.0
        h = h.reshape(4, 16, 2, 16, 2, 3).transpose(0, 1, 3, 2, 4, 5)
        told = np.zeros((4, 16, 16, 2), np.float32)
        h = np.concatenate([h.reshape(4, 16, 16, 12), told], -1)
        seen.append(np.asarray(block.first(stem(h)))[..., [0, 5]] > 0)
    assert np.abs(np.mean(seen, axis=(0, 1, 2, 3)) - FIRING).max() < 0.02
    mine, average = (arrays(network) for network in networks)
    for name, units in SILENT.items():
        for part in ("kernel", "bias"):
            new = f"{name}/{part}"
            assert np.array_equal(mine[new][..., units], average[new][..., units])
    assert revive(networks, BATCHES, seed=2)["revived"] == 0


def test_the_count_of_a_model_in_a_folder(networks, tmp_path):
    from scripts.measure_units import measure
    from vaenhance import checkpoint
    from vaenhance.photo import save_png

    (tmp_path / "photos").mkdir()
    for number in range(3):
        noise = RNG.integers(0, 255, (48, 40, 3), np.uint8)
        save_png(noise, tmp_path / "photos" / f"{number}.png")
    weights = arrays(networks[0])
    checkpoint.save_model(tmp_path / "model", tiny_config(), weights, {})
    found = measure(tmp_path / "photos", str(tmp_path / "model"))
    assert found["units"] == sum(units for _, units in found["layers"].values()) == 60
    silent = {name: count for name, (count, _) in found["layers"].items() if count}
    assert silent == {name: len(units) for name, units in SILENT.items()}


def test_another_seed_gives_other_weights(networks):
    start = arrays(networks[0])
    made = []
    for seed in (1, 1, 2):
        for name, variable in named(networks[0].variables).items():
            variable.assign(start[name])
        revive(networks[:1], BATCHES, seed)
        made.append(arrays(networks[0])["mix1/kernel"])
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


@pytest.mark.parametrize("classes", [(), ("a", "b")])
def test_units_of_the_blocks_before_a_latent_start_anew_too(classes):
    model = tiny_config(model={"context_blocks": (2, 1), "classes": classes}).model
    network, rng = build_network(model), np.random.default_rng(0)
    variables = named(network.variables)
    for name, variable in variables.items():
        spread = 0.1 if name.endswith("bias") else 0.3
        variable.assign(rng.normal(0, spread, variable.shape))
    layer = "context0/block1/first"
    bias = np.asarray(variables[f"{layer}/bias"]).copy()
    bias[[1, 2]] = -6e4
    variables[f"{layer}/bias"].assign(bias)
    rates, answer = firing(network, BATCHES), network(BATCHES[0].y)
    silent = sum(int(np.sum(rate < 1e-3)) for rate in rates.values())
    assert not rates[layer][[1, 2]].any()
    found = revive([network], BATCHES, seed=1)
    units = sum(len(rate) for rate in rates.values())
    assert found == {"revived": silent, "hidden_units": units}
    np.testing.assert_allclose(network(BATCHES[0].y), answer, rtol=1e-4, atol=1e-4)
    after = arrays(network)
    assert (after[f"{layer}/bias"][[1, 2]] > -1e3).all()
    assert not after["context0/block1/second/kernel"][..., [1, 2], :].any()
    # Last: the others draw what they drew. What the coarsest level is given is the
    # same for every image, but for its class.
    names = [f"context{block}/first" for block in ("0/block0", "0/block1", "1/block0")]
    last = [name for name in rates if name.startswith("context")]
    assert last == list(rates)[-len(last) :] == (names if classes else names[:2])


def test_units_that_fire_for_one_class_alone_do_not_start_anew():
    model = tiny_config(model={"context_blocks": (0, 1), "classes": ("a", "b")}).model
    network = build_network(model)
    for variable in network.context[1].variables:
        variable.assign(0.0 * variable)
    told = network.context[1]
    told.condition.bias.assign([[[[1.0] * 12]], [[[-1.0] * 12]]])
    kernel = np.zeros((3, 3, 12, 12), np.float32)
    kernel[1, 1] = np.eye(12)
    told.blocks[0].first.kernel.assign(kernel)
    told.blocks[0].first.bias.assign([-0.5] * 12)
    seen = [dataclasses.replace(b, label=np.array([0, 1, -1, 1])) for b in BATCHES]
    assert firing(network, seen)["context1/block0/first"] == pytest.approx(0.25)


# === Collapsed latents ===


@pytest.fixture
def collapsed(networks):
    """The networks, with two channels of the finest latent that say nothing."""
    for network in networks:
        head = network.posterior_head[0]
        kernel, bias = np.asarray(head.kernel).copy(), np.asarray(head.bias).copy()
        channels = kernel.shape[-1] // 2
        for channel in (0, channels - 1):
            for column in (channel, channels + channel):
                kernel[..., column], bias[column] = 0.0, 0.0
        head.kernel.assign(kernel)
        head.bias.assign(bias)
        # A prior that is the same everywhere: what it said can be kept to the bit.
        network.prior_head[0].kernel.assign(0.0 * network.prior_head[0].kernel)
        network.prior_head[0].bias.assign(network.prior_head[0].bias + 0.3)
    return networks


def nats_of(network):
    """Nats a position of each channel of the finest latent."""
    seen = []
    for batch in BATCHES:
        network.infer(batch.y, observe=seen.append)
    finest = [q for q in seen if q.delta_mean.shape[1] == 16]
    return np.mean([np.mean(q.nats(), axis=(0, 1, 2)) for q in finest], axis=0)


def test_collapsed_latents_start_anew_and_the_function_stays(collapsed):
    answers = [network(BATCHES[0].y) for network in collapsed]
    before = arrays(collapsed[0])
    last = len(nats_of(collapsed[0])) - 1
    assert (nats_of(collapsed[0])[[0, last]] < 1e-6).all()
    found = wake(collapsed, BATCHES, seed=1)
    assert found["woken"] == 2
    assert found["latent_channels"] == sum(tiny_config().model.latent_channels)
    for network, answer in zip(collapsed, answers, strict=True):
        rounding = 1e-5 * np.abs(answer).max()
        np.testing.assert_allclose(network(BATCHES[0].y), answer, atol=rounding)
        assert (nats_of(network)[[0, last]] > 0.5).all()
    after = arrays(collapsed[0])
    changed = {n for n in before if not np.array_equal(before[n], after[n])}
    layers = {name.split("/")[0] for name in changed}
    assert layers == {"posterior0", "prior0", "merge0"}
    assert not after["merge0/kernel"][..., [0, last], :].any()
    others = slice(1, last)
    for name in ("posterior0/kernel", "prior0/kernel"):
        assert np.array_equal(after[name][..., others], before[name][..., others])
    assert wake(collapsed, BATCHES, seed=2)["woken"] == 0


def test_the_spread_of_a_woken_posterior_is_the_priors(collapsed):
    wake(collapsed, BATCHES, seed=1)
    seen = []
    for batch in BATCHES:
        collapsed[0].infer(batch.y, observe=seen.append)
    means = np.concatenate([q.delta_mean for q in seen if q.delta_mean.shape[1] == 16])
    scales = [q.delta_log_scale for q in seen if q.delta_mean.shape[1] == 16]
    assert means[..., 0].std() == pytest.approx(1.0, abs=0.02)
    assert means[..., 0].mean() == pytest.approx(0.0, abs=0.02)
    np.testing.assert_allclose(np.exp(scales[0][..., 0]), WOKEN_SCALE, rtol=0.1)


def test_latents_of_one_position_start_anew():
    # There the layers are dense, and the prior's head sees a constant.
    model = tiny_config(
        model={
            "image_size": 32,
            "widths": (8, 8, 8),
            "encoder_blocks": (1, 1, 1),
            "decoder_blocks": (1, 1, 1),
            "latent_channels": (2, 2, 4),
            "strides": (2, 8),
        },
        data={"crop": 32},
    ).model
    network = build_network(model)
    for head in (*network.posterior_head, *network.prior_head):
        for variable in head.variables:
            variable.assign(0.0 * variable)
    answer = network(BATCHES[0].y)
    assert wake([network], BATCHES, seed=1) == {"woken": 8, "latent_channels": 8}
    np.testing.assert_allclose(network(BATCHES[0].y), answer, atol=1e-5)
    assert wake([network], BATCHES, seed=2)["woken"] == 0


@pytest.mark.parametrize("latents", [False, True])
def test_latents_are_left_alone_unless_that_is_asked_for(collapsed, latents):
    plan = tiny_config(training={"revive": 1, "revive_latents": latents})
    said = start_anew(collapsed, BATCHES, 5, plan)
    assert said.get("woken") == (2 if latents else None)
    assert (nats_of(collapsed[0])[0] > 0.1) == latents


@pytest.mark.parametrize(
    "sections",
    [
        {
            "model": {"network": "mlp", "latent_channels": (2,), "image_size": 16},
            "training": {"revive": 5},
        },
        {"training": {"revive": 5, "only_prior": True}},
    ],
)
def test_where_there_is_nothing_to_revive_it_is_refused(sections):
    with pytest.raises(ConfigError, match="is for network ladder, without"):
        tiny_config(**sections)


def test_units_that_leak_are_left_alone():
    plan = {"revive": 5}
    with pytest.raises(ConfigError, match="leak"):
        check_run(tiny_config(model={"leak": 0.1}, training=plan))
    config = tiny_config(model={"leak": 0.1}, training={**plan, "revive_latents": True})
    network = build_network(config.model)
    network(BATCHES[0].y)
    before = {n: v.numpy() for n, v in named(network.variables).items() if "/f" in n}
    assert "revived" not in start_anew([network], BATCHES, 5, config)
    for name, variable in named(network.variables).items():
        assert name not in before or np.array_equal(variable, before[name])


def test_latents_cannot_start_anew_at_no_time():
    with pytest.raises(ConfigError, match="revive_latents needs"):
        tiny_config(training={"revive_latents": True})
