"""Reading, computing and writing at the same time, in order and in bounded memory.

One thread reads ahead, the caller's thread computes, one thread writes. Knows
nothing of photographs: a piece of work is whatever the three functions make of it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Work = TypeVar("Work")

# Photographs read ahead, being computed and being written count together: three
# 40-megapixel ones overlap, and one of 100 has the memory for itself.
MEGAPIXELS_IN_FLIGHT = 128.0
PIECES_IN_FLIGHT = 16  # of no weight, so that a million of them are not queued at once
HEARING = 1.0  # seconds after which a signal is heard at the latest

_reader = threading.local()  # of a thread that reads: whether its conveyor is closed


def is_closed() -> bool:
    """Tells a ``read`` that waits for somebody else whether it waits in vain by now."""
    closed: threading.Event | None = getattr(_reader, "closed", None)
    return closed is not None and closed.is_set()


def _outcome(future: Future[Any]) -> Any:
    """Returns what comes of a future, and lets signals through while it waits.

    Python runs a handler between two steps of the main thread: a signal that comes
    right before a wait without end would only be heard after it.
    """
    while not future.done():
        wait([future], timeout=HEARING)
    return future.result()


def _remember(closed: threading.Event) -> None:
    _reader.closed = closed


@dataclass
class _Piece(Generic[Work]):
    """One piece of work on its way; dropped as soon as it is handed out."""

    work: Work
    weight: float
    reading: Future[Any] | None = None
    writing: Future[None] | None = None
    has_begun: bool = False  # to be written
    error: Exception | None = None

    @property
    def is_over(self) -> bool:
        """Tells whether finishing it takes no waiting."""
        return self.error is not None or (
            self.writing is not None and self.writing.done()
        )


class Conveyor(Generic[Work]):
    """Moves work through three stages.

    What ``read`` returns is handed to ``compute``, and what that returns to
    ``write``; nothing else is kept, so both are freed as soon as they are used.

    Args:
        works: in the order in which they come out.
        read: first stage, in a thread of its own. What may wait without end asks
            ``is_closed`` now and then: ``close`` waits for it.
        compute: second stage, in the caller's thread.
        write: third stage, in a thread of its own.
        weigh: the memory that a piece takes, in any unit.
        room: how much may be between the start of reading and the end of writing;
            a piece heavier than that travels alone.
        is_fatal: picks the errors of ``compute`` that end the whole run.
    """

    def __init__(
        self,
        works: Iterable[Work],
        *,
        read: Callable[[Work], Any],
        compute: Callable[[Work, Any], Any],
        write: Callable[[Work, Any], None],
        weigh: Callable[[Work], float],
        room: float,
        is_fatal: Callable[[Exception], bool] = lambda error: False,
    ) -> None:
        self._waiting = deque(works)
        self._read = read
        self._compute = compute
        self._write = write
        self._weigh = weigh
        self._room = room
        self._is_fatal = is_fatal
        self._reading: deque[_Piece[Work]] = deque()
        self._writing: deque[_Piece[Work]] = deque()
        self._closed = threading.Event()
        self._reader = ThreadPoolExecutor(
            1, "vaenhance-read", initializer=_remember, initargs=(self._closed,)
        )
        self._writer = ThreadPoolExecutor(1, "vaenhance-write")

    def read_ahead(self) -> None:
        """Hands work to the reader while there is room."""
        while self._waiting:
            ahead = [*self._reading, *self._writing]
            weight = self._weigh(self._waiting[0])
            full = sum(piece.weight for piece in ahead) + weight > self._room
            if ahead and (full or len(ahead) >= PIECES_IN_FLIGHT):
                return
            piece = _Piece(self._waiting.popleft(), weight)
            piece.reading = self._reader.submit(self._read, piece.work)
            self._reading.append(piece)

    def results(self) -> Iterator[tuple[Work, Exception | None]]:
        """Yields each piece with its error, if any; one piece late at most."""
        while self._waiting or self._reading or self._writing:
            self.read_ahead()
            computing = bool(self._reading)
            if computing:
                piece = self._reading.popleft()
                self._writing.append(piece)  # first, or Ctrl-C could lose its record
                self._advance(piece)
            # One may be written while the next is computed, not more: memory.
            while self._writing and (
                not computing or len(self._writing) > 1 or self._writing[0].is_over
            ):
                piece = self._writing[0]
                if piece.error is None and piece.writing is not None:
                    _outcome(piece.writing)  # Ctrl-C may come here
                self._writing.popleft()
                yield piece.work, piece.error

    def written(self) -> Iterator[tuple[Work, Exception | None]]:
        """Drops all that is not being written yet; yields the rest, after Ctrl-C."""
        self.stop()
        for piece in self._writing:
            if piece.writing is not None:
                piece.writing.cancel()
        # Another task for the only writer: what it has begun may have no known future.
        # Not a join: Python 3.11 takes the thread for ended if Ctrl-C comes then.
        self._writer.submit(lambda: None).result()
        over = [p for p in self._writing if p.has_begun or p.error is not None]
        self._writing.clear()
        for piece in over:
            yield piece.work, piece.error

    def stop(self) -> None:
        """Takes up nothing new; what is being written still comes out."""
        self._waiting.clear()
        self._reading.clear()
        self._reader.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Drops what has not begun and waits for what has."""
        self._closed.set()
        self._reader.shutdown(wait=False, cancel_futures=True)
        self._writer.shutdown(wait=True, cancel_futures=True)
        self._reader.shutdown(wait=True)

    def _advance(self, piece: _Piece[Work]) -> None:
        """Computes a piece that has been read and hands it to the writer."""
        reading, piece.reading = piece.reading, None
        try:
            if reading is not None:
                answer = self._compute(piece.work, _outcome(reading))
                piece.writing = self._writer.submit(self._put, piece, answer)
        except Exception as error:
            if self._is_fatal(error):
                raise
            piece.error = error

    def _put(self, piece: _Piece[Work], answer: Any) -> None:
        """Writes a piece; what becomes of it is kept with it, not with a future.

        Ctrl-C can come after the writer has been told and before its future is known.
        """
        piece.has_begun = True
        try:
            self._write(piece.work, answer)
        except Exception as error:
            piece.error = error
