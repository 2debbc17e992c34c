"""Classes: from folders to labels, through the network, to draws and re-renderings."""

from __future__ import annotations

import numpy as np
import pytest

from tests.test_prior import folder_of_classes
from tests.tiny import save_tiny_model, tiny_config
from vaenhance.runtime import import_tensorflow

tf = import_tensorflow()

from vaenhance import checkpoint, load_model  # noqa: E402
from vaenhance.data.dataset import open_dataset  # noqa: E402
from vaenhance.data.pipeline import Pipeline  # noqa: E402
from vaenhance.errors import ConfigError, UsageProblem  # noqa: E402
from vaenhance.model.abduction import abduct  # noqa: E402
from vaenhance.model.build import build_network, named  # noqa: E402
from vaenhance.workflows.prepare import prepare  # noqa: E402

NAMES = ("dark", "light")


def classy(**sections):
    model = {
        "image_size": 16,
        "noise_map": False,
        "context_blocks": (1, 0),
        **sections.pop("model", {}),
    }
    data = {"crop": 16, "whole": True, "labels": True, **sections.pop("data", {})}
    return tiny_config(
        model=model, data=data, degradation={"noise": 0, "jpeg": 0}, **sections
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    config = classy(model={"classes": NAMES})
    folder = save_tiny_model(tmp_path_factory.mktemp("m") / "classy", config)
    return load_model(folder, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def network():
    """A network whose class tables, zero at first, say something."""
    built = build_network(classy(model={"classes": NAMES}).model)
    rng = np.random.default_rng(0)
    for name, variable in named(built.variables).items():
        if "/class/" in name:
            variable.assign(rng.normal(0, 0.5, variable.shape))
    return built


# === Data ===


def test_sub_folders_and_y_train_become_classes(tmp_path):
    images = folder_of_classes(tmp_path / "images")
    config = prepare(images, tmp_path / "m", classy()).config
    assert config.model.classes == NAMES
    pixels = np.zeros((6, 16, 16), np.uint8)
    file = tmp_path / "d.npz"
    np.savez(file, x_train=pixels, y_train=np.array([7, 3, 3, 9, 7, 7]))
    dataset, scan = open_dataset(file, 1)
    assert dataset.classes == ["3", "7", "9"]
    assert dataset.labels == [1, 0, 0, 2, 1, 1]
    assert scan.classes == {"3": 2, "7": 3, "9": 1}
    np.savez(file, x_train=pixels, y_train=np.array([[7], [3], [3], [9], [7], [7]]))
    assert open_dataset(file, 1)[0].labels == [1, 0, 0, 2, 1, 1]  # as CIFAR's are
    np.savez(file, x=pixels, y=pixels[:3])  # images, too: no classes
    assert open_dataset(file, 1)[0].classes == []
    np.savez(file, x_train=pixels, y_train=np.zeros(5, int))
    with pytest.raises(UsageProblem, match="must be as many"):
        open_dataset(file, 1)


def test_sub_folders_stay_folders_where_labels_are_not_asked_for(tmp_path):
    images = folder_of_classes(tmp_path / "images")
    prepared = prepare(images, tmp_path / "m", classy(data={"labels": False}))
    assert prepared.config.model.classes == ()
    pipeline = Pipeline(prepared.training, prepared.config)
    assert set(pipeline.batch(0).label.tolist()) == {-1}
    pipeline.close()


def test_named_classes_keep_their_numbers_and_others_are_refused(tmp_path):
    images = folder_of_classes(tmp_path / "images")
    more = classy(model={"classes": ("light", "none", "dark")})
    prepared = prepare(images, tmp_path / "m", more)
    names = [n.split("/")[0] for n in prepared.training.names]
    assert [more.model.classes[i] for i in prepared.training.labels] == names
    with pytest.raises(UsageProblem, match="the images dark, light"):
        prepare(images, tmp_path / "m", classy(model={"classes": ("dark", "other")}))


def test_a_run_of_other_classes_is_not_gone_on_with(tmp_path):
    checkpoint.save_config(tmp_path / "m", classy(model={"classes": ("a", "b")}))
    images = folder_of_classes(tmp_path / "images")
    with pytest.raises(UsageProblem, match="a run of the classes a, b"):
        prepare(images, tmp_path / "m", classy())


def test_labels_go_with_their_images_and_some_are_not_told(tmp_path):
    images = folder_of_classes(tmp_path / "images")
    for dropout in (0.0, 0.5):
        config = classy(data={"label_dropout": dropout}, training={"batch": 16})
        prepared = prepare(images, tmp_path / "m", config)
        pipeline = Pipeline(prepared.training, prepared.config)
        first = pipeline.batch(3)
        again = Pipeline(prepared.training, prepared.config)
        assert np.array_equal(first.label, again.batch(3).label)
        told = first.label >= 0
        is_light = first.x.mean(axis=(1, 2, 3)) > 0.5
        assert np.array_equal(first.label[told], is_light[told])
        assert told.all() if not dropout else 0 < told.sum() < 16
        pipeline.close()
        again.close()


# === Configuration and files ===


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"classes": ("a", "a")}, "each once"),
        ({"network": "mlp", "latent_channels": (2,), "classes": ("a",)}, "no classes"),
        ({"context_blocks": (1, 1, 1)}, "one number a level"),
        ({"class_scope": "nothing"}, "network, prior"),
    ],
)
def test_impossible_settings_are_refused(model, said):
    with pytest.raises(ConfigError, match=said):
        classy(model=model)


