"""The choice of a tune and of its bars by a text: `book.abc#3:5-8` is bars 5 to 8 of the tune X:3 of a book."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqforge import ReadError, RequestError, input_file, listing
from seqforge_abc.lines import read_lines
from seqforge_abc.tune import Tune
from seqforge_abc.tune_files import IMPORT_SUFFIXES, read_tune_file

__all__ = ["TuneChoice"]

STDIN = Path("-")
_CHOICE = re.compile(r"(?P<path>.+?)(?:#(?P<number>\d{1,9}))?(?::(?P<bars>[\d\s,-]+))?", re.DOTALL)
_RANGE = re.compile(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?")
_NUMBER_FIELD = re.compile(rb"\s*\[?X:\s*(\d+)")


@dataclass(frozen=True)
class TuneChoice:
    """A tune of a file, and some of its bars.

    >>> TuneChoice.parse("tunes/book.abc#3:5-8,13", field="infill").bars
    (5, 6, 7, 8, 13)

    Attributes:
        path: The file; "-" is standard input.
        number: The number in the X: field of the tune, or its position in a file without such fields, from 1; None if
            the file contains one tune.
        bars: The numbers of the bars, ascending; empty if none are chosen.
        field: The name of the field of the request, for messages.
        text: The text of the field.
    """

    path: Path
    number: int | None
    bars: tuple[int, ...]
    field: str
    text: str

    @classmethod
    def parse(cls, text: str, *, field: str) -> "TuneChoice":
        """Return the choice that a text describes.

        Args:
            text: FILE, FILE#NUMBER, FILE:BARS or FILE#NUMBER:BARS.
            field: The name of the field of the request, for messages.

        Raises:
            RequestError: If a range of bars is not ascending.
        """
        if Path(text).exists():  # a name may contain # and :
            return cls(Path(text), None, (), field, text)
        match = _CHOICE.fullmatch(text)
        if match is None:
            raise RequestError.invalid(field, text, "a file, such as tune.abc or book.abc#3")
        number = int(match["number"]) if match["number"] else None
        bars: set[int] = set()
        for part in (match["bars"] or "").split(",") if match["bars"] else ():
            limits = _RANGE.fullmatch(part)
            first, last = (int(limits[1]), int(limits[2] or limits[1])) if limits else (1, 0)
            if first > last:
                raise RequestError.invalid(field, text, "a file with ranges of bars, such as tune.abc:5-8,13")
            bars.update(range(first, last + 1))
        return cls(Path(match["path"]), number, tuple(sorted(bars)), field, text)

    @property
    def is_stream(self) -> bool:
        """Whether the file can be read only once: standard input or a pipe."""
        return self.path == STDIN or (self.path.exists() and not self.path.is_file() and not self.path.is_dir())

    @property
    def name(self) -> str:
        """The name of the file, with the number of the tune."""
        name = "standard input" if self.path == STDIN else self.path.name
        return name if self.number is None else f"{name}#{self.number}"

    def read(self) -> Tune:
        """Return the tune.

        Raises:
            RequestError: If there is no such file or tune, the tune cannot be read, or the file contains several tunes
                and none is chosen.
        """
        try:
            path = input_file(self.path, field=self.field, suffix=".abc")
            if path.is_dir() or not path.exists():
                raise self._error("there is no such file")
            items = list(read_tune_file(path))
            is_book = path.suffix.lower() not in IMPORT_SUFFIXES
            numbers = _numbers(path, items) if is_book else list(range(1, len(items) + 1))
        except OSError as error:
            raise self._error(f"it cannot be read ({error.strerror})") from error
        chosen = [item for item, number in zip(items, numbers, strict=True) if self.number in (None, number)]
        if not chosen:
            known = listing([f"{self.path}#{number}" for number in numbers if number is not None], most=6)
            others = f"there are {known}" if known else "no tune of the file has an X: field"
            raise self._error(f"there is no tune X:{self.number}; {others}")
        if len(chosen) > 1 and self.number is not None:
            raise self._error(f"{len(chosen)} tunes are X:{self.number}; renumber them")
        if len(chosen) > 1:
            example = next((number for number in numbers if number is not None), 1)
            raise self._error(
                f"the file contains {len(chosen)} tunes; choose one by its number in X:, such as {self.path}#{example}"
            )
        if isinstance(chosen[0], ReadError):
            raise self._error(f"the tune in line {chosen[0].line or 1} {chosen[0].reason}")
        return chosen[0][0]

    def _error(self, reason: str) -> RequestError:
        return RequestError(f"`{self.field}` is {self.text}: {reason}", field=self.field, value=self.text)


def _numbers(path: Path, items: Sequence[tuple[Tune, str] | ReadError]) -> list[int | None]:
    """Return the number in the X: field of each tune of a book, None for a tune without it."""
    with path.open("rb") as file:
        fields = {line: match for line, raw in read_lines(file) if raw and (match := _NUMBER_FIELD.match(raw))}
    lines = [item.line or 1 if isinstance(item, ReadError) else int(item[1].removeprefix("line ")) for item in items]
    return [int(match[1][:9]) if (match := fields.get(line)) else None for line in lines]
