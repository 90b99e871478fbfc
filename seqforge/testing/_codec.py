"""Checks of reading and of the codec: the same steps everywhere, and the piece back."""

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np

from seqforge.core.sequences import Example
from seqforge.core.spaces import Space
from seqforge.errors import ReadError, listing
from seqforge.plugin import Codec, Piece
from seqforge.testing._hazards import damaged_json
from seqforge.testing._results import CheckFailed
from seqforge.testing._subject import Subject

REFUSALS = (ValueError, LookupError, TypeError, AttributeError)
"""What the core takes as "this is no codec of the plugin's", and puts the file's name to."""


def samples_are_read(subject: Subject) -> str:
    """`read` yields pieces, and a ReadError for what cannot be read; twice the same, and equal by `==`."""
    wrong = [item for item in subject.readings if not isinstance(item, Piece | ReadError)]
    if wrong:
        raise subject.broken("read", f"yields {_kind(wrong[0])}", "Piece or ReadError")
    errors = [item for item in subject.readings if isinstance(item, ReadError)]
    if len(errors) == len(subject.readings):
        reasons = listing(map(str, errors), most=2) or "the files hold none"
        raise subject.broken("read", f"finds no piece in {len(subject.files)} files: {reasons}", "at least one")
    again = _read_again(subject)
    for number, (one, other) in enumerate(zip(subject.pieces, again, strict=False)):
        if not same(subject, one.content, other.content):
            raise subject.broken("read", f"reads {subject.named(number)} differently a second time", "the same piece")
        for name, value in one.labels.items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise subject.broken("read", f"gives the label {name!r}: {value!r}", "labels that are strings")
    refused = f", {len(errors)} refused (the first: {errors[0]})" if errors else ""
    return f"{len(subject.pieces)} pieces of {len(subject.files)} files{refused}"


def codec_is_fitted(subject: Subject) -> str:
    """`fit` learns a codec in one pass over the pieces, and the codec says what a step is."""
    codec = subject.codec
    if not isinstance(codec, subject.plugin.codec):
        promised = f"what `codec` promises, {subject.plugin.codec.__name__}"
        raise subject.broken("fit", f"returns {_kind(codec)}", promised)
    if type(codec.version) is not int or codec.version < 1:
        raise subject.broken("to_json", f"belongs to version {codec.version!r}", "`version`: a number from 1")
    if not isinstance(getattr(codec, "space", None), Space):
        raise subject.broken("fit", "leaves the codec without a space", "a codec with `space`")
    if not isinstance(codec.source, Space | None):
        raise subject.broken("fit", f"sets `source` to {_kind(codec.source)}", "a space, or None")
    if type(codec.features) is not int or codec.features < 0:
        raise subject.broken("fit", f"sets `features` to {codec.features!r}", "a number from 0")
    for name, values in codec.labels.items():
        if not isinstance(values, tuple) or len(set(values)) != len(values):
            raise subject.broken("fit", f"gives the label {name!r} the values {values!r}", "a tuple, each value once")
    return f"a step is one of {codec.space}, labels: {listing(codec.labels) or 'none'}"


def pieces_are_encoded(subject: Subject) -> str:
    """`encode` takes any piece, also what was never seen, gives steps of the space, and the same ones each time."""
    codec, seen = subject.codec, 0
    for number, (piece, example) in enumerate(zip(subject.pieces, subject.examples, strict=True)):
        told = _fits(example, codec)
        if told:
            raise subject.broken("encode", f"of {subject.named(number)} gives {told}", "")
        with subject.calling("encode", f"{subject.named(number)} again"):
            again = codec.encode(piece)
        if digest(again) != digest(example):
            raise subject.broken("encode", f"gives other steps for {subject.named(number)} the second time", "the same")
        with subject.calling("unseen", subject.named(number)):
            counts = codec.unseen(piece)
        if any(not isinstance(name, str) or count <= 0 for name, count in counts.items()):
            raise subject.broken("unseen", f"of {subject.named(number)} is {counts!r}", "words with counts above 0")
        seen += bool(counts)
    steps = sum(len(example.steps) for example in subject.examples)
    return f"{steps:,} steps; in {seen} of {len(subject.pieces)} samples something is replaced or left out"


