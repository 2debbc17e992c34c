"""A deeper network starts as good as the one whose weights it takes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tiny import save_tiny_model, tiny_config
from vaenhance.model.build import build_network, named, read_weights
from vaenhance.model.growth import with_blocks
from vaenhance.model.trainer import Trainer
from vaenhance.runtime import start_training


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return read_weights(save_tiny_model(tmp_path_factory.mktemp("small") / "model"))


@pytest.fixture(scope="module")
def trainer(weights):
    deeper = {"encoder_blocks": (2, 1), "decoder_blocks": (1, 3)}
    return Trainer(tiny_config(model=deeper), start_training("cpu", "float32"))


@pytest.fixture(scope="module")
def missing(weights, trainer):
    return trainer.initialise_from(weights)


def test_new_blocks_change_nothing_at_first(weights, trainer, missing):
    small = build_network(tiny_config().model)
    for name, variable in named(small.variables).items():
        variable.assign(weights[name])
    y = np.random.default_rng(1).random((2, 16, 24, 3), np.float32)
    np.testing.assert_allclose(trainer.averaged(y), small(y), atol=1e-6)


def test_new_blocks_can_learn(trainer, missing):
    variables = named(trainer.network.variables)
    first = [name for name in missing if name.endswith("first/kernel")]
    assert {name.split("/")[0] for name in first} == {
        "encoder0_1",
        "decoder1_1",
        "decoder1_2",
    }
    assert all(np.std(variables[name]) > 0.05 for name in first)
    assert not [name for name in missing if "second" in name]


def test_nothing_is_added_for_weights_without_blocks():
    shapes = {"encoder0_0/second/kernel": (3, 3, 8, 8)}
    assert with_blocks({"stem/kernel": 0}, shapes) == {"stem/kernel": 0}
