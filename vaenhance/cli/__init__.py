"""The command line: finds the command, runs it, turns its end into an exit code.

Start-up is the point of this file: it knows the commands by name only, and the
module of a command is imported when that command runs.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from vaenhance.cli import console
from vaenhance.errors import VaenhanceError

# Module in this package -> what the list of commands says about it.
COMMANDS = {
    "enhance": "Enhance photographs.",
    "train": "Train a model on a folder of images.",
    "sample": "Draw new images from a model's prior.",
    "evaluate": "Measure PSNR and SSIM against clean references.",
    "info": "Show a model, or versions, devices and built-in models.",
}

FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class LazyGroup(click.Group):
    """A group that imports a command when it is used, not to list it."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Runs a command; standing alone it ends the process with our exit codes.

        Click's own would be 1 and "Aborted!" after Ctrl-C, and its messages do not
        look like ours.
        """
        run = partial(super().main, *args, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        console.set_quiet(False)
        console.set_verbose(False)
        sys.exit(_exit_code(run))

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
    callback=_show_version,
    help="Show the version and exit.",
)
def app() -> None:
    """Enhance photographs with variational auto-encoders, or train your own."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process.

    Exit codes: 0 when everything asked for exists, 1 when something failed, 2 when
    nothing was done because of the arguments, 130 after Ctrl-C.

    Args:
        argv: the words behind ``vaenhance``; those of this process when None.
    """
    app.main(None if argv is None else list(argv), prog_name="vaenhance")
    raise SystemExit(0)  # not reached: the group ends the process itself


def _exit_code(run: Callable[[], Any]) -> int:
    """Runs a command and turns its end into an exit code and at most one message."""
    try:
        code = run()
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
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
        _drop_stdout()
        return FAILED
    except Exception as error:
        console.detail(traceback.format_exc().rstrip())
        hint = "" if console.is_verbose() else "\n  Run it again with -v for details."
        console.error(f"unexpected {type(error).__name__}: {error}{hint}")
        return FAILED
    return code if isinstance(code, int) else 0


def _drop_stdout() -> None:
    """Forgets what nobody reads: the interpreter would complain when it flushes."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: click.ClickException) -> str:
    """Returns Click's message, and for wrong arguments where to look."""
    text = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        text += f"\n  {error.ctx.command_path} --help shows what is possible."
    return text
