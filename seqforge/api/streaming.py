"""Streaming: the steps of one piece while it grows, from a thread that generates."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from seqforge.api.generation import Generation
from seqforge.plugin import Piece

__all__ = ["StopEvent", "Streaming", "StreamingStep"]


@dataclass(frozen=True, eq=False)
class StreamingStep:
    """One step of a piece that grows, or the complete piece at its end.

    >>> str(StreamingStep(step=7, text="b"))
    'b'

    Attributes:
        step: The step that was sampled, as the codec encodes it; None in the last item.
        text: The text that the step adds; "" if the codec does not stream text.
        piece: The complete piece in the last item, otherwise None.
    """

    step: Any = None
    text: str = ""
    piece: Piece[Any] | None = None

    def __str__(self) -> str:
        return self.text


class StopEvent(threading.Event):
    """An event that is also set when another one is.

    >>> user = threading.Event()
    >>> stop = StopEvent(user)
    >>> user.set()
    >>> stop.is_set()
    True

    Args:
        other: The other event; None for none.
    """

    def __init__(self, other: threading.Event | None = None) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or (self._other is not None and self._other.is_set())


class Streaming:
    """A generation of one piece in a thread, whose steps are iterated over, in a `for` or an `async for` loop.

    The thread starts with the iteration. It stops at the next step when the iteration is left early.

    Example:
        stop = threading.Event()
        for item in Streaming(Generation(model, request, cancel=stop), stop, model.streamer()):
            print(item.text, end="")

    Args:
        generation: The generation of one piece; `cancel` stops it.
        cancel: The event with which the generation was built.
        streamer: A function that returns the text that each step adds; None if the codec does not stream.
    """

    def __init__(
        self, generation: Generation, cancel: threading.Event, streamer: Callable[[Any], str] | None = None
    ) -> None:
        self._generation, self._cancel = generation, cancel
        self._text = streamer or (lambda _: "")
        self._queue: SimpleQueue[StreamingStep | BaseException | None] = SimpleQueue()

    def __iter__(self) -> Iterator[StreamingStep]:
        thread = self._start()
        try:
            while (item := self._queue.get()) is not None:
                yield _item(item)
        finally:
            self._cancel.set()
            thread.join()

    async def __aiter__(self) -> AsyncIterator[StreamingStep]:
        self._start()
        try:
            import asyncio  # it takes time, and only this iterator needs it

            while (item := await asyncio.to_thread(self._queue.get)) is not None:
                yield _item(item)
        finally:
            self._cancel.set()  # a thread that still waits for the queue receives the last item

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="seqforge-stream", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        """Generate, and put every step, the piece and at last None into the queue; an error takes their place."""
        try:
            for generated in self._generation.run(on_step=self._on_step):
                self._queue.put(StreamingStep(piece=generated.piece))
        except BaseException as error:
            self._queue.put(error)
        finally:
            self._queue.put(None)

    def _on_step(self, step: Any) -> None:
        self._queue.put(StreamingStep(step, self._text(step)))


def _item(item: StreamingStep | BaseException) -> StreamingStep:
    if isinstance(item, BaseException):
        raise item
    return item
