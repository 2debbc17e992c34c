"""What a larger ladder makes at first is what the smaller one made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vaenhance.config import ModelConfig
from vaenhance.model.build import build_network, named, take_over
from vaenhance.model.growth import grown

SMALL = ModelConfig(
    widths=(8, 12),
    encoder_blocks=(1, 1),
    decoder_blocks=(1, 1),
    latent_channels=(4, 4),
)
WIDER = {"widths": (12, 16)}
NO_BLOCKS = {"encoder_blocks": (0, 0), "decoder_blocks": (0, 0)}
ONE_SIZE = {"strides": (4,), "image_size": 8}  # the coarse level is matrix products
TOLD = {"classes": ("cat", "dog"), "context_blocks": (1, 1)}
# What the small network has in place of SMALL's, and the large one in place of that.
LADDERS = {
    "strides of 2, both wider": ({}, WIDER),
    "strides of 1, both wider": ({"strides": (1,)}, WIDER),
    "strides of 4, fine wider": ({"strides": (4,)}, {"widths": (12, 12)}),
    "strides of 4, coarse wider": ({"strides": (4,)}, {"widths": (8, 16)}),
    "strides of 4, both wider": ({"strides": (4,)}, WIDER),
    "one position, fine wider": (ONE_SIZE, {"widths": (12, 12)}),
    "one position, coarse wider": (ONE_SIZE, {"widths": (8, 16)}),
    "one position, context": ({**ONE_SIZE, **TOLD}, WIDER),
    "context, both wider": ({"context_blocks": (1, 1)}, WIDER),
    "classes, both wider": (TOLD, WIDER),
    "first decoder blocks": (NO_BLOCKS, {"decoder_blocks": (1, 1)}),
    "first context blocks": (NO_BLOCKS, {"context_blocks": (1, 1)}),
    "first blocks of all, wider": (
        {**NO_BLOCKS, "strides": (4,)},
        {**WIDER, "encoder_blocks": (1, 1), "context_blocks": (2, 1)},
    ),
}
MORE_LATENTS = {
    "more latents": ({"strides": (4,)}, {"latent_channels": (6, 5)}),
    "more latents, wider": (
        {"strides": (4,)},
        {**WIDER, "latent_channels": (6, 5)},
    ),
    "more latents of one position": (ONE_SIZE, {"latent_channels": (6, 5)}),
    "more latents of one position, wider": (
        ONE_SIZE,
        {**WIDER, "latent_channels": (6, 5)},
    ),
}


def random_weights(network):
    """Gives a network weights that leave no layer without effect; returns them."""
    rng = np.random.default_rng(0)
    weights = {}
    for name, variable in named(network.variables).items():
        shape = tuple(variable.shape)
        fan_in = np.prod(shape[:-1]) if len(shape) > 1 else 25
        weights[name] = rng.normal(0, fan_in**-0.5, shape).astype(np.float32)
        variable.assign(weights[name])
    return weights


def both(before, after):
    """Returns a small network, a larger one made from it, and what stayed random."""
    model = replace(SMALL, **before)
    small, large = build_network(model), build_network(replace(model, **after))
    shapes = {name: tuple(v.shape) for name, v in named(large.variables).items()}
    weights = grown(random_weights(small), shapes, np.random.default_rng(1))
    return small, large, take_over(large, weights)


def shown(network):
    """Returns what a network makes of two images: (x̂, KL, z), coarse to fine."""
    side = network.config.image_size
    size = (side, side) if side else (16, 24)
    return network.infer(np.random.default_rng(2).random((2, *size, 3), np.float32))


@pytest.mark.parametrize(("before", "after"), LADDERS.values(), ids=LADDERS.keys())
def test_a_larger_ladder_begins_as_the_smaller_one(before, after):
    small, large, missing = both(before, after)
    wanted, found = shown(small), shown(large)
    assert np.std(wanted[0]) > 0.1
    np.testing.assert_allclose(found[0], wanted[0], atol=1e-4)
    for i in (1, 2):
        for a, b in zip(found[i], wanted[i], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    # The tables of classes start anew, and what has to be random in new blocks.
    assert not [name for name in missing if not ("/first/" in name or "class" in name)]


@pytest.mark.parametrize(
    ("before", "after"), MORE_LATENTS.values(), ids=MORE_LATENTS.keys()
)
def test_more_latents_change_no_picture(before, after):
    small, large, missing = both(before, after)
    wanted = shown(small)[0]
    assert np.std(wanted) > 0.1
    np.testing.assert_allclose(shown(large)[0], wanted, atol=1e-4)
    assert not missing
