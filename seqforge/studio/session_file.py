"""The file in which the server saves its session, so that a server that was killed starts again with all takes."""

import asyncio
import json
from pathlib import Path
from typing import Any

from seqforge.core.files import write_text
from seqforge.errors import SeqforgeError, UsageError, WriteError
from seqforge.studio.session import FORMAT, MAX_SESSION, Session

__all__ = ["SessionFile"]

SAVE_SECONDS = 0.5
"""The time between a change and the next writing; changes in between are written together."""


class SessionFile:
    """A session file that is opened at the start and written after each change.

    Example:
        file = SessionFile(Path("evening.seqforge.json"))
        task = asyncio.create_task(file.run(session))

    Args:
        path: The path of the file; it need not exist.

    Attributes:
        note: Why the file is not written; "" if it is.

    Raises:
        UsageError: If the file exists and is no session file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.note = ""
        self._is_open = self._is_closing = False
        self._content = _read(path)

    async def run(self, session: Session) -> None:
        """Add the takes of the file to a session, and write the file after each change until `close` is called."""
        if self._content is not None:
            try:
                await session.open_session(self._content)
            except SeqforgeError as error:
                self._report(session, f"{self.path.name} cannot be opened and will not be changed: {error}")
        self._is_open = True
        while not self.note:
            await session.changed.wait()
            session.changed.clear()
            await self._save(session)
            if self._is_closing:
                return
            await asyncio.sleep(SAVE_SECONDS)

    async def close(self, session: Session, task: "asyncio.Task[None]") -> None:
        """Write the last changes, and end `run`; a file whose takes are not complete yet stays as it is.

        Args:
            session: The session.
            task: The task of `run`.
        """
        if self._is_open:
            self._is_closing = True
            session.changed.set()
        else:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _save(self, session: Session) -> None:
        text = json.dumps(session.to_json(), indent=1)
        try:
            if len(text) > MAX_SESSION:
                raise WriteError(f"it is larger than {MAX_SESSION:,} bytes")
            await asyncio.to_thread(write_text, self.path, text)
        except SeqforgeError as error:
            self._report(session, f"the session is no longer saved: {error}")

    def _report(self, session: Session, note: str) -> None:
        self.note = note
        session.broker.publish("reload", {})


def _read(path: Path) -> Any:
    try:
        size = path.stat().st_size
        content = json.loads(path.read_bytes()) if size <= MAX_SESSION else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError.invalid(
            "session", str(path), f"a session file of at most {MAX_SESSION:,} bytes, or a new name"
        )
    return content
