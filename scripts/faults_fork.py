"""Starts vaenhance without its long beginning: forked from here, TensorFlow imported.

For many moments in a short time: most of the life of a command over small photographs
is the import of TensorFlow, during which nothing is written.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import IO, NoReturn


class Fork:
    """One process, with as much of ``subprocess.Popen`` as faults_kill needs.

    Args:
        words: behind ``vaenhance``.
        stream: the one that is a pipe, ``stdout`` or ``stderr``.
        other: takes the other one.
    """

    def __init__(self, words: list[str], stream: str, other: IO[bytes]) -> None:
        self.returncode = 0
        reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            os.close(reader)
            _run(words, stream, writer, other.fileno())
        os.close(writer)
        pipe: IO[bytes] = os.fdopen(reader, "rb")
        setattr(self, stream, pipe)

    def kill(self) -> None:
        """Ends it."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Waits for its end."""
        os.waitpid(self.pid, 0)


def prepare() -> None:
    """Imports TensorFlow.

    No operation is run: the threads that it would start do not survive a fork.
    """
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow")
    import keras  # noqa: F401
    import tensorflow  # noqa: F401


def _run(words: list[str], stream: str, pipe: int, other: int) -> NoReturn:
    """Is the child: runs the command line and never returns."""
    code = 70
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        is_out = stream == "stdout"
        for source, target in ((nothing, 0), (pipe, 2 - is_out), (other, 1 + is_out)):
            os.dup2(source, target)
        os.close(pipe)
        sys.argv = ["vaenhance", *words]
        from vaenhance.__main__ import main

        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        os._exit(code)  # neither the campaign's tidying up nor its streams
