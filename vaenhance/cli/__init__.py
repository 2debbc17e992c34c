"""The command line: finds the command, runs it, turns its end into an exit code.

Start-up is the point of this file: it knows the commands by name only, and the
module of a command is imported when that command runs.
"""

from __future__ import annotations

import contextlib
import importlib
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from vaenhance.cli import console, streams
from vaenhance.errors import VaenhanceError
from vaenhance.workflows.signals import PATIENCE, SIGNALS, Terminated

# Module in this package -> what the list of commands says about it.
COMMANDS = {
    "enhance": "Enhance photographs.",
    "train": "Train a model on a folder of images.",
    "sample": "Draw new images from a model's prior.",
    "encode": "Write the latents of photographs to a file.",
    "decode": "Make photographs of latents.",
    "interpolate": "Draw the images between two images.",
    "evaluate": "Measure PSNR and SSIM against clean references.",
    "score": "Score photographs: noise, likelihood, uncertainty.",
    "calibrate": "Calibrate the uncertainty of a model for photographs.",
    "info": "Show a model, or versions, devices and built-in models.",
}

FAILED = 1
SIGNALLED = 128  # plus the number of the signal, as shells report it

_received: list[int] = []


class _End(Exception):
    """Carries a Ctrl-C past Click, which would print an empty line."""


class LazyGroup(click.Group):
    """A group that imports a command when it is used, not to list it."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Runs a command; standing alone it ends the process with our exit codes.

        Click's own would be 1 and "Aborted!" after Ctrl-C, and its messages do not
        look like ours.
        """
        run = partial(super().main, *args, standalone_mode=False, **extra)
        if not standalone_mode:
            try:
                return run()
            except _End as end:
                raise KeyboardInterrupt from end
        console.set_quiet(False)
        console.set_verbose(False)
        streams.repair_streams()
        with _orderly_stop():
            code = _exit_code(run)
        streams.settle_stderr()
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the chosen command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _End from error
        except Exception:
            if not _received:
                raise
            # TensorFlow's C++ makes an ImportError of an interrupted import.
            console.detail(traceback.format_exc().rstrip())
            raise _End from Terminated(_received[0])

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the commands, the most used first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[CompletionItem]:
        """Completes command names without importing them."""
        items = [
            CompletionItem(name, help=text)
            for name, text in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return items + click.Command.shell_complete(self, ctx, incomplete)


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        import vaenhance

        console.product(f"vaenhance {vaenhance.__version__}")
        ctx.exit()


@click.group(
    "vaenhance",
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "VAENHANCE",
        "max_content_width": 88,
    },
    epilog="vaenhance COMMAND --help shows the options of a command.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    allow_from_autoenv=False,  # VAENHANCE_VERSION is a name that others use, too
    callback=_show_version,
    help="Show the version and exit.",
)
def app() -> None:
    """Enhance photographs with variational auto-encoders, or train your own."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process.

    Exit codes: 0 when everything asked for exists, 1 when something failed, 2 when
    nothing was done because of the arguments, 130 after Ctrl-C, 143 after SIGTERM.

    Args:
        argv: the words behind ``vaenhance``; those of this process when None.
    """
    app.main(None if argv is None else list(argv), prog_name="vaenhance")
    raise SystemExit(0)  # not reached: the group ends the process itself


def _exit_code(run: Callable[[], Any]) -> int:
    """Runs a command and turns its end into an exit code and at most one message."""
    try:
        code = run()
        with console.delivery():
            sys.stdout.flush()
    except (_End, click.Abort, KeyboardInterrupt) as error:
        streams.drop_stdout()  # what is left of it may wait for a reader for ever
        stopped = error if isinstance(error, KeyboardInterrupt) else error.__cause__
        if isinstance(stopped, EOFError):  # Click takes a bug for a closed terminal
            return _unexpected(stopped)
        return SIGNALLED + getattr(stopped, "number", signal.SIGINT)
    except click.exceptions.NoArgsIsHelpError as error:
        with contextlib.suppress(OSError):
            error.show()
        return error.exit_code
    except click.ClickException as error:
        console.error(_explain(error))
        return error.exit_code
    except VaenhanceError as error:
        console.detail(traceback.format_exc().rstrip())
        console.error(str(error))
        return error.exit_code
    except BrokenPipeError:
        streams.drop_stdout()
        return FAILED
    except Exception as error:
        if isinstance(error, OSError) and _is_of_echo(error):
            return _undelivered(error)
        return _unexpected(error)
    return code if isinstance(code, int) else 0


def _is_of_echo(error: BaseException) -> bool:
    """Tells whether Click, which prints help and completion, could not do so."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code is click.echo.__code__ for frame, _ in frames)


def _undelivered(error: OSError) -> int:
    """Reports a full disk behind stdout as ``console`` does."""
    try:
        with console.delivery():
            raise error
    except VaenhanceError as words:
        console.error(str(words))
    return FAILED


def _unexpected(error: Exception) -> int:
    """Reports a bug."""
    console.detail("".join(traceback.format_exception(error)).rstrip())
    hint = "" if console.is_verbose() else "\n  Run it again with -v for details."
    console.error(f"unexpected {type(error).__name__}: {error}{hint}")
    return FAILED


@contextlib.contextmanager
def _orderly_stop() -> Iterator[None]:
    """Turns the signals that end a process into an exception, and remembers them.

    So that no half file is left. What is ignored stays so: nohup.
    """
    _received.clear()
    before = {}
    for number in SIGNALS:
        with contextlib.suppress(ValueError):  # not the main thread
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    if len(_received) >= PATIENCE:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    if len(_received) == 1 or number == signal.SIGINT:
        raise Terminated(number)
    # Else it would interrupt the tidying up.


def _explain(error: click.ClickException) -> str:
    """Returns Click's message, and for wrong arguments where to look."""
    text = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        text += f"\n  {error.ctx.command_path} --help shows what is possible."
    return text
