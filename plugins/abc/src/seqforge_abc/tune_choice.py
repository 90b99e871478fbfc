"""The choice of a tune and of its bars by a text: `book.abc#3:5-8` is bars 5 to 8 of the tune X:3 of a book."""

import re
from dataclasses import dataclass
from pathlib import Path

from seqforge import ReadError, RequestError, input_file, listing
from seqforge_abc.lines import read_lines
from seqforge_abc.reader import read_book
from seqforge_abc.tune import Tune

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
        number: The number in the X: field of the tune; None if the file contains one tune.
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
            items = list(read_book(path))
            numbers = _tune_numbers(path)
        except OSError as error:
            raise self._error(f"it cannot be read ({error.strerror})") from error
        lines = [(item.line or 1) if isinstance(item, ReadError) else item[1] for item in items]
        chosen = list(zip(items, lines, strict=True))
        if self.number is not None:
            chosen = [(item, line) for item, line in chosen if numbers.get(line) == self.number]
            if not chosen:
                known = listing([f"{self.path}#{numbers[line]}" for line in lines if line in numbers], most=6)
                raise self._error(f"there is no tune X:{self.number}; there are {known}" if known else "there is no X:")
        if len(chosen) > 1:
            if self.number is not None:
                places = listing([str(line) for _, line in chosen], most=6)
                raise self._error(f"{len(chosen)} tunes are X:{self.number} (lines {places}); number them anew")
            raise self._error(
                f"the file contains {len(chosen)} tunes; choose one by its X: number, such as"
                f" {self.path}#{numbers.get(lines[0], 1)}"
            )
        item = chosen[0][0]
        if isinstance(item, ReadError):
            raise self._error(f"line {item.line or 1}: the tune {item.reason}")
        return item[0]

    def _error(self, reason: str) -> RequestError:
        return RequestError(f"`{self.field}` is {self.text}: {reason}", field=self.field, value=self.text)


def _tune_numbers(path: Path) -> dict[int, int]:
    """Return the number in each X: field of a file, by line."""
    numbers = {}
    with path.open("rb") as file:
        for line, raw in read_lines(file):
            if raw is not None and (match := _NUMBER_FIELD.match(raw)):
                numbers[line] = int(match[1][:9])
    return numbers
