"""Standard output receives the file format, also from plugins whose content is text and whose codec streams."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from seqforge import NoOptions, NoRequest, Piece, Plugin, ReadError, TokenCodec
from seqforge.api.text import is_plain_text, text_of
from seqforge.cli.output import Output
from seqforge.plugin import registry


class Residues(TokenCodec[str, NoOptions, NoRequest]):
    def tokenise(self, content: str) -> Sequence[str]:
        return list(content)

    def detokenise(self, tokens: Sequence[str]) -> str:
        return "".join(tokens)


class Fasta(Plugin[str, NoOptions, NoRequest]):
    name = "fasta"
    writes = multi_piece = (".fasta",)
    codec = Residues

    def read(self, path: Path, options: NoOptions) -> Iterator[Piece[str] | ReadError]:
        yield Piece(path.read_text())

    def write(self, pieces: Sequence[Piece[str]], path: Path) -> None:
        path.write_text("".join(f">generated\n{piece.content}\n" for piece in pieces))


def test_content_of_a_format_with_a_header_is_not_plain_text() -> None:
    assert is_plain_text(registry.load("text"))
    assert not is_plain_text(Fasta())
    assert text_of(Fasta(), [Piece("MKV")]) == ">generated\nMKV\n"
    assert not any(is_plain_text(registry.load(name)) for name in ("abc", "handwriting"))


@pytest.mark.parametrize(
    ("name", "expected"), [("fasta", ">generated\nMKV\n>generated\nAAL\n"), ("text", "MKV\nAAL\n")]
)
def test_pieces_are_shown_as_a_file(capsys: pytest.CaptureFixture[str], name: str, expected: str) -> None:
    output = Output(Fasta() if name == "fasta" else registry.load(name), None, 2)
    for content in ("MKV", "AAL"):
        output.add(Piece(content), streamed=False, show=True)
    output._show()
    assert capsys.readouterr().out == expected
