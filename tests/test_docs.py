"""The documents and the program say the same: commands, options, help, listings."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import numpy as np
import pytest

from tests.tiny import TINY, calibrate_tiny_model, save_tiny_model, tiny_config
from tests.tiny_look import save_tiny_look
from vaenhance import checkpoint, photo
from vaenhance.cli import app, console
from vaenhance.config import PRESETS, Config, section_types, to_dict
from vaenhance.config.limits import CHOICES, LIMITS
from vaenhance.workflows.journal import EVERY, NAME, Journal
from vaenhance.workflows.results import Result

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONTEXT = click.Context(app, info_name="vaenhance")
COMMANDS = {
    name: command
    for name in app.list_commands(CONTEXT)
    if (command := app.get_command(CONTEXT, name)) is not None
}
OPTIONS = sorted(
    {
        (name, flag)
        for name, command in COMMANDS.items()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for flag in (*parameter.opts, *parameter.secondary_opts)
        if flag.startswith("--")
    }
)


@pytest.fixture(scope="module")
def documentation() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


@pytest.fixture(scope="module")
def update_help() -> ModuleType:
    script = ROOT / "scripts" / "update_help.py"
    spec = importlib.util.spec_from_file_location("update_help", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mentions(text: str, flag: str) -> bool:
    """Is the flag there as a word of its own, --tile not in --tiles?"""
    return re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text) is not None


def test_the_commands_of_the_tool_are_there() -> None:
    assert set(COMMANDS) >= {"enhance", "train", "sample", "evaluate", "info"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str, documentation: str) -> None:
    assert f"vaenhance {name}" in documentation


@pytest.mark.parametrize(("name", "flag"), OPTIONS)
def test_every_option_is_documented(name: str, flag: str, documentation: str) -> None:
    assert mentions(documentation, flag), f"vaenhance {name} {flag}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert f"vaenhance {name}" in command.help, "no example in the help text"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, f"vaenhance {name} {parameter.opts[0]}"


def test_documents_name_no_option_that_does_not_exist(documentation: str) -> None:
    known = {flag for _, flag in OPTIONS} | {"--help", "--version"}
    lines = re.findall(r"^(?:\$ )?(vaenhance [a-z].*)$", documentation, re.MULTILINE)
    assert lines, "no example command in the documents"
    for line in lines:
        ours = re.split(r"\s[|>#;&]|\s{3,}", line)[0]
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*", ours):
            assert flag in known, line


def test_help_texts_in_the_documents_are_current(update_help: ModuleType) -> None:
    blocks = 0
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        blocks += len(update_help.BLOCK.findall(text))
        assert update_help.refresh(text) == text, f"{path.name}: run `make docs`"
    assert blocks, "README.md shows no help text: ```\\n$ vaenhance --help"


def test_a_stale_help_text_is_noticed(update_help: ModuleType) -> None:
    stale = "before\n```text\n$ vaenhance --help\nnothing like it\n```\nafter\n"
    fresh = update_help.refresh(stale)
    assert fresh != stale
    assert fresh.startswith("before\n```text\n$ vaenhance --help\nUsage: vaenhance")
    assert fresh.endswith("```\nafter\n")
    assert update_help.refresh(fresh) == fresh


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_within_the_repository_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def anchors(path: Path) -> set[str]:
    """What code hosts make of the headings: lower case, no signs, - for spaces."""
    prose = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_pictures_are_quick_to_load() -> None:
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert [p.name for p in pictures] == [
        "before-after.png",
        "digit-styles.png",
        "digits-latents.png",
        "digits-neighbours.png",
        "digits-plane.png",
        "digits.png",
        "emoji.png",
        "flowers.png",
        "larger.png",
        "light-style.jpg",
        "sharper.png",
    ]
    for picture in pictures:
        assert picture.stat().st_size <= 600_000
        assert photo.probe(picture).width <= 830  # shown at 100 % by code hosts


def shown_commands() -> Iterator[tuple[str, str]]:
    """Each `vaenhance COMMAND ...` of a code block, in the README or docs or help."""
    names = "|".join(COMMANDS)
    # Not inside words such as my-vaenhance; up to what ends a command in a shell,
    # or the wide gap before an explanation.
    wanted = re.compile(rf"(?<![\w-])vaenhance (?:{names})\b[^|<>#;&'\n]*")
    texts = [(path.name, path.read_text(encoding="utf-8")) for path in DOCUMENTS]
    for name, text in texts:
        for block in re.findall(r"^```\w*\n(.*?)^```$", text, re.M | re.S):
            for found in wanted.findall(block.replace("\\\n", " ")):
                yield name, re.split(r"\s{3,}", found.strip())[0]


SHOWN = sorted({pair for pair in shown_commands() if "Usage" not in pair[1]})


@pytest.mark.parametrize(("document", "line"), SHOWN)
def test_commands_shown_are_accepted(
    document: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "[OPTIONS]" in line:
        return
    monkeypatch.chdir(tmp_path)
    for file in re.findall(r"--config (\S+)", line):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()
    _, name, *arguments = shlex.split(line)
    try:
        COMMANDS[name].make_context(name, [*arguments], parent=CONTEXT)
    except click.exceptions.Exit:
        assert "--help" in arguments
    except click.UsageError as error:
        pytest.fail(f"{document}: {line}: {error.format_message()}")
    finally:
        console.set_quiet(False)
        console.set_verbose(False)


def test_enough_commands_are_shown() -> None:
    """Against a pattern that finds nothing."""
    assert {line.split()[1] for _, line in SHOWN} == set(COMMANDS)
    assert any("--config" in line for _, line in SHOWN)
    assert len(SHOWN) > 20


def training_tables() -> dict[str, list[list[str]]]:
    """Rows of docs/training.md's tables, cells without backticks, by heading."""
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    tables = {}
    for part in re.split(r"^##+ ", text, flags=re.MULTILINE)[1:]:
        heading = part.splitlines()[0].strip("`[]")
        rows = re.findall(r"^\| (`.*) \|$", part, re.MULTILINE)
        tables[heading] = [
            [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", row)]
            for row in rows
        ]
    return tables


@pytest.mark.parametrize("section", section_types())
def test_every_setting_is_in_the_table_as_it_is(section: str) -> None:
    defaults = to_dict(Config())[section]
    fields = dataclasses.fields(section_types()[section])
    shown = training_tables()[section]
    assert [row[0] for row in shown] == [field.name for field in fields]
    for name, default, allowed, meaning in shown:
        key = f"{section}.{name}"
        assert default == json.dumps(defaults[name]), f"{key}: default"
        if key in CHOICES:
            assert tuple(re.split("`?, `?", allowed)) == CHOICES[key], key
        elif key in LIMITS:
            assert tuple(map(float, allowed.split(".."))) == LIMITS[key], key
        elif isinstance(defaults[name], bool):
            assert allowed == "true, false", key
        else:
            assert allowed in ("text", "list of texts"), key
        assert meaning


def test_the_table_of_presets_is_current() -> None:
    base, presets = to_dict(Config()), {n: to_dict(c) for n, c in PRESETS.items()}
    expected = [
        [f"{section}.{key}", json.dumps(default)]
        + [
            json.dumps(value) if value != default else ""
            for value in (preset[section][key] for preset in presets.values())
        ]
        for section, settings in base.items()
        for key, default in settings.items()
    ]
    shown = [row for row in training_tables()["Presets"] if "." in row[0]]
    assert shown == [row for row in expected if any(row[2:])]
    named = [row[0] for row in training_tables()["Presets"] if "." not in row[0]]
    assert named == list(PRESETS)


def test_json_keys_are_documented(tmp_path: Path) -> None:
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for key in Result("a", "b", "enhanced").as_json():
        assert f"`{key}`" in commands, key
    training = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    journal = Journal(tmp_path)
    numbers = ("loss", "log_likelihood", "psnr", "gradient_norm", "rate", "skipped")
    step = {**dict.fromkeys(numbers, 0.0), "kl": [0.0], "seconds": 1.0, "step": EVERY}
    journal.step(step, 0)
    (line,) = (tmp_path / NAME).read_text(encoding="utf-8").splitlines()
    assert {"type", "step", "loss"} <= set(json.loads(line))
    for key in json.loads(line):
        assert f"`{key}`" in training, key


@pytest.mark.usefixtures("shared_networks")
def test_the_python_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The card of `photo` with a network of a few thousand weights: seconds less.
    card = checkpoint.find_model("photo") / checkpoint.CARD
    small = save_tiny_model(tmp_path / "models" / "photo")
    calibrate_tiny_model(small)
    (small / checkpoint.CARD).write_bytes(card.read_bytes())
    monkeypatch.setattr(checkpoint, "BUILTIN", tmp_path / "models")
    pixels = photo.read_pixels(ROOT / "samples" / "noisy" / "chelsea.jpg")
    photo.save_png(np.ascontiguousarray(pixels[:64, :96]), tmp_path / "noisy.jpg")
    photo.save_png(np.ascontiguousarray(pixels[64:, :96]), tmp_path / "evening.jpg")
    save_tiny_look(tmp_path / "models" / "look")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    names: dict[str, object] = {"__name__": "example"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/python.md, example {number + 1}", "exec"), names)
    printed = capsys.readouterr().out
    assert "no model 'no-such-model'" in printed
    assert "strength must be in 0..1" in printed
    assert photo.read_pixels(tmp_path / "better.png").shape == (64, 96, 3)


def test_the_examples_of_latents_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gray = {**vars(TINY), "channels": 1, "image_size": 32}
    config = tiny_config(model=gray, data={"crop": 32})
    save_tiny_model(tmp_path / "models" / "digits", config)
    monkeypatch.setattr(checkpoint, "BUILTIN", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    # "Digits": a bright bar at one of ten places.
    labels = np.arange(80) % 10
    images = np.zeros((80, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 * label + 3 : 2 * label + 6] = 255
    parts = {"x_train": images[:60], "y_train": labels[:60]}
    np.savez("mnist.npz", x_test=images[60:], y_test=labels[60:], **parts)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((20, 30)).astype(np.float32)
    vectors[7] = vectors[2] + 0.1 * vectors[7]
    np.savez("vectors.npz", names=[f"{i}.jpg" for i in range(20)], vectors=vectors)
    text = (ROOT / "docs" / "latents.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        names: dict[str, object] = {"__name__": "example"}
        exec(compile(block, f"docs/latents.md, example {number + 1}", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "100.00% of 20 right"
    assert [line.split()[1:] for line in printed[1:]] == [["2.jpg", "7.jpg"]]


def test_the_corrected_listing_of_the_article_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "math.md").read_text(encoding="utf-8")
    (listing,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    # "Digits": a bright bar on black, at one of 14 places.
    images = np.zeros((512, 28, 28), np.uint8)
    places = np.random.default_rng(0).integers(0, 14, len(images))
    for image, place in zip(images, places, strict=True):
        image[:, 2 * place : 2 * place + 2] = 255
    np.savez(tmp_path / "mnist.npz", x_train=images)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "listing"}
    exec(compile(listing, "docs/math.md", "exec"), names)
    (nats,) = re.findall(r"-elbo: ([\d.]+) nats per image", capsys.readouterr().out)
    # An untrained network needs 784·ln 2 = 543 nats; 16 steps must have helped.
    assert float(nats) < 500
    assert names["enhanced"].shape == names["sampled"].shape == (16, 784)
