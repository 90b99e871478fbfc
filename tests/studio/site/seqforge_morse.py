"""A plugin that is installed in a test of the studio only: words in Morse code, with previews and edits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge import Edits, NoOptions, Piece, Plugin, Preview, Previews, ReadError, Region, Task, TokenCodec, flag


@dataclass(frozen=True)
class MorseRequest:
    """What is generated."""

    start: str = flag("", help="Code to start with.", unit="CODE")
    rewrite: str = flag("", help="Letters to rewrite, such as sos.morse:2,3.", unit="FILE:NUMBERS")


class MorseTask(Task[str]):
    """Puts the first letters of a new code in place of the chosen letters."""

    def __init__(self, prompt: Any, letters: Sequence[str], numbers: Sequence[int]) -> None:
        super().__init__([prompt])
        self.letters, self.numbers = list(letters), numbers

    def finish(self, pieces: Sequence[Piece[str]]) -> Piece[str]:
        if not self.numbers:
            return pieces[0]
        new = [*pieces[0].content.split(), *["."] * len(self.numbers)]
        for number, letter in zip(self.numbers, new, strict=False):
            self.letters[number - 1] = letter
        return Piece(" ".join(self.letters))


class MorseCodec(TokenCodec[str, NoOptions, MorseRequest]):
    """A token is a dot, a dash or a space."""

    def tokenise(self, content: str) -> Sequence[str]:
        return list(content)

    def detokenise(self, tokens: Sequence[str]) -> str:
        return "".join(tokens)

    def task(self, request: MorseRequest) -> Task[str]:
        path, _, numbers = request.rewrite.rpartition(":")
        letters = Path(path).read_text().split() if path else []
        return MorseTask(self.prompt(request.start or None), letters, [int(n) for n in numbers.split(",") if n])


class Morse(Plugin[str, NoOptions, MorseRequest], Previews[str], Edits[str]):
    """Reads and writes .morse files."""

    name = "morse"
    summary = "words in Morse code"
    unit = "sign"
    reads = writes = (".morse",)
    Request = MorseRequest
    codec = MorseCodec
    native = False
    edits = ("rewrite",)
    edit_suffix = ".morse"

    def read(self, path: Path, options: NoOptions) -> Iterator[Piece[str] | ReadError]:
        yield Piece(path.read_text().strip())

    def write(self, pieces: Sequence[Piece[str]], path: Path) -> None:
        path.write_text(pieces[0].content + "\n")

    def preview(self, piece: Piece[str]) -> Preview:
        letters = list(enumerate(piece.content.split(), 1))
        boxes = "".join(
            f'<rect id="letter-{n}" x="{40 * n}" y="10" width="{8 * len(letter)}" height="30"/>'
            for n, letter in letters
        )
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="60">{boxes}</svg>'
        return Preview(svg, regions=tuple(Region(n, f"letter {n}", element=f"letter-{n}") for n, _ in letters))

    def edit(self, kind: str, path: str, numbers: Sequence[int]) -> Mapping[str, Any]:
        return {"rewrite": f"{path}:{','.join(map(str, numbers))}"}
