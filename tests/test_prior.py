"""The fitted prior: the model's own at first, invertible; enhance stays the same."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tiny import save_tiny_model, tiny_config
from vaenhance.runtime import import_tensorflow

tf = import_tensorflow()

from vaenhance import checkpoint, load_model  # noqa: E402
from vaenhance.errors import ConfigError  # noqa: E402
from vaenhance.model.build import build_network, named  # noqa: E402
from vaenhance.model.gaussian import DiagonalGaussian, kl_divergence  # noqa: E402
from vaenhance.model.prior import FittedPrior  # noqa: E402

LABELS = tf.constant([0, 2])


def normal(shape, seed=0):
    return tf.random.stateless_normal(shape, [seed, 1])


def shaken(layer):
    """Random weights everywhere: nothing is the identity any more."""
    rng = np.random.default_rng(0)
    for variable in layer.variables:
        variable.assign(rng.normal(0, 0.3, variable.shape))
    return layer


def prior(steps, channels=5, policy="float32", random=True):
    layer = FittedPrior(channels, 8, 1, steps, 3, dtype=policy)
    layer.build((None, None, None, 6))
    h = tf.cast(normal([2, 4, 4, 6]), layer.compute_dtype)
    own = DiagonalGaussian(
        normal([2, 4, 4, channels], 1), 0.1 * normal([2, 4, 4, channels], 2)
    )
    return (shaken(layer) if random else layer)(h, LABELS, prior=own), own


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_it_begins_as_the_models_own_prior(policy):
    fitted, own = prior(4, policy=policy, random=False)
    noise = normal([2, 4, 4, 5], 3)
    assert np.allclose(fitted.sample(noise), own.sample(noise), atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_draw_can_be_turned_back_into_its_noise(policy):
    fitted, own = prior(3, policy=policy)
    noise = normal([2, 4, 4, 5], 3)
    z = fitted.sample(noise)
    assert z.dtype == tf.float32
    assert not np.allclose(z, own.sample(noise), atol=0.1)
    assert np.allclose(fitted.noise_of(z), noise, atol=1e-3)


def test_without_steps_its_divergence_is_the_kl_of_two_gaussians():
    fitted, own = prior(0)
    expected = kl_divergence(own, fitted.gaussian)
    assert np.allclose(fitted.divergence(own, own.mean), expected, rtol=1e-5)


def test_with_steps_its_density_integrates_to_one():
    """E_q[p/q] = 1 if log p is right, for q not far from p; four values a draw."""
    layer = FittedPrior(4, 8, 1, 2, 0)
    layer.build((None, None, None, 6))
    rng = np.random.default_rng(1)
    for variable in layer.variables:
        variable.assign(rng.normal(0, 0.1, variable.shape))
    count = 20_000
    h = tf.tile(normal([1, 1, 1, 6]), [count, 1, 1, 1])
    zeros = tf.zeros([count, 1, 1, 4])
    fitted = layer(h, tf.fill([count], -1), prior=DiagonalGaussian(zeros, zeros))
    q = DiagonalGaussian(zeros, zeros + 0.5)
    ratio = np.exp(-fitted.divergence(q, q.sample(normal([count, 1, 1, 4], 5))))
    assert abs(ratio.mean() - 1.0) < 5 * ratio.std() / np.sqrt(count)


def test_a_latent_of_one_channel_has_no_halves_to_couple():
    fitted, _ = prior(4, channels=1)
    assert not fitted.steps


def test_only_the_ladder_has_a_prior_to_fit():
    with pytest.raises(ConfigError, match="no levels"):
        tiny_config(
            model={
                "network": "mlp",
                "latent_channels": (2,),
                "image_size": 16,
                "prior_width": 4,
            }
        )


def folder_of_classes(root):
    from vaenhance.photo import save_png

    rng = np.random.default_rng(0)
    for name, level in (("dark", 40), ("light", 200)):
        (root / name).mkdir(parents=True)
        for index in range(4):
            pixels = rng.integers(level - 40, level + 40, (16, 16, 3), np.uint8)
            save_png(pixels, root / name / f"{index}.png")
    return root


def test_fitting_the_prior_leaves_what_enhance_makes_to_the_bit(tmp_path, invoke):
    base = save_tiny_model(tmp_path / "base")
    images = folder_of_classes(tmp_path / "images")
    new = tmp_path / "new"
    settings = tmp_path / "s.toml"  # few coupling steps: each is compiled
    settings.write_text("[model]\nprior_width = 8\nprior_steps = 2\n")
    run = ("train", images, new, "--prior", base, "--config", settings)
    size = ("--steps", 3, "--batch", 4, "--crop", 16)
    invoke(*run, *size, "--precision", "float32", "--device", "cpu")
    before, after = (
        load_model(m, device="cpu", precision="float32") for m in (base, new)
    )
    image = np.random.default_rng(2).integers(0, 256, (24, 20, 3), np.uint8)
    assert np.array_equal(before.enhance(image), after.enhance(image))
    levels = zip(before.encode(image).levels, after.encode(image).levels, strict=True)
    assert all(np.array_equal(a, b) for a, b in levels)
    # But draws are others, and differ by class.
    assert after.classes == ("dark", "light")
    draws = {c: after.sample(1, size=(16, 16), label=c) for c in after.classes}
    assert not np.array_equal(draws["dark"], draws["light"])
    assert not np.array_equal(before.sample(1, size=(16, 16)), draws["dark"])
    config = checkpoint.load_config(new)
    assert config.training.only_prior
    assert config.model.class_scope == "prior"


def test_a_prior_needs_a_model_and_leaves_its_network(tmp_path, invoke):
    base = save_tiny_model(tmp_path / "base")
    images = folder_of_classes(tmp_path / "images")
    settings = tmp_path / "s.toml"
    settings.write_text("[training]\nonly_prior = true\n")
    run = ("train", images, tmp_path / "new")
    assert "--prior MODEL" in invoke(*run, "--config", settings, exit_code=2).stderr
    settings.write_text("[model]\nresidual = true\n")
    said = invoke(*run, "--prior", base, "--config", settings, exit_code=2).stderr
    assert "keeps the model's network" in said
    said = invoke(*run, "--prior", base, "--init", base, exit_code=2).stderr
    assert "neither" in said
    assert not (tmp_path / "new").exists()


def test_all_but_the_prior_is_frozen():
    config = tiny_config(model={"prior_width": 4})
    network = build_network(config.model)
    network.freeze_all_but_prior()
    trained = {v.path for v in network.trainable_variables}
    assert trained == {
        v.path
        for name, v in named(network.variables).items()
        if name.startswith("fitted")
    }
    assert trained


@pytest.mark.parametrize("steps", [0, 2])
def test_both_bounds_and_the_way_between_images_are_of_the_fitted_prior(
    tmp_path, steps
):
    shape = {"prior_width": 8, "prior_blocks": 1, "prior_steps": steps}
    folder = save_tiny_model(tmp_path / "fitted", tiny_config(model=shape))
    model = load_model(folder, device="cpu", precision="float32")
    x = np.random.default_rng(3).random((2, 16, 16, 3), np.float32)
    one = model.bound_likelihood(x, 1)
    if steps:  # both weigh the same z by the same two densities
        assert np.allclose(one.elbo, one.weighted, atol=0.01)
    many = model.bound_likelihood(x, 200)
    assert (many.weighted > many.elbo).all()
    shapes = model._inference.latent_shapes(16, 16)
    rng = np.random.default_rng(4)
    noise = [rng.standard_normal((400, *s), np.float32) for s in shapes]
    _, kl, ratio = model._inference.bound(np.repeat(x[:1], 400, 0), noise, 0.002)
    error = (ratio + kl.sum(axis=1)).std() / 20
    assert abs((ratio + kl.sum(axis=1)).mean()) < 4 * error + 0.01
    image = (x[0] * 255).astype(np.uint8)
    first = next(model.interpolate(image, image[::-1], 2))
    assert np.abs(first.astype(int) - model.enhance(image)).max() <= 1
