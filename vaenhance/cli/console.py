"""The only place that prints: words to stderr, the product to stdout.

Knows quiet, verbose and whether a progress bar is on the screen. Not for deciding
what to say; the commands do that.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Self, TextIO

from vaenhance.cli import streams
from vaenhance.errors import VaenhanceError

MOST_INPUT = 4 << 30  # bytes of standard input: a device that never ends is no photo
_CHUNK = 1 << 20
PLAIN_LINE_EVERY = 30.0  # seconds; a log file then still shows that the run lives

# A file name may hold anything, also sequences that drive the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_BREAK = re.compile(r"[\t\n\u2028\u2029]")


@dataclass
class _State:
    quiet: bool = False
    verbose: bool = False
    bar: Any = None  # the tqdm bar on the screen


_state = _State()


def set_quiet(quiet: bool) -> None:
    """Silences everything but errors."""
    _state.quiet = quiet


def set_verbose(verbose: bool) -> None:
    """Lets details and tracebacks through."""
    _state.verbose = verbose


def is_verbose() -> bool:
    """Tells whether details are wanted."""
    return _state.verbose


def one_line(text: str) -> str:
    """Returns a name, or words with names in them, without breaks of the line."""
    return _LINE_BREAK.sub(_escape, text)


def message(text: str) -> None:
    """Says something on stderr, unless quiet."""
    if not _state.quiet:
        _say(text)


def detail(text: str) -> None:
    """Says something on stderr that only ``-v`` asks for."""
    if _state.verbose:
        _say(text)


def error(text: str) -> None:
    """Says on stderr what went wrong, quiet or not."""
    _say(f"vaenhance: {text}")


def product(text: str) -> None:
    """Writes one line of what the user asked for to stdout."""
    with delivery():
        _write(sys.stdout, text)


def json_line(record: Mapping[str, Any]) -> None:
    """Writes one JSON object as a line to stdout, at once.

    ASCII only, so that a file name that is not valid Unicode survives.
    """
    product(json.dumps(record))


def product_bytes(data: bytes) -> None:
    """Writes an image to stdout."""
    with delivery():
        streams.write_all(sys.stdout, data)


def stdin_bytes() -> bytes:
    """Reads stdin to its end.

    Raises:
        VaenhanceError: it cannot be read, or does not seem to end.
    """
    stream: BinaryIO = sys.stdin.buffer
    chunks, size = [], 0
    try:
        for chunk in streams.pieces(stream, _CHUNK):
            size += len(chunk)
            if size > MOST_INPUT:
                raise VaenhanceError(
                    f"standard input has more than {MOST_INPUT >> 30} GiB: give files"
                )
            chunks.append(chunk)
        return b"".join(chunks)
    except OSError as error:
        why = error.strerror or str(error)
        raise VaenhanceError(f"standard input cannot be read: {why}") from error


def stdin_is_terminal() -> bool:
    """Tells whether nothing is piped in."""
    return sys.stdin.isatty()


def stdout_is_terminal() -> bool:
    """Tells whether bytes on stdout would land on somebody's screen."""
    return sys.stdout.isatty()


class Progress:
    """A bar on stderr; where stderr is no terminal, a plain line now and then.

    The bar starts with ``start`` or the first ``advance``, so that loading a model
    does not spoil the estimate of the time left.

    Args:
        total: of the whole run, in ``unit``.
        unit: what is counted, e.g. MP for megapixels.
        decimals: digits shown behind the point.
        initial: where a resumed run begins.
        clock: seconds; tests replace it.
    """

    def __init__(
        self,
        total: float,
        *,
        unit: str = "MP",
        decimals: int = 1,
        initial: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = total
        self.done = initial
        self._initial = initial
        self._unit = unit
        self._decimals = decimals
        self._clock = clock
        self._started: float | None = None
        self._spoke = 0.0
        self._note = ""
        self._bar: Any = None

    def __enter__(self) -> Self:
        """Shows nothing yet."""
        return self

    def __exit__(self, *error: object) -> None:
        """Takes the bar off; what it counted is in the summary."""
        if self._bar is not None:
            self._bar.close()
            self._bar = _state.bar = None

    def start(self) -> None:
        """Starts the clock, and the bar where somebody can see it."""
        if self._started is not None:
            return
        self._started = self._spoke = self._clock()
        if _state.quiet or self.total <= 0 or not sys.stderr.isatty():
            return
        from tqdm import tqdm  # a tenth of a second that most commands can save

        digits, unit = self._decimals, self._unit
        count = f"{{n:.{digits}f}}/{{total:.{digits}f}} {unit}"
        rate = "{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}"
        self._bar = _state.bar = tqdm(
            total=self.total,
            initial=self._initial,
            file=sys.stderr,
            disable=None,
            leave=False,
            miniters=0,
            smoothing=0.1,
            dynamic_ncols=True,
            unit=f" {unit}",
            bar_format=f"{{percentage:3.0f}}% |{{bar}}| {count} [{rate}]",
        )

    def advance(self, amount: float = 1.0) -> None:
        """Counts work that is finished, never beyond the total."""
        self.start()
        before, self.done = self.done, min(self.done + amount, self.total)
        if self._bar is not None:
            self._bar.update(self.done - before)
        elif self._clock() - self._spoke >= PLAIN_LINE_EVERY:
            self._spoke = self._clock()
            message(self._plain())

    def note(self, text: str) -> None:
        """Sets the words behind the bar, e.g. ``12/118 images``."""
        self._note = text
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def _plain(self) -> str:
        elapsed = self._clock() - (self._started or 0.0)
        done = self.done - self._initial
        left = elapsed * (self.total - self.done) / done if done > 0 else 0.0
        digits = self._decimals
        line = f"{self.done:.{digits}f} of {self.total:.{digits}f} {self._unit}"
        if self._note:
            line += f", {self._note}"
        return f"{line}, {duration(elapsed)}, about {duration(left)} left"


def duration(seconds: float) -> str:
    """Writes a time for people: ``3.1 s``, ``4 min 10 s``, ``2 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


@contextlib.contextmanager
def delivery() -> Iterator[None]:
    """Turns a full disk behind stdout into words; a closed pipe stays what it is.

    A signal that ends the wait for a reader gives that reader up.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        streams.drop_stalled_stdout()
        raise
    except OSError as error:
        streams.drop_stdout()
        why = error.strerror or str(error)
        raise VaenhanceError(f"standard output cannot be written: {why}") from error


def _say(text: str) -> None:
    """Writes to stderr; a log that cannot be written is no reason to stop."""
    with contextlib.suppress(OSError):
        _write(sys.stderr, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _write(stream: TextIO, text: str) -> None:
    """Writes a line at once, around the bar, in whatever the stream can encode."""
    encoding = stream.encoding or "utf-8"
    text = _CONTROL.sub(_escape, text)
    line = text.encode(encoding, "backslashreplace").decode(encoding)
    if _state.bar is not None:
        _state.bar.clear()
    _put(stream, line + "\n", encoding)
    if _state.bar is not None:
        _state.bar.refresh()


def _put(stream: TextIO, line: str, encoding: str) -> None:
    """Writes all of a line; as text if the stream has no bytes, or marks their order.

    Such a mark belongs to the start of the stream, which only the stream knows.
    """
    if hasattr(stream, "buffer") and not "".encode(encoding):
        data = line.replace("\n", os.linesep).encode(encoding)
        streams.write_all(stream, data)
    else:
        stream.write(line)
        stream.flush()