def test_models_from_before_classes_still_load(tmp_path):
    folder = save_tiny_model(tmp_path / "old")
    data = checkpoint.read_json(folder / checkpoint.CONFIG)
    added = ("classes", "class_scope", "context_blocks", "prior_width")
    for key in (*added, "prior_blocks", "prior_steps"):
        del data["model"][key]
    for key in ("labels", "label_dropout", "mirror"):
        del data["data"][key]
    del data["training"]["only_prior"]
    checkpoint.write_json(folder / checkpoint.CONFIG, data)
    old = load_model(folder, device="cpu", precision="float32")
    assert old.classes == ()
    assert old.sample(1, size=(16, 16)).shape == (1, 16, 16, 3)
    with pytest.raises(UsageProblem, match="knows no classes"):
        old.sample(1, label="7")


# === Network ===


def test_a_class_changes_prior_posterior_and_decoder(network):
    y = tf.random.stateless_uniform([2, 16, 16, 3], [1, 2])
    zero, one = (network.infer(y, label=tf.fill([2], label)) for label in (0, 1))
    assert not np.allclose(zero[2][0], one[2][0])  # posterior
    shapes = [tf.zeros([2, *s]) for s in network.latent_shapes(16, 16)]
    draws = [
        network.draw(shapes, 16, 16, label=tf.fill([2], label)) for label in (0, 1)
    ]
    assert not np.allclose(*draws)  # prior
    decoded = [
        network.decode(zero[2], 16, 16, label=tf.fill([2], label)) for label in (0, 1)
    ]
    assert not np.allclose(*decoded)  # decoder
    assert np.array_equal(decoded[0], zero[0])


def test_a_class_that_is_not_told_changes_nothing(network):
    y = tf.random.stateless_uniform([2, 16, 16, 3], [1, 2])
    untold = network.infer(y, label=tf.constant([-1, -1]))
    assert np.array_equal(untold[0], network.infer(y)[0])
    mixed = network.infer(y, label=tf.constant([-1, 1]))
    assert np.allclose(mixed[0][0], untold[0][0], atol=1e-6)
    assert not np.allclose(mixed[0][1], untold[0][1])


