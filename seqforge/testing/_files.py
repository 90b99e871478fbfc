"""Checks of what is written: a file of every format, and the piece back out of it."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical
from seqforge.errors import ReadError, listing
from seqforge.plugin import Piece
from seqforge.testing._codec import digest
from seqforge.testing._constraint import walked
from seqforge.testing._results import CheckFailed, Skip
from seqforge.testing._subject import Subject

WRITTEN = 6


def files_are_written(subject: Subject) -> str:
    """`write` writes every format that `writes` names, the one file it is told and no other; a book holds several."""
    pieces = _pieces(subject, 2)
    for suffix in subject.plugin.writes:
        _written(subject, pieces[:1], suffix)
        if suffix in subject.plugin.books:
            _written(subject, pieces, suffix)
    return ", ".join(subject.plugin.writes)


def written_files_read_back(subject: Subject) -> str:
    """A piece that is written in a format the plugin reads is read again: the same steps; of vectors, about as many."""
    plugin, codec, told = subject.plugin, subject.codec, []
    for suffix in plugin.writes:
        if plugin.reads and suffix not in plugin.reads:
            continue
        for piece in _pieces(subject, WRITTEN) + _generated(subject):
            steps = codec.encode(piece)
            if not len(steps.steps):
                continue
            with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
                path = Path(folder) / f"piece{suffix}"
                with subject.calling("write", f"a piece as {suffix}"):
                    plugin.write([piece], path)
                with subject.calling("read", f"what write wrote as {suffix}"):
                    back = list(plugin.read(path, subject.options))
            errors = [item for item in back if isinstance(item, ReadError)]
            if errors or not back:
                what = f"refuses what write wrote as {suffix}: {errors[0].reason if errors else 'there is no piece'}"
                raise subject.broken("read", what, "")
            whole = [Piece(item.content, piece.labels) for item in back if isinstance(item, Piece)]
            again = codec.encode(whole[0]) if len(whole) == 1 else None
            lost = "" if again is None else _lost(subject, steps, again)
            if again is None or lost:
                what = f"as {len(whole)} pieces" if again is None else f"with other {lost}"
                raise CheckFailed(
                    f"{subject.whose('read')}: what {subject.whose('write')} wrote as {suffix} comes back {what}"
                )
        told.append(suffix)
    if not told:
        raise Skip("the plugin reads none of the formats it writes")
    return f"{', '.join(told)}: {WRITTEN} real pieces and some of random allowed steps"


def _lost(subject: Subject, written: Example, back: Example) -> str:
    """Return what a file has not brought back, "" where that is nothing; a title that `write` has added may be new."""
    if not isinstance(subject.codec.space, Categorical):  # a file rounds numbers and draws curves
        units = [float(subject.codec.units(example.steps).sum()) for example in (written, back)]
        return "" if abs(units[0] - units[1]) <= 0.5 * units[0] + 1 else f"units ({units[1]:g} for {units[0]:g})"
    bare = [Example(e.steps, e.source, e.labels, e.features) for e in (written, back)]
    if digest(bare[0]) != digest(bare[1]):
        first, second = written.steps.tolist(), back.steps.tolist()
        at = next((n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(second))
        return f"steps, labels or source (from step {at + 1} of {len(first)} on)"
    return listing(name for name, value in written.extras.items() if back.extras.get(name) != value)


def _pieces(subject: Subject, most: int) -> list[Piece]:
    """Return real pieces as they are after a round trip, none of them empty, the short ones first."""
    examples = sorted(subject.short, key=lambda example: len(example.steps))
    chosen = examples[len(examples) // 4 :][:most]
    with subject.calling("decode", "the steps of samples"):
        return [subject.codec.decode(example) for example in chosen]


def _generated(subject: Subject) -> list[Piece]:
    """Return some pieces of random allowed steps, where there is a constraint."""
    try:
        pieces = walked(subject)[2:18:5]
    except (Skip, CheckFailed):  # told by the checks of the constraint
        return []
    with subject.calling("finish", "the piece of a random walk"):
        return [subject.codec.finish([piece], subject.asked[0]) for piece in pieces]


def _written(subject: Subject, pieces: Sequence[Piece], suffix: str) -> None:
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        path = Path(folder) / f"piece{suffix}"
        path.touch()
        with subject.calling("write", f"{len(pieces)} pieces as {suffix}"):
            subject.plugin.write(pieces, path)
        others = [found.name for found in Path(folder).iterdir() if found != path]
        if others:
            raise subject.broken(
                "write", f"leaves {others[0]} beside the {suffix} file", "one file, the path it is told"
            )
        if not path.exists() or not path.stat().st_size:
            raise subject.broken("write", f"leaves an empty {suffix} file", "a file that holds the pieces")
