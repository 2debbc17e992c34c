import errno
import json
import time
import weakref
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

import vaenhance
from tests.stand_in import install
from vaenhance import photo
from vaenhance.cli import console
from vaenhance.errors import Misfit, ModelError, PhotoError, UsageProblem
from vaenhance.workflows.results import Result, Tally


@pytest.fixture
def model(monkeypatch):
    """The model that --model photo loads; `loaded` tells with what."""
    return install(monkeypatch)


@pytest.fixture
def run(invoke, model, tmp_path, monkeypatch, request):
    """vaenhance enhance ..., in an empty folder, with the fake model."""
    monkeypatch.chdir(tmp_path)
    more = getattr(request, "param", ())

    def enhance(*arguments, exit_code=0, **options):
        return invoke("enhance", *arguments, *more, exit_code=exit_code, **options)

    return enhance


# What holds of photographs in their own size and of larger ones.
both = pytest.mark.parametrize(
    "run", [(), ("--scale", 2)], indirect=True, ids=["own size", "larger"]
)


def pixels(height=5, width=7, seed=0, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, True)


def save(name, **options) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(**options)).save(path)
    return path


def load(name):
    with Image.open(name) as image:
        return np.asarray(image)


def container(name):
    with Image.open(name) as image:
        image.load()
        return image.format


# === What comes out ===


def test_one_file(run, model):
    save("a.png")
    result = run("a.png", "new.png")
    np.testing.assert_array_equal(load("new.png"), 255 - load("a.png"))
    assert result.stdout == ""
    assert "device: a test, float32" in result.stderr
    assert "a.png -> new.png (7 x 5, " in result.stderr
    assert result.stderr.endswith("1 enhanced.\n")
    assert model.loaded == [("photo", "auto", "auto")]


@both
def test_without_target_the_result_lies_beside_the_file(run):
    save("a.png")
    run("a.png")
    assert sorted(p.name for p in Path().iterdir()) == ["a.enhanced.png", "a.png"]


@both
def test_a_folder_of_one_gives_the_bytes_of_the_single_file(run):
    save("in/a.jpg")
    run("in", "out")
    run("in/a.jpg", "single.jpg")
    piped = run("-", input=Path("in/a.jpg").read_bytes())
    assert Path("out/a.jpg").read_bytes() == Path("single.jpg").read_bytes()
    assert piped.stdout_bytes == Path("single.jpg").read_bytes()


@both
def test_the_same_input_gives_the_same_bytes(run):
    save("a.webp")
    run("a.webp", "1.webp")
    run("a.webp", "2.webp")
    assert Path("1.webp").read_bytes() == Path("2.webp").read_bytes()


@both
def test_a_tree_is_mirrored(run):
    save("in/ü x.png")
    save("in/sub/b.jpg")
    Path("in/notes.txt").write_text("hello")
    result = run("in/", "out/")
    assert sorted(p.as_posix() for p in Path("out").rglob("*.*")) == [
        "out/sub/b.jpg",
        "out/ü x.png",
    ]
    assert "ignored 1 file that is no image" in result.stderr
    assert result.stderr.endswith("2 enhanced.\n")


@both
def test_format_quality_and_target_extension(run):
    save("a.png", height=40, width=40)
    run("a.png", "new.jpg")
    run("a.png", "small.jpg", "--quality", 30)
    run("a.png", "out/", "--format", ".JPG")
    assert container("new.jpg") == "JPEG"
    assert Path("out/a.jpg").read_bytes() == Path("new.jpg").read_bytes()
    assert Path("small.jpg").stat().st_size < Path("new.jpg").stat().st_size


@both
def test_sixteen_bits_stay_sixteen_bits(run):
    original = pixels(dtype=np.uint16)
    base = photo.Photo(original, None, False, "PNG", photo.Metadata())
    Path("a.png").write_bytes(photo.encode_photo(base, original))
    run("a.png", "new.png")
    made = photo.read_photo(Path("new.png")).pixels
    times = made.shape[0] // original.shape[0]
    np.testing.assert_array_equal(made[::times, ::times], ~original)


# === Strength, noise, tiles ===


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.bmp"])
def test_strength_zero_gives_the_very_bytes_back(run, model, name):
    save(name)
    run(name, f"new-{name}", "--strength", 0)
    assert Path(f"new-{name}").read_bytes() == Path(name).read_bytes()
    assert model.loaded == []  # and costs no model


