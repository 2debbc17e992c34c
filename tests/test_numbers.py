"""Never NaN in a file; the same bytes every time, and close to them whatever is set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import vaenhance
from tests.tiny import save_tiny_model, tiny_config
from tests.tiny_look import save_tiny_look
from vaenhance import checkpoint
from vaenhance.errors import UsageProblem, VaenhanceError
from vaenhance.photo import read_photo, save_png

OLD = Path(__file__).parent / "models" / "0.1.0"
SAMPLE = Path(__file__).parent.parent / "samples" / "noisy"


@pytest.fixture(scope="module")
def model():
    return vaenhance.load_model(OLD, device="cpu", precision="float32")


def picture(height: int = 150, width: int = 210) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    planes = (x * 2 + y) % 256, (x * y) % 256, (255 - x - y) % 256
    return np.stack(planes, -1).astype(np.uint8)


def furthest(a: np.ndarray, b: np.ndarray) -> int:
    return int(abs(a.astype(int) - b.astype(int)).max())


# === Not finite ===


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> Path:
    """A model whose weights are finite and whose answers are not."""
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "broken")
    stored: dict[str, np.ndarray] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            stored[name] = np.full(node.shape, 1e38, np.float32)

    with h5py.File(folder / checkpoint.WEIGHTS) as file:
        file["weights"].visititems(visit)
    checkpoint.save_model(folder, tiny_config(), stored, {}, half=False)
    return folder


def test_a_photograph_whose_answer_is_not_finite_is_named(broken, tmp_path, invoke):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        save_png(picture(20, 30), tmp_path / "in" / name)
    target = tmp_path / "out"
    command = ("enhance", tmp_path / "in", target, "-m", broken)
    result = invoke(*command, "--device", "cpu", exit_code=1)
    for name in ("a.png", "b.png"):
        line = f"cannot enhance {tmp_path / 'in' / name}: the model gave values that"
        assert line in result.stderr
    assert not list(target.rglob("*.png"))


def test_every_answer_of_a_network_is_looked_at(monkeypatch):
    import tensorflow as tf

    network = vaenhance.load_model(OLD, device="cpu", precision="float32")
    inference, nan = network._inference, tf.constant(np.nan)
    y = np.full((1, 32, 32, 3), 0.5, np.float32)
    noise = [np.ones((1, *s), np.float32) for s in inference.latent_shapes(32, 32)]
    asked = {
        "_restore": ({1: lambda *given: nan}, lambda: inference.restore(y, None)),
        "_posterior": (
            {1: lambda *given: (nan, [nan])},
            lambda: inference.posterior(y, None, noise),
        ),
        "_bound": (lambda *given: [nan] * 3, lambda: inference.bound(y, noise, 0.01)),
        "_observed": (
            {1: lambda *given: [nan] * 2},
            lambda: inference.observe(y, None),
        ),
        "_encode": (lambda *given: [nan], lambda: inference.encode(y, None)),
        "_describe": (lambda *given: [[nan]] * 3, lambda: inference.describe(y, None)),
        "_decode": (
            {1: lambda *given: nan},
            lambda: inference.decode(noise, 32, 32),
        ),
        "_draw": (lambda *given: nan, lambda: inference.draw(noise, 32, 32)),
        "_abduct": (
            lambda *given: ([nan], nan),
            lambda: inference.abduct(y, None, [0]),
        ),
    }
    for name, (answer, ask) in asked.items():
        monkeypatch.setattr(inference, name, answer)
        with pytest.raises(VaenhanceError, match="not finite"):
            ask()


def test_a_draw_that_is_not_finite_is_made_again_in_float32():
    half = vaenhance.load_model(OLD, device="cpu", precision="bfloat16")
    exact = vaenhance.load_model(OLD, device="cpu", precision="float32")
    wrong = half._inference._draw
    half._inference._draw = lambda *given: wrong(*given) * np.nan
    assert np.array_equal(half.sample(1, size=(32, 32)), exact.sample(1, size=(32, 32)))


def spoil(inference: Any, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Lets one call of a network give NaN in one place."""
    right, calls = inference._restore[1], []

    def wrong(*given: Any) -> Any:
        import tensorflow as tf

        calls.append(1)
        found = right(*given).numpy()
        if len(calls) == call:
            found[0, 3, 4, 1] = np.nan
        return tf.constant(found)

    monkeypatch.setitem(inference._restore, 1, wrong)


