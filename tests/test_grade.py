"""Light and style in ``enhance``: the order of steps, references, and the command."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.tiny import save_tiny_model
from tests.tiny_look import save_tiny_look
from vaenhance import photo
from vaenhance.checkpoint import find_model, load_config
from vaenhance.checkpoint_styles import load_styles
from vaenhance.errors import PhotoError, UsageProblem
from vaenhance.grading_style import Style, measured
from vaenhance.workflows.grade import (
    Graded,
    GradeSettings,
    find_references,
    judging,
    read_style,
)
from vaenhance.workflows.gray import for_photographs

STYLE = Style(np.ones(4, np.float32), np.full(6, 2, np.float32))


class Recorder:
    """A photo model and a model of looks that note what they are asked."""

    device, precision, conditioned_on_noise = "CPU", "float32", True

    def __init__(self, name: str, calls: list, add: int = 0):
        self.name, self.calls, self.add = name, calls, add
        self.styles = {"dusk": STYLE}

    def style(self, *images):
        (image,) = images
        mean = np.float32(image.mean())
        return Style(np.full(4, mean), np.full(6, mean + 1))

    def enhance(self, image, look=None, *, strength=1.0, progress=None, **rest):
        what = "style" if look is not None else self.name
        self.calls.append((what, strength, image.dtype.name, rest))
        return image + image.dtype.type(self.add)


def graded(settings: GradeSettings, style=None, add: int = 0):
    calls: list = []
    model = Recorder("light", calls, add)
    return Graded(Recorder("photo", calls), model, settings, style), calls


def test_light_comes_before_the_photo_model_and_style_behind_it() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    settings = GradeSettings(light=0.5, style=("dusk",), style_strength=0.25)
    both, calls = graded(settings, STYLE)
    result = both.enhance(image, strength=0.75, noise_sigma=0.1)
    assert [call[:3] for call in calls] == [
        ("light", 0.5, "uint16"),
        ("photo", 0.75, "uint16"),
        ("style", 0.25, "uint16"),
    ]
    assert calls[1][3] == {"noise_sigma": 0.1}
    assert result.dtype == np.uint8
    assert np.array_equal(result, image)  # 8 bits there and back are exact


def test_between_the_steps_less_than_one_of_255_is_kept() -> None:
    image = np.full((2, 2, 3), 10, np.uint8)
    both, _ = graded(GradeSettings(light=1.0), STYLE, add=100)
    assert np.array_equal(both.enhance(image), image + 1)  # 200 of 65535


def test_what_is_not_asked_for_is_left_out() -> None:
    image = np.zeros((2, 2, 3), np.uint16)
    both, calls = graded(GradeSettings(style=("dusk",)), STYLE)
    assert both.enhance(image, strength=0.0).dtype == np.uint16
    assert [call[0] for call in calls] == ["style"]
    assert not GradeSettings().does_anything
    assert not GradeSettings(style=("a",), style_strength=0.0).does_anything


class Uneven(Recorder):
    """A model of looks that rounds each colour another way."""

    def enhance(self, image, look=None, **rest):
        return super().enhance(image) + np.array([1, 4, 0], np.uint16)


class Same:
    """A photo model of one channel that notes what it is shown."""

    config = SimpleNamespace(channels=1)
    device, precision, conditioned_on_noise = "CPU", "float32", True

    def enhance(self, image, **told):
        self.shown = image
        return image

    def draw(self, image, number=0, **told):
        return image


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_photographs_stay_gray_for_a_photo_model_of_gray(dtype) -> None:
    gray = np.arange(20, dtype=dtype).reshape(4, 5, 1).repeat(3, axis=-1)
    network, deep = Same(), 257 if dtype == np.uint8 else 1
    model = Graded(
        for_photographs(network), Uneven("light", []), GradeSettings(light=1.0), None
    )
    result = model.enhance(gray)
    assert np.array_equal(network.shown, gray[..., :1].astype(np.uint16) * deep + 2)
    assert (result == result[..., :1]).all()
    assert (model.draw(gray) == result).all()
    gray[1, 2, 0] += 1
    with pytest.raises(PhotoError, match="has colours"):
        model.enhance(gray)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("models")
    save_tiny_look(root / "looks")
    save_tiny_model(root / "tiny")
    rng = np.random.default_rng(0)
    for name in ("a.png", "refs/b.png", "refs/c.png"):
        (root / name).parent.mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (30, 40, 3), np.uint8)
        Image.fromarray(pixels).save(root / name)
    Image.fromarray(np.full((20, 20), 90, np.uint8)).save(root / "gray.png")
    (root / "broken.png").write_bytes(b"no image")
    (root / "empty").mkdir()
    return root


def asked(models: Path, *style: str) -> GradeSettings:
    return GradeSettings(style=style, model=str(models / "looks"))


def test_references_are_names_images_and_folders(models, monkeypatch) -> None:
    given = asked(models, "dusk", str(models / "a.png"), str(models / "refs"))
    name, image, folder = find_references(given)
    assert (name.name, name.images) == ("dusk", ())
    assert image.images == (models / "a.png",)
    assert [path.name for path in folder.images] == ["b.png", "c.png"]
    model = Recorder("light", [])
    means = [photo.read_pixels(path).mean() for path in folder.images]
    style = read_style(model, [name, folder])
    assert style.look == pytest.approx((1 + np.mean(means)) / 2, rel=1e-6)
    assert style.colours == pytest.approx((3 + np.mean(means)) / 2, rel=1e-6)
    gray = find_references(asked(models, str(models / "gray.png")))
    assert read_style(model, gray).look == pytest.approx(90.0)


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("no-such", "dusk, noon"),
        ("empty", "no image"),
        ("broken.png", "broken.png"),
        ("", "an empty --style"),  # not the current folder, which has images
    ],
)
def test_what_is_no_reference_is_refused_by_name(
    models, monkeypatch, style, words
) -> None:
    monkeypatch.chdir(models)
    with pytest.raises(UsageProblem, match=words):
        read_style(Recorder("", []), find_references(asked(models, style)))


# === The command ===


@pytest.fixture
def enhance(models, invoke, monkeypatch):
    """vaenhance enhance ..., in the folder of the models."""
    monkeypatch.chdir(models)

    def run(*arguments, photo_model):
        invoke("enhance", *arguments, "--look-model", "looks", "--model", photo_model)

    return run


def test_light_and_style_in_one_command_on_a_folder(models, enhance, tmp_path) -> None:
    given = ["refs", tmp_path, "--light", "--style", "dusk", "--style", "a.png"]
    enhance(*given, photo_model="tiny")
    for name in ("b.png", "c.png"):
        before = photo.read_pixels(models / "refs" / name)
        after = photo.read_pixels(tmp_path / name)
        assert after.shape == before.shape
        assert not np.array_equal(after, before)


def test_without_the_photo_model_only_the_look_is_loaded(
    models, enhance, tmp_path
) -> None:
    target = tmp_path / "out.png"
    enhance("a.png", target, "--strength", 0, "--light", 0.5, photo_model="nowhere")
    before = photo.read_pixels(models / "a.png")
    assert not np.array_equal(photo.read_pixels(target), before)


# === Transparency ===


def save_cutout(path: Path, hidden: str, dtype=np.uint8) -> photo.Photo:
    """A disk of middle lightness on what nobody sees: black, noise, or all of it."""
    rng = np.random.default_rng(2)
    down, across = np.mgrid[:60, :80]
    far = np.hypot(down - 30, across - 35)
    alpha = np.where(far < 20, 255, 0) if hidden != "all" else np.zeros((60, 80))
    pixels = rng.integers(115, 155, (60, 80, 3))
    noise = rng.integers(0, 256, pixels.shape)
    under = noise if hidden == "noise" else 0
    pixels = np.where(alpha[..., None] > 0, pixels, under)
    scale = np.iinfo(dtype).max // 255
    parts = ((part * scale).astype(dtype) for part in (pixels, alpha))
    picture = photo.Photo(*parts, False, "PNG")
    path.write_bytes(photo.encode_photo(picture, picture.pixels, format="PNG"))
    return picture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("option", ["--light", "--style=dusk"])
def test_light_and_style_are_judged_by_what_is_seen(
    enhance, option, dtype, tmp_path
) -> None:
    made = []
    for name in ("black", "noise"):
        picture = save_cutout(tmp_path / f"{name}.png", name, dtype)
        target = tmp_path / f"{name}.new.png"
        asked = (tmp_path / f"{name}.png", target, "--strength", 0, option)
        enhance(*asked, photo_model="nowhere")
        made.append(photo.read_photo(target))
        assert np.array_equal(made[-1].alpha, picture.alpha)
        assert made[-1].pixels.dtype == dtype
    is_seen = made[0].alpha > 0
    first, second = (one.pixels for one in made)
    assert np.array_equal(first[is_seen], second[is_seen])
    assert not np.array_equal(first[~is_seen], second[~is_seen])  # still there
    assert not np.array_equal(first[is_seen], picture.pixels[is_seen])


def test_the_style_of_a_cutout_is_that_of_what_is_seen(models, tmp_path) -> None:
    import vaenhance

    model = vaenhance.load_look(models / "looks")
    styles = []
    for name in ("black", "noise"):
        picture = save_cutout(tmp_path / f"{name}.png", name)
        given = find_references(asked(models, str(tmp_path / f"{name}.png")))
        styles.append(read_style(model, given))
    first, second = styles
    assert np.array_equal(first.look, second.look)
    assert np.array_equal(first.colours, second.colours)
    seen = measured(picture.pixels[picture.alpha > 0][None])
    assert first.colours == pytest.approx(seen, abs=1.0)


def test_where_nothing_is_seen_all_is_judged(models, enhance, tmp_path) -> None:
    save_cutout(tmp_path / "all.png", "all")
    source, target = tmp_path / "all.png", tmp_path / "new.png"
    given = (source, target, "--light", "--style", source)
    enhance(*given, "--strength", 0, photo_model="nowhere")
    assert not photo.read_photo(target).alpha.any()


def test_what_is_enlarged_is_judged_by_its_own_alpha() -> None:
    class Larger(Recorder):
        def enhance(self, image, **rest):
            return image.repeat(2, axis=0).repeat(2, axis=1)

    seen: list = []

    class Judge(Recorder):
        def enhance(self, image, look=None, *, alpha=None, **rest):
            seen.append(alpha)
            return image

    model = Graded(
        Larger("", []), Judge("", []), GradeSettings(light=1, style=("dusk",)), STYLE
    )
    alpha = np.zeros((6, 8), np.uint8)
    alpha[:, :4] = 255
    judging(model, alpha).enhance(np.zeros((6, 8, 3), np.uint8), size=(12, 16))
    assert seen[0] is alpha
    assert seen[1].shape == (12, 16)
    assert seen[1][:, :7].all() and not seen[1][:, 10:].any()
    model.enhance(np.zeros((6, 8, 3), np.uint8))  # the next photograph has none
    assert seen[2] is None
    assert judging(Larger("", []), alpha).name == ""


def test_alpha_of_another_size_is_refused(models) -> None:
    import vaenhance

    model = vaenhance.load_look(models / "looks")
    image = np.zeros((6, 8, 3), np.uint8)
    with pytest.raises(UsageProblem, match="alpha"):
        model.enhance(image, alpha=np.zeros((8, 6), np.uint8))


# === Arguments ===


@pytest.mark.parametrize(
    ("arguments", "light"),
    [
        (["--light", "a.png", "out.png"], 1.0),
        (["a.png", "out.png", "--light"], 1.0),
        (["--light", "0.5", "a.png", "out.png"], 0.5),
        (["--light=.25", "a.png", "out.png"], 0.25),
        (["--light", "1e-1", "a.png", "out.png"], 0.1),
        (["a.png", "out.png", "--light", "--quality", "80"], 1.0),
        (["a.png", "out.png"], 0.0),
    ],
)
def test_light_stands_alone_or_has_a_number(arguments, light) -> None:
    from vaenhance.cli.enhance import command

    context = command.make_context("enhance", list(arguments))
    assert context.params["light"] == light
    assert context.params["paths"] == ("a.png", "out.png")


def test_a_file_called_light_can_still_be_named() -> None:
    from vaenhance.cli.enhance import command

    context = command.make_context("enhance", ["--", "--light", "out.png"])
    assert context.params["paths"] == ("--light", "out.png")
    assert context.params["light"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--light", "2"], "0<=x<=1"),
        (["--light", "50%"], "'50%' is not a valid float"),
        (["--light", "0,5"], "'0,5' is not a valid float"),
        (["--light", "nan"], "'nan' is not a finite number"),
        (["--style", "no-such"], "no-such"),
        (["--style", "dusk", "--style-strength", "-1"], "0<=x<=1"),
        (["--light", "--look-model", "nowhere"], "nowhere"),
        (["--light", "--style-strength", "0.5"], "leave out --style-strength"),
    ],
)
def test_wrong_arguments_are_refused_before_tensorflow(
    models, invoke, arguments, words
) -> None:
    looks = ["--look-model", models / "looks"]
    result = invoke("enhance", models / "a.png", "-n", *looks, *arguments, exit_code=2)
    assert words in result.stderr


@pytest.mark.parametrize("option", ["--look-model", "--style-strength", "--seed"])
def test_what_nothing_asks_for_is_refused(models, invoke, option) -> None:
    value = {"--look-model": models / "looks"}.get(option, "1")
    asked = ("enhance", models / "a.png", "-n", option, value)
    assert f"leave out {option}" in invoke(*asked, exit_code=2).stderr
    name = f"VAENHANCE_ENHANCE_{option[2:].replace('-', '_').upper()}"
    invoke("enhance", models / "a.png", "-n", env={name: str(value)})


def test_styles_of_the_environment_may_have_blanks(models, invoke, monkeypatch) -> None:
    folder = models / "my looks"
    folder.mkdir(exist_ok=True)
    photo.save_png(np.zeros((9, 9, 3), np.uint8), folder / "b c.png")
    styles = os.pathsep.join(["dusk", str(folder / "b c.png")])
    asked = ("enhance", models / "a.png", "-n", "--look-model", models / "looks")
    invoke(*asked, env={"VAENHANCE_ENHANCE_STYLE": styles})
    refused = invoke(*asked, env={"VAENHANCE_ENHANCE_STYLE": "no such"}, exit_code=2)
    assert "--style no such is" in refused.stderr


def test_a_dry_run_shows_the_plan(models, invoke) -> None:
    looks = ["--look-model", models / "looks", "--style", "dusk", "--json"]
    result = invoke("enhance", models / "a.png", "-n", *looks)
    assert json.loads(result.stdout.splitlines()[0])["status"] == "planned"


def test_the_builtin_model_has_styles_and_info_lists_them(invoke) -> None:
    folder = find_model("look")
    styles = load_styles(folder, load_config(folder).model.latent_channels[0])
    assert {"golden", "night", "faded"} <= styles.keys()
    dark, bright = (styles[name].colours[0] for name in ("night", "airy"))
    assert dark < 30 < 70 < bright
    shown = " ".join(invoke("info", "look").stdout.split())
    assert f"styles {', '.join(sorted(styles))}" in shown
    (found,) = find_references(GradeSettings(style=("golden",)))
    assert (found.name, found.images) == ("golden", ())
