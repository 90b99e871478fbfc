"""A plugin whose domain is not text: a piece is a tuple of integers, one per line of a .num file.

The dist-info folder beside this file makes it an installed plugin. Some lines of a file make `read` misbehave:

    CRASH   ends the process, as a parser written in C might
    HANG    never returns
    FAIL    raises ValueError, as a parser without error handling does
    CTRL-C  sends SIGINT to the process group, as a terminal does
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqforge import UNSEEN, Origin, Piece, Plugin, ReadError, RequestError, Task, TokenCodec, flag


@dataclass(frozen=True)
class NumbersOptions:
    order: Literal["kept", "up"] = flag("kept", help="Order of the numbers of a piece.")
    largest: int = flag(9999, help="Largest number that is accepted.", unit="NUMBER")


@dataclass(frozen=True)
class NumbersRequest:
    first: int | None = flag(None, help="Number to start with.", unit="NUMBER")


class NumbersCodec(TokenCodec[tuple[int, ...], NumbersOptions, NumbersRequest]):
    def tokenise(self, content: tuple[int, ...]) -> Sequence[str]:
        return [str(number) for number in content]

    def detokenise(self, tokens: Sequence[str]) -> tuple[int, ...]:
        return tuple(-1 if token == UNSEEN else int(token) for token in tokens)

    def canonical(self, piece: Piece[tuple[int, ...]]) -> Piece[tuple[int, ...]]:
        numbers = tuple(number if str(number) in self.index else -1 for number in piece.content)
        return Piece(numbers, super().canonical(piece).labels)

    def task(self, request: NumbersRequest) -> Task[tuple[int, ...]]:
        if request.first is None:
            return Task([self.prompt(None)])
        if str(request.first) not in self.index:
            raise RequestError.invalid("first", request.first, "a number of the vocabulary")
        return Task([self.prompt((request.first,))])


class Numbers(Plugin[tuple[int, ...], NumbersOptions, NumbersRequest]):
    name = "numbers"
    summary = "rows of integers"
    unit = "number"
    reads = (".num",)
    writes = (".num", ".one")
    multi_piece = (".num",)
    Options = NumbersOptions
    Request = NumbersRequest
    codec = NumbersCodec
    native = False

    def read(self, path: Path, options: NumbersOptions) -> Iterator[Piece[tuple[int, ...]] | ReadError]:
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if text == "CRASH":
                os._exit(9)
            while text == "HANG":
                time.sleep(1)
            if text == "CTRL-C":
                os.killpg(0, signal.SIGINT)
                continue
            if text == "FAIL":
                raise ValueError("the parser failed")
            try:
                numbers = tuple(int(word) for word in text.split())
            except ValueError:
                yield ReadError(f"{text!r} is not a row of integers", file=str(path), line=line)
                continue
            if any(number > options.largest for number in numbers):
                yield ReadError(f"a number is above {options.largest}", file=str(path), line=line)
                continue
            content = tuple(sorted(numbers)) if options.order == "up" else numbers
            parity = "odd" if sum(content) % 2 else "even"
            yield Piece(content, {"parity": parity}, Origin(str(path), f"line {line}"))

    def write(self, pieces: Sequence[Piece[tuple[int, ...]]], path: Path) -> None:
        rows = "".join(" ".join(map(str, piece.content)) + "\n" for piece in pieces)
        path.write_text(rows, encoding="utf-8")
