"""Pairs of a source and a target: lines of parallel files, or lines with a tab."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Self

from seqforge import Origin, Piece, ReadError, RequestError, prompt_text
from seqforge_text.options import TextOptions, TextRequest

__all__ = ["Pair", "read_pairs", "read_sources"]

MAX_SOURCES = 100_000
"""The largest number of sources of one request."""


class Pair(str):
    """A source and a target as one string with a tab between them, so that a pair is content like any other text.

    >>> pair = Pair.of("zwei Hunde", "two dogs")
    >>> pair.source, pair.target
    ('zwei Hunde', 'two dogs')
    """

    __slots__ = ()

    @classmethod
    def of(cls, source: str, target: str) -> Self:
        """Return the pair of two texts; tabs in the source become spaces."""
        return cls(f"{source.replace(chr(9), ' ')}\t{target}")

    @property
    def source(self) -> str:
        """The text before the first tab."""
        return self.partition("\t")[0]

    @property
    def target(self) -> str:
        """The text after the first tab; empty if there is none."""
        return self.partition("\t")[2]


def read_pairs(path: Path, options: TextOptions) -> Iterator[Piece[str] | ReadError]:
    """Yield the pairs of a file, each with its line; lines that are blank on both sides are no pairs.

    The targets of parallel files are read with their sources, so a file of targets yields nothing.

    Example:
        for piece in read_pairs(Path("train.de"), TextOptions(pairs="de-en")):
            print(piece.content.source, piece.content.target)

    Args:
        path: The file: .tsv, or one of two parallel files.
        options: The options of the plugin; `pairs` is set.
    """
    suffixes = options.pair_suffixes
    if suffixes is None:
        yield from _tab_separated(path)
        return
    source, target = (path.with_suffix(suffix) for suffix in suffixes)
    if path.suffix not in suffixes:
        yield ReadError(f"`pairs` is {options.pairs}, so files end in {' or '.join(suffixes)}", file=str(path))
        return
    missing = next((file for file in (source, target) if not file.is_file()), None)
    if missing is not None:
        yield ReadError(f"there is no file {missing.name} beside it with the other half of the pairs", file=str(path))
    elif path.suffix == suffixes[0]:
        yield from _parallel(source, target)


def _parallel(source: Path, target: Path) -> Iterator[Piece[str] | ReadError]:
    counts = []
    for path in (source, target):
        with path.open(encoding="utf-8-sig") as lines:
            counts.append(sum(1 for _ in lines))
    if counts[0] != counts[1]:
        reason = (
            f"it has {counts[0]:,} lines, and {target.name} has {counts[1]:,}; each line must belong to the line with"
            " the same number in the other file"
        )
        yield ReadError(reason, file=str(source))
        return
    with source.open(encoding="utf-8-sig") as sources, target.open(encoding="utf-8-sig") as targets:
        for number, (left, right) in enumerate(zip_longest(sources, targets, fillvalue=""), 1):
            yield from _pair(left.strip(), right.strip(), source, number)


def _tab_separated(path: Path) -> Iterator[Piece[str] | ReadError]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            parts = line.rstrip("\n").split("\t")
            if len(parts) == 2:
                yield from _pair(parts[0].strip(), parts[1].strip(), path, number)
            elif line.strip():
                reason = f"the line has {len(parts) - 1} tabs; it must have one, between source and target"
                yield ReadError(reason, file=str(path), line=number)


def _pair(source: str, target: str, path: Path, number: int) -> Iterator[Piece[str] | ReadError]:
    if source and target:
        yield Piece(Pair.of(source, target), origin=Origin(str(path), f"line {number}"))
    elif source or target:
        empty = "target" if source else "source"
        yield ReadError(f"the {empty} is empty; both lines of a pair need a text", file=str(path), line=number)


def read_sources(request: TextRequest) -> list[str]:
    """Return the texts that a request translates: `source`, or the lines of `source_file`.

    >>> read_sources(TextRequest(source="Guten Tag"))
    ['Guten Tag']

    Raises:
        RequestError: If there is none, one is empty, or there are too many.
    """
    name = "source" if request.source_file is None else "source_file"
    text = prompt_text(request.source, request.source_file, field="source")
    sources = text.removesuffix("\n").splitlines() if request.source_file is not None else [text]
    if len(sources) > MAX_SOURCES:
        raise RequestError.invalid(name, f"{len(sources):,} lines", f"at most {MAX_SOURCES:,} lines")
    empty = next((number for number, source in enumerate(sources, 1) if not source.strip()), None)
    if empty is not None or not sources:
        place = f"line {empty} of `source_file`" if request.source_file is not None else "`source`"
        raise RequestError(
            f"{place} is empty, and this model writes the target of a source; give a text", field=name,
            value=text[:80], allowed="a text that is not empty",
        )  # fmt: skip
    return [source.strip() for source in sources]
