"""The documents and the program say the same: commands, options, help, listings."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click
import numpy as np
import pytest

from vaenhance.cli import app

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
def test_links_to_files_of_the_repository_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), target


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
