"""Reading and writing one photograph of a job, in whichever thread asks.

Not for pixels: what happens between the two is ``enhance``'s.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Iterator
from pathlib import Path

from vaenhance import photo
from vaenhance.api_resize import Size
from vaenhance.data.reachable import is_file
from vaenhance.errors import PhotoError, VaenhanceError
from vaenhance.workflows import conveyor
from vaenhance.workflows.enlarging import Enlargement
from vaenhance.workflows.jobs import Job, is_pipe

DEFAULT_QUALITY = 95

_PIECE = 1 << 20  # bytes read from a pipe at once
_MOST_PIPED = 4 << 30  # bytes: what never ends is no photograph
_PATIENCE = 200  # milliseconds between looks at whether a silent pipe is still wanted


class Files:
    """Where photographs come from and how they are written.

    Args:
        standard_input: the image of a job without a source.
        max_megapixels: larger ones are refused.
        quality: 1 to 100; None is the default, which is also allowed to be no
            new compression at all.
        strip_metadata: write the pixels alone.
        unchanged: the pixels written are the pixels read.
        enlargement: the pixels written are to be more; None keeps the size.
    """

    def __init__(
        self,
        standard_input: bytes,
        *,
        max_megapixels: float,
        quality: int | None,
        strip_metadata: bool,
        unchanged: bool,
        enlargement: Enlargement | None = None,
    ) -> None:
        self.standard_input = standard_input
        self.max_megapixels = max_megapixels
        self.quality = quality
        self.strip_metadata = strip_metadata
        self.unchanged = unchanged
        self.enlargement = enlargement
        self._pipes: dict[Path, bytes] = {}

    def read(self, job: Job) -> photo.Photo:
        """Reads a photograph.

        Raises:
            PhotoError: it cannot be read, or not be written in its container.
        """
        source = self._source(job)
        picture = photo.read_photo(source, max_megapixels=self.max_megapixels)
        if not self._is_copy(job, picture):  # before any work is spent on it
            size = self.target(picture)
            photo.check_encodable(picture, format=job.format, size=size)
        return picture

    def target(self, picture: photo.Photo) -> Size | None:
        """Returns (height, width) that a photograph is to have; None: as it has.

        Raises:
            PhotoError: that is more than the limit.
        """
        if self.enlargement is None:
            return None
        height, width = picture.pixels.shape[:2]
        return self.enlargement.checked_target(height, width, self.max_megapixels)

    def write(self, job: Job, picture: photo.Photo) -> tuple[str, bytes | None]:
        """Encodes and writes a photograph.

        Args:
            job: says where and in which container.
            picture: the pixels to write, with all that the photograph carries.

        Returns:
            The container, and the bytes if there is no target to write them to.

        Raises:
            TargetTaken: the target has come to be there.
            PhotoError: the container cannot hold it, or it cannot be written.
        """
        container = job.format or picture.format
        if job.keeps_target:
            return container, None
        if self._is_copy(job, picture):
            source = self._source(job)
            data = source if isinstance(source, bytes) else photo.read_bytes(source)
        else:
            data = self.encode(job, picture)
        if job.target is None:
            return container, data
        self.write_beside(job, job.target, data)
        return container, None

    def encode(self, job: Job, picture: photo.Photo) -> bytes:
        """Returns a photograph in the job's container, with all that it carries.

        Raises:
            PhotoError: the container cannot hold it.
        """
        return photo.encode_photo(
            picture,
            picture.pixels,
            format=job.format or picture.format,
            quality=self.quality or DEFAULT_QUALITY,
            strip_metadata=self.strip_metadata,
        )

    def write_beside(self, job: Job, path: Path, data: bytes) -> None:
        """Writes one file of a job: its target, or a companion.

        Raises:
            TargetTaken: it has come to be there.
            PhotoError: it cannot be written.
        """
        make_folder(path.parent)
        photo.write_atomic(data, path, replace=job.may_replace)

    def _is_copy(self, job: Job, picture: photo.Photo) -> bool:
        """Tells whether nothing is to change, so that the very bytes are copied."""
        return (
            self.unchanged
            and job.format in (None, picture.format)
            and self.quality is None
            and not self.strip_metadata
        )

    def _source(self, job: Job) -> Path | bytes:
        """Returns what to read a job from; a pipe is emptied once and kept."""
        if job.source is None:
            return self.standard_input
        if job.source in self._pipes:
            return self._pipes[job.source]
        if is_pipe(job.source):
            return self._pipes.setdefault(job.source, _read_pipe(job.source))
        return job.source


def _read_pipe(path: Path) -> bytes:
    """Empties a pipe; whoever writes to it may be silent for long, or for ever.

    Raises:
        PhotoError: the run has ended in the meantime, or the pipe does not seem to.
        OSError: it cannot be read.
    """
    if os.name == "nt":  # nothing there can wait for a pipe and for something else
        return path.read_bytes()
    # Not to be opened in vain either: that of a named pipe waits for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        pieces: list[bytes] = []
        size = 0
        while not conveyor.is_closed():
            if not waiting.poll(_PATIENCE):
                continue
            try:
                piece = os.read(descriptor, _PIECE)
            except BlockingIOError:  # somebody else reads from it, too
                continue
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
            if size > _MOST_PIPED:
                raise PhotoError(f"it has more than {_MOST_PIPED >> 30} GiB")
    finally:
        os.close(descriptor)
    raise PhotoError("the run ended before the pipe did")


def make_folder(folder: Path) -> None:
    """Makes a folder that is to be written into.

    Raises:
        PhotoError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise PhotoError(
            f"cannot be written: the folder {folder} cannot be made ({why})"
        ) from error


@contextlib.contextmanager
def named(target: Path) -> Iterator[None]:
    """Makes the folder of a file that is written in here; names it if that fails.

    Raises:
        VaenhanceError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except PhotoError as error:
        raise VaenhanceError(f"{target} {error}") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise VaenhanceError(f"{target} cannot be written: {why}") from error


def is_made_by_another(job: Job) -> bool:
    """Tells whether all that a job makes has come to be there since the run began.

    Two runs on one folder share the work that way. Never of a target that is to be
    replaced, or that the user has named.
    """
    if job.may_replace or job.is_named or job.target is None:
        return False
    made = (job.target, *(companion.path for companion in job.companions))
    return all(is_file(path) for path in made)


def reason(error: Exception) -> str:
    """Says in a few words why a photograph failed."""
    if isinstance(error, VaenhanceError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory for this image"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"unexpected {type(error).__name__}: {error}"
