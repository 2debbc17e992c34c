"""The entry of the program: ``vaenhance`` and ``python -m vaenhance``.

Nothing is imported here before Ctrl-C has been seen to: the command line, which listens
to it properly, needs a tenth of a second or more to come.
"""

from __future__ import annotations

import signal


def main() -> None:
    """Runs the command line and ends the process.

    Until it listens, there is nothing to tidy up: Ctrl-C ends the process without a
    word, as SIGTERM does, instead of by Python's traceback. What is ignored stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    from vaenhance.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
