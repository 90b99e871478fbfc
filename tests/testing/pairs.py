"""A plugin with every capability that keeps the contract, and its samples: wrong ones are made from it by a change."""

import random
from pathlib import Path

PAIRS = """
import re
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import hashlib
import numpy as np
from seqforge import (UNSEEN, Augments, Constraint, DecodeError, Describes, Divides, Example, Fingerprints, Checks,
    Piece, Plugin, Prompt, ReadError, Streams, TokenCodec, flag)

@dataclass(frozen=True)
class Options:
    order: Literal["kept", "up"] = flag("kept", help="the order of the pairs")

@dataclass(frozen=True)
class Request:
    first: str = flag("", help="what to begin with")

class Even(Constraint):
    def __init__(self, size): self.size = size
    def start(self): return 0
    def allowed(self, state): return np.arange(self.size) > 0
    def may_end(self, state): return state == 0
    def to_end(self, state): return int(state)
    def advance(self, state, step): return 1 - state

class Codec(TokenCodec, Augments, Streams):
    def tokenise(self, content): return list(content)
    def detokenise(self, tokens):
        if len(tokens) % 2:
            raise DecodeError("half a pair is left")
        return "".join(tokens)
    def canonical(self, piece):
        known = super().canonical(piece)
        return Piece("".join(c if c in self.index else self.vocabulary[0] for c in piece.content), known.labels)
    def constraint(self): return Even(self.space.size)
    def augment(self, example, rng):
        by = int(rng.integers(self.space.size - 1))
        moved = np.where(example.steps > 0, (example.steps.astype(int) - 1 + by) % (self.space.size - 1) + 1, 0)
        return replace(example, steps=moved.astype(self.space.dtype))
    def stream(self): return lambda step: self.vocabulary[int(step)]
    # more of the codec

class Good(Plugin, Divides, Fingerprints, Describes, Checks):
    name = "good"
    summary = "pairs of letters"
    unit = "letter"
    reads = (".pair",)
    writes = (".pair", ".bin")
    books = (".pair",)
    Options: ClassVar[type] = Options
    Request: ClassVar[type] = Request
    codec = Codec
    def read(self, path, options):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            yield ReadError("is no UTF-8", file=str(path))
            return
        for line, pairs in enumerate(text.split("\\\\n"), 1):
            if len(pairs) % 2:
                yield ReadError("half a pair is left", file=str(path), line=line)
            elif pairs:
                yield Piece(pairs, {"long": str(len(pairs) > 12)})
    def fit(self, pieces, options): return Codec.fit(pieces, options)
    def write(self, pieces, path):
        path.write_text("\\\\n".join(piece.content for piece in pieces), encoding="utf-8")
    def divide(self, piece, fractions):
        parts, first, share = [], 0, 0.0
        for number, fraction in enumerate(fractions):
            share += fraction
            end = len(piece.content) if not any(fractions[number + 1:]) else int(len(piece.content) * share) // 2 * 2
            parts.append(replace(piece, content=piece.content[first:end]))
            first = end
        return parts
    def fingerprints(self, piece):
        return [int.from_bytes(hashlib.sha256(piece.content.encode()).digest()[:8], "little")]
    def describe(self, piece): return {"letter": np.array([ord(c) for c in piece.content], np.int64)}
    def trace(self, piece): return [ord(c) for c in piece.content]
    def violations(self, piece): return ["a letter is unknown"] if UNSEEN in piece.content else []
    # more of the plugin
""".replace("\\\\n", "\\n")


def changed(*changes: tuple[str, str]) -> str:
    """Return the code with some of it replaced."""
    code = PAIRS
    for old, new in changes:
        assert code.count(old) == 1, (code.count(old), old)
        code = code.replace(old, new)
    return code


def write_samples(folder: Path, *, pieces: int = 60) -> Path:
    """Write a file of pieces in which a low letter and a high one take turns.

    The nineteenth holds a letter of its own, which the codec has not seen.
    """
    rng = random.Random(1)
    lines = [
        "".join(rng.choice("abcd") + rng.choice("efgh") for _ in range(rng.randrange(2, 14))) for _ in range(pieces)
    ]
    lines[18] += "ze"
    folder.mkdir()
    (folder / "a.pair").write_text("\n".join(lines))
    return folder
