"""MIDI files into songs, and songs into MIDI, MusicXML, pictures and sound."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqforge import Checks, Describes, Fingerprints, Origin, Piece, Plugin, ReadError
from seqforge_midi.asking import Request
from seqforge_midi.codec import MidiCodec
from seqforge_midi.counting import melody, quantities
from seqforge_midi.options import Options
from seqforge_midi.reading import read_songs
from seqforge_midi.song import DRUMS

RUN = 24
"""Songs with so many notes in a row in common, transposed or not, are kept together."""
EVERY = 4
"""One key of so many is kept."""


class Midi(Plugin, Fingerprints, Describes, Checks):
    """Reads and writes MIDI files."""

    name = "midi"
    summary = "MIDI files of any kind; writes MIDI, MusicXML, piano rolls as SVG, and sound"
    unit = "note"
    reads = (".mid", ".midi", ".smf", ".rmi", ".kar")
    writes = (".mid", ".musicxml", ".svg", ".wav")
    Options: ClassVar[type] = Options
    Request: ClassVar[type] = Request
    codec = MidiCodec
    default_model = "songs"

    def read(self, path: Path, options: Any) -> Iterator[Piece | ReadError]:
        """Yield the song of a file; of a file of format 2, each of its tracks."""
        for found in read_songs(path):
            yield found if isinstance(found, ReadError) else Piece(found[0], origin=Origin(str(path), found[1]))

    def fit(self, pieces: Iterable[Piece], options: Any) -> MidiCodec:
        return MidiCodec.fit(pieces, options)

    def write(self, pieces: Sequence[Piece], path: Path) -> None:
        """Write a song in the format of the suffix; it says where it came from."""
        from seqforge_midi import export

        export.write(pieces[0].content, path, told=_told(pieces[0]))

    def fingerprints(self, piece: Piece) -> Iterable[int]:
        """Return keys of runs of intervals and durations between them, the same in every key and tempo."""
        notes = piece.content.notes
        drums = notes["program"] == DRUMS
        heights = np.where(drums, notes["pitch"] + 256, notes["pitch"]).astype(np.int64)
        waits = np.minimum(np.diff(notes["start"]) // 20, 255)
        steps = (np.diff(heights) & 0xFFF) * 256 + waits
        if len(steps) < RUN:
            return [_key(steps.tobytes() + bytes([len(steps)]))]
        powers = np.power(np.uint64(0x9E3779B97F4A7C15), np.arange(RUN, dtype=np.uint64))
        with np.errstate(over="ignore"):
            runs = np.lib.stride_tricks.sliding_window_view(steps.astype(np.uint64), RUN)
            keys = np.unique((runs * powers).sum(axis=1))
            mixed = keys * np.uint64(0xBF58476D1CE4E5B9)
        chosen = keys[(mixed >> np.uint64(32)) % np.uint64(EVERY) == 0]
        found: list[int] = (chosen if len(chosen) else keys[:1]).tolist()
        return found

    def describe(self, piece: Piece) -> Mapping[str, np.ndarray]:
        return quantities(piece.content)

    def violations(self, piece: Piece) -> Sequence[str]:
        """Return what a player would find wrong with the song's MIDI file."""
        import tempfile

        from seqforge_midi.lint import findings

        with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
            path = Path(folder) / "song.mid"
            self.write([piece], path)
            return findings(path)

    def trace(self, piece: Piece) -> Sequence[int]:
        """Return the intervals and times of the melody; of drums, keys and times."""
        return melody(piece.content)


def _key(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _told(piece: Piece) -> str:
    return f"made by seqforge: {piece.origin.file}, {piece.origin.place}" if piece.origin else ""
