import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seqforge import DamagedFileError, Model, RequestError, SeqforgeError
from seqforge.api.generation import GenerationRequest
from seqforge.api.output import generate_files
from seqforge.api.replay import replay

VALUES: list[Any] = [
    None, True, -1, 0, 2**70, 1.5, float("nan"), float("inf"), 1e300, "", "a", "\0", "\ud800", "../a", "\x1b[0m", [],
    {}, [None], [1], ["a"], [[]], {"a": None}, {"": {}}, [2**70],
]  # fmt: skip
MUTANTS = 200


@pytest.fixture
def folder(trained: dict[str, Model], tmp_path: Path) -> Path:
    """A folder with three generated files, whose request has a value in every field."""
    (tmp_path / "p.txt").write_text("the ")
    request = GenerationRequest(
        n=3, seed=5, length=12.0, max_steps=20, controls={"temperature": 0.9, "ban": ["q"], "greedy": False},
        request={"prompt_file": str(tmp_path / "p.txt")},
    )  # fmt: skip
    generate_files(trained["text"], request, tmp_path / "out")
    return tmp_path / "out"


def test_only_the_pieces_of_a_file_are_generated(
    folder: Path, trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = []
    decode = type(trained["text"].codec).decode

    def count(codec: Any, example: Any) -> Any:
        numbers.append(1)
        return decode(codec, example)

    monkeypatch.setattr(type(trained["text"].codec), "decode", count)
    assert replay(folder / "0002.txt").names == ("0002.txt",) and len(numbers) == 1
    assert replay(folder).names == ("0001.txt", "0002.txt", "0003.txt") and len(numbers) == 4


def test_replayed_file_has_its_own_record(folder: Path, tmp_path: Path) -> None:
    (written,) = replay(folder / "0003.txt", tmp_path / "three.txt").written
    assert written.read_bytes() == (folder / "0003.txt").read_bytes()
    assert json.loads((tmp_path / "three.txt.provenance.json").read_text())["files"][0]["k"] == [2]
    assert replay(written, tmp_path / "again.txt").names == ("three.txt",)


def test_beams_are_replayed(trained: dict[str, Model], tmp_path: Path) -> None:
    generate_files(trained["text"], GenerationRequest(n=3, beams=4, length=8.0), tmp_path / "out")
    assert replay(tmp_path / "out").names == ("0001.txt", "0002.txt", "0003.txt")
    assert replay(tmp_path / "out" / "0002.txt").names == ("0002.txt",)


def test_nothing_is_written_if_bytes_differ(folder: Path, tmp_path: Path) -> None:
    edit(folder, lambda record: record["files"][0].update(sha256="0"))
    with pytest.raises(RequestError, match=r"1 of 1 files differ \(0001.txt\)"):
        replay(folder / "0001.txt", tmp_path / "one.txt")
    assert not (tmp_path / "one.txt").exists()


def edit(folder: Path, change: Any) -> None:
    path = folder / "provenance.json"
    content = json.loads(path.read_text())
    change(content["records"][0])
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["request"].update(n="a"),
        lambda record: record["request"].update(models=[]),
        lambda record: record.update(models=[], request={**record["request"], "models": []}),
        lambda record: record["request"].update(length=float("inf")),
        lambda record: record["files"][0].update(k=[3]),
        lambda record: record.update(files=[]),
    ],
)
def test_damaged_record_is_one_sentence(folder: Path, change: Any) -> None:
    edit(folder, change)
    with pytest.raises(DamagedFileError, match="is not the provenance of a generated file"):
        replay(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"records":' * 50_000, '{"records": [3]}', "1" * 5000, "\xff"])
def test_damaged_json_is_one_sentence(folder: Path, text: str) -> None:
    (folder / "provenance.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DamagedFileError, match="is not the provenance of a generated file"):
        replay(folder)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside a JSON value."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def mutant(content: Any, rng: random.Random) -> Any:
    """Return a copy in which one value is replaced, removed, or gets a wrong name."""
    content = copy.deepcopy(content)
    *parents, key = rng.choice(list(places(content)))
    owner = content
    for parent in parents:
        owner = owner[parent]
    action = rng.random()
    if action < 0.15 and isinstance(owner, dict):
        owner[rng.choice(["a", "", "../x"])] = owner.pop(key)
    elif action < 0.3:
        del owner[key]
    else:
        owner[key] = rng.choice(VALUES)
    return content


def test_mutants_of_a_record_are_one_sentence_and_write_nothing(folder: Path, tmp_path: Path) -> None:
    path, rng = folder / "provenance.json", random.Random(1)
    content, accepted = json.loads(path.read_text()), 0
    files = sorted(tmp_path.rglob("*"))
    for _ in range(MUTANTS):
        path.write_text(json.dumps(mutant(content, rng)))
        try:
            replay(folder / "0001.txt")
            accepted += 1
        except SeqforgeError as error:
            assert str(error) and "\n" not in str(error), str(error)
            assert "\x1b" not in str(error) and str(error).isprintable(), str(error)
    assert accepted < MUTANTS / 2
    assert sorted(tmp_path.rglob("*")) == files
