"""Checks of what a plugin does with steps and files that nobody has written on purpose, and with its capabilities."""

import dataclasses
import json
import tempfile
from pathlib import Path

import numpy as np

from seqforge.core.sequences import Example
from seqforge.errors import DecodeError, ReadError
from seqforge.plugin import Augments, Describes, Divides, Fingerprints, Piece, Streams
from seqforge.testing._codec import digest, same
from seqforge.testing._hazards import damaged, random_steps, write_damaged
from seqforge.testing._results import CheckFailed, Skip
from seqforge.testing._subject import Subject

TRIES, PREFIXES = 200, 120
FUZZED_FILES = 5


def prefixes_decode(subject: Subject) -> str:
    """The first steps of any piece, however few, decode or raise DecodeError: a generation may be stopped anywhere."""
    rng, decoded, tried = subject.rng("prefixes"), 0, 0
    for number in range(PREFIXES):
        example = subject.short[number % len(subject.short)]
        first = 0 if number < 2 else int(rng.integers(len(example.steps)))
        tried += 1
        decoded += _decodes(subject, dataclasses.replace(example, steps=example.steps[:first]), f"{first} first steps")
    return f"{decoded} of {tried} stand for a piece"


def random_steps_decode(subject: Subject) -> str:
    """Any steps of the space decode or raise DecodeError, and what they stand for is encoded again."""
    rng, decoded = subject.rng("random"), 0
    for steps in random_steps(subject.codec.space, subject.short, rng, TRIES):
        like = subject.short[int(rng.integers(len(subject.short)))]
        decoded += _decodes(subject, dataclasses.replace(like, steps=steps), f"{len(steps)} random steps")
    return f"{decoded} of {TRIES} stand for a piece"


def fuzzed_files_are_read(subject: Subject) -> str:
    """`read` of a damaged file yields pieces and ReadErrors, and raises nothing; its pieces are encoded."""
    rng, pieces, errors, tried = subject.rng("files"), 0, 0, 0
    files = sorted(subject.files, key=lambda file: file.path.stat().st_size)[:FUZZED_FILES]
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        for file in files:
            for what, data in damaged(file.path.read_bytes(), rng):
                tried += 1
                path = write_damaged(Path(folder), f"damaged{file.path.suffix}", data)
                with subject.calling("read", f"{what} ({file.path.name})", allowed=(OSError,)):
                    found = list(subject.plugin.read(path, subject.options))
                for item in found:
                    if not isinstance(item, Piece | ReadError):
                        raise subject.broken("read", f"of {what} yields {type(item).__name__}", "Piece or ReadError")
                whole = [item for item in found if isinstance(item, Piece)]
                pieces, errors = pieces + len(whole), errors + len(found) - len(whole)
                for piece in whole[:20]:
                    with subject.calling("encode", f"a piece of {what} ({file.path.name})"):
                        subject.codec.encode(piece)
    return f"{tried} files: {pieces} pieces, {errors} refused"


def augmentation_stays(subject: Subject) -> str:
    """`augment` gives as many steps, of the space, labels too, by its rng alone, and leaves its example as it is."""
    codec, changed = subject.codec, 0
    if not isinstance(codec, Augments):
        raise Skip("the codec does not augment")
    for number, example in enumerate(subject.short):
        before = digest(example)
        for seed in range(3):
            with subject.calling("augment", f"sample {number + 1}"):
                found = codec.augment(example, np.random.default_rng(seed))
                again = codec.augment(example, np.random.default_rng(seed))
            if found.steps.shape != example.steps.shape:
                what = f"gives steps of shape {found.steps.shape} for {example.steps.shape}"
                raise subject.broken("augment", what, "the same number of steps")
            try:
                codec.space.check(found.steps)
            except ValueError as error:
                raise subject.broken("augment", f"leaves the space: {error}", "steps the codec has") from error
            if any(value not in codec.labels.get(name, ()) for name, value in found.labels.items()):
                raise subject.broken("augment", f"gives labels {dict(found.labels)}", "labels that the codec lists")
            if digest(found) != digest(again):
                raise subject.broken("augment", "gives two variants for one rng", "chance from `rng` alone")
            if digest(example) != before:
                raise subject.broken("augment", "changes the example it is given", "a new one")
            with subject.calling("decode", f"a variant of sample {number + 1}"):
                codec.decode(found)
            changed += digest(found) != before
    return f"{changed} of {3 * len(subject.short)} variants differ from their piece"


