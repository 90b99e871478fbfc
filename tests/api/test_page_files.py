"""Files of a piece whose pages are separate files."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

import seqforge
from seqforge import Model, Paginates, Piece, RequestError, UsageError
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.api.output import OutputFiles, generate_files
from seqforge.api.provenance import is_unchanged, read_provenance
from seqforge.api.replay import replay


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# a letter, whose files carry their records


@pytest.fixture(scope="module")
def model() -> Model:
    return seqforge.load("handwriting")


def write(model: Model, output: str | Path, *, words: int = 4, n: int = 1, **settings: Any) -> list[Path]:
    request = {"text": "\n".join(["we go"] * words), "paper": "40x30mm", "margin": "2mm", "style": "w014"}
    return generate_files(model, GenerationRequest(n=n, request=request), output, **settings)


@pytest.fixture(scope="module")
def letter(model: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a letter of several pages."""
    folder = tmp_path_factory.mktemp("letter")
    return {path.name: path.read_bytes() for path in write(model, folder / "letter.svg", formats=[".svg", ".json"])}


@pytest.fixture
def letter_folder(letter: dict[str, bytes], tmp_path: Path) -> Path:
    for name, content in letter.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_each_page_is_a_drawing_of_its_own(letter: dict[str, bytes], letter_folder: Path, model: Model) -> None:
    assert list(letter) == ["letter-1.svg", "letter-2.svg", "letter.json"]
    for number in (1, 2):
        path = letter_folder / f"letter-{number}.svg"
        assert is_unchanged(path, model.plugin)
        ((_, entry),) = read_provenance(path).entries
        assert (entry.name, entry.numbers, entry.page) == (path.name, (0,), number)
        drawing = path.read_text()
        assert 'height="30mm"' in drawing and 'width="40mm"' in drawing and 'viewBox="0 0 40 30"' in drawing
        points = [(float(x), float(y)) for x, y in re.findall(r'd="M([\d.]+),([\d.]+)', drawing)]
        assert points and all(0 <= x <= 40 and 0 <= y <= 30 for x, y in points)


def test_page_is_replayed_alone_and_writes_the_letter(letter: dict[str, bytes], letter_folder: Path) -> None:
    result = replay(letter_folder / "letter-2.svg", letter_folder / "again.svg")
    assert result.names == ("letter-2.svg",) and not result.is_edited
    assert [path.name for path in result.written] == ["again-1.svg", "again-2.svg"]
    again = (letter_folder / "again-2.svg").read_bytes()
    assert again.replace(b"again", b"letter") == letter["letter-2.svg"]


def test_replay_of_a_page_detects_a_record_of_another_page(letter: dict[str, bytes], letter_folder: Path) -> None:
    path = letter_folder / "letter-2.svg"
    for page in (b"1", b"9"):
        path.write_bytes(letter[path.name].replace(b'"page":2', b'"page":' + page))
        with pytest.raises(RequestError, match=r"1 of 1 files differ"):
            replay(path)


def test_drawing_of_a_person_with_the_name_of_a_page_is_not_replaced(model: Model, tmp_path: Path) -> None:
    (tmp_path / "letter-2.svg").write_text("<svg/>")
    with pytest.raises(UsageError, match=r"letter-2\.svg exists"):
        OutputFiles(model.plugin, tmp_path / "letter.svg")
    OutputFiles(model.plugin, tmp_path / "letter.pdf")
    write(model, tmp_path / "letter.svg", replace=True)
    assert names(tmp_path) == ["letter-1.svg", "letter-2.svg"]
    assert is_unchanged(tmp_path / "letter-2.svg", model.plugin)


def test_pages_in_a_folder_are_numbered_after_their_piece(model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    assert [path.name for path in write(model, folder, n=2)] == [
        "0001-1.svg", "0001-2.svg", "0002-1.svg", "0002-2.svg",
    ]  # fmt: skip
    assert [(entry.numbers, entry.page) for _, entry in read_provenance(folder).entries] == [
        ((0,), 1), ((0,), 2), ((1,), 1), ((1,), 2),
    ]  # fmt: skip
    assert len(replay(folder).names) == 4
    assert [path.name for path in write(model, folder, words=1)] == ["0003.svg"]
    (folder / "0001-2.svg").write_text("edited")
    with pytest.raises(UsageError, match=r"0001-2\.svg exists"):
        write(model, folder, overwrite=True)


# rows of numbers, whose files have their records beside them


def test_each_page_without_an_embedded_record_has_a_record_beside_it(trained: dict[str, Model], tmp_path: Path) -> None:
    numbers = trained["numbers"]

    class Paged(type(numbers.plugin), Paginates[Any]):  # type: ignore[misc]
        page_suffixes: ClassVar[tuple[str, ...]] = (".one",)

        def pages(self, piece: Piece[Any]) -> Sequence[Piece[Any]]:
            return [Piece((number,), piece.labels) for number in piece.content]

    generation = Generation(numbers, GenerationRequest())
    for folder, content in ((tmp_path / "two", (4, 5)), (tmp_path / "one", (4,))):
        folder.mkdir()
        files = OutputFiles(Paged(), folder / "a", formats=[".one"])
        files.add(Piece(content))
        files.finish(generation)
    assert names(tmp_path / "one") == ["a.one", "a.one.provenance.json"]
    assert names(tmp_path / "two") == [
        "a-1.one", "a-1.one.provenance.json", "a-2.one", "a-2.one.provenance.json",
    ]  # fmt: skip
    assert all(is_unchanged(path, numbers.plugin) for path in (tmp_path / "two").glob("*.one"))
