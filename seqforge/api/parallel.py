"""Generation in several processes: each draws some of the pieces, which do not depend on those of the others."""

import dataclasses
import os
import signal
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seqforge.api.display import GeneratedPiece
from seqforge.api.generated import Generated
from seqforge.api.generation import Generation
from seqforge.api.generation_request import GenerationRequest

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["default_workers", "generate_parallel"]

CHUNK = 32
"""The largest number of pieces that a process draws at once."""
MIN_PIECES = 64
"""The smallest number of pieces per process for which starting one is worth its time."""

_generation: Generation | None = None
"""The generation of this process, if it is a child."""


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
    import multiprocessing  # these imports take time, and few pieces need them
    from concurrent.futures import ProcessPoolExecutor

    size = min(CHUNK, -(-request.n // workers))
    chunks = deque(range(first, min(first + size, request.n)) for first in range(0, request.n, size))
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(request,))
    running: deque[tuple[range, Future[list[Generated]]]] = deque()
    try:
        while chunks or running:
            while chunks and len(running) < 2 * workers:  # few chunks at a time, so that results do not pile up
                numbers = chunks.popleft()
                running.append((numbers, executor.submit(_draw, numbers)))
            numbers, future = running.popleft()
            yield from _results(generation, numbers, future)
        executor.shutdown()
    except BaseException:
        for process in list((executor._processes or {}).values()):  # Python 3.14 has executor.terminate_workers()
            process.terminate()
        executor.shutdown(cancel_futures=True)
        raise


def _results(generation: Generation, numbers: range, future: "Future[list[Generated]]") -> Iterator[Generated]:
    """Yield the pieces that a child drew; if it could not send them, they are drawn here."""
    if future.exception() is not None:
        yield from sorted(generation.run(numbers=numbers), key=lambda generated: generated.k)
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


def _start(request: GenerationRequest) -> None:
    """Load the models of a request in a child process."""
    global _generation
    from seqforge.api.requested_model import requested_model

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the children
    _generation = Generation(requested_model(request), request)


def _draw(numbers: range) -> list[Generated]:
    """Return the pieces with these numbers, without the plugin, which the parent has."""
    assert _generation is not None
    pieces = sorted(_generation.run(numbers=numbers), key=lambda generated: generated.k)
    return [dataclasses.replace(generated, piece=_without_plugin(generated.piece)) for generated in pieces]


def _without_plugin(piece: Any) -> Any:
    return dataclasses.replace(piece, plugin=None) if isinstance(piece, GeneratedPiece) else piece
