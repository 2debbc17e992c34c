"""Bits from gray values: their mean, their seeds, where they are made."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tiny import tiny_config
from vaenhance.config import check_run, named_preset
from vaenhance.data.binarize import binarize
from vaenhance.data.dataset import Dataset
from vaenhance.data.pipeline import Pipeline
from vaenhance.errors import ConfigError
from vaenhance.workflows.likelihood import batches

GRAY = np.linspace(0, 1, 6 * 64 * 64, dtype=np.float32).reshape(6, 64, 64, 1)


def digits(count: int = 40) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (count, 28, 28, 1), np.uint8)
    names = [f"x_train[{i}]" for i in range(count)]
    return Dataset(names, [(28, 28)] * count, images)


@pytest.mark.parametrize("how", ["dynamic", "static"])
def test_bits_have_the_mean_of_the_gray_values(how):
    bits = binarize(GRAY, how, np.random.default_rng(1))
    assert set(np.unique(bits)) == {0.0, 1.0}
    # 4096 bits an image: a standard error of 0.008 at most.
    assert np.abs((bits - GRAY).mean(axis=(1, 2, 3))).max() < 0.04


def test_black_and_white_stay():
    ends = np.stack([np.zeros((8, 8, 1)), np.ones((8, 8, 1))]).astype(np.float32)
    for how in ("none", "dynamic", "static"):
        assert np.array_equal(binarize(ends, how, np.random.default_rng(0)), ends)


def test_static_bits_belong_to_the_image_and_dynamic_ones_to_the_draw():
    first, second = (np.random.default_rng(seed) for seed in (1, 2))
    static = binarize(GRAY, "static", first)
    assert np.array_equal(static, binarize(GRAY, "static", second))
    assert np.array_equal(static[3], binarize(GRAY[3], "static", second))
    assert not np.array_equal(
        binarize(GRAY, "dynamic", first), binarize(GRAY, "dynamic", second)
    )


@pytest.mark.parametrize("how", ["none", "dynamic", "static"])
def test_batches_are_binary_where_asked_for(how):
    config = named_preset("mlp").replace(data={"binarize": how}, training={"batch": 8})
    whole = Pipeline(digits(), config)
    parts = [Pipeline(digits(), config, part=(i, 2)) for i in range(2)]
    batch = whole.batch(3)
    assert np.array_equal(batch.x, batch.y)
    assert set(np.unique(batch.x)) <= {0.0, 1.0} or how == "none"
    both = np.concatenate([pipeline.batch(3).x for pipeline in parts])
    assert np.array_equal(both, batch.x)
    assert not np.array_equal(batch.x, whole.batch(4).x)
    for pipeline in (whole, *parts):
        pipeline.close()


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_static_bits_are_those_that_are_measured(noise):
    config = named_preset("mlp").replace(
        data={"binarize": "static"},
        degradation={"noise": noise},
        training={"batch": 20},
    )
    check_run(config)
    data = digits(10)
    pipeline = Pipeline(data, config)
    trained = {x.tobytes() for step in range(6) for x in pipeline.batch(step).x}
    pipeline.close()
    measured = {
        x.tobytes() for _, images in batches(data, config, 0, []) for x in images
    }
    assert len(measured) == 10
    assert trained == measured  # one pattern an image, in 12 epochs


def test_plain_batches_hold_the_images_themselves():
    data = digits()
    pipeline = Pipeline(data, named_preset("mlp").replace(training={"batch": 10}))
    x = np.concatenate([pipeline.batch(step).x for step in range(4)])
    pipeline.close()
    found = {np.rint(255 * image).astype(np.uint8).tobytes() for image in x}
    assert found <= {data.read(i).tobytes() for i in range(len(data))}
    assert len(found) > 20  # a chunk of 40 places draws from all the images


def test_only_bernoulli_is_for_bits():
    with pytest.raises(ConfigError, match="bernoulli"):
        tiny_config(data={"binarize": "static"})
