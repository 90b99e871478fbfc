"""A valid plugin with every capability, and samples for it. Tests replace parts of it to get invalid plugins."""

import random
from pathlib import Path

PAIRS = r"""
import re
from dataclasses import dataclass, replace
from typing import Literal

import hashlib
from pathlib import Path
import numpy as np
from seqforge import (UNSEEN, Aligns, Augments, CarriesProvenance, Checks, Classifies, Constraint, DecodeError,
    Describes, Divides, Edits, Example, Fingerprints, FromText, Paginates, Piece, Places, Plugin, Preview, Previews,
    Prompt, ReadError, Region, Streams, Task, TokenCodec, flag)

@dataclass(frozen=True)
class PairOptions:
    order: Literal["kept", "up"] = flag("kept", help="Order of the pairs.")

@dataclass(frozen=True)
class PairRequest:
    first: str = flag("", help="Letters to start with.")

class Even(Constraint):
    def __init__(self, size): self.size = size
    def start(self): return 0
    def allowed(self, state): return np.arange(self.size) > 0
    def may_end(self, state): return state == 0
    def to_end(self, state): return int(state)
    def advance(self, state, step): return 1 - state

class PairPlaces(Places):
    distances = (1, 2)
    def start(self): return 0
    def place(self, state): return state // 2, state % 2
    def advance(self, state, step): return state + 1
    # more of the places

class Codec(TokenCodec[str, PairOptions, PairRequest], Augments, Streams, Aligns, Classifies):
    def tokenise(self, content): return list(content)
    def detokenise(self, tokens):
        if len(tokens) % 2:
            raise DecodeError("the last pair is incomplete")
        return "".join(tokens)
    def canonical(self, piece):
        labels = super().canonical(piece).labels
        return Piece("".join(c if c in self.index else UNSEEN for c in piece.content), labels)
    def constraint(self): return Even(self.space.size)
    def augment(self, example, rng):
        shift = int(rng.integers(self.space.size - 1))
        shifted = np.where(example.steps > 0, (example.steps.astype(int) - 1 + shift) % (self.space.size - 1) + 1, 0)
        return replace(example, steps=shifted.astype(self.space.dtype))
    def stream(self): return lambda step: self.vocabulary[int(step)]
    def places(self): return PairPlaces()
    def classes(self): return {"beginning": {letter: self.index[letter] for letter in self.vocabulary[1:]}}
    # more of the codec

class Good(Plugin[str, PairOptions, PairRequest], Divides[str], Fingerprints[str], Describes[str], Checks[str],
    FromText[str], Paginates[str], Previews[str], Edits[str], CarriesProvenance):
    name = "good"
    summary = "pairs of letters"
    unit = "letter"
    reads = (".pair",)
    writes = (".pair", ".bin")
    multi_piece = (".pair",)
    provenance_suffixes = (".bin",)
    page_suffixes = (".bin",)
    Options = PairOptions
    Request = PairRequest
    codec = Codec
    native = False
    edits = ("continue",)
    edit_suffix = ".pair"
    def read(self, path, options):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            yield ReadError("this is not UTF-8", file=str(path))
            return
        for line, pairs in enumerate(text.split("\n"), 1):
            if len(pairs) % 2:
                yield ReadError("the last pair is incomplete", file=str(path), line=line)
            elif pairs:
                yield Piece(pairs, {"long": str(len(pairs) > 12)})
    def write(self, pieces, path):
        path.write_text("\n".join(piece.content for piece in pieces), encoding="utf-8")
    def embed(self, data, record, suffix): return data + b"\n#" + record.encode()
    def extract(self, data, suffix):
        before, mark, record = data.rpartition(b"\n#")
        return (record.decode(), before) if mark else None
    def divide(self, piece, fractions):
        parts, start, cumulated = [], 0, 0.0
        for number, fraction in enumerate(fractions):
            cumulated += fraction
            last = not any(fractions[number + 1:])
            end = len(piece.content) if last else int(len(piece.content) * cumulated) // 2 * 2
            parts.append(replace(piece, content=piece.content[start:end]))
            start = end
        return parts
    def fingerprints(self, piece):
        return [int.from_bytes(hashlib.sha256(piece.content.encode()).digest()[:8], "little")]
    def piece_from_text(self, text, options):
        return ReadError("the last pair is incomplete") if len(text) % 2 else Piece(text)
    def describe(self, piece): return {"letter": np.array([ord(c) for c in piece.content], np.int64)}
    def trace(self, piece): return [ord(c) for c in piece.content]
    def violations(self, piece): return ["a letter is unknown"] if UNSEEN in piece.content else []
    def pages(self, piece):
        text = piece.content
        return [replace(piece, content=text[start:start + 4]) for start in range(0, len(text), 4)] or [piece]
    def preview(self, piece):
        return Preview(text=piece.content, regions=(Region(1, "first", spans=((0.0, 1.0),)),))
    def edit(self, kind, path, numbers): return {"first": Path(path).read_text(encoding="utf-8")[:2]}
    # more of the plugin
"""


def mutate(*replacements: tuple[str, str]) -> str:
    """Return the code of the plugin with parts replaced, each given as (old, new)."""
    code = PAIRS
    for old, new in replacements:
        assert code.count(old) == 1, (code.count(old), old)
        code = code.replace(old, new)
    return code


changed = mutate  # the former name, until no test uses it


def write_samples(folder: Path, *, pieces: int = 60) -> Path:
    """Write a file of pieces in which a letter of a-d and one of e-h alternate, and return the folder.

    Piece 19 contains a letter that no other piece has, so that the codec may not know it.
    """
    rng = random.Random(1)
    lines = [
        "".join(rng.choice("abcd") + rng.choice("efgh") for _ in range(rng.randrange(2, 14))) for _ in range(pieces)
    ]
    lines[18] += "ze"
    folder.mkdir()
    (folder / "a.pair").write_text("\n".join(lines))
    return folder
