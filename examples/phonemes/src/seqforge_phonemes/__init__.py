"""Grapheme-to-phoneme conversion: the letters of a word are the source, its phonemes are the steps.

The plugin reads and writes pronouncing dictionaries in the format of CMUdict, with a word and its phonemes per line:
`photo F OW1 T OW2`. Alternative pronunciations of a word are numbered, `read(2) R IY1 D`; # starts a comment.
"""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

import seqforge
from seqforge import UNSEEN, Categorical, Example, Free, NoOptions, Origin, Piece, Prompt, ReadError, flag


@dataclass(frozen=True)
class PhonemesRequest:
    """What is generated."""

    words: str = flag("hello", help="Words to pronounce, separated by spaces.")


@dataclass(frozen=True)
class Entry:
    """A word and its phonemes."""

    word: str
    phonemes: tuple[str, ...]


Entries = tuple[Entry, ...]
"""The content of a piece: one entry, or one per word of a request."""


class AtLeastOne(Free):
    """Allows one or more phonemes of a mask; the state is the number of phonemes that are still required."""

    def start(self) -> Hashable:
        return 1

    def may_end(self, state: Hashable) -> bool:
        return state == 0

    def to_end(self, state: Hashable) -> int:
        return int(state == 1)


class PhonemesTask(seqforge.Task[Entries]):
    """One prompt per word, whose results are joined."""

    def finish(self, pieces: Sequence[Piece[Entries]]) -> Piece[Entries]:
        return Piece(tuple(entry for piece in pieces for entry in piece.content))


class PhonemesCodec(seqforge.Codec[Entries, NoOptions, PhonemesRequest]):
    """Encodes an entry as steps of phonemes with a source of letters; number 0 of both is UNSEEN."""

    def __init__(self, phonemes: Sequence[str], letters: Sequence[str]) -> None:
        self.phonemes, self.letters = (UNSEEN, *map(str, phonemes)), (UNSEEN, *map(str, letters))
        self.phoneme_steps = {phoneme: step for step, phoneme in enumerate(self.phonemes)}
        self.letter_steps = {letter: step for step, letter in enumerate(self.letters)}
        self.space, self.source = Categorical(len(self.phonemes)), Categorical(len(self.letters))

    @classmethod
    def fit(cls, pieces: Iterable[Piece[Entries]], options: NoOptions) -> Self:
        phonemes, letters = {UNSEEN}, {UNSEEN}
        for piece in pieces:
            phonemes.update(piece.content[0].phonemes)
            letters.update(piece.content[0].word)
        return cls(sorted(phonemes - {UNSEEN}), sorted(letters - {UNSEEN}))

    def encode_word(self, word: str) -> np.ndarray:
        """Return the letters of a word as a source."""
        return np.array([self.letter_steps.get(letter, 0) for letter in word], np.int64)

    def encode(self, piece: Piece[Entries]) -> Example:
        word, phonemes = piece.content[0].word, piece.content[0].phonemes
        steps = np.array([self.phoneme_steps.get(phoneme, 0) for phoneme in phonemes], np.int64)
        dropped = Counter(phoneme for phoneme in phonemes if phoneme not in self.phoneme_steps)
        dropped.update(letter for letter in word if letter not in self.letter_steps)
        return Example(steps, self.encode_word(word), dropped=dropped)

    def decode(self, example: Example) -> Piece[Entries]:
        if example.source is None or not len(example.source) or not len(example.steps):
            raise seqforge.DecodeError("an entry must have a word and at least one phoneme")
        word = "".join(self.letters[step] for step in example.source.tolist())
        return Piece((Entry(word, tuple(self.phonemes[step] for step in example.steps.tolist())),))

    def canonical(self, piece: Piece[Entries]) -> Piece[Entries]:
        entry = piece.content[0]
        word = "".join(letter if letter in self.letter_steps else UNSEEN for letter in entry.word)
        return Piece((Entry(word, tuple(p if p in self.phoneme_steps else UNSEEN for p in entry.phonemes)),))

    def units(self, steps: np.ndarray) -> np.ndarray:
        return np.ones(len(steps))

    def task(self, request: PhonemesRequest) -> PhonemesTask:
        words = request.words.lower().split()
        if not words or not set("".join(words)) <= set(self.letters[1:]):
            allowed = "words with the letters " + "".join(self.letters[1:])
            raise seqforge.RequestError.invalid("words", request.words, allowed)
        empty, constraint = np.zeros(0, np.int64), AtLeastOne(np.arange(len(self.phonemes)) > 0)
        examples = [Example(empty, self.encode_word(word)) for word in words]
        return PhonemesTask([Prompt(example, constraint, whole_source=False) for example in examples])

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"phonemes": list(self.phonemes[1:]), "letters": list(self.letters[1:])}, {}

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: NoOptions) -> Self:
        return cls(data["phonemes"], data["letters"])


class Phonemes(
    seqforge.Plugin[Entries, NoOptions, PhonemesRequest], seqforge.Fingerprints[Entries], seqforge.Predicts[Entries]
):
    """Reads and writes pronouncing dictionaries."""

    name = "phonemes"
    summary = "spelling to pronunciation, in dictionaries like CMUdict"
    unit = "phoneme"
    reads = writes = multi_piece = (".dict",)
    Request = PhonemesRequest
    codec = PhonemesCodec
    metrics = ("per", "ser")
    training_defaults: ClassVar[Mapping[str, Any]] = {"hidden": 256, "embedding": 64, "batch_size": 64, "bptt": 32}

    def read(self, path: Path, options: NoOptions) -> Iterator[Piece[Entries] | ReadError]:
        """Yield the entries of a file, without the numbers of alternative pronunciations."""
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            word, *phonemes = line.decode("utf-8", "replace").partition("#")[0].split() or [""]
            if phonemes:
                entry = Entry((word.partition("(")[0] or word).lower(), tuple(phonemes))
                yield Piece((entry,), origin=Origin(str(path), f"line {number}"))
            elif word:
                yield ReadError(f"{word!r} has no phonemes", file=str(path), line=number)

    def write(self, pieces: Sequence[Piece[Entries]], path: Path) -> None:
        lines, counts = [], Counter[str]()
        for entry in (entry for piece in pieces for entry in piece.content):
            counts[entry.word] += 1
            number = f"({counts[entry.word]})" if counts[entry.word] > 1 else ""
            lines.append(" ".join([entry.word + number, *entry.phonemes]) + "\n")
        path.write_text("".join(lines), encoding="utf-8")

    def fingerprints(self, piece: Piece[Entries]) -> Iterable[int]:
        return [int.from_bytes(hashlib.blake2b(piece.content[0].word.encode(), digest_size=8).digest(), "big")]

    def prediction_request(self, piece: Piece[Entries]) -> Mapping[str, Any]:
        return {"words": piece.content[0].word}

    def target_text(self, piece: Piece[Entries]) -> str:
        """Return the phonemes without stress, as error rates on CMUdict are published."""
        return " ".join(phoneme.rstrip("012") for phoneme in piece.content[0].phonemes)
