"""``vaenhance info``: a model's card, or versions, devices and built-in models."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import click

from vaenhance.cli import console, options
from vaenhance.cli.sections import SectionCommand

_HELP = """Show a model, or versions, devices and built-in models.

\b
Examples:
  vaenhance info             what is installed, and what computes
  vaenhance info photo       the card of a built-in model
  vaenhance info my-model/   the card of your own
"""
_WIDTH = 88
_KEY = 10  # columns at least for the keys, so that most sections line up


@click.command(cls=SectionCommand, help=_HELP)
@click.argument(
    "model",
    required=False,
    shell_complete=options.complete_model,
    help="Built-in model or model folder; without it, this installation.",
)
@options.json_option("One JSON object instead of text.")
@partial(options.verbosity_options, more="all settings of the model, and tracebacks")
def command(model: str | None, as_json: bool) -> None:
    """Print one model's card, or what is installed here."""
    # A command line that only asks for help must not pay for NumPy and HDF5.
    from vaenhance.workflows import info

    if model is not None:
        found = info.describe_model(model)
        if as_json:
            console.json_line(found)
        else:
            _say(_model_lines(found))
        return
    installation = info.describe_installation()
    if as_json:
        console.json_line({**installation, **info.describe_devices()})
        return
    _say(_installation_lines(installation))  # at once: devices take seconds
    _say(_device_lines(info.describe_devices()))


def _say(lines: Iterator[str]) -> None:
    for line in lines:
        console.product(line)


def _model_lines(found: Mapping[str, Any]) -> Iterator[str]:
    card = dict(found["card"])
    title = card.pop("title", "")
    yield f"{found['name']}: {title}" if title else found["name"]
    facts = {"folder": found["folder"], "weights": f"{found['weights_megabytes']} MB"}
    facts["classes"] = ", ".join(found["config"]["model"]["classes"])
    facts["styles"] = ", ".join(found["styles"])
    yield from _entries({**facts, **card}, "")
    if console.is_verbose():
        yield from _entries({"configuration": found["config"]}, "")


def _installation_lines(found: Mapping[str, Any]) -> Iterator[str]:
    models = found["models"] or {"none": ""}
    yield from _entries(found["versions"], "")
    yield "built-in models"
    for name, title in models.items():
        yield f"  {name.ljust(_KEY - 2)} {title}".rstrip()


def _device_lines(found: Mapping[str, Any]) -> Iterator[str]:
    if "error" in found:
        yield from _entries({"devices": f"TensorFlow fails: {found['error']}"}, "")
        return
    known = {
        "devices": ", ".join(found["devices"]),
        "gpu": found["gpu_reason"],
        "precision": f"auto chooses {found['auto_precision']}",
    }
    yield from _entries(known, "")


def _entries(facts: Mapping[str, Any], margin: str) -> Iterator[str]:
    """Facts as ``key value``, values in one column; nested ones below their key."""
    column = max([_KEY, *(len(key) for key in facts)])
    for key, value in facts.items():
        label = margin + key.replace("_", " ")
        if isinstance(value, Mapping):
            inner = list(_entries(value, margin + "  "))
            yield from [label, *inner] if inner else []
        elif isinstance(value, list) and any(isinstance(v, str | dict) for v in value):
            yield label
            for item in value:
                text = item if isinstance(item, str) else json.dumps(item)
                yield from _wrapped(f"{margin}  - ", text)
        elif value not in (None, "", []):
            yield from _wrapped(f"{label.ljust(len(margin) + column)} ", _plain(value))


def _wrapped(head: str, text: str) -> list[str]:
    """The text behind its head, continued below where it began."""
    return textwrap.wrap(
        text,
        width=max(_WIDTH, len(head) + 30),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        # Paths, checksums and URLs stay whole: they are copied.
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(value: Any) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return " ".join(_plain(item) for item in value)
    return str(value)
