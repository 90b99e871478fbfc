from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import Piece, ReadError
from seqforge_text import Text, TextOptions
from seqforge_text import plugin as plugin_module

PROPERTY = settings(max_examples=80, deadline=None)


def read(path: Path, **options: Any) -> list[Piece[str] | ReadError]:
    return list(Text().read(path, TextOptions(**options)))


def texts(path: Path, **options: Any) -> list[str]:
    items = read(path, **options)
    assert all(isinstance(item, Piece) for item in items), items
    return [item.content for item in items if isinstance(item, Piece)]


def places(path: Path, **options: Any) -> list[str]:
    return [item.origin.place for item in read(path, **options) if isinstance(item, Piece) and item.origin]


def error(path: Path, **options: Any) -> ReadError:
    item = read(path, **options)[-1]
    assert isinstance(item, ReadError)
    return item


def write(folder: Path, data: bytes) -> Path:
    (folder / "a.txt").write_bytes(data)
    return folder / "a.txt"


def test_a_file_is_one_piece_with_all_whitespace(tmp_path: Path) -> None:
    path = write(tmp_path, b"\n  a\tb \n\n\nc  ")
    assert texts(path) == ["\n  a\tb \n\n\nc  "]
    assert places(path) == ["line 1"]


def test_line_ends_become_lf(tmp_path: Path) -> None:
    assert texts(write(tmp_path, b"a\r\nb\rc\n")) == ["a\nb\nc\n"]


def test_byte_order_mark_is_removed(tmp_path: Path) -> None:
    assert texts(write(tmp_path, b"\xef\xbb\xbfa\n")) == ["a\n"]
    assert texts(write(tmp_path, b"\xef\xbb\xbfa\nb\n"), piece="line") == ["a", "b"]


def test_paragraphs_are_separated_by_blank_lines(tmp_path: Path) -> None:
    path = write(tmp_path, b"\n\none\n two\n\n \t\nthree\r\n\r\nfour")
    assert texts(path, piece="paragraph") == ["one\n two", "three", "four"]
    assert places(path, piece="paragraph") == ["line 3", "line 7", "line 9"]


def test_each_line_that_is_not_blank_is_a_piece(tmp_path: Path) -> None:
    path = write(tmp_path, b"one\n\n  \n two \r\nthree")
    assert texts(path, piece="line") == ["one", " two ", "three"]
    assert places(path, piece="line") == ["line 1", "line 4", "line 5"]


@pytest.mark.parametrize("piece", ["file", "paragraph", "line"])
def test_empty_file_is_an_error_with_its_path(tmp_path: Path, piece: str) -> None:
    empty = error(write(tmp_path, b""), piece=piece)
    assert empty.file == str(tmp_path / "a.txt") and "empty" in empty.reason


@pytest.mark.parametrize("piece", ["file", "paragraph", "line"])
def test_nul_character_is_an_error_with_file_and_line(tmp_path: Path, piece: str) -> None:
    nul = error(write(tmp_path, b"ab\n\nc\0d\n"), piece=piece)
    assert "NUL" in nul.reason and nul.file == str(tmp_path / "a.txt")
    assert nul.line == (1 if piece == "file" else 3)


@pytest.mark.parametrize("piece", ["file", "paragraph", "line"])
def test_latin_1_is_an_error_with_file_and_line(tmp_path: Path, piece: str) -> None:
    lines = b"".join(b"line %d is good\n\n" % number for number in range(1000))
    invalid = error(write(tmp_path, lines + "café\n".encode("latin-1") + lines), piece=piece)
    assert "UTF-8" in invalid.reason and "iconv" in invalid.reason
    assert invalid.file == str(tmp_path / "a.txt")
    assert invalid.line == 2001


def test_binary_file_is_an_error(tmp_path: Path) -> None:
    assert "UTF-8" in error(write(tmp_path, bytes(range(256)) * 20)).reason


@pytest.mark.parametrize("piece", ["file", "paragraph", "line"])
def test_a_line_longer_than_a_block_is_read_in_parts_without_loss(
    tmp_path: Path, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_module, "BLOCK", 1000)
    line = "abcdefghij" * 730 + "é"
    parts = texts(write(tmp_path, line.encode()), piece=piece)
    assert "".join(parts) == line
    if piece != "paragraph":
        assert max(map(len, parts)) <= 1000


def test_a_long_file_is_read_in_blocks_of_complete_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_module, "BLOCK", 100)
    text = "".join(f"line {number}\n" for number in range(50))
    path = write(tmp_path, text.encode())
    blocks = texts(path)
    assert "".join(blocks) == text and len(blocks) > 3
    assert all(block.endswith("\n") and len(block) <= 100 for block in blocks)
    assert [text[: text.index(block)].count("\n") + 1 for block in blocks] == [
        int(place.split()[1]) for place in places(path)
    ]


def test_missing_file_raises_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        read(tmp_path / "missing.txt")


# -- writing --------------------------------------------------------------------------------------


def test_one_piece_is_written_unchanged(tmp_path: Path) -> None:
    Text().write([Piece("a\r\n b \n")], tmp_path / "o.txt")
    assert (tmp_path / "o.txt").read_bytes() == b"a\r\n b \n"


def test_pieces_of_one_line_are_written_as_lines_and_read_back(tmp_path: Path) -> None:
    Text().write([Piece("one"), Piece("two"), Piece("drei ß")], tmp_path / "o.txt")
    assert (tmp_path / "o.txt").read_bytes() == "one\ntwo\ndrei ß\n".encode()
    assert texts(tmp_path / "o.txt", piece="line") == ["one", "two", "drei ß"]


def test_pieces_of_several_lines_are_written_as_paragraphs_and_read_back(tmp_path: Path) -> None:
    Text().write([Piece("one\ntwo"), Piece("three\nfour\n")], tmp_path / "o.txt")
    assert (tmp_path / "o.txt").read_text() == "one\ntwo\n\nthree\nfour\n"
    assert texts(tmp_path / "o.txt", piece="paragraph") == ["one\ntwo", "three\nfour"]


# -- dividing -------------------------------------------------------------------------------------


@PROPERTY
@given(st.text(max_size=200), st.sampled_from([(0.9, 0.05, 0.05), (0.9, 0.1, 0.0), (0.5, 0.5), (1.0, 0.0)]))
def test_parts_concatenate_to_the_text(text: str, fractions: tuple[float, ...]) -> None:
    parts = Text().divide(Piece(text, {"a": "b"}), fractions)
    assert "".join(part.content for part in parts) == text
    assert len(parts) == len(fractions) and all(part.labels == {"a": "b"} for part in parts)
    assert all(part.content == "" for part, fraction in zip(parts, fractions, strict=True) if fraction == 0)


@PROPERTY
@given(st.integers(0, 10**6))
def test_end_of_the_first_part_is_rounded_down(size: int) -> None:
    train, valid, _ = Text().divide(Piece("a" * size), (0.9, 0.1, 0.0))
    assert len(train.content) == int(0.9 * size) and len(valid.content) == size - int(0.9 * size)


def test_tinyshakespeare_has_its_published_split() -> None:
    train, valid, test = Text().divide(Piece("a" * 1_115_394), (0.9, 0.1, 0.0))
    assert [len(part.content) for part in (train, valid, test)] == [1_003_854, 111_540, 0]
