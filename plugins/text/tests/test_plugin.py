from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import Piece, ReadError
from seqforge_text import Text
from seqforge_text import plugin as plugin_module
from seqforge_text.plugin import Options

LAW = settings(max_examples=80, deadline=None)


def read(path: Path, **options: Any) -> list[Piece | ReadError]:
    return list(Text().read(path, Options(**options)))


def texts(path: Path, **options: Any) -> list[str]:
    found = read(path, **options)
    assert all(isinstance(piece, Piece) for piece in found), found
    return [piece.content for piece in found if isinstance(piece, Piece)]


def places(path: Path, **options: Any) -> list[str]:
    return [p.origin.place for p in read(path, **options) if isinstance(p, Piece) and p.origin]


def error(path: Path, **options: Any) -> ReadError:
    found = read(path, **options)
    assert isinstance(found[-1], ReadError)
    return found[-1]


def write(folder: Path, data: bytes) -> Path:
    (folder / "a.txt").write_bytes(data)
    return folder / "a.txt"


def test_a_file_is_one_piece_with_its_white_space(tmp_path: Path) -> None:
    path = write(tmp_path, b"\n  a\tb \n\n\nc  ")
    assert texts(path) == ["\n  a\tb \n\n\nc  "]
    assert places(path) == ["line 1"]


def test_line_ends_become_lf(tmp_path: Path) -> None:
    assert texts(write(tmp_path, b"a\r\nb\rc\n")) == ["a\nb\nc\n"]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert texts(write(tmp_path, b"\xef\xbb\xbfa\n")) == ["a\n"]
    assert texts(write(tmp_path, b"\xef\xbb\xbfa\nb\n"), piece="line") == ["a", "b"]


def test_paragraphs_are_parted_by_empty_lines(tmp_path: Path) -> None:
    path = write(tmp_path, b"\n\none\n two\n\n \t\nthree\r\n\r\nfour")
    assert texts(path, piece="paragraph") == ["one\n two", "three", "four"]
    assert places(path, piece="paragraph") == ["line 3", "line 7", "line 9"]


def test_lines_that_are_not_blank_are_pieces(tmp_path: Path) -> None:
    path = write(tmp_path, b"one\n\n  \n two \r\nthree")
    assert texts(path, piece="line") == ["one", " two ", "three"]
    assert places(path, piece="line") == ["line 1", "line 4", "line 5"]


@pytest.mark.parametrize("piece", ["file", "paragraph", "line"])
def test_an_empty_file_is_an_error_that_names_it(tmp_path: Path, piece: str) -> None:
    found = error(write(tmp_path, b""), piece=piece)
    assert str(found) == f"{tmp_path / 'a.txt'}: is empty"


@pytest.mark.parametrize("piece", ["file", "paragraph", "line"])
def test_a_nul_is_an_error_with_file_and_line(tmp_path: Path, piece: str) -> None:
    found = error(write(tmp_path, b"ab\n\nc\0d\n"), piece=piece)
    assert "NUL" in found.reason and found.file == str(tmp_path / "a.txt") and found.line is not None
    if piece != "file":
        assert found.line == 3


@pytest.mark.parametrize("piece", ["file", "paragraph", "line"])
def test_latin_1_is_an_error_with_file_and_line(tmp_path: Path, piece: str) -> None:
    lines = b"".join(b"line %d is good\n\n" % number for number in range(1000))
    found = error(write(tmp_path, lines + "café\n".encode("latin-1") + lines), piece=piece)
    assert "UTF-8" in found.reason and "iconv" in found.reason
    assert found.file == str(tmp_path / "a.txt")
    assert found.line == 2001


def test_a_binary_file_is_an_error(tmp_path: Path) -> None:
    assert "UTF-8" in error(write(tmp_path, bytes(range(256)) * 20)).reason


@pytest.mark.parametrize("piece", ["file", "paragraph", "line"])
def test_a_very_long_single_line_is_read_in_parts_and_nothing_is_lost(
    tmp_path: Path, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_module, "BLOCK", 1000)
    line = "abcdefghij" * 730 + "é"
    found = texts(write(tmp_path, line.encode()), piece=piece)
    assert "".join(found) == line
    if piece != "paragraph":
        assert max(map(len, found)) <= 1000


def test_a_long_file_is_read_in_blocks_that_end_with_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_module, "BLOCK", 100)
    text = "".join(f"line {number}\n" for number in range(50))
    path = write(tmp_path, text.encode())
    found = texts(path)
    assert "".join(found) == text and len(found) > 3
    assert all(part.endswith("\n") and len(part) <= 100 for part in found)
    assert [text[: text.index(part)].count("\n") + 1 for part in found] == [
        int(place.split()[1]) for place in places(path)
    ]


def test_a_missing_file_is_an_os_error_for_the_core_to_report(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        read(tmp_path / "gone.txt")


# -- writing --------------------------------------------------------------------------------------


def test_one_piece_is_written_as_it_is(tmp_path: Path) -> None:
    Text().write([Piece("a\r\n b \n")], tmp_path / "o.txt")
    assert (tmp_path / "o.txt").read_bytes() == b"a\r\n b \n"


def test_lines_are_written_one_a_line_and_read_back(tmp_path: Path) -> None:
    Text().write([Piece("one"), Piece("two"), Piece("drei ß")], tmp_path / "o.txt")
    assert (tmp_path / "o.txt").read_bytes() == "one\ntwo\ndrei ß\n".encode()
    assert texts(tmp_path / "o.txt", piece="line") == ["one", "two", "drei ß"]


def test_longer_pieces_have_an_empty_line_between_them_and_are_read_back(tmp_path: Path) -> None:
    pieces = ["one\ntwo", "three\nfour\n"]
    Text().write([Piece(each) for each in pieces], tmp_path / "o.txt")
    assert (tmp_path / "o.txt").read_text() == "one\ntwo\n\nthree\nfour\n"
    assert texts(tmp_path / "o.txt", piece="paragraph") == ["one\ntwo", "three\nfour"]


# -- dividing -------------------------------------------------------------------------------------


@LAW
@given(st.text(max_size=200), st.sampled_from([(0.9, 0.05, 0.05), (0.9, 0.1, 0.0), (0.5, 0.5), (1.0, 0.0)]))
def test_parts_make_up_the_whole(text: str, fractions: tuple[float, ...]) -> None:
    parts = Text().divide(Piece(text, {"a": "b"}), fractions)
    assert "".join(part.content for part in parts) == text
    assert len(parts) == len(fractions) and all(part.labels == {"a": "b"} for part in parts)
    assert all(part.content == "" for part, share in zip(parts, fractions, strict=True) if share == 0)


@LAW
@given(st.integers(0, 10**6))
def test_the_first_edge_is_90_percent_rounded_down(size: int) -> None:
    train, valid, _ = Text().divide(Piece("a" * size), (0.9, 0.1, 0.0))
    assert len(train.content) == int(0.9 * size) and len(valid.content) == size - int(0.9 * size)


def test_tinyshakespeare_s_edge_is_the_published_one() -> None:
    train, valid, test = Text().divide(Piece("a" * 1_115_394), (0.9, 0.1, 0.0))
    assert [len(part.content) for part in (train, valid, test)] == [1_003_854, 111_540, 0]
