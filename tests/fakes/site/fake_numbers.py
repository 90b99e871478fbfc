"""A plugin of a domain that is no text: a piece is a tuple of whole numbers, one piece a line of a .num file.

It is "installed" by the dist-info folder beside it. A line `CRASH` ends the process that reads it, as a
parser in C might; `FAIL` raises, as a careless one does; `CTRL-C` is the person losing patience.
"""

import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from seqforge import DecodeError, Origin, Piece, Plugin, Prompt, ReadError, RequestError, TokenCodec, flag


@dataclass(frozen=True)
class Options:
    order: Literal["kept", "up"] = flag("kept", help="the order of a piece's numbers")
    largest: int = flag(9999, help="larger numbers are refused", unit="NUMBER")


@dataclass(frozen=True)
class Request:
    first: int | None = flag(None, help="the number to begin with", unit="NUMBER")


class NumbersCodec(TokenCodec):
    def tokenise(self, content: Any) -> Sequence[str]:
        return [str(number) for number in content]

    def detokenise(self, tokens: Sequence[str]) -> Any:
        try:
            return tuple(int(token) if token in self.index and token != self.vocabulary[0] else -1
                         for token in tokens)  # fmt: skip
        except ValueError as error:
            raise DecodeError(str(error)) from error

    def canonical(self, piece: Piece) -> Piece:
        known = super().canonical(piece)
        return Piece(tuple(n if str(n) in self.index else -1 for n in piece.content), known.labels)

    def prompts(self, request: Any) -> Sequence[Prompt]:
        if request.first is None:
            return [self.prompt(None)]
        if str(request.first) not in self.index:
            raise RequestError(f"--first {request.first} is no number that the model knows")
        return [self.prompt((request.first,))]


class Numbers(Plugin):
    name = "numbers"
    summary = "rows of whole numbers"
    unit = "number"
    reads = (".num",)
    writes = (".num", ".one")
    books = (".num",)
    Options: ClassVar[type] = Options
    Request: ClassVar[type] = Request
    codec = NumbersCodec

    def read(self, path: Path, options: Any) -> Iterator[Piece | ReadError]:
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if text == "CRASH":
                os._exit(9)
            if text == "CTRL-C":  # as the terminal sends it: to every process of the group
                os.killpg(0, signal.SIGINT)
                continue
            if text == "FAIL":
                raise ValueError("a careless parser")
            try:
                numbers = tuple(int(word) for word in text.split())
            except ValueError:
                yield ReadError(f"{text!r} is no row of numbers", file=str(path), line=line)
                continue
            if any(number > options.largest for number in numbers):
                yield ReadError(f"a number is above {options.largest}", file=str(path), line=line)
                continue
            content = tuple(sorted(numbers)) if options.order == "up" else numbers
            parity = "odd" if sum(content) % 2 else "even"
            yield Piece(content, {"parity": parity}, Origin(str(path), f"line {line}"))

    def fit(self, pieces: Iterable[Piece], options: Any) -> NumbersCodec:
        return NumbersCodec.fit(pieces, options)

    def write(self, pieces: Sequence[Piece], path: Path) -> None:
        rows = "".join(" ".join(map(str, piece.content)) + "\n" for piece in pieces)
        path.write_text(rows, encoding="utf-8")