def same_in_another_process(subject: Subject) -> None:
    """The same files give the same codec and steps in every process, whatever PYTHONHASHSEED: no set has an order."""
    mine = fingerprint(subject)
    spec = {"path": sys.path, "plugin": subject.plugin.name, "samples": subject.samples, "options": subject.given}
    order = json.dumps(spec, default=str)
    for seed in ("1", "2"):
        subject.note(f"a process with PYTHONHASHSEED={seed}")
        done = subprocess.run(
            [sys.executable, "-m", "seqforge.testing", order, "fingerprint"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if done.returncode:
            raise CheckFailed(f"in a process of its own it fails: {done.stderr.strip().rpartition(chr(10))[2]}")
        told = json.loads(done.stdout.strip().rpartition("\n")[2])
        if told["codec"] != mine["codec"]:
            raise subject.broken("fit", "gives another codec in another process", "the same: sort what is in a set")
        for number, (one, other) in enumerate(zip(mine["steps"], told["steps"], strict=True)):
            if one != other:
                what = f"gives other steps for {subject.named(number)} in another process"
                raise subject.broken("encode", what, "the same: sort what is in a set")


def round_trip(subject: Subject) -> str:
    """decode(encode(p)) == canonical(p), labels too, and canonical(canonical(p)) == canonical(p)."""
    changed, how = 0, ""
    for number, (piece, example) in enumerate(zip(subject.pieces, subject.examples, strict=True)):
        name = subject.named(number)
        with subject.calling("canonical", name):
            kept = subject.codec.canonical(piece)
            again = subject.codec.canonical(kept)
        if not same(subject, kept.content, again.content) or dict(kept.labels) != dict(again.labels):
            what = f"changes {name} a second time: {difference(kept, again)}"
            raise subject.broken("canonical", what, "what it has given before")
        with subject.calling("decode", f"the steps of {name}"):
            back = subject.codec.decode(example)
        if not same(subject, back.content, kept.content) or dict(back.labels) != dict(kept.labels):
            raise CheckFailed(
                f"{subject.whose('decode')}: {name} is encoded and decoded to another piece than"
                f" {subject.whose('canonical')} gives: {difference(back, kept)}"
            )
        if not same(subject, piece.content, kept.content):
            changed += 1
            how = how or f"; in {name}: {difference(piece, kept)}"
    return f"canonical changes {changed} of {len(subject.pieces)} samples{how}"


def codec_survives_json(subject: Subject) -> str:
    """A codec that is written as JSON and arrays and read again encodes and decodes the same."""
    codec = subject.codec
    with subject.calling("to_json", "the codec"):
        data, arrays = codec.to_json(), dict(codec.arrays())
    try:
        text = json.dumps(data, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise subject.broken("to_json", f"gives what is no plain JSON: {error}", "") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype == object:
            raise subject.broken("arrays", f"gives {_kind(array)} for {name!r}", "an array of numbers")
    with subject.calling("from_json", "what to_json gave"):
        twin = subject.plugin.codec.from_json(json.loads(text), arrays, subject.options)
    for name in ("space", "source", "features"):
        if getattr(twin, name) != getattr(codec, name):
            what = f"makes a codec with {name} {getattr(twin, name)}, from one with {getattr(codec, name)}"
            raise subject.broken("from_json", what, "")
    if {k: tuple(v) for k, v in twin.labels.items()} != dict(codec.labels):
        raise subject.broken("from_json", f"makes a codec with labels {dict(twin.labels)}", f"{dict(codec.labels)}")
    if json.dumps(twin.to_json(), sort_keys=True) != json.dumps(data, sort_keys=True):
        raise subject.broken("from_json", "makes a codec whose to_json differs", "an equal codec")
    for number, (piece, example) in enumerate(zip(subject.pieces, subject.examples, strict=True)):
        with subject.calling("encode", f"{subject.named(number)}, by the codec from JSON"):
            if digest(twin.encode(piece)) != digest(example):
                raise subject.broken("from_json", f"makes a codec that encodes {subject.named(number)} otherwise", "")
        with subject.calling("decode", f"the steps of {subject.named(number)}, by the codec from JSON"):
            if not same(subject, twin.decode(example).content, codec.decode(example).content):
                raise subject.broken("from_json", f"makes a codec that decodes {subject.named(number)} otherwise", "")
    return f"{len(text):,} characters of JSON, {len(arrays)} arrays"


def damaged_codec_is_refused(subject: Subject) -> str:
    """`from_json` of what is no codec raises ValueError, KeyError, TypeError or AttributeError, nothing else."""
    subject.needs("codec_survives_json")
    arrays, refused, tried = dict(subject.codec.arrays()), 0, 0
    for what, data in damaged_json(json.loads(json.dumps(subject.codec.to_json()))):
        tried += 1
        try:
            with subject.calling("from_json", f"JSON with {what}", allowed=REFUSALS):
                subject.plugin.codec.from_json(data, arrays, subject.options)
        except REFUSALS:
            refused += 1
    return f"{refused} of {tried} refused, the others made a codec"


def units_add_up(subject: Subject) -> str:
    """`units` gives each step a count of its own, not below 0, and a piece the same sum as its canonical form."""
    codec, total = subject.codec, 0.0
    for number, (piece, example) in enumerate(zip(subject.pieces, subject.examples, strict=True)):
        name, steps = subject.named(number), example.steps
        with subject.calling("units", f"the steps of {name}"):
            counts = codec.units(steps)
            alone = [codec.units(steps[at : at + 1]) for at in range(min(len(steps), 50))]
            none = codec.units(steps[:0])
        if not isinstance(counts, np.ndarray) or counts.shape != steps.shape[:1]:
            raise subject.broken("units", f"of {len(steps)} steps gives {_kind(counts)}", "an array of shape (steps,)")
        if np.shape(none) != (0,):
            raise subject.broken("units", f"of no steps gives {none!r}", "an array of shape (0,)")
        if not np.isfinite(counts).all() or (counts < 0).any():
            raise subject.broken("units", f"of {name} has {counts.min()}", "numbers from 0")
        if any(float(one[0]) != float(counts[at]) for at, one in enumerate(alone)):
            raise subject.broken("units", f"of {name} depends on the steps around a step", "counts by that step alone")
        with subject.calling("encode", f"the canonical form of {name}"):
            kept = codec.units(codec.encode(codec.canonical(piece)).steps).sum()
        if "round_trip" not in subject.failed and not np.isclose(kept, counts.sum()):
            raise subject.broken("units", f"of {name} sum to {counts.sum():g}, of its canonical form to {kept:g}", "")
        total += float(counts.sum())
    if not total > 0:
        raise subject.broken("units", "of all samples together are 0", f"the {subject.plugin.unit}s there are")
    return f"{total:,.0f} {subject.plugin.unit}s, {total / len(subject.pieces):,.0f} a piece"


# -- what they share ------------------------------------------------------------------------------


def same(subject: Subject, one: Any, other: Any) -> bool:
    """Return whether two contents are equal by their own `==`, which must be a yes or a no."""
    with subject.calling("__eq__", "two contents"):
        found = one == other
    if not isinstance(found, bool | np.bool_):
        raise CheckFailed(
            f"`==` of two contents ({_kind(one)}, {subject.entry.distribution}) gives {_kind(found)}, and must say"
            " True or False: put an array into a frozen dataclass with an __eq__ of its own, or into a tuple"
        )
    return bool(found)


def digest(example: Example) -> str:
    """Return a digest of all that an example holds."""
    parts = [example.steps, example.source, example.features]
    arrays = [None if part is None else [str(part.dtype), part.shape, part.tobytes().hex()] for part in parts]
    text = json.dumps([arrays, sorted(example.labels.items()), example.extras], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(subject: Subject) -> dict[str, Any]:
    """Return digests of the codec and of every encoded piece."""
    arrays = [[name, digest(Example(array))] for name, array in sorted(subject.codec.arrays().items())]
    codec = json.dumps([subject.codec.to_json(), arrays], sort_keys=True)
    return {
        "codec": hashlib.sha256(codec.encode()).hexdigest(),
        "steps": [digest(example) for example in subject.examples],
    }


def difference(one: Piece, other: Piece) -> str:
    """Return where two pieces differ, by what `repr` shows of them."""
    if dict(one.labels) != dict(other.labels) and repr(one.content) == repr(other.content):
        return f"labels {dict(one.labels)}, not {dict(other.labels)}"
    first, second = repr(one.content), repr(other.content)
    at = next((n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    cut = slice(max(0, at - 20), at + 40)
    return f"...{first[cut]}... against ...{second[cut]}..." if first != second else "they look alike, and are not =="


def _fits(example: Example, codec: Codec) -> str:
    """Return what is wrong with an example, "" where it fits its codec."""
    if codec.source is not None and example.source is not None:
        try:
            codec.source.check(example.source)
        except ValueError as error:
            return f"a source outside the codec's: {error}"
    if codec.source is None and example.source is not None:
        return "a source, and the codec has none"
    features = None if example.features is None else (example.features.shape, example.features.dtype)
    if codec.features and features != ((codec.features,), np.dtype(np.float32)):
        return f"features {features}, and must give {codec.features} of float32"
    if not codec.features and example.features is not None:
        return "features, and the codec says `features = 0`"
    unknown = {n: v for n, v in example.labels.items() if v not in codec.labels.get(n, ())}
    if unknown:
        return f"labels that the codec does not list: {unknown}; leave them out"
    try:
        plain = json.loads(json.dumps(dict(example.extras), allow_nan=False))
    except (TypeError, ValueError) as error:
        return f"extras that are no plain JSON: {error}"
    return "" if plain == dict(example.extras) else "extras that JSON changes (a tuple, a number as key)"


def _read_again(subject: Subject) -> list[Piece]:
    twin = Subject.__new__(Subject)
    twin.__dict__.update({k: v for k, v in vars(subject).items() if k != "_readings"})
    return twin.pieces


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"{name} of shape {value.shape}" if isinstance(value, np.ndarray) else name
