"""Numbered parts of a file that a request names, such as lines of a poem: "poem.txt:3-4,9"."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from seqforge.errors import RequestError

__all__ = ["FileSelection"]

_SELECTION = re.compile(r"(?P<path>.+):(?P<ranges>\d{1,6}(?:-\d{1,6})?(?:\s*,\s*\d{1,6}(?:-\d{1,6})?)*)\s*")


@dataclass(frozen=True)
class FileSelection:
    """The parts of a file that the value of an option names, such as the lines to write again.

    >>> selection = FileSelection.parse("poem.txt:3-4,9")
    >>> selection.path.name, selection.numbers(12, "lines")
    ('poem.txt', (3, 4, 9))

    Attributes:
        text: The value of the option.
        path: The file.
        ranges: The first and the last number of each range, from 1, in the order of the text.
        field: The name of the option.
    """

    text: str
    path: Path
    ranges: tuple[tuple[int, int], ...]
    field: str

    @classmethod
    def parse(cls, text: str, *, field: str = "infill", example: str = "poem.txt:3-4,9") -> Self:
        """Return the selection that a text names.

        Args:
            text: A file, a colon, and ranges that are separated by commas.
            field: The name of the option.
            example: A value that is allowed, for the error.

        Raises:
            RequestError: If the text has another form.
        """
        match = _SELECTION.fullmatch(text)
        if match is None:
            raise RequestError.invalid(field, text, f"a file and the numbers of its parts, such as {example}")
        ranges = []
        for part in match["ranges"].split(","):
            first, _, last = part.strip().partition("-")
            ranges.append((int(first), int(last or first)))
        return cls(text, Path(match["path"]), tuple(ranges), field)

    def read_text(self, max_bytes: int) -> str:
        """Return the content of the file, which is UTF-8.

        Args:
            max_bytes: The largest size of the file in bytes.

        Raises:
            RequestError: If the file is larger or cannot be read.
        """
        try:
            if self.path.stat().st_size > max_bytes:
                raise RequestError.invalid(self.field, self.text, f"a file of at most {max_bytes / 1e6:g} MB; split it")
            return self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise RequestError(
                f"`{self.field}` is {self.text}: {self.path} cannot be read ({reason})",
                field=self.field,
                value=self.text,
            ) from error

    def numbers(self, count: int, parts: str) -> tuple[int, ...]:
        """Return the numbers of the parts, from 1, ascending and without repetition.

        Args:
            count: The number of parts that the file has.
            parts: What the parts are, such as "lines", for the error.

        Raises:
            RequestError: If a range is empty, or names parts that the file lacks.
        """
        if any(not 1 <= first <= last <= count for first, last in self.ranges):
            raise RequestError.invalid(self.field, self.text, f"{parts} from 1 to {count} of {self.path.name}")
        return tuple(sorted({number for first, last in self.ranges for number in range(first, last + 1)}))
