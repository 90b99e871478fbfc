"""A type checker sees content, options and request of a plugin: mypy finds what an author gets wrong."""

import re
from pathlib import Path

from typechecking import run_mypy

PLUGIN = """
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqforge import NoOptions, Piece, Plugin, ReadError, Task, TokenCodec, flag


@dataclass(frozen=True)
class WordRequest:
    start: str = flag("", help="The first words.")


class WordCodec(TokenCodec[str, NoOptions, WordRequest]):
    def tokenise(self, content: str) -> Sequence[str]:
        return content.splits()  # error: attr-defined

    def detokenise(self, tokens: Sequence[str]) -> str:
        return list(tokens)  # error: return-value

    def task(self, request: WordRequest) -> Task[str]:
        return Task([self.prompt(request.begin)])  # error: attr-defined


class Words(Plugin[str, NoOptions, WordRequest]):
    name = "words"
    writes = (".txt",)
    Options = NoOptions
    Request = WordRequest
    codec = WordCodec

    def read(self, path: Path, options: NoOptions) -> Iterator[Piece[str] | ReadError]:
        yield Piece(path.stat().st_size)  # error: arg-type

    def write(self, pieces: Sequence[Piece[str]], path: Path) -> None:
        path.write_text("".join(piece.content for piece in pieces))


def labels_of(piece: Piece[str]) -> int:
    return piece.content  # error: return-value


codec = WordCodec.fit([Piece("to be")], NoOptions())
codec.encode(Piece(3))  # error: arg-type
"""


def test_mypy_finds_wrong_types_at_the_border_of_a_plugin(tmp_path: Path, mypy_cache: Path) -> None:
    path = tmp_path / "words.py"
    path.write_text(PLUGIN)
    result = run_mypy(mypy_cache, path, cwd=tmp_path)
    errors = {int(line): code for line, code in re.findall(r"words\.py:(\d+): error: .*\[([a-z-]+)\]", result.stdout)}
    lines = PLUGIN.splitlines()
    expected = {number: line.partition("# error: ")[2] for number, line in enumerate(lines, 1) if "# error:" in line}
    assert errors == expected, result.stdout + result.stderr