def test_strength_zero_in_another_format_keeps_the_pixels(run):
    save("a.png")
    run("a.png", "new.tif", "--strength", 0)
    np.testing.assert_array_equal(load("new.tif"), load("a.png"))
    run("a.png", "low.png", "--strength", 0, "--strip-metadata")
    np.testing.assert_array_equal(load("low.png"), load("a.png"))


def test_strength_zero_still_refuses_what_is_no_image(run):
    Path("a.png").write_text("hello")
    run("a.png", "new.png", "--strength", 0, exit_code=1)
    assert not Path("new.png").exists()


def test_settings_reach_the_model(run, model):
    save("a.png")
    model.conditioned_on_noise = True
    options = ["--strength", 0.5, "--noise", 25.5, "--tile", 256, "--overlap", 32]
    run("a.png", "new.png", *options, "--device", "CPU", "--precision", "bfloat16")
    assert model.loaded == [("photo", "cpu", "bfloat16")]
    (call,) = model.calls
    assert call.pop("noise_sigma") == pytest.approx(0.1)
    assert call == {"shape": (5, 7, 3), "strength": 0.5, "tile": 256, "overlap": 32}


def test_auto_and_whole_image(run, model):
    save("a.png")
    run("a.png", "1.png", "--noise", "auto", "--tile", "auto")
    run("a.png", "2.png", "--tile", 0)
    assert [(c["noise_sigma"], c["tile"]) for c in model.calls] == [
        (None, None),
        (None, 0),
    ]


def test_a_noise_level_for_a_model_that_takes_none_is_refused(run):
    save("a.png")
    result = run("a.png", "new.png", "--noise", 25, "-m", "emoji", exit_code=2)
    assert "takes no level" in result.stderr
    assert not Path("new.png").exists()


def test_the_environment_sets_options(run, model):
    save("a.png")
    environment = {"VAENHANCE_ENHANCE_TILE": "128", "VAENHANCE_MODEL": "mine"}
    run("a.png", "1.png", env=environment)
    run("a.png", "2.png", "--tile", 64, env=environment)
    assert [call["tile"] for call in model.calls] == [128, 64]
    assert model.loaded[0][0] == "mine"


def test_what_is_nearer_to_the_command_goes_first(run, model):
    save("a.png")
    both = {"VAENHANCE_MODEL": "general", "VAENHANCE_ENHANCE_MODEL": "particular"}
    run("a.png", "1.png", env=both)
    assert model.loaded[0][0] == "particular"
    quiet = run("a.png", "2.png", "-v", env={"VAENHANCE_ENHANCE_QUIET": "1"})
    assert "loading model" in quiet.stderr
    loud = run("a.png", "3.png", "-q", env={"VAENHANCE_ENHANCE_VERBOSE": "1"})
    assert loud.stderr == ""
    neither = {"VAENHANCE_ENHANCE_QUIET": "1", "VAENHANCE_ENHANCE_VERBOSE": "1"}
    assert (
        "exclude each other" in run("a.png", "4.png", env=neither, exit_code=2).stderr
    )


def test_a_plan_says_what_the_run_would_refuse(run):
    save("a.png")
    small = run("a.png", "b.png", "--max-megapixels", "0.00001", "--dry-run")
    assert "more than the limit" in small.stderr + small.stdout
    told = run("a.png", "b.png", "--noise", 20, "-m", "emoji", "--dry-run", exit_code=2)
    assert "takes no level" in told.stderr
    unsure = ("a.png", "b.png", "--uncertainty", "-m", "digits", "--dry-run")
    assert "not calibrated" in run(*unsure, exit_code=2).stderr


@pytest.mark.parametrize(
    ("source", "target", "options", "words"),
    [
        (
            "a.png",
            "new.png",
            ["--strength", 0, "--max-megapixels", 0.00001],
            "more than the limit",
        ),
        ("a.gif", "out/", ["--strength", 0, "--strip-metadata"], "GIF cannot hold"),
        ("a.gif", "out/", ["--strength", 0, "--quality", 80], "GIF cannot hold"),
        ("a.png", "busy/", [], "a folder has this name"),
        ("a.png", "busy/", ["--overwrite"], "a folder has this name"),
    ],
)
def test_a_plan_and_a_run_say_the_same_of_an_image(
    run, model, source, target, options, words
):
    save("a.png")
    Image.new("P", (4, 4)).save("a.gif")
    Path("busy/a.png").mkdir(parents=True)
    done = run(source, target, *options, exit_code=1)
    planned = run(source, target, *options, "--dry-run")
    assert words in done.stderr and words in planned.stdout
    assert "1 unreadable" in planned.stdout
    assert model.calls == []


