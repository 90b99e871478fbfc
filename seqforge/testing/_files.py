"""Checks of written files: a file in every format, which reads back as the same piece."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical
from seqforge.errors import ContractError, ReadError, listing
from seqforge.plugin import CarriesProvenance, Checks, Paginates, Piece, Prepares
from seqforge.plugin.pages import pages_of
from seqforge.plugin.records import embed_record
from seqforge.plugin.validation import validate_items, validate_units, write_pieces
from seqforge.testing._compare import digest
from seqforge.testing._results import CheckFailed, CheckSkipped
from seqforge.testing._subject import Subject
from seqforge.testing._violations import check_violations
from seqforge.testing._walks import random_result

REAL_PIECES, BOOK_PIECES = 6, 5
RECORD = '{"text": "<&> -- % \\\\ \\u00e9", "numbers": [' + ", ".join(map(str, range(1000))) + "]}"
RANDOM_LENGTHS = (17, 57, 97, 137)


def files_are_written(subject: Subject) -> str:
    """`write` writes one file in every format of `writes`, with several pieces in those of `multi_piece`.

    If the plugin has `prepare_write`, it is called before.
    """
    pieces = _real_pieces(subject, 2)
    for suffix in subject.plugin.writes:
        if isinstance(subject.plugin, Prepares):
            with subject.calling("prepare_write", suffix):
                subject.plugin.prepare_write(suffix)
        _write_one(subject, pieces[:1], suffix)
        if suffix in subject.plugin.multi_piece:
            _write_one(subject, pieces, suffix)
    return ", ".join(subject.plugin.writes)


def written_files_read_back(subject: Subject) -> str:
    """A piece that is written in a format that the plugin reads has the same steps when it is read again.

    Vectors must have about as many units, because a file rounds numbers. Several pieces that are written to one file
    are read back as that many, each with the same steps; if every sample is a file of its own, one piece with as many
    units as all of them together is accepted.
    """
    plugin = subject.plugin
    suffixes = [suffix for suffix in plugin.writes if not plugin.reads or suffix in plugin.reads]
    if not suffixes:
        raise CheckSkipped("the plugin reads none of the formats that it writes")
    for suffix in suffixes:
        for piece in _real_pieces(subject, REAL_PIECES) + _random_results(subject):
            _read_back(subject, piece, suffix)
        if suffix in plugin.multi_piece and "files_are_written" not in subject.failed:
            _read_book(subject, _real_pieces(subject, BOOK_PIECES), suffix)
    return f"{', '.join(suffixes)}: {REAL_PIECES} real pieces, one by one and together, and random allowed steps"


def pages_are_written(subject: Subject) -> str:
    """`pages` returns at least one piece, each of one page, which `write` writes to every suffix of `page_suffixes`."""
    plugin = subject.plugin
    if not isinstance(plugin, Paginates):
        raise CheckSkipped("the pages of a piece belong into one file")
    subject.require("declaration_is_valid")
    subject.require("files_are_written")
    unknown = [suffix for suffix in plugin.page_suffixes if suffix not in plugin.writes]
    if unknown:
        raise subject.failure("pages", f"is for {listing(unknown)}, which `writes` lacks", "pages for these only")
    count = 0
    for suffix in plugin.page_suffixes:
        for piece in _real_pieces(subject, REAL_PIECES) + _random_results(subject):
            with subject.calling("pages", "a piece to write"):
                pages = pages_of(plugin, [piece], suffix)
            for page in pages:
                with subject.calling("pages", "one page"):
                    parts = len(pages_of(plugin, page, suffix))
                if parts != 1:
                    raise subject.failure("pages", f"divides a page into {parts} pages", "the page")
                _write_one(subject, page, suffix)
            count += len(pages)
    return f"{listing(plugin.page_suffixes)}: {count} pages"


def provenance_is_carried(subject: Subject) -> str:
    """A file with an embedded record gives back the record and the bytes before, and reads as the same piece."""
    plugin = subject.plugin
    if not isinstance(plugin, CarriesProvenance):
        raise CheckSkipped("files of the plugin carry no provenance")
    subject.require("declaration_is_valid")
    subject.require("files_are_written")
    unknown = [suffix for suffix in plugin.provenance_suffixes if suffix not in plugin.writes]
    if unknown:
        problem = f"has `provenance_suffixes` with {listing(unknown)}"
        raise subject.failure("embed", problem, "records for suffixes of `writes` only")
    for suffix in plugin.provenance_suffixes:
        (piece,) = _real_pieces(subject, 1)
        _read_back(subject, piece, suffix, record=RECORD)
    for suffix in plugin.provenance_suffixes:
        with subject.calling("extract", f"bytes that are no {suffix} file"):
            if plugin.extract(b"", suffix) is not None or plugin.extract(b"\xff\x00 record", suffix) is not None:
                raise subject.failure("extract", f"finds a record in bytes that are no {suffix} file", "None")
    return listing(plugin.provenance_suffixes)


def _read_back(subject: Subject, piece: Piece[Any], suffix: str, *, record: str = "") -> None:
    """Write a piece, with an embedded record if one is given, read it if the plugin can, and compare both."""
    plugin, codec = subject.plugin, subject.codec
    with subject.calling("encode", "a piece to write"):
        written = codec.encode(piece)
    if not len(written.steps):
        return
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        path = Path(folder) / f"piece{suffix}"
        with subject.calling("write", f"a piece as {suffix}"):
            write_pieces(plugin, [piece], path)
        if record:
            with subject.calling("embed", f"a record in a {suffix} file"):
                embed_record(plugin, path, record)
            if plugin.reads and suffix not in plugin.reads:
                return
        pieces = [Piece(item.content, piece.labels) for item in _read_written(subject, path)]
    if isinstance(plugin, Checks) and not plugin.violations(piece):
        for restored in pieces:
            check_violations(subject, restored, f"a piece without violations as {suffix}, read again", method="write")
    if len(pieces) != 1:
        raise subject.failure("read", f"yields {len(pieces)} pieces of the {suffix} file that `write` wrote", "1 piece")
    with subject.calling("encode", f"the piece of the written {suffix} file"):
        lost = _lost(subject, written, codec.encode(pieces[0]))
    if lost:
        raise subject.failure("read", f"yields another piece of the {suffix} file that `write` wrote: other {lost}")


def _read_book(subject: Subject, pieces: Sequence[Piece[Any]], suffix: str) -> None:
    """Write several pieces to one file, read it, and compare each piece."""
    plugin, codec = subject.plugin, subject.codec
    with subject.calling("encode", "pieces to write to one file"):
        written = [codec.encode(piece) for piece in pieces]
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        path = Path(folder) / f"pieces{suffix}"
        with subject.calling("write", f"{len(pieces)} pieces as {suffix}"):
            write_pieces(plugin, pieces, path)
        items = _read_written(subject, path)
    restored = []
    with subject.calling("encode", f"the pieces of the written {suffix} file"):
        for number, item in enumerate(items):
            restored.append(codec.encode(Piece(item.content, pieces[min(number, len(pieces) - 1)].labels)))
    if len(items) == 1 and len(pieces) > 1 and not subject.reads_books:
        units = [
            sum(float(validate_units(plugin, codec, example.steps).sum()) for example in examples)
            for examples in (written, restored)
        ]
        if units[1] >= units[0]:
            return
    if len(items) != len(pieces):
        problem = f"of {len(pieces)} pieces as {suffix} leaves a file from which `read` yields {len(items)}"
        raise subject.failure("write", problem)
    for number, (before, after) in enumerate(zip(written, restored, strict=True), 1):
        if lost := _lost(subject, before, after):
            problem = f"of {len(pieces)} pieces as {suffix} leaves another piece {number} in the file: other {lost}"
            raise subject.failure("write", problem)


def _read_written(subject: Subject, path: Path) -> list[Piece[Any]]:
    """Return the pieces of a file that `write` wrote; the file must be readable as a whole."""
    with subject.calling("read", f"the written {path.suffix} file"):
        items = list(validate_items(subject.plugin, path, subject.options))
    errors = [item for item in items if isinstance(item, ReadError)]
    if errors or not items:
        reason = errors[0].reason if errors else "it finds no piece"
        raise subject.failure("read", f"rejects the {path.suffix} file that `write` wrote: {reason}")
    return [item for item in items if isinstance(item, Piece)]


def _lost(subject: Subject, written: Example, restored: Example) -> str:
    """Return what a file did not preserve, "" if nothing; extras that `write` added, such as a title, are allowed."""
    if not isinstance(subject.codec.space, Categorical):  # a file rounds numbers
        before, after = (
            float(validate_units(subject.plugin, subject.codec, example.steps).sum()) for example in (written, restored)
        )
        return "" if abs(before - after) <= 0.5 * before + 1 else f"units ({after:g} instead of {before:g})"
    first, second = (Example(e.steps, e.source, e.labels, e.features) for e in (written, restored))
    if digest(first) != digest(second):
        pairs = enumerate(zip(written.steps.tolist(), restored.steps.tolist(), strict=False))
        start = next((number for number, (a, b) in pairs if a != b), len(restored.steps))
        return f"steps, labels or source (from step {start + 1} of {len(written.steps)})"
    return listing(name for name, value in written.extras.items() if restored.extras.get(name) != value)


def _real_pieces(subject: Subject, count: int) -> list[Piece[Any]]:
    """Return decoded samples, the shorter ones, none empty."""
    examples = sorted(subject.short_examples, key=lambda example: len(example.steps))
    with subject.calling("decode", "the steps of samples"):
        return [subject.codec.decode(example) for example in examples[len(examples) // 4 :][:count]]


def _random_results(subject: Subject) -> list[Piece[Any]]:
    """Return results of the default request with random allowed steps; [] if there is no constraint."""
    try:
        subject.require("constraint_follows_its_laws")
        subject.require("allowed_steps_decode")
        _, rng = subject.constraints, subject.rng("walks")
        return [random_result(subject, subject.tasks[0], rng, length) for length in RANDOM_LENGTHS]
    except (CheckSkipped, CheckFailed, ContractError):  # reported by the checks of constraints and tasks
        return []


def _write_one(subject: Subject, pieces: Sequence[Piece[Any]], suffix: str) -> None:
    """Write pieces over an empty file, in a folder without other files."""
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        path = Path(folder) / f"piece{suffix}"
        path.touch()
        with subject.calling("write", f"{len(pieces)} pieces as {suffix}"):
            write_pieces(subject.plugin, pieces, path)
        others = [other.name for other in Path(folder).iterdir() if other != path]
        if others:
            raise subject.failure("write", f"leaves {others[0]} beside the {suffix} file; it must write one file")
