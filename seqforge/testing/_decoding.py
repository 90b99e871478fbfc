"""Checks with input that nobody wrote on purpose: truncated and random steps, and damaged files."""

import dataclasses
import json
import tempfile
from pathlib import Path

import numpy as np

from seqforge.core.sequences import Example
from seqforge.errors import DecodeError, ReadError
from seqforge.plugin import Piece
from seqforge.plugin.validation import validate_example, validate_items, validate_piece
from seqforge.testing._compare import equal
from seqforge.testing._mutations import damaged_bytes, random_steps
from seqforge.testing._subject import Subject

PREFIXES, RANDOM_STEPS = 120, 200
MAX_FILES = 5


def prefixes_decode(subject: Subject) -> str:
    """Every prefix of a piece decodes or raises DecodeError, because a generation may be stopped anywhere."""
    rng, decoded = subject.rng("prefixes"), 0
    for number in range(PREFIXES):
        name, example = subject.short_samples[number % len(subject.short_samples)]
        length = 0 if number < 2 else int(rng.integers(len(example.steps)))
        prefix = dataclasses.replace(example, steps=example.steps[:length])
        decoded += _decodes(subject, prefix, f"the first {length} steps of {name}")
    return f"{decoded} of {PREFIXES} decode"


def random_steps_decode(subject: Subject) -> str:
    """Any steps of the space decode or raise DecodeError, and the decoded piece has a round trip."""
    rng, decoded = subject.rng("random"), 0
    examples = subject.short_examples
    for steps in random_steps(subject.codec.space, examples, rng, RANDOM_STEPS):
        example = dataclasses.replace(examples[int(rng.integers(len(examples)))], steps=steps)
        decoded += _decodes(subject, example, f"{len(steps)} random steps")
    return f"{decoded} of {RANDOM_STEPS} decode"


def damaged_files_are_read(subject: Subject) -> str:
    """`read` yields pieces and ReadErrors for a damaged file and raises no other error, and its pieces are encoded."""
    plugin, codec, rng = subject.plugin, subject.codec, subject.rng("files")
    files, pieces, errors = 0, 0, 0
    smallest = sorted(subject.files, key=lambda file: file.path.stat().st_size)[:MAX_FILES]
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        for file in smallest:
            for damage, data in damaged_bytes(file.path.read_bytes(), rng):
                path = Path(folder) / f"damaged{file.path.suffix}"
                path.write_bytes(data)
                name = f"{damage} ({file.path.name})"
                with subject.calling("read", name, allowed=(OSError,)):
                    items = list(validate_items(plugin, path, subject.options))
                readable = [item for item in items if isinstance(item, Piece)]
                files, pieces = files + 1, pieces + len(readable)
                errors += sum(isinstance(item, ReadError) for item in items)
                for piece in readable[:20] if "pieces_are_encoded" not in subject.failed else ():
                    with subject.calling("encode", f"a piece of {name}"):
                        validate_example(plugin, codec, codec.encode(piece))
    return f"{files} files: {pieces} pieces, {errors} read errors"


def _decodes(subject: Subject, example: Example, name: str) -> bool:
    """Return whether steps decode; the decoded piece must follow the round-trip law."""
    plugin, codec = subject.plugin, subject.codec
    name = f"{name} ({_first_steps(example.steps)})"
    try:
        with subject.calling("decode", name, allowed=(DecodeError,)):
            piece = validate_piece(plugin, codec.decode(example), "decode", owner=codec)
    except DecodeError:
        return False
    with subject.calling("encode", f"the piece of {name}"):
        again = validate_example(plugin, codec, codec.encode(piece))
    with subject.calling("decode", f"the steps of the piece of {name}"):
        decoded, canonical = codec.decode(again), codec.canonical(piece)
    if "round_trip" not in subject.failed and not equal(subject, decoded.content, canonical.content):
        problem = f"breaks the round-trip law for the piece of {name}: decode(encode(piece)) is not canonical(piece)"
        raise subject.failure("decode", problem)
    return True


def _first_steps(steps: np.ndarray) -> str:
    return json.dumps(steps[:12].tolist())[:80] + (" ..." if len(steps) > 12 else "")
