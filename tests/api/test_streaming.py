import asyncio
import inspect
import threading
from queue import Queue
from typing import Any

import pytest

from seqforge import Model, OptionsError, RequestError
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.api.streaming import StreamingStep


@pytest.mark.parametrize("name", ["text", "byte"])
def test_streamed_text_is_the_text_of_the_piece(trained: dict[str, Model], name: str) -> None:
    model = trained[name]
    items = list(model.stream(prompt="the ", length=30, seed=3))
    (piece,) = model.generate(prompt="the ", length=30, seed=3)
    assert items[-1].piece == piece and items[-1].step is None
    assert all(item.piece is None for item in items[:-1])
    assert "the " + "".join(map(str, items)) == piece.content


def test_steps_of_a_codec_without_text_are_streamed(trained: dict[str, Model]) -> None:
    model = trained["numbers"]
    *items, last = model.stream(length=6, seed=2)
    assert last.piece is not None and last.step is None
    steps = model.codec.encode(last.piece).steps
    assert [int(item.step) for item in items] == steps.tolist() and not any(item.text for item in items)


@pytest.mark.parametrize("options", [{"beams": 3}, {"candidates": 4}, {"greedy": True}])
def test_other_searches_stream_the_same_piece(trained: dict[str, Model], options: dict[str, Any]) -> None:
    model = trained["text"]
    *_, last = model.stream(length=12, **options)
    assert [last.piece] == model.generate(length=12, **options)


def test_leaving_the_loop_stops_the_thread(trained: dict[str, Model]) -> None:
    before = threading.active_count()
    for item in trained["text"].stream(length=100_000):
        assert len(item.text) == 1
        break
    stream = trained["text"].stream(length=100_000)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_error_in_the_thread_is_raised_in_the_loop(trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, on_step: Any = None) -> Any:
        on_step(1)
        raise ValueError("broken")

    monkeypatch.setattr(Generation, "run", fail)
    stream = trained["numbers"].stream()
    assert next(stream).step == 1
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_wrong_options_are_errors_before_the_iteration(trained: dict[str, Model]) -> None:
    model = trained["text"]
    for options in ({"promt": "a"}, {"temperature": "hot"}, {"cancel": 3}, {"seed": 1.5}):
        with pytest.raises(OptionsError):
            model.stream(**options)  # type: ignore[arg-type]
        with pytest.raises(OptionsError):
            model.astream(**options)  # type: ignore[arg-type]
    with pytest.raises(RequestError) as caught:
        model.stream(2)
    assert (caught.value.field, caught.value.allowed) == ("n", "1 in a stream")


def test_stream_has_the_arguments_of_generate() -> None:
    generate = inspect.signature(Model.generate)
    for method in (Model.stream, Model.astream):
        assert inspect.signature(method).parameters == generate.parameters
        assert "StreamingStep" in str(inspect.signature(method).return_annotation)


def test_asynchronous_stream_gives_the_same(trained: dict[str, Model]) -> None:
    model = trained["text"]

    def values(item: StreamingStep) -> tuple[Any, ...]:
        return item.step, item.text, item.piece

    async def collect(seed: int) -> list[tuple[Any, ...]]:
        return [values(item) async for item in model.astream(length=30, seed=seed)]

    async def both() -> list[list[tuple[Any, ...]]]:
        return await asyncio.gather(collect(1), collect(2))

    assert asyncio.run(both()) == [list(map(values, model.stream(length=30, seed=seed))) for seed in (1, 2)]


def test_cancelled_task_stops_the_generation(trained: dict[str, Model]) -> None:
    model, before = trained["text"], threading.active_count()
    started = asyncio.Event()

    async def consume() -> None:
        async for _ in model.astream(length=100_000):
            started.set()

    async def main() -> None:
        task = asyncio.create_task(consume())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread.name == "seqforge-stream":
            thread.join(10)
    assert threading.active_count() <= before + 1  # the executor of asyncio may keep a thread


# -- cancel


def test_cancelled_generation_returns_the_pieces_that_are_complete(trained: dict[str, Model]) -> None:
    model, cancel = trained["text"], threading.Event()
    request = GenerationRequest(n=200, length=20.0)
    kept = []
    for generated in Generation(model, request, cancel=cancel).run():
        kept.append(generated)
        cancel.set()
    assert 0 < len(kept) < 200
    expected = model.generate(200, length=20)
    assert [generated.piece for generated in kept] == [expected[generated.k] for generated in kept]


@pytest.mark.parametrize("options", [{}, {"beams": 4}, {"candidates": 3}])
def test_generation_that_is_cancelled_before_it_starts_returns_nothing(
    trained: dict[str, Model], options: dict[str, Any]
) -> None:
    cancel = threading.Event()
    cancel.set()
    assert trained["text"].generate(2, length=20, cancel=cancel, **options) == []


@pytest.mark.parametrize("options", [{}, {"beams": 60, "n": 60}, {"candidates": 3}])
def test_event_of_another_thread_stops_the_generation(trained: dict[str, Model], options: dict[str, Any]) -> None:
    cancel = threading.Event()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    options = {"n": 20_000, **options}
    assert len(trained["text"].generate(length=900_000, cancel=cancel, **options)) < options["n"]
    timer.cancel()


def test_unset_event_changes_nothing(trained: dict[str, Model]) -> None:
    model = trained["text"]
    assert model.generate(3, length=20, cancel=threading.Event()) == model.generate(3, length=20)


def test_event_cancels_a_stream(trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    # the thread waits for the loop, so that it cannot complete the piece before the event is set
    monkeypatch.setattr("seqforge.api.streaming.SimpleQueue", lambda: Queue(maxsize=1))
    cancel = threading.Event()
    items = []
    for item in trained["text"].stream(length=100_000, cancel=cancel):
        items.append(item)
        cancel.set()
    assert items and items[-1].piece is None
