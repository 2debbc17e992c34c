"""Options that several commands share, and the types of their values.

Nothing that is imported with this module needs TensorFlow, Pillow or NumPy: ``--help``
stays instant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from vaenhance.cli import console
from vaenhance.cli.sections import SectionOption

ParamType = click.ParamType[Any]
Decorated = TypeVar("Decorated", bound=Callable[..., Any])

BUILTIN_MODELS = Path(__file__).parent.parent / "models"


def option(
    *declarations: str, section: str = "Options", **attributes: Any
) -> Callable[[Decorated], Decorated]:
    """Declares an option under a heading of the help."""
    return click.option(*declarations, cls=SectionOption, section=section, **attributes)


def json_option(text: str) -> Callable[[Decorated], Decorated]:
    """Declares --json, passed on as ``as_json``."""
    return option("--json", "as_json", is_flag=True, section="Reporting", help=text)


def seed_option(
    text: str, most: int | None = 2**31 - 1, **attributes: Any
) -> Callable[[Decorated], Decorated]:
    """Declares --seed."""
    return option(
        "--seed",
        type=click.IntRange(0, most),
        default=0,
        show_default=True,
        metavar="N",
        help=text,
        **attributes,
    )


class Number(click.FloatRange):
    """A number within a range; Click's own lets "nan" pass, which has no range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Converts what was typed."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class WordOr(ParamType):
    """Either one word, which stands for None, or a value of another type.

    Args:
        word: e.g. ``auto``.
        other: the type of any other value.
        metavar: how help shows it.
    """

    def __init__(self, word: str, other: ParamType, metavar: str) -> None:
        self.word = word
        self.other = other
        self.name = metavar

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Returns how help shows the value."""
        return self.name

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Converts what was typed; a wrong value names both possibilities."""
        if isinstance(value, str) and value.lower() == self.word:
            return None
        try:
            return self.other.convert(value, param, ctx)
        except click.BadParameter as error:
            try:
                float(value)
            except ValueError:
                self.fail(f"{value!r} is neither {self.word} nor a number.", param, ctx)
            self.fail(f"{error.message} Or give {self.word}.", param, ctx)


def decorated(
    command: Decorated, *decorators: Callable[[Decorated], Decorated]
) -> Decorated:
    """The command with options that ``--help`` shows in the order given."""
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def verbosity_options(
    command: Decorated, more: str = "each image, and tracebacks of failures"
) -> Decorated:
    """Adds -q and -v; they act on the console, the command never sees them."""
    for decorate in (
        option(
            "-v",
            "--verbose",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_choose_verbosity,
            section="Reporting",
            help=f"Say more: {more}.",
        ),
        option(
            "-q",
            "--quiet",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_choose_verbosity,
            section="Reporting",
            help="Say nothing but errors.",
        ),
    ):
        command = decorate(command)
    return command


def _device_options(*precisions: str) -> Callable[[Decorated], Decorated]:
    """Returns what adds --device and --precision, passed on by these names."""
    *others, last = precisions

    def decorated(command: Decorated) -> Decorated:
        for decorate in (
            option(
                "--precision",
                metavar="NAME",
                type=click.Choice(precisions),
                default="auto",
                show_default=True,
                section="Speed and memory",
                help=f"Arithmetic: {', '.join(others)} or {last}.",
            ),
            option(
                "--device",
                metavar="auto|cpu|gpu|gpu:N",
                type=Device(),
                default="auto",
                show_default=True,
                section="Speed and memory",
                help="Where to compute; gpu fails when there is none.",
            ),
        ):
            command = decorate(command)
        return command

    return decorated


device_options = _device_options("auto", "float32", "bfloat16", "float16")
# Gradients of float16 would need a scaled loss; bfloat16 does without.
training_device_options = _device_options("auto", "float32", "bfloat16")


def model_option(command: Decorated) -> Decorated:
    """Adds -m/--model for enhancing, passed on as ``model``: a name or a folder."""
    return _model("photo", envvar="VAENHANCE_MODEL")(command)


def drawing_model_option(command: Decorated) -> Decorated:
    """Adds -m/--model for drawing: another default, not VAENHANCE_MODEL's."""
    return _model("digits")(command)


def _model(default: str, **attributes: Any) -> Callable[[Decorated], Decorated]:
    return option(
        "-m",
        "--model",
        metavar="MODEL",
        default=default,
        show_default=True,
        shell_complete=complete_model,
        help="Built-in model, or the folder of a trained one.",
        **attributes,
    )


def complete_model(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Completes built-in names from the package's folder, then folders."""
    names = sorted(path.parent.name for path in BUILTIN_MODELS.glob("*/config.json"))
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return [*found, CompletionItem(incomplete, type="dir")]


class Device(ParamType):
    """auto, cpu, gpu or gpu:N; whether it exists is TensorFlow's to say, later."""

    name = "device"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Checks the spelling, so that a typo does not cost a TensorFlow start."""
        text = str(value).lower()
        kind, colon, number = text.partition(":")
        if text in ("auto", "cpu", "gpu") or (
            kind == "gpu" and colon and number.isdecimal()
        ):
            return text
        return self.fail(f"{value!r} is not auto, cpu, gpu or gpu:N.", param, ctx)


class Container(ParamType):
    """A file format by any of its extensions."""

    name = "format"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Returns the format's name in ``photo``, e.g. JPEG of jpg."""
        from vaenhance import photo

        text = str(value).lower().lstrip(".")
        kind = photo.EXTENSIONS.get(f".{text}", text.upper())
        if kind in photo.WRITABLE:
            return kind
        if text in ("heic", "heif", "hif"):
            self.fail('HEIC needs an extra: pip install "vaenhance[heic]".', param, ctx)
        known = ", ".join(name.lower() for name in photo.WRITABLE)
        return self.fail(f"{value!r} cannot be written; choose {known}.", param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offers the formats that can be written."""
        from vaenhance import photo

        names = (name.lower() for name in photo.WRITABLE)
        return [CompletionItem(n) for n in names if n.startswith(incomplete.lower())]


def _choose_verbosity(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Says nothing or more, as asked; a flag goes before the environment."""
    given: dict[str, bool] = ctx.meta.setdefault("vaenhance.verbosity", {})
    if value and param.name is not None:
        source = ctx.get_parameter_source(param.name)
        given[param.name] = source is ParameterSource.COMMANDLINE
    typed = [name for name, is_typed in given.items() if is_typed]
    if len(given) > 1 and len(typed) != 1:
        raise click.UsageError("-q and -v exclude each other; give one of them.", ctx)
    chosen = typed or list(given)
    console.set_quiet("quiet" in chosen)
    console.set_verbose("verbose" in chosen)
