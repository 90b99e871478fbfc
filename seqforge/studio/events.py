"""Server-sent events: what happens in a session, for every page that is open."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

__all__ = ["Broker", "event_text"]

MAX_BEHIND = 500
"""The number of events that a slow page may be behind; it is then told to read the session again."""
PING_SECONDS = 15.0


def event_text(name: str, values: Any) -> bytes:
    r"""Return a server-sent event.

    >>> event_text("take", {"id": "t1"})
    b'event: take\ndata: {"id": "t1"}\n\n'

    Source: WHATWG HTML, "Server-sent events".
    """
    return f"event: {name}\ndata: {json.dumps(values)}\n\n".encode()


class Broker:
    """Passes events to all pages that listen."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()

    def publish(self, name: str, values: Any) -> None:
        """Send an event to all pages."""
        text = event_text(name, values)
        for queue in list(self._queues):
            if queue.qsize() >= MAX_BEHIND:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(event_text("reload", {}))
            queue.put_nowait(text)

    def close(self) -> None:
        """End all streams."""
        for queue in self._queues:
            queue.put_nowait(None)

    async def listen(self) -> AsyncIterator[bytes]:
        """Yield events until the page goes away."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield event_text("hello", {})
            while True:
                item: bytes | None = b": ping\n\n"
                with contextlib.suppress(asyncio.TimeoutError):
                    item = await asyncio.wait_for(queue.get(), PING_SECONDS)
                if item is None:
                    return
                yield item
        finally:
            self._queues.discard(queue)
