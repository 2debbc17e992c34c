"""The Python interface: what goes in, what comes out, what it promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vaenhance
from tests.tiny import calibrate_tiny_model, save_tiny_model, tiny_config
from tests.tiny_look import save_tiny_look
from vaenhance import api_tiles
from vaenhance.api import Latents, Model
from vaenhance.config import named_preset
from vaenhance.errors import DeviceError, Misfit, ModelError, OutOfMemory, UsageProblem


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    return vaenhance.load_model(folder, device="cpu", precision="float32")


def picture(height: int = 40, width: int = 56) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from(["u1", "u2", "f4"]))
def test_any_size_and_type_keeps_size_and_type(model, height, width, dtype):
    image = picture(height, width)
    if dtype != "f4":
        image = (image * np.iinfo(dtype).max).astype(dtype)
    before = image.copy()
    result = model.enhance(image)
    assert result.shape == image.shape
    assert result.dtype == image.dtype
    assert np.isfinite(result.astype(float)).all()
    assert np.array_equal(image, before)  # the input is not written to


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_strength_zero_gives_the_input_back_exactly(model, dtype):
    scale = 1 if dtype == np.float32 else np.iinfo(dtype).max
    image = (picture() * scale).astype(dtype)
    assert np.array_equal(model.enhance(image, strength=0.0), image)


def test_strength_blends(model):
    image = picture()
    full, half = model.enhance(image), model.enhance(image, strength=0.5)
    assert np.allclose(half, (image + full) / 2, atol=1e-6)
    assert not np.allclose(full, image, atol=0.01)


def test_the_same_input_gives_the_same_bytes(model):
    first, second = model.enhance(picture()), model.enhance(picture())
    assert first.tobytes() == second.tobytes()


def test_a_batch_is_its_images(model):
    batch = np.stack([picture(), 1 - picture()])
    result = model.enhance(batch)
    assert np.array_equal(result[1], model.enhance(batch[1]))


def test_values_outside_the_range_are_legal_and_not_clipped(model, monkeypatch):
    wide = picture() * 3 - 1
    assert np.isfinite(model.enhance(wide)).all()
    monkeypatch.setattr(model._inference, "restore", lambda y, *_: y)
    assert np.allclose(model.enhance(wide), wide, atol=1e-6)


def test_the_noise_level_is_heard(model):
    unknown = model.enhance(picture())
    assert not np.array_equal(unknown, model.enhance(picture(), noise_sigma=0.2))


def test_progress_adds_up_to_the_image(model):
    done: list[float] = []
    model.enhance(picture(200, 300), tile=96, overlap=32, progress=done.append)
    assert len(done) > 1
    assert sum(done) == pytest.approx(0.06)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_tiles_give_the_whole(model, dtype):
    image = picture(150, 210)
    if dtype == "uint8":
        image = (image * 255).astype(np.uint8)
    whole = model.enhance(image, tile=0).astype(np.float64)
    tiled = model.enhance(image, tile=96, overlap=64).astype(np.float64)
    # Of 8-bit results, values that lie on an edge of rounding may differ by one.
    most = 0.9 / 255 if dtype == "float32" else 1
    assert np.abs(whole - tiled).max() <= most


@pytest.mark.parametrize(
    ("image", "options", "words"),
    [
        (np.zeros((4, 4), np.uint8), {}, "shape"),
        (np.zeros((4, 4, 4), np.uint8), {}, "shape"),
        (np.zeros((4, 4, 3), np.float64), {}, "float64"),
        (np.full((4, 4, 3), np.nan, np.float32), {}, "not finite"),
        (np.zeros((4, 4, 3), np.uint8), {"strength": 1.5}, "strength"),
        (np.zeros((4, 4, 3), np.uint8), {"noise_sigma": -0.1}, "noise_sigma"),
        (
            np.zeros((400, 400, 3), np.uint8),
            {"tile": 64, "overlap": 64},
            "larger than the overlap",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(model, image, options, words):
    with pytest.raises(UsageProblem, match=words) as caught:
        model.enhance(image, **options)
    # Of what is wrong with this image, another may have nothing.
    is_setting = words in ("strength", "noise_sigma")
    assert isinstance(caught.value, Misfit) != is_setting


def test_enhance_is_decode_of_encode(model):
    image = picture(45, 61)
    decoded = model.decode(model.encode(image))[0]
    assert np.array_equal(decoded, model.enhance(image, tile=0))


def test_latents_of_another_size_are_refused(model):
    latents = model.encode(picture(40, 40))
    with pytest.raises(UsageProblem, match="another model or size"):
        model.decode(Latents(latents.levels, 80, 40))


def test_samples_depend_on_seed_and_place_alone(model):
    three, five = model.sample(3, size=(20, 28)), model.sample(5, size=(20, 28))
    assert three.shape == (3, 20, 28, 3)
    assert np.array_equal(three, five[:3])
    assert not np.array_equal(three[0], three[1])
    assert not np.array_equal(three, model.sample(3, size=(20, 28), seed=1))
    cold = model.sample(2, size=(20, 28), temperature=0.0)
    assert np.array_equal(cold[0], cold[1])
    assert model.sample(0).shape == (0, 128, 128, 3)
    assert 0 <= three.min() <= three.max() <= 1


def test_half_precision_is_close(model, tmp_path):
    folder = save_tiny_model(tmp_path / "tiny")
    half = vaenhance.load_model(folder, device="cpu", precision="bfloat16")
    difference = np.abs(half.enhance(picture()) - model.enhance(picture()))
    assert 0 < difference.max() < 0.05


def test_tiles_of_the_photo_model_leave_no_trace(samples: Path):
    from vaenhance.photo import read_pixels

    photo = vaenhance.load_model("photo", precision="float32")
    y = read_pixels(samples / "noisy" / "rocket.jpg")[:420, :640]
    y = y.astype(np.float32) / 255
    tiled = photo.enhance(y, tile=64)  # taken as 448, which shares enough
    assert np.abs(tiled - photo.enhance(y, tile=0)).max() < 1 / 255


def test_out_of_memory_halves_the_tile_and_goes_on(model, monkeypatch):
    whole = model.enhance(picture(300, 300))
    restore = model._inference.restore

    def small_memory(y, *rest):
        if max(y.shape) > 200:
            raise OutOfMemory("no memory left")
        return restore(y, *rest)

    monkeypatch.setattr(model._inference, "restore", small_memory)
    monkeypatch.setattr(model, "tile_limit", 0)
    monkeypatch.setattr(api_tiles, "SMALLEST_TILE", 128)
    result = model.enhance(picture(300, 300))
    assert model.tile_limit <= 200
    assert np.abs(result - whole).max() < 1 / 255


def test_out_of_memory_also_halves_an_overlap_that_was_asked_for(model, monkeypatch):
    restore = model._inference.restore

    def small_memory(y, *rest):
        if y.shape[1] * y.shape[2] > 128**2:
            raise OutOfMemory("no memory left")
        return restore(y, *rest)

    monkeypatch.setattr(model._inference, "restore", small_memory)
    monkeypatch.setattr(model, "tile_limit", 0)
    monkeypatch.setattr(api_tiles, "SMALLEST_TILE", 128)
    image = np.random.default_rng(0).random((300, 260, 3), np.float32)
    result = model.enhance(image, tile=512, overlap=200)
    assert result.shape == image.shape
    assert model.tile_limit == 128


def test_out_of_memory_with_the_smallest_tile_is_an_error(model, monkeypatch):
    def no_memory(y, *_):
        raise OutOfMemory("no memory left")

    monkeypatch.setattr(model._inference, "restore", no_memory)
    monkeypatch.setattr(model, "tile_limit", 0)
    monkeypatch.setattr(api_tiles, "SMALLEST_TILE", 128)
    with pytest.raises(OutOfMemory):
        model.enhance(picture(300, 300))


def test_values_that_are_not_finite_are_computed_again_in_float32(tmp_path):
    folder = save_tiny_model(tmp_path / "tiny")
    half = vaenhance.load_model(folder, device="cpu", precision="bfloat16")
    exact = vaenhance.load_model(folder, device="cpu", precision="float32")
    wrong = half._inference._restore[1]
    half._inference._restore[1] = lambda y, s: wrong(y, s) * np.nan
    assert np.array_equal(half.enhance(picture()), exact.enhance(picture()))


def test_a_model_of_one_size_says_so(tmp_path):
    config = named_preset("mlp")
    folder = save_tiny_model(tmp_path / "digits", config)
    digits = vaenhance.load_model(folder, device="cpu")
    assert digits.sample(2).shape == (2, 28, 28, 1)
    assert digits.enhance(np.zeros((28, 28, 1), np.uint8)).shape == (28, 28, 1)
    with pytest.raises(UsageProblem, match="28x28"):
        digits.enhance(np.zeros((30, 28, 1), np.uint8))
    with pytest.raises(UsageProblem, match="28x28"):
        digits.sample(1, size=(32, 32))
    with pytest.raises(UsageProblem, match="does not take a noise level"):
        digits.enhance(np.zeros((28, 28, 1), np.uint8), noise_sigma=0.1)


def test_models_and_devices_that_are_not_there_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"neither a built-in model \(.*photo"):
        vaenhance.load_model("foto")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"no config\.json"):
        vaenhance.load_model(tmp_path / "empty")
    with pytest.raises(DeviceError, match="gpu:9"):
        vaenhance.load_model("photo", device="gpu:9")


def test_weights_of_another_network_are_refused(tmp_path):
    one = save_tiny_model(tmp_path / "one")
    changed = {**vars(tiny_config().model), "latent_channels": (4, 6)}
    two = save_tiny_model(tmp_path / "two", tiny_config(model=changed))
    (one / "model.weights.h5").write_bytes((two / "model.weights.h5").read_bytes())
    with pytest.raises(ModelError, match="another network"):
        vaenhance.load_model(one)


def test_the_photo_model_improves_noisy_photographs(samples: Path):
    from vaenhance.metrics import psnr
    from vaenhance.photo import read_pixels

    model = vaenhance.load_model("photo", precision="float32")
    photos = [p for p in samples.iterdir() if p.suffix in (".png", ".jpg")]
    x = read_pixels(photos[0])[:160, :160].astype(np.float32) / 255
    rng = np.random.default_rng(0)
    y = x + np.float32(25 / 255) * rng.standard_normal(x.shape, np.float32)
    assert psnr(x, np.clip(model.enhance(y), 0, 1)) > psnr(x, y) + 6
    assert psnr(x, np.clip(model.enhance(x), 0, 1)) > 34
    assert model.card["training"]["hours"] > 0


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory) -> Model:
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "calibrated")
    calibrate_tiny_model(folder)
    return vaenhance.load_model(folder, device="cpu", precision="float32")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("enhance", ()),
        ("encode", ()),
        ("encode_tiles", ()),
        ("interpolate", (picture(),)),
        ("draw", ()),
        ("draw_posterior", (1,)),
        ("describe_latents", ()),
        ("assess", ()),
        ("score", ()),
        ("bound_likelihood", ()),
    ],
)
def test_what_is_no_array_is_refused(calibrated, method, arguments):
    with pytest.raises(UsageProblem, match="NumPy array, received list"):
        getattr(calibrated, method)([[1, 2], [3, 4]], *arguments)


@pytest.mark.parametrize("method", ["enhance", "encode", "style", "power", "transform"])
def test_a_look_is_not_of_what_is_no_array(tmp_path_factory, method):
    folder = save_tiny_look(tmp_path_factory.mktemp("models") / "look")
    look = vaenhance.load_look(folder, device="cpu")
    arguments = (None,) if method == "transform" else ()
    with pytest.raises(UsageProblem, match="NumPy array, received list"):
        getattr(look, method)([[1, 2], [3, 4]], *arguments)


def test_seeds_below_zero_are_refused(tmp_path):
    small = vaenhance.load_model(save_tiny_model(tmp_path / "m"), device="cpu")
    with pytest.raises(UsageProblem, match="seed"):
        small.sample(1, seed=-1)
    with pytest.raises(UsageProblem, match="seed"):
        small.draw(np.zeros((16, 16, 3), np.uint8), seed=-1)


def test_the_digits_model_draws_ink_on_an_empty_ground():
    images = vaenhance.load_model("digits", precision="float32").sample(12)
    assert images.shape == (12, 32, 32, 1)
    # The border is empty; inside there is ink, neither nothing nor a blot.
    assert images[:, :2].max() < 0.5
    ink = (images > 0.5).mean(axis=(1, 2, 3))
    assert np.all(ink > 0.02)
    assert np.all(ink < 0.4)


def test_the_emoji_model_draws_what_was_asked_for_on_white():
    model = vaenhance.load_model("emoji", precision="float32")
    assert model.classes == ("couples", "faces", "hands", "people")
    calm = [0.9, 0.8, 0.7, 0.5]
    faces = model.sample(6, label="faces", temperature=calm)
    couples = model.sample(6, label="couples", temperature=calm)
    assert faces.shape == (6, 64, 64, 3)
    for images in (faces, couples):
        assert np.median(images[:, :4, :4]) > 0.9  # the corner is white
    yellow = faces[:, 24:40, 24:40].mean(axis=(0, 1, 2))
    assert yellow[0] > yellow[1] > yellow[2] + 0.2


def test_the_flowers_model_draws_the_colours_of_the_class():
    model = vaenhance.load_model("flowers", precision="float32")
    assert model.classes == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    draw = {name: model.sample(24, label=name) for name in ("roses", "sunflowers")}
    assert draw["roses"].shape == (24, 64, 64, 3)
    red, green, blue = (
        {name: images[:, 16:48, 16:48, i].mean() for name, images in draw.items()}
        for i in range(3)
    )
    pink = {name: red[name] - green[name] for name in draw}
    yellow = {name: min(red[name], green[name]) - blue[name] for name in draw}
    assert pink["roses"] > pink["sunflowers"] + 0.04
    assert yellow["sunflowers"] > yellow["roses"] + 0.04
    # Not one image over and over, and not gray.
    assert np.std(draw["roses"], axis=0).mean() > 0.08


def test_every_built_in_model_loads_and_has_a_card():
    names = {"detail", "digits", "emoji", "flowers", "look", "photo"}
    assert names <= set(vaenhance.builtin_models())
    for name in vaenhance.builtin_models():
        load = vaenhance.load_look if name == "look" else vaenhance.load_model
        model = load(name)
        assert model.card["licence"]
        assert model.card["data"]["sources"]
        assert model.card["training"]["hours"] > 0
