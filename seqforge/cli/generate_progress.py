"""The progress of a generation: a bar on a terminal, Ctrl-C between pieces, and a look at the free space."""

import contextlib
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from seqforge.errors import WriteError

CHECKS = (5, 50, 500, 5000)
"""Numbers of pieces after which the space that all pieces need is estimated."""


class NotEnoughSpaceError(WriteError):
    """The disk has not enough space for all pieces."""


class GenerationProgress:
    """Shows how many pieces are written, and ends a generation between two pieces.

    Args:
        n: The number of pieces.
        shown: Whether to show a bar if stderr is a terminal.
        folder: The folder that the pieces are written to; its free space is checked. None for no check.
    """

    def __init__(self, n: int, *, shown: bool, folder: Path | None) -> None:
        self.n, self.folder, self.done, self.bytes = n, folder, 0, 0
        self._shown = shown and n > 1 and sys.stderr.isatty()
        self._bar: Any = None
        self._is_writing = self._is_pending = False
        self._handler: Any = None

    def __enter__(self) -> "GenerationProgress":
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._interrupt)
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("generating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("generating", total=self.n)
            self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Delay Ctrl-C until the block has written its file.

        Raises:
            KeyboardInterrupt: After the block, if Ctrl-C was pressed.
        """
        self._is_writing = True
        try:
            yield
        finally:
            self._is_writing = False
        if self._is_pending:
            raise KeyboardInterrupt

    def add(self, paths: Sequence[Path], content: Any) -> None:
        """Count a piece.

        Args:
            paths: The files that were written for it.
            content: Its content; a text gives its size if there is no file yet.

        Raises:
            NotEnoughSpaceError: If the disk has not enough space for all pieces.
        """
        self.done += 1
        self.bytes += sum(_size(path) for path in paths)
        if not paths:
            self.bytes += _content_size(content)
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done)
        if self.folder is not None and self.done in CHECKS:
            self._check_space(self.folder)

    def _check_space(self, folder: Path) -> None:
        needed = self.bytes // self.done * (self.n - self.done)
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise NotEnoughSpaceError(
                f"{self.n:,} pieces need about {_gigabytes(needed)} more, and {folder} has {_gigabytes(free)} free;"
                " set a smaller `n`, choose another disk, or set `no_disk_check`"
            )

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self._is_writing or self._is_pending:
            raise KeyboardInterrupt
        self._is_pending = True


def _size(path: Path) -> int:
    """Return the bytes that a file occupies on the disk."""
    status = path.stat()
    return max(status.st_size, getattr(status, "st_blocks", 0) * 512)


def _content_size(content: Any) -> int:
    """Return the size of a text in bytes, 0 for other content, whose size is known only when it is written."""
    return len(content.encode("utf-8", "replace")) if isinstance(content, str) else 0


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
