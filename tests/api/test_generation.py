import dataclasses
import io
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import seqforge
from seqforge import ContractError, Model, OptionsError, Piece, Prompt, RequestError, Task
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.core import files

CountCalls = Callable[[Model], list[Any]]


@pytest.fixture
def count_calls(monkeypatch: pytest.MonkeyPatch) -> CountCalls:
    """Return a function that lists the requests with which the `task` of a model's codec is called from then on."""

    def watch(model: Model) -> list[Any]:
        requests: list[Any] = []
        original = type(model.codec).task

        def task(self: Any, request: Any) -> Task[Any]:
            requests.append(request)
            return original(self, request)

        monkeypatch.setattr(type(model.codec), "task", task)
        return requests

    return watch


@pytest.fixture
def set_stdin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Return a function that sets the content of standard input."""

    def replace(content: bytes) -> None:
        files._copy_input.cache_clear()
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    yield replace
    files._copy_input.cache_clear()


@pytest.mark.parametrize(
    "options",
    [{}, {"n": 5}, {"beams": 3}, {"candidates": 4}, {"greedy": True}, {"labels": {"parity": "odd"}}],
    ids=str,
)
def test_task_is_called_once_per_request(
    trained: dict[str, Model], count_calls: CountCalls, options: dict[str, Any]
) -> None:
    requests = count_calls(trained["numbers"])
    trained["numbers"].generate(length=6, first=7, **options)
    assert [request.first for request in requests] == [7]


def test_task_is_called_once_with_a_callback(trained: dict[str, Model], count_calls: CountCalls) -> None:
    requests, steps = count_calls(trained["text"]), []
    generation = Generation(trained["text"], GenerationRequest(length=9.0, request={"prompt": "the "}))
    results = list(generation.run(on_step=steps.append))
    assert len(requests) == 1 and len(results) == 1
    assert len(steps) == len(results[0].piece.content) - 4


def test_parts_of_a_task_are_finished_to_one_piece(trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    class Pair(Task[str]):
        def finish(self, pieces: Any) -> Piece[str]:
            return Piece("|".join(piece.content for piece in pieces))

    model = trained["text"]
    prompts: list[Prompt] = [model.codec.prompt("the "), model.codec.prompt("a fox ")]  # type: ignore[attr-defined]
    monkeypatch.setattr(type(model.codec), "task", lambda self, request: Pair(prompts))
    for piece in model.generate(3, length=12):
        first, second = piece.content.split("|")
        assert first.startswith("the ") and second.startswith("a fox ")


@pytest.mark.parametrize("streamed", [False, True])
def test_task_chooses_among_candidates(
    trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    groups: list[Any] = []

    class Last(Task[str]):
        def choose(self, number: int, candidates: Any, log_probabilities: Any) -> int:
            pairs = zip(candidates, log_probabilities, strict=True)
            assert {len(values) - len(candidate.steps) + 4 for candidate, values in pairs} <= {0, 1}
            groups.append([model.codec.decode(candidate).content for candidate in candidates])
            return len(candidates) - 1

    model = trained["text"]
    prompts: list[Prompt] = [model.codec.prompt("the ")]  # type: ignore[attr-defined]
    monkeypatch.setattr(type(model.codec), "task", lambda self, request: Last(prompts))
    generation = Generation(model, GenerationRequest(n=3, candidates=4, length=12.0))
    steps: list[Any] = []
    pieces = list(generation.run_in_order(steps.append if streamed else None))
    assert sorted(generated.piece.content for generated in pieces) == sorted(group[-1] for group in groups)
    single = [piece.content for piece in model.generate(12, length=12)]
    assert [generated.piece.content for generated in pieces] == single[3::4]
    assert len(steps) == (sum(len(generated.piece.content) - 4 for generated in pieces) if streamed else 0)


def test_wrong_choice_of_a_task_names_the_allowed_ones(
    trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(Task[str]):
        def choose(self, number: int, candidates: Any, log_probabilities: Any) -> int:
            return len(candidates)

    model = trained["text"]
    monkeypatch.setattr(type(model.codec), "task", lambda self, request: Wrong([self.prompt("the ")]))
    with pytest.raises(ContractError, match="choose returns 2; it must return None or an index below 2"):
        model.generate(candidates=2, length=9)


def test_stdin_is_read_once(trained: dict[str, Model], set_stdin: Callable[[bytes], None]) -> None:
    set_stdin(b"the lazy ")
    expected = trained["text"].generate(3, length=20, prompt="the lazy ")
    assert trained["text"].generate(3, length=20, prompt_file="-") == expected


def test_error_in_stdin_names_standard_input(trained: dict[str, Model], set_stdin: Callable[[bytes], None]) -> None:
    set_stdin(b"\xff\xfe")
    with pytest.raises(RequestError, match="the file standard input of `prompt_file`") as caught:
        trained["text"].generate(prompt_file="-")
    assert caught.value.field == "prompt_file"


def test_best_of_keeps_the_most_probable_candidate(trained: dict[str, Model]) -> None:
    model = trained["text"]

    def scores(**options: int) -> list[tuple[float, str]]:
        generation = Generation(model, GenerationRequest(seed=3, length=20, **options))  # type: ignore[arg-type]
        pieces = generation.run_in_order()
        return [(sum(piece.scores) / len(piece.scores), piece.piece.content) for piece in pieces]

    alone = scores(n=8)
    assert scores(n=2, best_of=4) == [max(alone[:4]), max(alone[4:])]


@pytest.mark.parametrize(
    ("values", "field", "allowed"),
    [
        ({"best_of": -1}, "best_of", "from 0 to 1000"),
        ({"best_of": 2, "beams": 2}, "best_of", "0 beside `beams`"),
        ({"best_of": 2, "candidates": 2}, "best_of", "0 beside `candidates`"),
        ({"beams": 4, "beam_groups": 3}, "beam_groups", "a divisor of `beams`, which is 4"),
        ({"beam_diversity": float("nan")}, "beam_diversity", "from 0 to 100"),
        ({"n": 0}, "n", "at least 1"),
        ({"seed": -1}, "seed", "from 0 to 2^63 - 1"),
        ({"seed": 2**63}, "seed", "from 0 to 2^63 - 1"),
        ({"length": 0.0}, "length", "above 0"),
        ({"length": float("nan")}, "length", "above 0"),
        ({"max_steps": 0}, "max_steps", "above 0"),
        ({"max_seconds": -1.0}, "max_seconds", "above 0"),
        ({"max_seconds": float("nan")}, "max_seconds", "above 0"),
        ({"length": float("inf")}, "length", "finite"),
        ({"length_penalty": float("nan")}, "length_penalty", "a finite number"),
        ({"length_penalty": float("inf")}, "length_penalty", "a finite number"),
        ({"temperature": -1.0}, "temperature", "from 0 (greedy) to 100"),
        ({"temperature": float("nan")}, "temperature", "from 0 (greedy) to 100"),
        ({"top_k": -1}, "top_k", "1 or more, or 0 for all"),
        ({"top_p": 0.0}, "top_p", "above 0 and at most 1"),
        ({"candidates": 5000}, "candidates", "from 0 to 1000"),
        ({"n": 3, "beams": 2}, "beams", "at least 3"),
        ({"prompt": "the quick", "length": 3.0}, "length", "at least 9"),
    ],
)
def test_value_that_is_not_allowed_is_an_error(
    trained: dict[str, Model], values: dict[str, Any], field: str, allowed: str
) -> None:
    with pytest.raises(RequestError) as caught:
        trained["text"].generate(**values)
    assert (caught.value.field, caught.value.allowed) == (field, allowed)
    np.testing.assert_equal(caught.value.value, values[field])
    assert f"`{field}`" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [{"temperature": "hot"}, {"top_k": 1.5}, {"prompt": 3}, {"greedy": 1}])
def test_value_of_another_type_is_an_error(trained: dict[str, Model], values: dict[str, Any]) -> None:
    with pytest.raises(OptionsError, match="of type") as caught:
        trained["text"].generate(**values)
    assert {caught.value.field: caught.value.value} == values


def test_unknown_field_of_the_request_is_an_error(trained: dict[str, Model]) -> None:
    with pytest.raises(OptionsError, match=r"prompt, prompt_file, .*\. Did you mean 'prompt'") as caught:
        trained["text"].generate(promt="x")
    assert caught.value.field == "promt"


@pytest.mark.parametrize("control", ["ban", "force"])
def test_unknown_token_is_an_error(trained: dict[str, Model], control: str) -> None:
    with pytest.raises(RequestError, match="'\N{SNOWMAN}'") as caught:
        trained["text"].generate(**{control: ["\N{SNOWMAN}"]})  # type: ignore[arg-type]
    assert (caught.value.field, caught.value.value) == (control, "\N{SNOWMAN}")


def test_a_request_that_needs_room_extends_the_default_limit(
    trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained["numbers"]
    task = type(model.codec).task

    def limit(room: float | None, **options: Any) -> float:
        def with_room(codec: Any, request: Any) -> Task[Any]:
            return Task([dataclasses.replace(prompt, length=room) for prompt in task(codec, request).prompts])

        monkeypatch.setattr(type(model.codec), "task", with_room)
        generation = Generation(model, GenerationRequest(**options))
        return generation._limits(generation.prompts[0]).units

    default = limit(None)
    assert limit(default + 500) == default + 500
    assert limit(default / 2) == default
    assert limit(default + 500, length=7.0) == 7.0


def test_origin_names_model_seed_and_number(trained: dict[str, Model]) -> None:
    model = trained["text"]
    origins = [piece.origin for piece in model.generate(2, seed=4, length=5)]
    assert origins == [seqforge.Origin(model.name, "seed 4, number 1"), seqforge.Origin(model.name, "seed 4, number 2")]
    assert model.name.endswith("model.safetensors")


def test_task_sees_the_labels_of_the_request(trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    codec, seen = trained["numbers"].codec, []

    def labelled_task(request: Any, labels: Mapping[str, str]) -> Any:
        seen.append(labels)
        return codec.task(request)

    monkeypatch.setattr(codec, "labelled_task", labelled_task)
    trained["numbers"].generate(labels={"parity": "odd"}, length=5)
    assert seen == [{"parity": "odd"}]
