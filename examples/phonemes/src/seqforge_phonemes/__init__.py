"""Spelling to pronunciation: the letters of a word are the source, its phonemes the steps.

It reads and writes dictionaries as CMUdict has them, a word and its phonemes a line: `photo F OW1 T OW2`. Further
pronunciations of a word are numbered, `read(2) R IY1 D`; what follows a # is a remark.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import seqforge
from seqforge import UNSEEN, Categorical, Constraint, Example, Origin, Piece, Prompt, ReadError, flag


@dataclass(frozen=True)
class Request:
    """What to pronounce."""

    words: str = flag("hello", help="the words to pronounce, with blanks between them")


@dataclass(frozen=True)
class Entry:
    """A word and its phonemes. A piece is a tuple of one; of several where several words were asked for."""

    word: str
    phonemes: tuple[str, ...]


@dataclass(frozen=True)
class Spoken(Constraint):
    """At least one phoneme, and none that was never seen; the state is whether there is one."""

    size: int

    def start(self) -> bool:
        return False

    def allowed(self, state: Any) -> np.ndarray:
        return np.arange(self.size) > 0

    def may_end(self, state: Any) -> bool:
        return bool(state)

    def to_end(self, state: Any) -> int:
        return int(not state)

    def advance(self, state: Any, step: Any) -> bool:
        return True


class Spelling(seqforge.Codec):
    """A step a phoneme, a source of letters; symbol 0 of both stands for what was never seen."""

    def __init__(self, phonemes: Sequence[str], letters: Sequence[str]) -> None:
        self.vocabulary, self.letters = (UNSEEN, *map(str, phonemes)), (UNSEEN, *map(str, letters))
        self.steps, self.places = ({s: n for n, s in enumerate(names)} for names in (self.vocabulary, self.letters))
        self.space, self.source = Categorical(len(self.vocabulary)), Categorical(len(self.letters))

    def spelt(self, word: str) -> np.ndarray:
        """Return a word as the source."""
        return np.array([self.places.get(letter, 0) for letter in word], np.int64)

    def encode(self, piece: Piece) -> Example:
        entry = piece.content[0]
        return Example(np.array([self.steps.get(p, 0) for p in entry.phonemes], np.int64), self.spelt(entry.word))

    def decode(self, example: Example) -> Piece:
        if example.source is None or not len(example.source) or not len(example.steps):
            raise seqforge.DecodeError("an entry has a word and at least one phoneme")
        word = "".join(self.letters[place] for place in example.source.tolist())
        return Piece((Entry(word, tuple(self.vocabulary[step] for step in example.steps.tolist())),))

    def canonical(self, piece: Piece) -> Piece:
        entry = piece.content[0]
        word = "".join(letter if letter in self.places else UNSEEN for letter in entry.word)
        return Piece((Entry(word, tuple(p if p in self.steps else UNSEEN for p in entry.phonemes)),))

    def unseen(self, piece: Piece) -> Mapping[str, int]:
        entry = piece.content[0]
        strange = [p for p in entry.phonemes if p not in self.steps]
        return Counter(strange + [letter for letter in entry.word if letter not in self.places])

    def units(self, steps: np.ndarray) -> np.ndarray:
        return np.ones(len(steps))

    def prompts(self, request: Request) -> Sequence[Prompt]:
        words = request.words.lower().split()
        strange = sorted(set("".join(words)) - set(self.letters))
        if strange or not words:
            raise seqforge.RequestError(f"--words must be of the letters {''.join(self.letters[1:])}, not {strange}")
        spoken = Spoken(len(self.vocabulary))
        return [Prompt(Example(np.zeros(0, np.int64), self.spelt(word)), spoken, whole_source=False) for word in words]

    def finish(self, pieces: Sequence[Piece], request: Request) -> Piece:
        return Piece(tuple(entry for piece in pieces for entry in piece.content))

    def to_json(self) -> dict[str, Any]:
        return {"phonemes": list(self.vocabulary[1:]), "letters": list(self.letters[1:])}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: Any) -> "Spelling":
        return cls(data["phonemes"], data["letters"])


class Phonemes(seqforge.Plugin, seqforge.Fingerprints):
    """Reads and writes pronouncing dictionaries."""

    name, unit = "phonemes", "phoneme"
    summary = "spelling to pronunciation, from and to dictionaries as CMUdict has them"
    reads = writes = books = (".dict",)
    Request: ClassVar[type] = Request
    codec = Spelling
    settings: ClassVar[Mapping[str, Any]] = {"hidden": 256, "embedding": 64, "batch_size": 64, "window": 32}

    def read(self, path: Path, options: Any) -> Iterator[Piece | ReadError]:
        """Yield each entry of a file; the number of a further pronunciation is left out."""
        for number, data in enumerate(path.read_bytes().splitlines(), 1):
            word, *phonemes = data.decode("utf-8", "replace").partition("#")[0].split() or [""]
            if phonemes:
                entry = Entry((word.partition("(")[0] or word).lower(), tuple(phonemes))
                yield Piece((entry,), origin=Origin(str(path), f"line {number}"))
            elif word:
                yield ReadError("has a word without phonemes", file=str(path), line=number)

    def fit(self, pieces: Iterable[Piece], options: Any) -> Spelling:
        phonemes, letters = {UNSEEN}, {UNSEEN}
        for piece in pieces:
            phonemes.update(piece.content[0].phonemes)
            letters.update(piece.content[0].word)
        return Spelling(sorted(phonemes - {UNSEEN}), sorted(letters - {UNSEEN}))

    def fingerprints(self, piece: Piece) -> Iterable[int]:
        return [int.from_bytes(hashlib.blake2b(piece.content[0].word.encode(), digest_size=8).digest(), "big")]

    def write(self, pieces: Sequence[Piece], path: Path) -> None:
        lines, seen = [], Counter[str]()
        for entry in (entry for piece in pieces for entry in piece.content):
            seen[entry.word] += 1
            number = f"({seen[entry.word]})" if seen[entry.word] > 1 else ""
            lines.append(" ".join([entry.word + number, *entry.phonemes]) + "\n")
        path.write_text("".join(lines), encoding="utf-8")
