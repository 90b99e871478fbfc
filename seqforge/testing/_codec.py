"""Checks of reading and of the codec: the same steps in every process, and an equal piece after decoding."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from seqforge.core.sequences import Example
from seqforge.errors import ReadError, listing
from seqforge.plugin import AnyCodec, Piece
from seqforge.plugin.validation import (
    validate_codec,
    validate_example,
    validate_piece,
    validate_state,
    validate_units,
)
from seqforge.testing._compare import codec_digests, difference, digest, equal
from seqforge.testing._mutations import damaged_json
from seqforge.testing._results import CheckFailed
from seqforge.testing._subject import Subject
from seqforge.testing._violations import check_violations, is_valid_sample

REJECTIONS = (ValueError, LookupError, TypeError, AttributeError)
"""The errors by which `from_state` and `upgrade_state` reject data; the core adds the name of the file."""


def samples_are_read(subject: Subject) -> str:
    """`read` yields pieces and ReadErrors, and pieces that are equal by `==` when it reads a file again."""
    items = subject.items
    errors = [item for item in items if isinstance(item, ReadError)]
    if len(errors) == len(items):
        reasons = listing(map(str, errors), most=2) or "the files are empty"
        raise subject.failure("read", f"finds no piece in {len(subject.files)} files: {reasons}")
    pieces = [item for item in subject.read_items() if isinstance(item, Piece)]
    if len(pieces) != len(subject.pieces):
        problem = f"finds {len(subject.pieces)} pieces, and {len(pieces)} when it reads the files again"
        raise subject.failure("read", problem, "the same pieces")
    for number, (first, second) in enumerate(zip(subject.pieces, pieces, strict=True)):
        if not equal(subject, first.content, second.content):
            problem = f"yields another piece for {subject.sample_name(number)} when it reads the file again"
            raise subject.failure("read", problem, "an equal piece")
    skipped = f", {len(errors)} skipped (first: {errors[0]})" if errors else ""
    return f"{len(subject.pieces)} pieces of {len(subject.files)} files{skipped}"


def codec_is_fitted(subject: Subject) -> str:
    """`Codec.fit` returns a codec after one pass over the pieces, with a valid space, source, labels and features."""
    codec = subject.codec
    return f"a step is one of {codec.space}, labels: {listing(codec.labels) or 'none'}"


def pieces_are_encoded(subject: Subject) -> str:
    """`encode` accepts every piece and returns valid steps, which are the same when it encodes the piece again."""
    codec = subject.codec
    for number, (piece, example) in enumerate(zip(subject.pieces, subject.examples, strict=True)):
        name = subject.sample_name(number)
        problem = _example_problem(example, codec)
        if problem:
            raise subject.failure("encode", f"of {name} returns {problem}")
        with subject.calling("encode", f"{name} again"):
            again = validate_example(subject.plugin, codec, codec.encode(piece))
        if digest(again) != digest(example):
            raise subject.failure("encode", f"returns another example for {name} the second time", "the same")
    steps = sum(len(example.steps) for example in subject.examples)
    dropped = sum(bool(example.dropped) for example in subject.examples)
    return f"{steps:,} steps; in {dropped} of {len(subject.pieces)} samples something is replaced or left out"


def encoding_is_deterministic(subject: Subject) -> None:
    """The same files give the same codec and steps in every process, independent of PYTHONHASHSEED."""
    expected = codec_digests(subject)
    spec = {
        "path": sys.path,
        "plugin": subject.plugin.name,
        "samples": subject.samples,
        "options": subject.option_values,
    }
    for seed in ("1", "2"):
        subject.on_call(f"encoding with PYTHONHASHSEED={seed}")
        process = subprocess.run(
            [sys.executable, "-m", "seqforge.testing", json.dumps(spec, default=str), "digests"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        answer = json.loads(process.stdout.strip().rpartition("\n")[2] or "{}") if not process.returncode else {}
        if "codec" not in answer:
            reason = answer.get("error") or process.stderr.strip().rpartition("\n")[2]
            raise CheckFailed(f"{subject.owner_text} fails in another process: {reason}")
        if answer["codec"] != expected["codec"]:
            problem = "returns another codec in another process; sort the elements of a set before use"
            raise subject.failure("fit", problem)
        for number, (first, second) in enumerate(zip(expected["steps"], answer["steps"], strict=True)):
            if first != second:
                name = subject.sample_name(number)
                problem = f"returns other steps for {name} in another process; sort the elements of a set before use"
                raise subject.failure("encode", problem)


def round_trip(subject: Subject) -> str:
    """For every piece `decode(encode(p)) == canonical(p)`, labels included, and `canonical` is idempotent."""
    plugin, codec = subject.plugin, subject.codec
    changed, example_of_change = 0, ""
    for number, (piece, example) in enumerate(zip(subject.pieces, subject.examples, strict=True)):
        name = subject.sample_name(number)
        with subject.calling("canonical", name), _forbidden_decode(subject):
            canonical = validate_piece(plugin, codec.canonical(piece), "canonical", owner=codec)
            again = validate_piece(plugin, codec.canonical(canonical), "canonical", owner=codec)
        if not _same(subject, canonical, again):
            problem = f"changes the piece that it returned for {name}: {difference(again, canonical)}"
            raise subject.failure("canonical", problem)
        with subject.calling("decode", f"the steps of {name}"):
            decoded = validate_piece(plugin, codec.decode(example), "decode", owner=codec)
        if not _same(subject, decoded, canonical):
            problem = f"of the steps of {name} differs from `canonical`: {difference(decoded, canonical)}"
            raise subject.failure("decode", problem)
        if is_valid_sample(subject, number):
            check_violations(subject, decoded, f"the steps of {name}, which has no violations", method="decode")
        if not equal(subject, piece.content, canonical.content):
            changed += 1
            example_of_change = example_of_change or f"; in {name}: {difference(canonical, piece)}"
    return f"canonical changes {changed} of {len(subject.pieces)} samples{example_of_change}"


def codec_state_round_trip(subject: Subject) -> str:
    """`from_state` makes, from what `state` returned, a codec that encodes and decodes the same."""
    plugin, codec = subject.plugin, subject.codec
    with subject.calling("state", "the codec"):
        data, arrays = validate_state(plugin, codec)
    text = json.dumps(data, allow_nan=False)
    with subject.calling("from_state", "what `state` returned"):
        restored = plugin.codec.from_state(json.loads(text), arrays, subject.options)
        restored = validate_codec(plugin, restored, "from_state")
        restored_data, _ = validate_state(plugin, restored)
    for name in ("space", "source", "features", "labels"):
        expected, actual = getattr(codec, name), getattr(restored, name)
        if actual != expected:
            raise subject.failure("from_state", f"returns a codec whose `{name}` is {actual}", f"{expected}")
    if json.dumps(restored_data, sort_keys=True) != json.dumps(data, sort_keys=True):
        raise subject.failure("from_state", "returns a codec with another `state`", "an equal codec")
    for number, (piece, example) in enumerate(zip(subject.pieces, subject.examples, strict=True)):
        name = subject.sample_name(number)
        with subject.calling("encode", f"{name} with the restored codec"):
            if digest(restored.encode(piece)) != digest(example):
                raise subject.failure("from_state", f"returns a codec that encodes {name} differently")
        with subject.calling("decode", f"the steps of {name} with the restored codec"):
            if not equal(subject, restored.decode(example).content, codec.decode(example).content):
                raise subject.failure("from_state", f"returns a codec that decodes {name} differently")
    return f"{len(text):,} characters of JSON, {len(arrays)} arrays"


def damaged_state_is_rejected(subject: Subject) -> str:
    """For damaged data, `from_state` and `upgrade_state` raise only ValueError, KeyError, TypeError, AttributeError."""
    subject.require("codec_state_round_trip")
    codec = subject.plugin.codec
    data, arrays = validate_state(subject.plugin, subject.codec)
    rejected, total = 0, 0
    for damage, damaged in damaged_json(json.loads(json.dumps(data))):
        total += 1
        try:
            with subject.calling("from_state", f"data with {damage}", allowed=REJECTIONS):
                codec.from_state(damaged, arrays, subject.options)
        except REJECTIONS:
            rejected += 1
        for version in range(1, codec.version):
            argument = f"data of version {version} with {damage}"
            try:
                with subject.calling("upgrade_state", argument, allowed=REJECTIONS):
                    upgraded = codec.upgrade_state(damaged, version)
            except REJECTIONS:
                continue
            if not isinstance(upgraded, Mapping):
                raise subject.failure("upgrade_state", f"returns {type(upgraded).__name__}", "a mapping")
    return f"{rejected} of {total} rejected"


def units_add_up(subject: Subject) -> str:
    """`units` returns numbers from 0 that depend on their step alone and have the same sum for the canonical form."""
    plugin, codec, total = subject.plugin, subject.codec, 0.0
    for number, (piece, example) in enumerate(zip(subject.pieces, subject.examples, strict=True)):
        name, steps = subject.sample_name(number), example.steps
        with subject.calling("units", name):
            units = validate_units(plugin, codec, steps)
            validate_units(plugin, codec, steps[:0])
            single = [float(validate_units(plugin, codec, steps[i : i + 1])[0]) for i in range(min(len(steps), 50))]
        if not np.isfinite(units).all() or (units < 0).any():
            raise subject.failure("units", f"of {name} returns {units.min()}", "numbers from 0")
        if single != [float(value) for value in units[:50]]:
            raise subject.failure(
                "units", f"of {name} depends on other steps", "a number that depends on its step alone"
            )
        with subject.calling("encode", f"the canonical form of {name}"):
            canonical = validate_units(plugin, codec, codec.encode(codec.canonical(piece)).steps).sum()
        if "round_trip" not in subject.failed and not np.isclose(canonical, units.sum()):
            problem = f"of {name} sums to {units.sum():g}, and to {canonical:g} for its canonical form"
            raise subject.failure("units", problem)
        total += float(units.sum())
    if not total > 0:
        raise subject.failure("units", "sums to 0 for all samples together", f"the number of {plugin.unit}s")
    return f"{total:,.0f} {plugin.unit}s, {total / len(subject.pieces):,.0f} per piece"


@contextmanager
def _forbidden_decode(subject: Subject) -> Iterator[None]:
    """Fail if `canonical` calls `decode`: the law decode(encode(p)) == canonical(p) would hold whatever is lost."""
    codec, decode = subject.codec, subject.codec.decode

    def forbidden(example: Example) -> Piece[Any]:
        problem = "calls `decode`, so the round-trip law holds whatever `encode` loses"
        raise subject.failure("canonical", problem, "what the encoding keeps, without `encode` and `decode`")

    codec.decode = forbidden  # type: ignore[method-assign]
    try:
        yield
    finally:
        del codec.decode
        assert codec.decode == decode


def _same(subject: Subject, first: Piece[Any], second: Piece[Any]) -> bool:
    return equal(subject, first.content, second.content) and dict(first.labels) == dict(second.labels)


def _example_problem(example: Example, codec: AnyCodec) -> str:
    """Return what is wrong with a validated example beyond the rules of `validate_example`; "" if nothing is."""
    if codec.features and example.features is None:
        return f"no features; it must return {codec.features} numbers of float32"
    unknown = {name: value for name, value in example.labels.items() if value not in codec.labels.get(name, ())}
    if unknown:
        return f"the labels {unknown}, which `labels` of the codec does not contain; leave them out"
    try:
        restored = json.loads(json.dumps(dict(example.extras), allow_nan=False))
    except (TypeError, ValueError) as error:
        return f"extras that are not plain JSON: {error}"
    return "" if restored == dict(example.extras) else "extras that JSON changes (a tuple, a number as key)"
