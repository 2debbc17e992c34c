"""The mean of two stages of a model."""

from __future__ import annotations

import numpy as np

from scripts import average_models
from tests.tiny import save_tiny_model, tiny_config
from vaenhance import checkpoint
from vaenhance.model.build import read_weights


def test_the_weights_are_the_mean_and_the_card_says_of_what(tmp_path):
    first, second, target = (tmp_path / name for name in ("a", "b", "c"))
    save_tiny_model(first)
    save_tiny_model(second)
    moved = {name: w + 1.0 for name, w in read_weights(first).items()}
    card = {**checkpoint.load_card(second), "training": {"steps": 5}}
    checkpoint.save_model(second, checkpoint.load_config(second), moved, card)

    assert average_models.main([str(first), str(second), str(target)]) == 0

    old = read_weights(first)
    for name, weight in read_weights(target).items():
        np.testing.assert_allclose(weight, old[name] + 0.5, atol=2e-3)
    made = checkpoint.load_card(target)
    assert made["training"]["steps"] == 5
    assert made["training"]["averaged_with"] == checkpoint.weights_checksum(first)
    assert made["weights_sha256"] != checkpoint.weights_checksum(second)


def test_runs_of_one_stage_both_cost_time(tmp_path):
    for name, hours in (("a", 0.5), ("b", 0.75)):
        save_tiny_model(tmp_path / name)
        card = checkpoint.load_card(tmp_path / name)
        training = {"hours": hours, "hours_before": 4.0}
        checkpoint.save_model(
            tmp_path / name,
            checkpoint.load_config(tmp_path / name),
            read_weights(tmp_path / name),
            {**card, "training": training},
        )
    paths = [str(tmp_path / name) for name in "abc"]
    assert average_models.main([*paths, "--beside"]) == 0
    made = checkpoint.load_card(tmp_path / "c")["training"]
    found = [made[key] for key in ("hours", "hours_beside", "hours_before")]
    assert found == [0.75, 0.5, 4.5]


def test_it_refuses_other_networks_and_a_target_that_is_there(tmp_path, capsys):
    save_tiny_model(tmp_path / "a")
    wider = tiny_config().replace(model={"latent_channels": (5, 5)})
    save_tiny_model(tmp_path / "b", wider)
    a, b, c = (str(tmp_path / name) for name in "abc")

    assert average_models.main([a, b, c]) == 2
    assert average_models.main([a, a, b]) == 2

    told = capsys.readouterr().err
    assert "different networks" in told
    assert "a model already" in told
    assert not (tmp_path / "c").exists()
