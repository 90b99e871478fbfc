"""Reads songs from any file, by its suffix."""

from collections.abc import Iterator
from pathlib import Path

from seqforge import Piece, ReadError
from seqforge_midi.musicxml_reader import MUSICXML_SUFFIXES, read_score
from seqforge_midi.reader import read_songs
from seqforge_midi.song import Song


def read_song_file(path: Path) -> Iterator[Piece[Song] | ReadError]:
    """Yield the songs of a MIDI file, or the song of a MusicXML file.

    Example:
        for piece in read_song_file(Path("score.mxl")):
            print(piece)

    Args:
        path: The path of the file; MusicXML by its suffix, else MIDI.
    """
    return read_score(path) if path.suffix.lower() in MUSICXML_SUFFIXES else read_songs(path)
