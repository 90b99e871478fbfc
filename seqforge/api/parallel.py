"""Generation in several processes: each draws some of the pieces, which do not depend on those of the others."""

import dataclasses
import os
import signal
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from seqforge.api.display import GeneratedPiece
from seqforge.api.generated import Generated
from seqforge.api.generation import Generation
from seqforge.api.generation_request import GenerationRequest

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["default_workers", "generate_parallel"]

GROUP = 16
"""The number of pieces that a process sends at once."""
MAX_GROUPS = 2
"""The number of groups that a process draws ahead, so that results do not pile up."""
MIN_PIECES = 64
"""The smallest number of pieces per process for which starting one is worth its time."""

_pieces: Iterator[Generated] = iter(())
"""The pieces that this process draws, if it is a child."""


def default_workers(request: GenerationRequest, processors: int | None = None) -> int:
    """Return the number of processes for a request: one, or more for many pieces.

    >>> few, many = (GenerationRequest(models=("abc.safetensors",), n=n) for n in (10, 200))
    >>> default_workers(few, processors=4), default_workers(many, processors=4)
    (1, 3)

    Args:
        request: The request.
        processors: The number of processors; None for those of this process.
    """
    if processors is None:
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if _needs_one_process(request) else max(1, min(processors, request.n // MIN_PIECES))


def generate_parallel(generation: Generation, workers: int) -> Iterator[Generated]:
    """Yield the pieces of a generation in the order of their numbers, drawn by several processes.

    The pieces are the same as those of `Generation.run_in_order`. If the iteration ends early, the processes end.

    Example:
        generation = Generation(seqforge.load("abc"), GenerationRequest(models=(path,), n=500))
        for generated in generate_parallel(generation, workers=2):
            print(generated.k)

    Args:
        generation: The generation; its request names the model files.
        workers: The number of processes; with one, or for a request that needs one, the pieces are drawn here.
    """
    request = generation.request
    if workers < 2 or _needs_one_process(request):
        yield from generation.run_in_order()
        return
    # Neighbouring pieces are drawn by different processes, so that they are complete at about the same time.
    processes = [_Process(request, range(first, request.n, workers)) for first in range(workers)]
    streams = [process.pieces(generation) for process in processes]
    try:
        for k in range(request.n):
            yield next(streams[k % workers])
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    for process in processes:
        process.shut_down()


class _Process:
    """A process that draws some of the pieces of a request, all side by side, and sends them in groups.

    Args:
        request: The request.
        numbers: The numbers of its pieces.
    """

    def __init__(self, request: GenerationRequest, numbers: range) -> None:
        import multiprocessing  # these imports take time, and few pieces need them
        from concurrent.futures import ProcessPoolExecutor

        context = multiprocessing.get_context("spawn")
        self._numbers = numbers
        self._executor = ProcessPoolExecutor(1, mp_context=context, initializer=_start, initargs=(request, numbers))
        self._futures = deque(self._executor.submit(_draw) for _ in range(MAX_GROUPS))

    def pieces(self, generation: Generation) -> Iterator[Generated]:
        """Yield the pieces in the order of their numbers; those that the process cannot send are drawn here.

        Args:
            generation: The generation in this process.
        """
        numbers = self._numbers
        while numbers:
            future = self._futures.popleft()
            yield from _results(generation, numbers, future)
            numbers = numbers[len(future.result()) if future.exception() is None else len(numbers) :]
            self._futures.append(self._executor.submit(_draw))

    def terminate(self) -> None:
        """End the process at once."""
        for process in list((self._executor._processes or {}).values()):  # Python 3.14: executor.terminate_workers()
            process.terminate()
        self._executor.shutdown(cancel_futures=True)

    def shut_down(self) -> None:
        """Wait for the end of the process, which has nothing left to do."""
        self._executor.shutdown(cancel_futures=True)


def _results(generation: Generation, numbers: range, future: "Future[list[Generated]]") -> Iterator[Generated]:
    """Yield a group of pieces that a child drew; if it could not send them, all pieces to come are drawn here.

    Args:
        generation: The generation in this process.
        numbers: The numbers of the pieces to come.
        future: The group.
    """
    if future.exception() is not None:
        yield from generation.run_in_order(numbers=numbers)
        return
    for generated in future.result():
        piece = dataclasses.replace(generated.piece, plugin=generation.model.plugin)  # type: ignore[call-arg]
        yield dataclasses.replace(generated, piece=piece)


def _needs_one_process(request: GenerationRequest) -> bool:
    """Return whether the pieces depend on each other, on the time, on standard input or on one device.

    A request that adapts its models needs one process, too, so that the gradient steps are taken once.
    """
    from_input = any(str(value) == "-" for value in request.request.values())
    several = request.models and request.device == "cpu"  # processes would share another device
    return bool(request.beams or request.adapt) or request.max_seconds is not None or from_input or not several


def _start(request: GenerationRequest, numbers: range) -> None:
    """Load the models of a request in a child process that draws the pieces with these numbers."""
    global _pieces
    from seqforge.api.requested_model import requested_model

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the children
    _pieces = Generation(requested_model(request), request).run_in_order(numbers=numbers)


def _draw() -> list[Generated]:
    """Return the next pieces of this process, without the plugin, which the parent has."""
    group = islice(_pieces, GROUP)
    return [dataclasses.replace(generated, piece=_without_plugin(generated.piece)) for generated in group]


def _without_plugin(piece: Any) -> Any:
    return dataclasses.replace(piece, plugin=None) if isinstance(piece, GeneratedPiece) else piece