def pieces_are_divided(subject: Subject) -> str:
    """`divide` gives a part for each fraction, none for 0, and the parts together have the units of the whole."""
    plugin, codec, examples = subject.plugin, subject.codec, subject.examples
    if not isinstance(plugin, Divides):
        raise Skip("the plugin does not divide")
    subject.needs("units_add_up")
    fractions = [0.5, 0.25, 0.25, 0.0]
    for number, piece in enumerate(subject.pieces[:10]):
        with subject.calling("divide", subject.named(number)):
            parts = plugin.divide(piece, fractions)
        if len(parts) != len(fractions):
            raise subject.broken("divide", f"gives {len(parts)} parts for {len(fractions)} fractions", "one for each")
        units = [float(codec.units(codec.encode(part).steps).sum()) for part in parts]
        whole = float(codec.units(examples[number].steps).sum())
        if units[-1] or abs(sum(units) - whole) > 0.02 * whole + 1:
            raise subject.broken("divide", f"turns {whole:g} units into {units}", "parts that make up the whole")
    return "by fractions 1/2, 1/4, 1/4, 0"


def fingerprints_are_keys(subject: Subject) -> str:
    """`fingerprints` gives whole numbers from 0 to 2^64 - 1, the same for a piece each time."""
    plugin, total = subject.plugin, 0
    if not isinstance(plugin, Fingerprints):
        raise Skip("the plugin gives no fingerprints")
    for number, piece in enumerate(subject.pieces):
        with subject.calling("fingerprints", subject.named(number)):
            keys, again = list(plugin.fingerprints(piece)), list(plugin.fingerprints(piece))
        if any(not isinstance(key, int | np.integer) or not 0 <= key < 2**64 for key in keys):
            raise subject.broken("fingerprints", f"of {subject.named(number)} has {keys[:3]}", "numbers of 64 bits")
        if sorted(keys) != sorted(again):
            raise subject.broken("fingerprints", f"of {subject.named(number)} differ the second time", "the same")
        total += len(keys)
    return f"{total / len(subject.pieces):.0f} keys a piece"


def pieces_are_described(subject: Subject) -> str:
    """`describe` gives named arrays of whole numbers, `trace` a sequence of whole numbers."""
    plugin = subject.plugin
    if not isinstance(plugin, Describes):
        raise Skip("the plugin does not describe")
    names: set[str] = set()
    for number, piece in enumerate(subject.pieces):
        with subject.calling("describe", subject.named(number)):
            told = plugin.describe(piece)
        for name, values in told.items():
            if np.ndim(values) != 1 or not np.issubdtype(np.asarray(values).dtype, np.integer):
                raise subject.broken("describe", f"gives {name!r} as {values!r}", "a row of whole numbers")
        names.update(told)
        with subject.calling("trace", subject.named(number)):
            trace = list(plugin.trace(piece))
        if any(not isinstance(value, int | np.integer) for value in trace):
            raise subject.broken("trace", f"of {subject.named(number)} has {trace[:3]}", "whole numbers")
    return ", ".join(sorted(names))


def steps_stream(subject: Subject) -> str:
    """`stream` gives text for every step, one after the other, and each piece begins anew."""
    codec = subject.codec
    if not isinstance(codec, Streams):
        raise Skip("the codec does not stream")
    for number, example in enumerate(subject.short):
        with subject.calling("stream", f"sample {number + 1}"):
            texts = [[add(step) for step in example.steps] for add in (codec.stream(), codec.stream())]
        if any(not isinstance(text, str) for text in texts[0]):
            raise subject.broken("stream", "gives something that is no string", "the text that a step adds")
        if texts[0] != texts[1]:
            raise subject.broken("stream", "gives other text the second time", "a function without a past")
        content = codec.decode(example).content
        if "round_trip" not in subject.failed and isinstance(content, str) and "".join(texts[0]) != content:
            raise subject.broken("stream", f"of sample {number + 1} is not the text that decode gives", "that text")
    return f"{len(subject.short)} samples"


def _decodes(subject: Subject, example: Example, what: str) -> bool:
    """Return whether steps stand for a piece; it is then encoded and put into its canonical form."""
    codec = subject.codec
    try:
        with subject.calling("decode", f"{what} ({_few(example.steps)})", allowed=(DecodeError,)):
            piece = codec.decode(example)
    except DecodeError:
        return False
    if not isinstance(piece, Piece):
        raise subject.broken("decode", f"gives {type(piece).__name__}", "a Piece, or raise DecodeError")
    with subject.calling("encode", f"the piece that {what} stand for ({_few(example.steps)})"):
        again = codec.encode(piece)
    with subject.calling("decode", f"the steps of the piece that {what} stand for ({_few(example.steps)})"):
        back, kept = codec.decode(again), codec.canonical(piece)
    if "round_trip" not in subject.failed and not same(subject, back.content, kept.content):
        raise CheckFailed(
            f"{subject.whose('decode')}: the piece that {what} stand for ({_few(example.steps)}) does not keep the"
            " round-trip law: encoded and decoded it is another than its canonical form"
        )
    return True


def _few(steps: np.ndarray) -> str:
    return json.dumps(steps[:12].tolist())[:80] + (" ..." if len(steps) > 12 else "")
