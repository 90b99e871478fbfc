"""Grapheme-to-phoneme conversion: the letters of a word are the source, its phonemes are the steps.

The plugin reads and writes pronouncing dictionaries in the format of CMUdict, with a word and its phonemes per line:
`photo F OW1 T OW2`. Alternative pronunciations of a word are numbered, `read(2) R IY1 D`; # starts a comment.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import seqforge
from seqforge import Count, JoinedTask, NoOptions, Origin, Piece, ReadError, TableConstraint, flag


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


class PhonemesCodec(seqforge.PairCodec[Entries, NoOptions, PhonemesRequest]):
    """Encodes the phonemes of an entry as steps, and the letters of its word as the source."""

    def tokenise_source(self, content: Entries) -> Sequence[str]:
        return list(content[0].word)

    def tokenise(self, content: Entries) -> Sequence[str]:
        return content[0].phonemes

    def join(self, source: Sequence[str], target: Sequence[str]) -> Entries:
        if not source or not target:
            raise seqforge.DecodeError("an entry must have a word and at least one phoneme")
        return (Entry("".join(source), tuple(target)),)

    def constraint(self) -> seqforge.Constraint:
        return TableConstraint(Count(self.vocabulary, self.vocabulary, at_least=1))

    def task(self, request: PhonemesRequest) -> seqforge.Task[Entries]:
        words = request.words.lower().split()
        letters = self.source_vocabulary[1:]
        if not words or not set("".join(words)) <= set(letters):
            allowed = "words with the letters " + "".join(letters)
            raise seqforge.RequestError.invalid("words", request.words, allowed)
        prompts = [self.prompt((Entry(word, ()),)) for word in words]
        return JoinedTask(prompts, join=lambda parts: tuple(entry for entries in parts for entry in entries))


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