def test_the_noise_of_an_image_draws_the_image_again(network):
    y = tf.random.stateless_uniform([2, 16, 16, 3], [1, 2])
    labels = tf.constant([0, 1])
    noise, elbo = abduct(network, y, None, labels, 0.05)
    again = network.draw(noise, 16, 16, label=labels)
    assert np.allclose(again, network.infer(y, label=labels)[0], atol=1e-4)
    assert elbo.shape == (2,)


# === Python and the command line ===


def test_classes_take_turns_and_draw_i_stays_draw_i(model):
    assert model.classes == NAMES
    four = model.sample(4, seed=3)
    assert np.array_equal(four[:3], model.sample(3, seed=3))
    assert np.array_equal(four[1:2], model.sample(2, seed=3, label=NAMES)[1:])
    light = model.sample(2, seed=3, label="light")
    assert np.array_equal(four[1], light[1])
    assert not np.array_equal(four[0], light[0])


def test_temperatures_go_level_by_level(model):
    cold = model.sample(1, temperature=(0.0, 0.0))
    assert np.array_equal(cold, model.sample(1, temperature=0.0, seed=5))
    assert not np.array_equal(cold, model.sample(1, temperature=(0.0, 1.0)))
    assert not np.array_equal(cold, model.sample(1, temperature=(1.0, 0.0)))
    with pytest.raises(UsageProblem, match="2 levels, coarse to fine"):
        model.sample(1, temperature=(1.0, 1.0, 1.0))


def test_redrawing_an_image_as_its_own_class_keeps_it_and_as_another_does_not(model):
    y = model.sample(2, seed=1, label="dark")
    own = model.redraw(y, "dark", source="dark", kept=2)
    mean = model.decode(model.encode(y, label="dark"), label="dark")
    assert np.allclose(own, np.clip(mean, 0, 1), atol=1e-4)
    other = model.redraw(y, "light", source="dark")
    assert other.shape == y.shape
    assert not np.allclose(own, other, atol=1e-3)
    assert np.array_equal(
        model.enhance(y[0], label="light"), model.redraw(y[0], "light")
    )


def test_the_likeliest_class_is_told_by_the_models_own_likelihood(tmp_path):
    """Of a discretised logistic there are two numbers a colour, not one."""
    config = classy(model={"classes": NAMES, "likelihood": "logistic"})
    folder = save_tiny_model(tmp_path / "m", config)
    logistic = load_model(folder, device="cpu", precision="float32")
    y = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    _, found = logistic._inference.abduct(y, None, [0, 1])
    # No more than log p(x|z) of the best image can be: the KL only takes from it.
    assert (found < 0).all() and np.isfinite(found).all()
    assert logistic.redraw(y, "light").shape == y.shape


def test_an_unknown_class_is_named_with_a_suggestion_before_tensorflow(
    tmp_path, invoke
):
    folder = save_tiny_model(tmp_path / "c", classy(model={"classes": NAMES}))
    wrong = ("sample", tmp_path / "s.png", "-m", folder, "--class", "lihgt")
    assert "did you mean light?" in invoke(*wrong, exit_code=2).stderr
    three = ("sample", tmp_path / "s.png", "-m", folder, "--temperature", "1,1,1")
    assert "2 levels" in invoke(*three, exit_code=2).stderr
    two = ("sample", tmp_path / "s.png", "-m", folder, "--temperature", "1,x")
    assert "neither a number" in invoke(*two, exit_code=2).stderr
    assert "dark, light" in invoke("info", folder).stdout
    assert not (tmp_path / "s.png").exists()