def test_a_plan_says_that_the_model_is_damaged(invoke, tmp_path, monkeypatch):
    """The true loader says it, so there is no stand-in."""
    monkeypatch.chdir(tmp_path)
    save("a.png")
    Path("mine").mkdir()
    for text in (None, "no configuration"):
        if text is not None:
            Path("mine/config.json").write_text(text)
        for more in ([], ["--dry-run"]):
            words = ("a.png", "new.png", "-m", "mine", *more)
            result = invoke("enhance", *words, exit_code=2)
            assert "config.json" in result.stderr
    # Left out it is not asked for.
    words = ("a.png", "new.png", "-m", "mine", "--strength", 0)
    invoke("enhance", *words, "--dry-run")


def test_a_version_in_the_environment_is_somebody_elses(run):
    save("a.png")
    run("a.png", "b.png", "--dry-run", env={"VAENHANCE_VERSION": "0.1.0"})


def test_formats_are_completed():
    from vaenhance.cli import app
    from vaenhance.cli.options import Container

    found = Container().shell_complete(click.Context(app), click.Option(["-f"]), "p")
    assert [item.value for item in found] == ["png"]


@pytest.mark.parametrize("command", ["enhance", "encode", "decode", "sample"])
def test_options_have_the_names_of_their_flags_in_the_environment(command):
    """Whatever they are called where they are passed on."""
    from vaenhance.cli import app

    found = app.get_command(click.Context(app), command)
    assert found is not None
    for parameter in found.params:
        if not isinstance(parameter, click.Option) or parameter.name == "help":
            continue
        word = max(parameter.opts, key=len).removeprefix("--").replace("-", "_")
        name = f"VAENHANCE_{command}_{word}".upper()
        context = click.Context(
            found, auto_envvar_prefix=f"VAENHANCE_{command}".upper()
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(name, "x")
            assert parameter.resolve_envvar_value(context) == "x", name


# === What exists ===


@both
def test_a_single_target_that_exists_is_not_touched(run, model):
    save("a.png")
    Path("new.png").write_text("mine")
    result = run("a.png", "new.png", exit_code=2)
    assert "new.png exists; pass --overwrite" in result.stderr
    assert Path("new.png").read_text() == "mine"
    run("a.png", "new.png", "--overwrite")
    assert container("new.png") == "PNG"


@both
def test_running_again_does_only_what_is_missing(run, model):
    for name in ("a", "b", "c"):
        save(f"in/{name}.png")
    run("in", "out")
    Path("out/b.png").unlink()
    before = Path("out/a.png").stat().st_mtime_ns
    result = run("in", "out", "-v")
    assert "1 enhanced, 2 skipped." in result.stderr
    assert "--overwrite redoes them" in result.stderr
    assert f"skipped {Path('in/a.png')}: {Path('out/a.png')} exists" in result.stderr
    assert len(model.calls) == 4
    assert Path("out/a.png").stat().st_mtime_ns == before
    run("in", "out")
    assert len(model.loaded) == 2  # nothing to do needs no model
    run("in", "out", "--overwrite")
    assert len(model.calls) == 7


@both
def test_an_original_is_never_written_over(run):
    original = save("in/a.png").read_bytes()
    for arguments in (["in/a.png", "in/a.png"], ["in", "in"], ["in/a.png", "in/"]):
        result = run(*arguments, "--overwrite", exit_code=2)
        assert "originals are never written over" in result.stderr
    assert Path("in/a.png").read_bytes() == original


@both
def test_what_has_come_to_be_there_in_the_meantime_stays(run, model, monkeypatch):
    save("in/a.png")
    save("in/b.png")
    usual = model.enhance

    def enhance(image, **settings):
        Path("out").mkdir(exist_ok=True)
        Path("out/a.png").write_text("mine")
        return usual(image, **settings)

    monkeypatch.setattr(model, "enhance", enhance)
    result = run("in", "out", "-v")
    assert "skipped in/a.png: out/a.png exists" in result.stderr
    assert "1 enhanced, 1 skipped." in result.stderr
    assert Path("out/a.png").read_text() == "mine"
    assert container("out/b.png") == "PNG"
    monkeypatch.setattr(model, "enhance", usual)  # or b's turn may undo what a's wrote
    run("in", "out", "--overwrite")
    assert container("out/a.png") == "PNG"


@both
def test_a_named_target_that_has_come_to_be_there_is_an_error(run, model, monkeypatch):
    save("a.png")
    usual = model.enhance

    def enhance(image, **settings):
        Path("new.png").write_text("mine")
        return usual(image, **settings)

    monkeypatch.setattr(model, "enhance", enhance)
    result = run("a.png", "new.png", exit_code=1)
    assert "a.png: a file of the name new.png has come to be there" in result.stderr
    assert Path("new.png").read_text() == "mine"


@both
def test_what_another_run_has_made_is_not_computed_again(run, model, monkeypatch):
    for name in "abcd":
        save(f"in/{name}.png")
    usual = model.enhance

    def enhance(image, **settings):
        if not Path("out/c.png").exists():
            Path("out").mkdir()
            for name in "bc":
                Path(f"out/{name}.png").write_text("another run's")
        return usual(image, **settings)

    monkeypatch.setattr(model, "enhance", enhance)
    assert "2 enhanced, 2 skipped." in run("in", "out").stderr
    assert len(model.calls) == 2
    assert [Path(f"out/{name}.png").read_bytes()[:1] for name in "abcd"] == [
        b"\x89", b"a", b"a", b"\x89",
    ]  # fmt: skip


# === What fails ===


def damage(folder: str) -> None:
    """One photograph that is well among four that are not, and a decoy."""
    save(f"{folder}/good.jpg", height=64, width=64)
    whole = Path(f"{folder}/good.jpg").read_bytes()
    Path(f"{folder}/cut.jpg").write_bytes(whole[: len(whole) // 2])
    Path(f"{folder}/empty.png").write_bytes(b"")
    Path(f"{folder}/text.png").write_text("hello")
    Path(f"{folder}/gone.png").symlink_to("nowhere.png")
    Path(f"{folder}/folder.png").mkdir()


@both
def test_the_run_goes_on_and_names_what_failed(run):
    damage("in")
    result = run("in", "out", exit_code=1)
    assert [path.name for path in Path("out").iterdir()] == ["good.jpg"]
    assert result.stdout == ""
    for name in ("cut.jpg", "empty.png", "gone.png"):
        line = next(x for x in result.stderr.splitlines() if f"in/{name}:" in x)
        assert line.startswith("vaenhance: cannot enhance in/")
        assert line.endswith(" (kept going)")
    assert "1 enhanced, 4 failed.\nFailed:\n  in/cut.jpg: " in result.stderr
    assert "Traceback" not in result.stderr


def test_verbose_shows_each_image_and_tracebacks(run):
    damage("in")
    result = run("in", "out", "-v", exit_code=1)
    assert "loading model photo" in result.stderr
    assert "Traceback" in result.stderr
    assert "in/good.jpg -> out/good.jpg (64 x 64" in result.stderr


@both
def test_quiet_says_errors_only(run):
    save("a.png")
    assert run("a.png", "new.png", "-q").stderr == ""
    Path("bad.png").write_text("hello")
    lines = run("bad.png", "b.png", "-q", exit_code=1).stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("vaenhance: cannot enhance bad.png")


@both
def test_fail_fast_stops_at_the_first_failure(run, model):
    save("in/a.png")
    Path("in/b.png").write_text("hello")
    for name in ("c", "d", "e"):
        save(f"in/{name}.png")
    result = run("in", "out", "--fail-fast", exit_code=1)
    assert "failed" in result.stderr and "kept going" not in result.stderr
    assert "not tried" in result.stderr
    assert not Path("out/e.png").exists()


@both
def test_a_bug_in_the_model_is_one_images_failure(run, model, monkeypatch):
    save("in/a.png")
    save("in/b.png", height=9)
    usual = model.enhance

    def enhance(image, **settings):
        if image.shape[0] == 5:
            raise ZeroDivisionError("oh")
        return usual(image, **settings)

    monkeypatch.setattr(model, "enhance", enhance)
    result = run("in", "out", exit_code=1)
    assert "in/a.png: unexpected ZeroDivisionError: oh (kept going)" in result.stderr
    assert Path("out/b.png").exists()


@both
def test_what_cannot_be_written_fails_alone(run):
    save("in/a.png")
    save("in/b.png")
    Path("out/a.png/full").mkdir(parents=True)
    result = run("in", "out", exit_code=1)
    assert "cannot enhance in/a.png: " in result.stderr
    assert Path("out/b.png").exists()
    assert sorted(p.name for p in Path("out").iterdir()) == ["a.png", "b.png"]


@both
def test_settings_that_do_not_fit_the_model_are_a_usage_error(run, model, monkeypatch):
    def refuse(image, **settings):
        raise UsageProblem("this model takes no such setting")

    monkeypatch.setattr(model, "enhance", refuse)
    save("in/a.png")
    save("in/b.png")
    result = run("in", "out", exit_code=2)
    assert "in/a.png: this model takes no such setting" in result.stderr
    assert not Path("out").exists()


@pytest.fixture
def particular(model, monkeypatch):
    """The model, which takes images of seven pixels a row only."""
    usual = model.enhance

    def enhance(image, **settings):
        if image.shape[1] != 7:
            raise Misfit("this model takes 7 only")
        return usual(image, **settings)

    monkeypatch.setattr(model, "enhance", enhance)


@both
def test_one_image_that_does_not_fit_the_model_does_not_end_the_run(run, particular):
    for name in "abc":
        save(f"in/{name}.png", width=9 if name == "b" else 7)
    assert "2 enhanced, 1 failed." in run("in", "out", exit_code=1).stderr
    save("in/d.png")
    again = run("in", "out", exit_code=1)
    assert "in/b.png: this model takes 7 only (kept going)" in again.stderr
    assert "1 enhanced, 2 skipped, 1 failed." in again.stderr
    assert Path("out/d.png").exists()
    # Alone it is all that was asked for.
    for words in (["in", "out"], ["in/b.png", "b.png"]):
        result = run(*words, exit_code=2)
        assert "in/b.png: this model takes 7 only\n" in result.stderr


def test_of_failures_no_traceback_is_kept():
    tally = Tally(1)
    tally.add(Result("a.png", "b.png", "failed", error="why", trace="a long story"))
    assert tally.failures == [Result("a.png", "b.png", "failed", error="why")]


def test_an_image_above_the_limit_is_refused(run):
    save("a.png", height=40, width=40)
    run("a.png", "new.png", "--max-megapixels", 0.001, exit_code=1)
    run("a.png", "new.png", "--max-megapixels", 0.002)


@both
@pytest.mark.parametrize(
    ("mode", "name", "reason"),
    [
        ("RGBA", "new.jpg", "JPEG cannot hold the transparency"),
        ("RGBA", "new.bmp", "BMP cannot hold the transparency"),
        ("P", "out/", "GIF cannot hold an enhanced photograph"),
    ],
)
def test_what_cannot_be_written_costs_no_computing(run, model, mode, name, reason):
    source = "a.gif" if mode == "P" else "a.png"
    Image.new(mode, (4, 4)).save(source)
    result = run(source, name, exit_code=1)
    assert f"{reason}: pass --format png" in result.stderr
    assert model.calls == []
    assert not Path(name).exists()


@both
def test_a_target_that_cannot_be_made_costs_no_computing(run, model):
    save("a.png")
    result = run("a.png", "a.png/new.png", exit_code=1)
    assert "cannot be written: a.png is a file, not a folder" in result.stderr
    assert model.loaded == []


@both
def test_a_folder_that_cannot_be_made_is_named(run, model, monkeypatch):
    save("a.png")

    def fail(path, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", fail)
    result = run("a.png", "new/", exit_code=1)
    assert "the folder new cannot be made (Permission denied)" in result.stderr


def test_a_name_with_a_line_break_stays_on_its_line(run):
    save("in/a\nb.png")
    Path("in/c\nd.png").write_text("hello")
    Path("in/e\nf.txt").touch()
    name = "in/a\\x0ab.png"
    lines = run("in", "out", "-n").stdout.splitlines()
    assert lines[0] == f"{name} -> out/a\\x0ab.png  (7 x 5)"
    assert len(lines) == 3
    result = run("in", "out", "-v", "--json", exit_code=1)
    assert f"\n{name} -> out/a\\x0ab.png (7 x 5, " in result.stderr
    assert result.stderr.startswith("ignored in/e\\x0af.txt\n")
    assert "\nvaenhance: cannot enhance in/c\\x0ad.png: not an image\n" in result.stderr
    assert "\n  in/c\\x0ad.png: not an image\n" in result.stderr
    (record, _) = map(json.loads, result.stdout.splitlines())
    assert record["source"] == "in/a\nb.png"  # for programs it is what it is
    assert Path("out/a\nb.png").exists()


def test_a_missing_model_is_a_usage_error(run, monkeypatch):
    def refuse(name, **settings):
        raise ModelError("no model 'x'")

    monkeypatch.setattr(vaenhance, "load_model", refuse)
    save("a.png")
    result = run("a.png", "new.png", "-m", "x", exit_code=2)
    assert result.stderr == "vaenhance: no model 'x'\n"


# === Arguments ===


def test_a_typed_target_goes_before_the_environment(run):
    save("a.jpg")
    usual = {"VAENHANCE_ENHANCE_FORMAT": "webp", "VAENHANCE_ENHANCE_SUFFIX": ".x"}
    run("a.jpg", "b.png", env=usual)
    assert container("b.png") == "PNG"
    run("a.jpg", "out/", env=usual)
    assert container("out/a.x.webp") == "WEBP"
    run("a.jpg", "-", env=usual)
    asked = run("a.jpg", "c.png", "--format", "tiff", env=usual, exit_code=2)
    assert "--format asks for TIFF" in asked.stderr
    asked = run("a.jpg", "c.png", "--suffix", ".y", env=usual, exit_code=2)
    assert "TARGET names the file already" in asked.stderr
    for words in (["a.jpg", "-"], ["-"]):
        asked = run(*words, "--suffix", ".y", exit_code=2)
        assert "standard output has none" in asked.stderr


@pytest.mark.parametrize(
    "typed", [["--precision", "bfloat16"], ["--tile", 64], ["--overlap", 8]]
)
def test_what_a_look_has_no_use_for_is_refused(run, model, typed):
    save("a.png")
    words = ["a.png", "new.png", "--strength", 0, "--light"]
    for more in ([], ["--dry-run"]):
        result = run(*words, *typed, *more, exit_code=2)
        assert f"leave out {typed[0]}" in result.stderr
    name = f"VAENHANCE_ENHANCE_{typed[0][2:].upper()}"
    run(*words, "--dry-run", env={name: str(typed[1])})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tile", "x"], "neither auto nor a number"),
        (["--noise", "9", "--strength", "0"], "give one of them"),
        (["--tile", "-1"], "x>=0"),
        (["--tile", "32", "--overlap", "32"], "leaves nothing of --tile"),
        (["--noise", "300"], "0<=x<=255"),
        (["--strength", "1.5"], "0<=x<=1"),
        (["--format", "gif"], "cannot be written"),
        (["--format", "doc"], "cannot be written; choose jpeg, png"),
        (["--quality", "0"], "1<=x<=100"),
        (["--suffix", "../x"], "not a path"),
        (["--device", "tpu"], "not auto, cpu, gpu or gpu:N"),
        (["--max-megapixels", "0"], "x>0"),
        (["-q", "-v"], "exclude each other"),
        (["--overwite"], "--overwrite"),
    ],
)
def test_a_wrong_option_costs_no_model(run, model, options, message):
    save("a.png")
    result = run("a.png", "new.png", *options, exit_code=2)
    assert message in result.stderr and result.stdout == ""
    assert model.loaded == []
    assert not Path("new.png").exists()


@both
def test_no_images_is_a_usage_error(run):
    Path("in").mkdir()
    Path("in/notes.txt").write_text("hello")
    result = run("in", "out", exit_code=2)
    assert "no images in in (sub-folders included" in result.stderr
    assert not Path("out").exists()


@both
def test_renamed_collisions_are_said(run):
    for name in ("a", "b", "c", "d"):
        save(f"in/{name}.jpg")
        save(f"in/{name}.png")
    result = run("in", "out", "--format", "png")
    assert len(list(Path("out").iterdir())) == 8
    assert "in/a.jpg -> a.jpg.png" in result.stderr
    assert "and 1 more like this" in result.stderr


# === Dry run and JSON ===


def test_a_dry_run_writes_the_plan_and_nothing_else(run, model):
    save("in/a.png")
    save("in/b.png")
    save("out/b.png")
    Path("in/c.png").write_text("hello")
    result = run("in", "out", "--dry-run", "--tile", 128)
    lines = result.stdout.splitlines()
    assert lines[0] == "in/a.png -> out/a.png  (7 x 5)"
    assert lines[1] == "in/b.png -> out/b.png  (exists, would be skipped)"
    assert lines[2].startswith("in/c.png -> out/c.png  (")
    assert lines[3] == (
        "1 to enhance, 0.0 megapixels, 1 to skip, 1 unreadable; "
        "model photo, device auto, precision auto, tile 128."
    )
    assert model.loaded == [] and not Path("out/a.png").exists()


KEYS = ["source", "target", "status", "width", "height", "format", "seconds", "error"]
KEYS += ["companions", "uncertainty"]


@both
def test_json_lines(run):
    damage("in")
    save("out/text.png")
    result = run("in", "out", "--json", exit_code=1)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(list(record) == KEYS for record in records)
    by_name = {Path(record["source"]).name: record for record in records}
    good = by_name["good.jpg"]
    assert good["seconds"] > 0
    size = load("out/good.jpg").shape
    assert size[0] % 64 == 0
    assert {**good, "seconds": 0} == {
        "source": str(Path("in/good.jpg")),
        "target": str(Path("out/good.jpg")),
        "status": "enhanced",
        "width": size[1],
        "height": size[0],
        "format": "JPEG",
        "seconds": 0,
        "error": None,
        "companions": [],
        "uncertainty": None,
    }
    assert by_name["text.png"]["status"] == "skipped"
    assert by_name["cut.jpg"]["status"] == "failed" and by_name["cut.jpg"]["error"]
    assert "1 enhanced, 1 skipped, 3 failed." in result.stderr


def test_a_dry_run_in_json(run):
    save("in/a.png")
    result = run("in", "out", "--json", "-n")
    (record,) = map(json.loads, result.stdout.splitlines())
    assert record["status"] == "planned" and record["width"] == 7
    assert "1 to enhance" in result.stderr


# === The sheet ===


def test_a_sheet_shows_what_was_made(run):
    save("in/a.png", height=20, width=30)
    Path("in/b.png").write_text("hello")
    result = run("in", "out", "--sheet", "new/sheet.png", exit_code=1)
    assert result.stderr.endswith("sheet: new/sheet.png\n")
    sheet = load("new/sheet.png")
    before, after = load("in/a.png"), load("out/a.png")
    assert holds(sheet, before) and holds(sheet, after)


def holds(sheet, crop):
    height, width = crop.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(sheet, (height, width, 3))
    return bool((windows == crop).all(axis=(-3, -2, -1)).any())


@both
def test_a_sheet_of_what_was_there_before(run, model):
    save("in/a.png")
    run("in", "out")
    run("in", "out", "--sheet", "sheet.png", "-q")
    assert container("sheet.png") == "PNG" and len(model.calls) == 1


@both
def test_a_sheet_that_exists_stays(run, model):
    save("a.png")
    Path("sheet.png").write_text("mine")
    result = run("a.png", "new.png", "--sheet", "sheet.png", exit_code=2)
    assert "sheet.png exists; pass --overwrite" in result.stderr
    assert not Path("new.png").exists()
    run("a.png", "new.png", "--sheet", "sheet.png", "--overwrite")
    assert container("sheet.png") == "PNG"


@pytest.mark.parametrize("sheet", ["a.png", "link.png", "new.png", "./sub/../new.png"])
def test_a_sheet_never_takes_the_place_of_a_photograph(run, model, sheet):
    original = save("a.png").read_bytes()
    Path("sub").mkdir()
    Path("link.png").symlink_to("a.png")
    arguments = ["a.png", "new.png", "--overwrite", "--sheet", sheet]
    result = run(*arguments, exit_code=2)
    assert "is one of the photographs" in result.stderr
    assert Path("a.png").read_bytes() == original
    assert model.loaded == []


def test_a_sheet_that_cannot_be_written_is_known_before_the_work(run, model):
    save("a.png")
    result = run("a.png", "new.png", "--sheet", "a.png/sheet.png", exit_code=2)
    assert "--sheet a.png/sheet.png: cannot be written" in result.stderr
    assert model.loaded == []


@both
def test_a_sheet_that_cannot_be_written_in_the_end_is_named(run, monkeypatch):
    save("a.png")

    def fail(pixels, target):
        raise PhotoError("cannot be written: no space left on the disk")

    monkeypatch.setattr(photo, "save_png", fail)
    result = run("a.png", "new.png", "--sheet", "sheet.png", exit_code=1)
    text = "vaenhance: --sheet sheet.png: cannot be written: no space left on the disk"
    assert result.stderr.endswith(text + "\n")
    assert Path("new.png").exists()


def test_a_sheet_needs_files_on_both_sides(run):
    data = save("a.png").read_bytes()
    result = run("-", "new.png", "--sheet", "sheet.png", input=data)
    assert "no sheet: there is nothing to compare" in result.stderr
    assert not Path("sheet.png").exists()
    assert "call it so" in run("-", "--sheet", "sheet.jpg", exit_code=2).stderr


# === Progress ===


@both
def test_progress_counts_every_megapixel_once(run, monkeypatch):
    made = []

    class Recorded(console.Progress):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(console, "Progress", Recorded)
    damage("in")
    save("in/skip.png")
    save("out/skip.png")
    run("in", "out", exit_code=1)
    (progress,) = made
    assert progress.total > 0
    assert progress.done == pytest.approx(progress.total)


@both
def test_pixels_do_not_pile_up(run, model, monkeypatch):
    alive, most = weakref.WeakSet(), 0
    usual = model.enhance

    class Tracked(np.ndarray):
        pass

    def enhance(image, **settings):
        nonlocal most
        result = usual(image, **settings).view(Tracked)
        alive.add(result)
        most = max(most, len(alive))
        return result

    monkeypatch.setattr(Tracked, "__hash__", object.__hash__, raising=False)
    monkeypatch.setattr(model, "enhance", enhance)
    for index in range(12):
        save(f"in/{index:02d}.png")
    run("in", "out")
    assert 1 <= most <= 3


@both
def test_pixels_that_were_read_are_gone_before_encoding(run, model, monkeypatch):
    usual, encode = model.enhance, photo.encode_photo
    read = []

    def enhance(image, **settings):
        read.append(weakref.ref(image))
        return usual(image, **settings)

    def encode_later(*arguments, **options):
        for _ in range(500):  # the other thread is about to let go
            if read[0]() is None:
                return encode(*arguments, **options)
            time.sleep(0.01)
        raise PhotoError("the input is still there")

    monkeypatch.setattr(model, "enhance", enhance)
    monkeypatch.setattr(photo, "encode_photo", encode_later)
    save("a.png")
    run("a.png", "new.png")


# === Ctrl-C ===


@both
def test_an_interrupt_leaves_whole_files_only(run, model, monkeypatch):
    for name in ("a", "b", "c"):
        save(f"in/{name}.png")
    usual = model.enhance

    def enhance(image, **settings):
        if len(model.calls) == 2:
            raise KeyboardInterrupt
        return usual(image, **settings)

    monkeypatch.setattr(model, "enhance", enhance)
    result = run("in", "out", "--json", exit_code=130)
    assert "goes on where" in result.stderr
    names = sorted(path.name for path in Path("out").iterdir())
    assert names in (["a.png"], ["a.png", "b.png"])
    assert all(container(Path("out") / name) == "PNG" for name in names)
    # What was being written when the signal came counts as done.
    done = len(names)
    summary = f"{done} enhanced, {3 - done} not tried. Interrupted."
    assert summary in result.stderr
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [Path(record["target"]).name for record in records] == names


@both
def test_a_terminal_is_spared_image_bytes(run, monkeypatch):
    save("a.png")
    monkeypatch.setattr(console, "stdout_is_terminal", lambda: True)
    result = run("a.png", "-", exit_code=2)
    assert "standard output is a terminal" in result.stderr and result.stdout == ""


def test_nothing_is_read_from_a_terminal(run, monkeypatch):
    monkeypatch.setattr(console, "stdin_is_terminal", lambda: True)
    assert "pipe an image in" in run("-", exit_code=2).stderr


@both
def test_json_and_image_bytes_cannot_share_standard_output(run):
    save("a.png")
    assert (
        "both want standard output" in run("a.png", "-", "--json", exit_code=2).stderr
    )
