"""The network of looks, its transform in TensorFlow, and its Python interface."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.tiny import save_tiny_model
from tests.tiny_look import LOOK_MODEL, look_config, save_tiny_look
from vaenhance.runtime import import_tensorflow, start_training

tf = import_tensorflow()

import vaenhance  # noqa: E402
from vaenhance import grading, photo  # noqa: E402
from vaenhance.config import Config  # noqa: E402
from vaenhance.data.looks import SPARSE  # noqa: E402
from vaenhance.errors import ConfigError, ModelError, UsageProblem  # noqa: E402
from vaenhance.grading_style import Style  # noqa: E402
from vaenhance.model import look_seen, transform  # noqa: E402
from vaenhance.model.build import build_network, named, read_weights  # noqa: E402
from vaenhance.model.trainer import Trainer  # noqa: E402


def photograph(shape=(40, 56, 3), dtype=np.uint8, seed=0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == np.float32:
        return rng.random(shape, np.float32)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return vaenhance.load_look(save_tiny_look(tmp_path_factory.mktemp("m") / "looks"))


# === The transform ===


def test_numpy_and_tensorflow_agree_on_every_transform(monkeypatch) -> None:
    monkeypatch.setattr(transform, "LEAK", 0.0)  # beyond white, for its gradient only
    knots = LOOK_MODEL.curve_knots
    flat = tf.random.stateless_normal([6, transform.numbers(knots)], [1, 2])
    gains = tf.random.stateless_normal([6, 4, 4], [1, 3])
    ends = [[0.1, 0.2, 0.0], [0.9, 0.8, 0.7], [0.2] * 3, [0.6] * 3]
    extremes = np.array([ends] * 6, np.float32)
    found = transform.bounded(flat * 0.7, gains, extremes, knots)
    y = photograph((6, 24, 30, 3), np.float32)
    trained = np.clip(transform.transformed(y, found).numpy(), 0, 1)
    for image, expected, one in zip(y, trained, found.numpy(), strict=True):
        error = np.abs(grading.apply(image, one) - expected)
        assert error.max() < 2e-3


def test_whatever_the_network_says_transforms_are_bounded_and_keep_grays() -> None:
    knots = LOOK_MODEL.curve_knots
    wild = 50 * tf.random.stateless_normal([9, transform.numbers(knots)], [4, 2])
    extremes = np.random.default_rng(0).random((9, 4, 3), np.float32)
    found = transform.bounded(wild, 50 * tf.ones([9, 4, 4]), extremes, knots).numpy()
    for one in found:
        assert one.slopes.min() >= 1 / transform.STEEPEST - 1e-5
        assert one.tone.min() >= 1 / transform.STEEPEST - 1e-5
        assert one.slopes.max() <= transform.STEEPEST + 1e-4
        assert np.allclose(one.matrix.sum(axis=1), 1, atol=1e-5)
        assert np.abs(one.gains).max() <= transform.LARGEST_GAIN
        assert (one.high - one.low >= transform.NARROWEST - 1e-6).all()


def test_shut_gates_are_the_identity_and_open_ones_a_stretch(monkeypatch) -> None:
    monkeypatch.setattr(transform, "LARGEST_LOGIT", 1e9)
    knots, count = LOOK_MODEL.curve_knots, transform.numbers(LOOK_MODEL.curve_knots)
    ends = [[0.1, 0.2, 0.3], [0.9, 0.8, 0.7], [0.3, 0.4, 0.5], [0.6, 0.6, 0.55]]
    extremes = np.array([ends], np.float32)

    def gated(*gates: float) -> grading.Transform:
        flat = np.zeros((1, count), np.float32)
        flat[0, : transform.GATES] = gates
        return transform.bounded(flat, tf.zeros([1, 4, 4]), extremes, knots).numpy()[0]

    image = photograph()
    assert np.array_equal(grading.apply(image, gated(*[-30.0] * 6)), image)
    own = gated(30.0, 30.0, 30.0, 30.0, -30.0, -30.0)
    assert np.allclose([own.low, own.high], ends[:2], atol=1e-6)
    inner = gated(30.0, 30.0, 30.0, 30.0, 30.0, 30.0)
    assert np.allclose([inner.low, inner.high], ends[2:], atol=1e-6)
    together = gated(30.0, 30.0, -30.0, -30.0, -30.0, -30.0)
    assert np.allclose(together.low, 0.1, atol=1e-6)
    assert np.allclose(together.high, 0.9, atol=1e-6)


def test_no_gate_is_ever_shut_for_good() -> None:
    knots = LOOK_MODEL.curve_knots
    flat = tf.Variable(tf.fill([1, transform.numbers(knots)], -1000.0))
    extremes = np.array([[[0.1] * 3, [0.9] * 3] * 2], np.float32)
    with tf.GradientTape() as tape:
        found = transform.bounded(flat, tf.zeros([1, 4, 4]), extremes, knots)
        low = tf.reduce_sum(found.low)
    assert found.low.numpy().max() > 1e-7
    assert abs(tape.gradient(low, flat).numpy()[0, 0]) > 1e-12


def test_exact_gates_are_open_and_shut_and_learn_at_both_ends() -> None:
    knots = LOOK_MODEL.curve_knots
    values = np.zeros((2, transform.numbers(knots)), np.float32)
    values[0, : transform.GATES] = -2.5
    values[1, : transform.GATES] = 2.5
    flat = tf.Variable(values)
    ends = [[0.1, 0.2, 0.3], [0.9, 0.8, 0.7], [0.3, 0.4, 0.5], [0.6, 0.6, 0.55]]
    extremes = np.array([ends] * 2, np.float32)
    with tf.GradientTape() as tape:
        found = transform.bounded(flat, tf.zeros([2, 4, 4]), extremes, knots, True)
        total = tf.reduce_sum(found.low) - tf.reduce_sum(found.high)
    assert np.array_equal(found.low[0], [0.0] * 3)
    assert np.array_equal(found.high[0], [1.0] * 3)
    assert np.allclose(found.low[1], ends[2], atol=1e-7)
    assert np.allclose(found.high[1], ends[3], atol=1e-7)
    gradient = tape.gradient(total, flat).numpy()[:, :2]
    assert np.abs(gradient).min() > 1e-4


def test_small_numbers_are_shrunk_together_and_large_ones_left() -> None:
    values = np.random.default_rng(0).standard_normal((1, 60)).astype(np.float32)
    for size, most in ((0.001, 0.001), (0.01, 0.1)):
        shrunk = transform._shrunk(tf.constant(size * values), [1]).numpy()
        assert 0 < np.abs(shrunk / (size * values)).max() < most
    large = transform._shrunk(tf.constant(values), [1]).numpy()
    assert np.allclose(large, values, rtol=0.01)


# === The network ===


@pytest.mark.parametrize("is_exact", [False, True])
def test_network_contract(is_exact) -> None:
    network = build_network(dataclasses.replace(LOOK_MODEL, exact=is_exact))
    y = photograph((3, 16, 16, 6), np.float32)
    told = tf.constant([-1.0, 0.0, -1.0])
    noise = [tf.random.stateless_normal([3, 1, 1, 4], [5, 6])]
    with tf.GradientTape() as tape:
        x, (kl,), (z,) = network.infer(y, told, noise)
        loss = tf.reduce_mean(tf.square(x)) + tf.reduce_mean(kl)
    side = 16 // SPARSE
    assert x.shape == (3, side, side, 3)
    assert kl.shape == (3,)
    assert kl.numpy().min() >= 0
    assert z.shape == (3, 1, 1, 4)
    gradients = tape.gradient(loss, network.trainable_variables)
    paths = named(network.trainable_variables)
    missing = [n for n, g in zip(paths, gradients, strict=True) if g is None]
    assert not missing
    assert all(np.isfinite(g).all() for g in gradients)


def test_without_noise_every_pixel_is_computed_and_agrees_with_the_sparse_ones() -> (
    None
):
    network = build_network(LOOK_MODEL)
    y = photograph((2, 16, 16, 6), np.float32)
    told = tf.constant([-1.0, 0.0])
    whole = network.infer(y, told)[0].numpy()
    few = network.infer(y, told, [tf.zeros([2, 1, 1, 4])])[0].numpy()
    assert whole.shape == (2, 16, 16, 3)
    start = SPARSE // 2
    assert np.allclose(whole[:, start::SPARSE, start::SPARSE], few, atol=1e-6)


def test_the_look_comes_from_the_reference_and_what_is_told_of_it() -> None:
    network = build_network(LOOK_MODEL)
    rng = np.random.default_rng(0)
    for variable in network.variables:
        variable.assign(rng.normal(0, 0.2, variable.shape))
    y = photograph((1, 16, 16, 6), np.float32)
    other = y.copy()
    other[..., :3] = photograph((1, 16, 16, 3), np.float32, seed=3)
    keep = tf.constant([0.0])
    z = network.infer(y, keep)[2][0].numpy()
    assert np.array_equal(network.infer(other, keep)[2][0].numpy(), z)
    assert not np.allclose(network.infer(y, tf.constant([-1.0]))[2][0].numpy(), z)


def test_no_unit_is_off_for_good() -> None:
    """With plain rectifiers most of them were, for every photograph."""
    keras.utils.set_random_seed(0)
    network = build_network(LOOK_MODEL)
    hidden = [network.summary_layer, *network.decoder, network.place_layer]
    for layer in hidden:
        layer.bias.assign(tf.fill(layer.bias.shape, -30.0))
    y = photograph((2, 16, 16, 3), np.float32)
    with tf.GradientTape() as tape:
        x = network.infer(y, tf.constant([-1.0, -1.0]), [tf.zeros([2, 1, 1, 4])])[0]
    kernels = [layer.kernel.value for layer in hidden]
    for gradient in tape.gradient(x, kernels):
        assert np.abs(gradient.numpy()).max(axis=0).min() > 0


def test_a_batch_may_be_of_one_use_only() -> None:
    network = build_network(LOOK_MODEL)
    y = photograph((3, 16, 16, 6), np.float32)
    told = np.array([-1.0, 0.0, -1.0], np.float32)
    mixed = network.infer(y, tf.constant(told))[0].numpy()
    for use in (-1.0, 0.0):
        alone = network.infer(y, tf.fill([3], use))[0].numpy()
        assert np.allclose(alone[told == use], mixed[told == use], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_size": 18}, "multiple of 4"),
        ({"latent_channels": (4, 4)}, "latent_channels"),
        ({"encoder_blocks": (1,)}, "one number a level"),
    ],
)
def test_impossible_networks_are_refused(change, words) -> None:
    with pytest.raises(ConfigError, match=words):
        look_config().replace(model=change)
    with pytest.raises(ConfigError, match=r"data\.crop"):
        look_config().replace(data={"crop": 32})


def test_histograms_share_values_between_the_two_nearest_bins() -> None:
    values = np.random.default_rng(0).random((3, 8, 8, 2), np.float32)
    values[0, 0, 0] = 0.0, 1.0
    bins = look_seen.BINS
    found = look_seen.histogram(tf.constant(values)).numpy().reshape(3, 2, bins)
    places = values.transpose(0, 3, 1, 2).reshape(3, 2, -1, 1) * (bins - 1)
    shares = np.maximum(1 - np.abs(places - np.arange(bins)), 0).mean(axis=2)
    assert np.allclose(found**2, shares, atol=3e-6)


def test_extremes_come_with_those_without_a_few() -> None:
    image = np.full((1, 64, 64, 3), 0.5, np.float32)
    image[:, 32, 32:34] = [[[0.0] * 3, [1.0] * 3]]  # as a thumbnail has them
    image[:, 1:9:2, 1] = 0.9  # four of the quarter that is sorted: still a few
    assert np.allclose(look_seen.extremes(image)[0, :, 0], [0.0, 1.0, 0.5, 0.5])
    image[:, 1:17:2, 1] = 0.9
    assert np.allclose(look_seen.extremes(image)[0, :, 0], [0.0, 1.0, 0.5, 0.9])
    ends = np.array([[[0.0], [254 / 255], [1.0], [0.0]]], np.float32)
    short = look_seen.short_of(ends)
    assert np.allclose(short[0, :, 0], [0.0, 1 / 8, 1.0, 1.0], atol=1e-5)


def test_pixels_at_the_ends_of_each_colour_are_counted() -> None:
    image = np.full((1, 8, 8, 3), 100, np.float32)
    image[0, :2, :, 0] = 20  # a quarter on the end, an eighth two steps from it
    image[0, 2, :, 0] = 22
    image[0, 0, 0, 1] = 200  # one of 64
    extremes = look_seen.extremes(image / 255)
    ends = np.stack([image.min((1, 2)), image.max((1, 2))], axis=1) / 255
    extremes = np.concatenate([ends, extremes[:, 2:]], axis=1).astype(np.float32)
    shares = look_seen.at_the_ends(tf.constant(image / 255), extremes).numpy() ** 2
    shares = shares.reshape(len(look_seen.NEAR), 2, 3)  # width, dark or bright, colour
    assert np.allclose(shares[:, 0, 0], [1 / 4, 3 / 8, 3 / 8], atol=1e-6)
    assert np.allclose(shares[:, 1, 1], 1 / 64, atol=1e-6)
    assert np.allclose(shares[:, :, 2], 1, atol=1e-6)


def test_the_colourfulness_of_tones_is_their_mean() -> None:
    image = np.full((2, 8, 8, 3), 0.1, np.float32)  # gray, and half of it a red
    image[1, 4:] = [0.9, 0.6, 0.3]
    found = look_seen.colour(tf.constant(image)).numpy()
    found = found.reshape(2, look_seen.TONES, 2)  # chroma, saturation
    assert np.abs(found[0]).max() < 1e-6
    tone = int(0.6 * look_seen.TONES)
    assert np.allclose(found[1, tone], [0.6, 0.6 / 0.92], rtol=0.01)
    assert np.abs(np.delete(found[1], tone, axis=0)).max() < 1e-6


def test_an_exact_network_starts_from_one_that_is_told_less(tmp_path) -> None:
    old = read_weights(save_tiny_look(tmp_path / "old"))
    trainer = Trainer(
        look_config(model={"exact": True}), start_training("cpu", "float32")
    )
    assert trainer.initialise_from(old) == []
    kernel = named(trainer.network.variables)["summary/kernel"].numpy()
    count = len(old["summary/kernel"])
    assert np.array_equal(kernel[:count], old["summary/kernel"])
    assert kernel.shape[0] == count + look_seen.EXACT
    assert not kernel[count:].any()
    thumbnails = photograph((2, 16, 16, 3), np.float32)
    plain = build_network(LOOK_MODEL)
    for name, variable in named(plain.variables).items():
        variable.assign(old[name])
    # What is told of photographs is the same; what is made of it, exact gates decide.
    for seen, known in zip(
        trainer.network.describe(thumbnails), plain.describe(thumbnails), strict=True
    ):
        np.testing.assert_allclose(seen, known, atol=1e-5)


# === The interface ===


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_enhance_keeps_shape_and_type_and_strength_0_is_exact(model, dtype) -> None:
    image = photograph(dtype=dtype)
    result = model.enhance(image)
    assert result.shape == image.shape
    assert result.dtype == dtype
    assert not np.array_equal(result, image)
    assert np.array_equal(model.enhance(image, strength=0.0), image)
    again = model.enhance(image)
    assert np.array_equal(result, again)


def test_half_the_strength_is_half_the_way(model) -> None:
    image = photograph(dtype=np.float32)
    whole, half = model.enhance(image), model.enhance(image, strength=0.5)
    assert np.allclose(half, (image + whole) / 2, atol=1e-5)


def test_looks_differ_and_have_names(model) -> None:
    image = photograph()
    assert sorted(model.styles) == ["dusk", "noon"]
    dusk, noon = (model.enhance(image, model.styles[n]) for n in ("dusk", "noon"))
    assert not np.array_equal(dusk, noon)
    z = model.encode(photograph(seed=4))
    assert z.shape == (4,)
    assert z.dtype == np.float32
    assert not np.array_equal(z, model.encode(photograph(seed=4), mend=True))
    # Without a look, the one that it should have.
    own = model.encode(image, mend=True)
    assert np.array_equal(model.enhance(image), model.enhance(image, own))


def test_drawn_looks_are_seeded_and_the_same_for_any_count(model) -> None:
    looks = model.sample(3, seed=5)
    assert looks.shape == (3, 4)
    assert np.array_equal(model.sample(1, seed=5), looks[:1])
    assert not np.array_equal(model.sample(1, seed=6), looks[:1])
    assert np.abs(model.sample(2, temperature=0.0)).max() == 0
    assert model.sample(0).shape == (0, 4)


def test_progress_adds_up_to_the_megapixels(model) -> None:
    done: list[float] = []
    model.enhance(photograph(), progress=done.append)
    assert sum(done) == pytest.approx(40 * 56 / 1e6)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 1), np.uint8),
        np.zeros((8, 8, 3), np.int32),
        np.full((8, 8, 3), np.nan, np.float32),
        np.zeros((2, 8, 8, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(model, image) -> None:
    with pytest.raises(UsageProblem):
        model.encode(image)


def test_a_look_of_another_size_and_impossible_strengths_are_refused(model) -> None:
    with pytest.raises(UsageProblem, match="4 numbers"):
        model.enhance(photograph(), np.zeros(5, np.float32))
    with pytest.raises(UsageProblem, match="strength"):
        model.enhance(photograph(), strength=1.5)
    assert model.enhance(np.zeros((0, 4, 3), np.uint8)).shape == (0, 4, 3)


@pytest.mark.parametrize("power", [-1e9, 1e9, np.nan, np.inf, "a"])
def test_an_exponent_that_cannot_be_taken_back_is_refused(model, power) -> None:
    image, look = photograph(), np.zeros(4, np.float32)
    with pytest.raises(UsageProblem, match=r"power must be in -100\.\.100, received"):
        model.enhance(image, look, power=power)
    with pytest.raises(UsageProblem, match="power must be"):
        model.transform(image, look, power=power)


@pytest.mark.parametrize("power", [-100, 100])
def test_the_largest_exponents_are_still_numbers(model, power) -> None:
    image, look = photograph(dtype=np.float32), np.zeros(4, np.float32)
    assert np.isfinite(model.enhance(image, look, power=power)).all()


@pytest.mark.parametrize(
    "colours", [np.nan, [np.nan] * 6, [np.inf] * 6, np.zeros(3), np.zeros((1, 6))]
)
def test_impossible_colours_of_a_style_are_refused(model, colours) -> None:
    style = Style(np.zeros(4, np.float32), np.asarray(colours, np.float32))
    with pytest.raises(UsageProblem, match="the colours of a style are"):
        model.enhance(photograph(), style)


@pytest.mark.parametrize("alpha", [[[1]], np.zeros((4, 6), np.uint8)])
def test_a_mask_of_another_image_is_refused(model, alpha) -> None:
    with pytest.raises(UsageProblem, match="is not of image"):
        model.enhance(photograph(), alpha=alpha)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"temperature": np.nan}, "temperature must be a finite number"),
        ({"temperature": -1}, "temperature must be a finite number"),
        ({"temperature": [1.0, 2.0]}, r"one temperature, received \[1.0, 2.0\]"),
        ({"seed": 0.5}, "seed must be a whole number"),
        ({"count": -1}, "count must be 0 or more"),
    ],
)
def test_looks_that_cannot_be_drawn_are_refused(model, asked, words) -> None:
    with pytest.raises(UsageProblem, match=words):
        model.sample(**{"count": 2, **asked})


def test_models_of_one_kind_are_refused_where_the_other_is_meant(tmp_path) -> None:
    with pytest.raises(UsageProblem, match="load_look"):
        vaenhance.load_model(save_tiny_look(tmp_path / "looks"))
    with pytest.raises(UsageProblem, match="not one of looks"):
        vaenhance.load_look(save_tiny_model(tmp_path / "tiny"))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"a": 1}',
        '{"dusk": [1, 2, 3, 4]}',
        '{"dusk": {"look": [1, 2, 3, 4]}}',
        '{"dusk": {"look": [1, 2, 3], "colours": [1, 2, 3, 4, 5, 6]}}',
        '{"dusk": {"look": [1, 2, 3, "4"], "colours": [1, 2, 3, 4, 5, 6]}}',
        '{"dusk": {"look": [1, 2, 3, 4], "colours": [1, 2, 3, 4, 5, NaN]}}',
    ],
)
def test_damaged_styles_are_refused(tmp_path, text) -> None:
    folder = save_tiny_look(tmp_path / "looks")
    (folder / "styles.json").write_text(text)
    with pytest.raises(ModelError, match=r"styles\.json"):
        vaenhance.load_look(folder)


def test_a_model_without_styles_has_none(tmp_path) -> None:
    folder = save_tiny_look(tmp_path / "looks")
    assert list(json.loads((folder / "styles.json").read_text())) == ["dusk", "noon"]
    (folder / "styles.json").unlink()
    assert vaenhance.load_look(folder).styles == {}


def test_the_preset_is_sound() -> None:
    from vaenhance.config import PRESETS

    assert isinstance(PRESETS["look"], Config)
    network = build_network(PRESETS["look"].model)
    count = sum(int(np.prod(v.shape)) for v in network.variables)
    assert count * 2 <= 2_000_000  # bytes, as half precision is what ships


def test_interpolation_leads_from_the_own_look_to_the_other(model) -> None:
    start, end = photograph(), photograph((30, 20, 3), seed=9)
    for method in ("linear", "spherical"):
        frames = list(model.interpolate(start, end, 4, method=method))
        assert len(frames) == 4
        own, other = model.style(start), model.style(end)
        assert np.array_equal(frames[0], model.enhance(start, own))
        assert np.array_equal(frames[-1], model.enhance(start, other))
    with pytest.raises(UsageProblem, match="levels"):
        list(model.interpolate(start, end, levels=(1,)))
    with pytest.raises(UsageProblem, match="nor tiles"):
        list(model.interpolate(start, end, tile=64))
    for asked, words in (({"method": "sphericl"}, "method"), ({"frames": 1}, "frames")):
        with pytest.raises(UsageProblem, match=words):
            list(model.interpolate(start, end, **asked))
        with pytest.raises(UsageProblem, match=words):
            model.interpolate(start, end, **asked)  # before a frame is asked for
    with pytest.raises(UsageProblem, match="expected one image"):
        model.interpolate(start, end[None])
    with pytest.raises(UsageProblem, match="seed"):
        model.sample(1, seed=-1)
    assert len(list(model.interpolate(start, end, 2, levels=[0]))) == 2


def test_what_stands_behind_a_photograph_that_is_mended_is_not_looked_at() -> None:
    network = build_network(LOOK_MODEL)
    y = photograph((2, 16, 16, 6), np.float32)
    other = np.concatenate([y[..., :3], 1 - y[..., 3:]], axis=-1)
    told = tf.constant([-1.0, 0.0])
    first, second = (network.infer(images, told)[2][0].numpy() for images in (y, other))
    assert np.array_equal(first[0], second[0])
    assert not np.array_equal(first[1], second[1])


def test_styles_of_photographs_are_means_and_their_colours_are_met(model) -> None:
    start = (photograph((40, 56, 3)) // 3 + 60).astype(np.uint8)
    dark = (photograph((30, 20, 3), seed=9) // 4 + [20, 10, 40]).astype(np.uint8)
    style, own = model.style(dark), model.style(start)
    both = model.style(dark, start)
    assert np.allclose(both.look, (style.look + own.look) / 2, atol=1e-6)
    assert np.allclose(both.colours, (style.colours + own.colours) / 2, atol=1e-4)
    before = np.linalg.norm(own.colours - style.colours)
    result = model.style(model.enhance(start, style)).colours
    assert np.linalg.norm(result - style.colours) < 0.3 * before
    # The look alone leads elsewhere.
    alone = model.style(model.enhance(start, style.look)).colours
    assert not np.allclose(alone, result, atol=1.0)
    with pytest.raises(UsageProblem, match="at least one"):
        model.style()


def test_two_crops_of_one_photograph_get_nearly_the_same_from_one_look() -> None:
    builtin = vaenhance.load_look()
    path = Path(__file__).parent.parent / "samples" / "coffee.png"
    image = photo.read_pixels(path)
    reference = photo.read_pixels(path.with_name("chelsea.png"))
    crops = [np.s_[:, : image.shape[1] - 40], np.s_[:, 40:]]
    for given in (builtin.encode(reference), builtin.style(reference)):
        left, right = (builtin.enhance(image[crop], given) for crop in crops)
        difference = np.abs(left[:, 40:].astype(float) - right[:, :-40])
        assert difference.mean() < 4
        assert np.abs(left.astype(float) - image[crops[0]]).mean() > 8