@pytest.mark.usefixtures("shared_networks")
def test_the_command_line_draws_and_redraws_classes(tmp_path, invoke):
    folder = save_tiny_model(tmp_path / "c", classy(model={"classes": NAMES}))
    invoke("sample", tmp_path / "s", "-m", folder, "--class", "dark", "--count", 1)
    invoke("sample", tmp_path / "t", "-m", folder, "--class", "light", "--count", 1)
    drawn = tmp_path / "s" / "0000.png"
    assert drawn.read_bytes() != (tmp_path / "t" / "0000.png").read_bytes()
    enhance = ("enhance", drawn, tmp_path / "e.png", "-m", folder, "--class")
    assert "did you mean light?" in invoke(*enhance, "ligth", exit_code=2).stderr
    invoke(*enhance, "light")
    assert (tmp_path / "e.png").exists()
    photo = ("enhance", drawn, tmp_path / "f.png", "--class", "light")
    assert "knows no classes" in invoke(*photo, exit_code=2).stderr
    planned = invoke(*photo, "--dry-run", exit_code=2)
    assert "knows no classes" in planned.stderr and not planned.stdout
    unused = invoke(*photo, "--strength", "0", exit_code=2)
    assert "in its own size" in unused.stderr


def test_the_likeliest_class_is_found_a_few_at_a_time(model, monkeypatch):
    from vaenhance import api_drawing

    y = model.sample(4, seed=1)
    expected = [model._likeliest(image) for image in y]
    asked, sizes = model._inference.abduct, []

    def counted(batch, sigma, labels):
        sizes.append(len(batch))
        return asked(batch, sigma, labels)

    monkeypatch.setattr(model._inference, "abduct", counted)
    monkeypatch.setattr(api_drawing, "MOST_PIXELS", 16 * 16)
    assert [model._likeliest(image) for image in y] == expected
    assert sizes == [1] * 8


def test_tiles_and_ways_between_images_hear_the_class(model):
    a, b = (model.sample(2, seed=1) * 255).astype(np.uint8)
    for label in (None, "dark", "light"):
        tiled = model.encode_tiles(a, label=label)
        whole = model.encode(a, label=label)
        found = [tiled.tiles[0][f"level{i}"] for i in range(2)]
        for one, other in zip(found, whole.levels, strict=True):
            assert np.array_equal(one, other[0])
        decoded = model.decode_tiles(tiled, label=label)
        exact = 255 * model.decode(whole, label=label)[0].clip(0, 1)
        assert np.abs(decoded - exact).max() <= 0.51
        first = next(model.interpolate(a, b, 2, label=label))
        assert np.abs(first.astype(int) - decoded).max() <= 1
    drawn = {
        label: model.encode_tiles(a, draws=2, label=label).tiles[0]
        for label in ("dark", "light")
    }
    assert not np.allclose(drawn["dark"]["level0"], drawn["light"]["level0"])
    scales = [
        model.encode_tiles(a, scale=True, label=label).tiles[0]["scale0"]
        for label in ("dark", "light")
    ]
    assert not np.allclose(*scales)
    with pytest.raises(UsageProblem, match="did you mean dark"):
        model.encode_tiles(a, label="drak")


@pytest.mark.usefixtures("shared_networks")
def test_a_file_of_latents_keeps_the_class_that_it_was_told(
    tmp_path, invoke, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    folder = save_tiny_model(tmp_path / "c", classy(model={"classes": NAMES}))
    invoke("sample", "s", "-m", folder, "--class", "dark", "--count", 2)
    a, b = "s/0000.png", "s/0001.png"
    for name in ("dark", "light"):
        invoke("encode", a, f"{name}.npz", "-m", folder, "--class", name)
        with np.load(f"{name}.npz") as file:
            assert file["class"] == name
        invoke("decode", f"{name}.npz", f"{name}.png", "-m", folder)
    other = ("decode", "dark.npz", "other.png", "-m", folder, "--class", "light")
    invoke(*other)
    made = {name: (tmp_path / f"{name}.png").read_bytes() for name in (*NAMES, "other")}
    assert len(set(made.values())) == 3
    assert "did you mean light" in invoke(*other[:-1], "ligt", exit_code=2).stderr
    between = ("interpolate", a, b, "-m", folder, "--frames", 2, "--class")
    invoke(*between, "dark", "way")
    assert (tmp_path / "way/0000.png").read_bytes() == made["dark"]
    assert "did you mean light" in invoke(*between, "ligt", "no", exit_code=2).stderr
    assert not (tmp_path / "no").exists()
