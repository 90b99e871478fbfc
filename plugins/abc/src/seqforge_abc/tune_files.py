"""The reader of every file that contains tunes, by its suffix."""

from collections.abc import Iterator
from pathlib import Path

from seqforge import ReadError
from seqforge_abc.midi_reader import MIDI_SUFFIXES, read_midi
from seqforge_abc.musicxml_reader import MUSICXML_SUFFIXES, read_musicxml
from seqforge_abc.reader import read_book
from seqforge_abc.session_dump import DUMP_SUFFIXES, read_dump
from seqforge_abc.tune import Tune

__all__ = ["IMPORT_SUFFIXES", "read_tune_file"]

IMPORT_SUFFIXES = (*DUMP_SUFFIXES, *MUSICXML_SUFFIXES, *MIDI_SUFFIXES)
"""The suffixes of files other than tune books."""


def read_tune_file(path: Path) -> Iterator[tuple[Tune, str] | ReadError]:
    """Yield the tunes of a file, each with its place, such as "line 5", and an error for each unreadable tune.

    Example:
        for item in read_tune_file(Path("session.abc")):
            if not isinstance(item, ReadError):
                tune, place = item

    Args:
        path: A table of tunes, MusicXML or MIDI by its suffix; any other file is a tune book.
    """
    suffix = path.suffix.lower()
    if suffix in DUMP_SUFFIXES:
        yield from read_dump(path)
    elif suffix in MUSICXML_SUFFIXES:
        yield from read_musicxml(path)
    elif suffix in MIDI_SUFFIXES:
        yield from read_midi(path)
    else:
        for item in read_book(path):
            yield item if isinstance(item, ReadError) else (item[0], f"line {item[1]}")