def test_one_tile_that_is_not_finite_is_asked_again_in_float32(model, monkeypatch):
    half = vaenhance.load_model(OLD, device="cpu", precision="bfloat16")
    image, cut = picture(), {"tile": 128, "overlap": 64}
    before, exact = half.enhance(image, **cut), model.enhance(image, **cut)
    assert (before != exact)[:, 150:].any() and (before != exact)[:, :60].any()
    spoil(half._inference, monkeypatch, call=1)
    mended = half.enhance(image, **cut)
    assert np.array_equal(mended[:16, :16], exact[:16, :16])  # of the first tile alone
    assert np.array_equal(mended[:, 150:], before[:, 150:])


def test_the_tile_that_is_not_finite_is_named(monkeypatch):
    network = vaenhance.load_model(OLD, device="cpu", precision="float32")
    image, cut = picture(), {"tile": 128, "overlap": 64}
    spoil(network._inference, monkeypatch, call=2)
    words = r"not finite.* \(in the tile of rows 0 to \d+, columns [1-9]\d* to \d+\)"
    with pytest.raises(VaenhanceError, match=words):
        network.enhance(image, **cut)
    spoil(network._inference, monkeypatch, call=1)
    with pytest.raises(VaenhanceError) as caught:
        network.enhance(image, tile=0)
    assert "tile" not in str(caught.value)


def test_a_look_that_is_not_finite_is_named(tmp_path):
    looks = vaenhance.load_look(save_tiny_look(tmp_path / "look"), device="cpu")
    wrong = looks._inference._posterior
    looks._inference._posterior = lambda *given: [x * np.nan for x in wrong(*given)]
    with pytest.raises(VaenhanceError, match="not finite"):
        looks.enhance(picture(40, 40))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_input_that_is_not_finite_is_refused(model, value):
    image = picture(20, 30).astype(np.float32) / 255
    image[3, 4, 1] = value
    for ask in (model.enhance, model.encode, model.encode_tiles):
        with pytest.raises(UsageProblem, match="not finite"):
            ask(image)


# === The same, and close ===


def test_the_same_settings_give_the_same_bytes(model):
    image = picture()
    assert np.array_equal(model.enhance(image), model.enhance(image))
    given = {"tile": 96, "overlap": 32, "strength": 0.5}
    assert np.array_equal(model.enhance(image, **given), model.enhance(image, **given))


def test_tiles_and_batches_stay_within_one_level(model):
    image = picture()
    whole = model.enhance(image, tile=0)
    for tile, overlap in ((96, 48), (128, 64), (160, 80), (200, 100)):
        assert furthest(model.enhance(image, tile=tile, overlap=overlap), whole) <= 1
    batch = np.stack([image, image[::-1], image])
    assert furthest(model.enhance(batch)[2], whole) <= 1
    assert furthest(model.enhance(batch)[1], model.enhance(batch[1])) <= 1


def test_threads_stay_within_one_level(model, tmp_path):
    image, target = picture(), tmp_path / "one.npy"
    code = (
        "import sys, numpy as np, vaenhance\n"
        "image = np.load(sys.argv[1])\n"
        "model = vaenhance.load_model(sys.argv[2], device='cpu', precision='float32')\n"
        "np.save(sys.argv[1], model.enhance(image))\n"
    )
    np.save(target, image)
    environment = dict(os.environ, TF_NUM_INTRAOP_THREADS="1", OMP_NUM_THREADS="1")
    command = [sys.executable, "-c", code, str(target), str(OLD)]
    subprocess.run(command, check=True, env=environment, timeout=600)
    assert furthest(np.load(target), model.enhance(image)) <= 1


def test_half_precision_stays_near_float32():
    """On the built-in model; docs/trust.md has what was measured."""
    crop = read_photo(min(SAMPLE.glob("*.jpg"))).pixels[:96, :96]
    found = {}
    for name in ("float32", "bfloat16", "float16"):
        network = vaenhance.load_model("photo", device="cpu", precision=name)
        found[name] = network.enhance(crop).astype(float)
    for name, most, mean in (("bfloat16", 4, 0.3), ("float16", 2, 0.05)):
        far = abs(found[name] - found["float32"])
        assert 0 < far.max() <= most
        assert far.mean() < mean
