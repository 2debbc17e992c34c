"""Signals that end a process as a wish that the training loop looks at between steps.

An exception in the middle of a step would leave weights that have moved and a
counter that has not; one in the middle of saving would cost the checkpoint.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any, Self

# Ctrl-C; what schedulers and `kill` send; a closed terminal.
SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)
PATIENCE = 3  # so many of them end the process at once, saved and tidy or not


class Terminated(KeyboardInterrupt):
    """A signal that ends the process as orderly as Ctrl-C does.

    Args:
        number: of the signal; the command line makes an exit code of it.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Signals:
    """While entered, remembers signals instead of raising them.

    Only in the main thread, which is the only one that may; elsewhere nothing
    happens.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Starts to listen."""
        if threading.current_thread() is threading.main_thread():
            # What is ignored stays so: nohup, and background jobs of a script.
            heard = [s for s in SIGNALS if signal.getsignal(s) != signal.SIG_IGN]
            self._before = {s: signal.signal(s, self._note) for s in heard}
        return self

    def __exit__(self, *error: object) -> None:
        """Puts back what was listening before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wishes(self) -> list[bool]:
        """Returns of each of ``SIGNALS`` whether it came."""
        return [number in self.received for number in SIGNALS]

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)
        if len(self.received) >= PATIENCE:  # whoever asks so often means it
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
