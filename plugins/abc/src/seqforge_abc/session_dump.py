"""The reader of tune collections as tables: the data dumps of The Session, and tables with the same columns.

A row contains one setting of a tune: `abc` is its music without header, and `name`, `type`, `meter`, `mode`,
`composer`, `username`, `tune_id` (or `tune`) and `setting_id` (or `setting`) become fields of the header.
Source: https://github.com/adactio/TheSession-data, and the page of a tune as JSON (https://thesession.org/api).
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqforge import ReadError, listing
from seqforge_abc.reader import read_tunes
from seqforge_abc.tune import Tune

DUMP_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl")
MAX_CELL_CHARACTERS = 1 << 22
MUSIC_COLUMN = "abc"
METERS = {
    "jig": "6/8", "slip jig": "9/8", "slide": "12/8", "polka": "2/4", "waltz": "3/4", "mazurka": "3/4",
    "three-two": "3/2",
}  # fmt: skip
"""The meter of a type of tune, for rows without a meter; 4/4 for other types."""
_FIELD_LINES = re.compile(r"(?:[ \t]*[A-Za-z]:(?![|:]).*(?:\n|\Z))*")
_FIELD_LETTER = re.compile(r"^[ \t]*([A-Za-z]):", re.MULTILINE)
_Row = tuple[str, int | None, Mapping[str, Any]]
"""The place of a row, its line if it has one, and its cells."""


def read_dump(path: Path) -> Iterator[tuple[Tune, str] | ReadError]:
    """Yield the tune of each row with its place, or an error for a row without a tune that can be read.

    Example:
        for item in read_dump(Path("tunes.csv")):
            if not isinstance(item, ReadError):
                tune, place = item
    """
    file = str(path)
    try:
        for place, line, row in _rows(path):
            reason = "the row is not an object" if not isinstance(row, Mapping) else ""
            music = "" if reason else str(row.get(MUSIC_COLUMN) or "")
            if not reason and MUSIC_COLUMN not in row:
                names = listing(map(str, row), most=8) if row else "none"
                yield ReadError(
                    f"has no column {MUSIC_COLUMN!r} with the music of a tune; its columns: {names}", file=file
                )
                return
            if reason or not music.strip():
                yield _error(reason or f"the column {MUSIC_COLUMN!r} is empty", file, place, line)
                continue
            items = list(read_tunes(io.BytesIO(tune_text(row).encode("utf-8", "replace"))))
            first = items[0]
            if isinstance(first, ReadError):
                yield _error(first.reason, file, place, line)
            elif len(items) > 1:
                yield _error(f"contains {len(items)} tunes; a row contains one", file, place, line)
            else:
                yield first[0], place
    except (UnicodeDecodeError, csv.Error, ValueError, RecursionError) as error:
        yield ReadError(f"cannot be read as a table ({error})", file=file)


def _error(reason: str, file: str, place: str, line: int | None) -> ReadError:
    return ReadError(reason if line is not None else f"{place}: {reason}", file=file, line=line)


def tune_text(row: Mapping[str, Any]) -> str:
    """Return a row as the text of one tune.

    >>> print(tune_text({"name": "A Tune", "type": "jig", "mode": "Edorian", "abc": "EFG|"}))
    X:1
    T:A Tune
    R:jig
    M:6/8
    L:1/8
    K:Edorian
    EFG|

    Args:
        row: The cells by column; music that has a header of its own is returned as it is. A header begins the music and
            contains X:, or K: and another field; a K: field alone is a change of key.
    """
    music = "\n".join(line for line in str(row[MUSIC_COLUMN]).splitlines() if line.strip())
    fields_before = _FIELD_LINES.match(music)
    letters = set(_FIELD_LETTER.findall(fields_before[0] if fields_before else ""))
    if "X" in letters or ("K" in letters and letters & set("TMLR")):
        return music if music.lstrip().startswith("X:") else f"X:1\n{music}"
    cells = {name: " ".join(str(value).split()) for name, value in row.items() if value is not None}
    kind = cells.get("type", "")
    tune, setting = (cells.get(f"{name}_id") or cells.get(name, "") for name in ("tune", "setting"))
    source = f"https://thesession.org/tunes/{tune}" if tune.isdecimal() else ""
    fields = {
        "T": cells.get("name", ""),
        "C": cells.get("composer", ""),
        "S": source + f"#setting{setting}" if source and setting.isdecimal() else source,
        "Z": cells.get("username", ""),
        "R": kind,
        "M": cells.get("meter") or METERS.get(kind.lower(), "4/4"),
        "L": "1/8",
        "K": cells.get("mode") or cells.get("key") or "none",
    }
    header = [f"{letter}:{value}".replace("%", "\\%") for letter, value in fields.items() if value]
    return "\n".join(["X:1", *header, music])


def _rows(path: Path) -> Iterator[_Row]:
    match path.suffix.lower():
        case ".json":
            return _json_rows(path)
        case ".jsonl":
            return _json_lines(path)
        case _:
            return _csv_rows(path)


def _csv_rows(path: Path) -> Iterator[_Row]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARACTERS))
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline(1 << 16)
        file.seek(0)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=header.count)
        reader = csv.DictReader(file, delimiter=delimiter)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            line = max(2, line)
            yield f"line {line}", line, {name: value for name, value in row.items() if isinstance(name, str)}


def _json_lines(path: Path) -> Iterator[_Row]:
    with path.open(encoding="utf-8-sig") as file:
        for line, text in enumerate(file, 1):
            if text.strip():
                yield f"line {line}", line, json.loads(text)


def _json_rows(path: Path) -> Iterator[_Row]:
    value = json.loads(path.read_text(encoding="utf-8-sig"))
    for number, entry in enumerate(value if isinstance(value, list) else [value], 1):
        settings = entry.get("settings") if isinstance(entry, dict) else None
        if not isinstance(settings, list):
            yield f"entry {number}", None, entry
            continue
        common = {name: entry[name] for name in ("name", "type", "meter", "composer") if name in entry}
        for setting in settings:
            row = {**common, **setting} if isinstance(setting, dict) else {}
            yield (
                f"entry {number}, setting {row.get('id')}",
                None,
                {**row, "tune": entry.get("id"), "setting": row.get("id")},
            )
