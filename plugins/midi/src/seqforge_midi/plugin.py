"""The plugin: reads MIDI files, and writes MIDI, MusicXML, pictures and audio."""

import dataclasses
import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqforge import (
    CarriesProvenance,
    Checks,
    Describes,
    Edits,
    Fingerprints,
    LaysOut,
    Loops,
    Piece,
    Plugin,
    Prepares,
    Preview,
    Previews,
    ReadError,
)
from seqforge_midi.audio import write_wav
from seqforge_midi.codec import MidiCodec
from seqforge_midi.drum_map import to_general_midi
from seqforge_midi.export import write_song
from seqforge_midi.layout import ConversionLayout
from seqforge_midi.lint import check_file
from seqforge_midi.midi_chunks import unwrap_riff, wrap_in_riff
from seqforge_midi.musicxml_reader import MUSICXML_SUFFIXES
from seqforge_midi.options import MidiOptions
from seqforge_midi.preview_regions import bar_ranges, with_bars
from seqforge_midi.request import MidiRequest
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song, remove_overlaps
from seqforge_midi.song_files import read_song_file
from seqforge_midi.statistics import melody_trace, song_statistics
from seqforge_midi.structure import similarity_matrix, structure
from seqforge_midi.voice_leading import voice_leading

FINGERPRINT_NOTES = 24
"""Songs that share a run of this many intervals, transposed or not, are kept in the same split."""
FINGERPRINT_SAMPLING = 4
"""One of this many fingerprints is kept."""


class Midi(
    Plugin[Song, MidiOptions, MidiRequest],
    Fingerprints[Song],
    Describes[Song],
    Checks[Song],
    LaysOut[Song],
    Loops[Song],
    Prepares,
    Previews[Song],
    Edits[Song],
    CarriesProvenance,
):
    """The MIDI plugin.

    Example:
        plugin = Midi()
        for piece in plugin.read(Path("song.mid"), MidiOptions()):
            plugin.write([piece], Path("song.musicxml"))
    """

    name = "midi"
    summary = "MIDI files of any kind and MusicXML; writes MIDI, MusicXML, engraved scores, piano rolls, and sound"
    unit = "note"
    imports = MUSICXML_SUFFIXES
    folder_imports = (".musicxml", ".mxl")
    reads = (".mid", ".midi", ".smf", ".rmi", ".kar")
    writes = (".mid", ".midi", ".smf", ".rmi", ".musicxml", ".mxl", ".svg", ".png", ".pdf", ".wav")
    provenance_suffixes = (".mid", ".midi", ".smf", ".rmi", ".svg", ".png")
    Options = MidiOptions
    Request = MidiRequest
    Layout = ConversionLayout
    codec = MidiCodec
    native = False
    edits = ("continue", "rewrite")
    edit_suffix = ".mid"
    default_model = "songs"

    def read(self, path: Path, options: MidiOptions) -> Iterator[Piece[Song] | ReadError]:
        """Yield the song of a file; of a file of format 2, one song per track."""
        for item in read_song_file(path):
            yield _with_general_midi(item) if options.kit == "td" and not isinstance(item, ReadError) else item

    def write(self, pieces: Sequence[Piece[Song]], path: Path) -> None:
        """Write a song in the format of the suffix, with its origin in a text field."""
        origin = pieces[0].origin
        provenance = f"made by seqforge: {origin.file}, {origin.place}" if origin else ""
        write_song(pieces[0].content, path, provenance=provenance)

    def lay_out(self, piece: Piece[Song], layout: ConversionLayout) -> Piece[Song]:
        """Return the song with a title and a kind of picture; the drums of a Roland TD kit are mapped."""
        piece = _with_general_midi(piece) if layout.kit == "td" else piece
        song_layout = dataclasses.replace(piece.content.layout, title=layout.title, picture=layout.as_)
        return dataclasses.replace(piece, content=dataclasses.replace(piece.content, layout=song_layout))

    def prepare_write(self, suffix: str) -> None:
        """Start the engraver for .pdf."""
        if suffix == ".pdf":
            from seqforge_midi.notation import engraving

            engraving.start()

    def preview(self, piece: Piece[Song]) -> Preview:
        """Return the piano roll and the sound of a song, and where its bars are."""
        preview = Preview.from_files(self.write, piece, svg=".svg", audio=".wav")
        return with_bars(preview, piece.content)

    def sketch(self, piece: Piece[Song]) -> Preview:
        """Return the piano roll of a song."""
        return Preview.from_files(self.write, piece, svg=".svg")

    def edit(self, kind: str, path: str, numbers: Sequence[int]) -> Mapping[str, Any]:
        """Return the fields that continue a song, or rewrite some of its bars."""
        if kind == "continue":
            return {"prompt_file": path, "prompt_bars": 0}
        return {"prompt_file": path, "infill": bar_ranges(numbers)}

    def write_loop(self, piece: Piece[Song], path: Path) -> None:
        write_wav(piece.content, path, loop=True)

    def embed(self, data: bytes, record: str, suffix: str) -> bytes:
        """Return a file with a record in it: a text event of the MIDI file, which may be wrapped in RIFF."""
        if suffix == ".rmi":
            return wrap_in_riff(super().embed(unwrap_riff(data), record, ".mid"))
        return super().embed(data, record, suffix)

    def extract(self, data: bytes, suffix: str) -> tuple[str, bytes] | None:
        """Return the record of a file and the file without it, None if there is no record."""
        if suffix != ".rmi":
            return super().extract(data, suffix)
        try:
            extracted = super().extract(unwrap_riff(data), ".mid")
        except ValueError:
            return None
        return extracted and (extracted[0], wrap_in_riff(extracted[1]))

    def fingerprints(self, piece: Piece[Song]) -> Iterable[int]:
        """Return keys of runs of intervals and inter-onset times; they are the same in every key and tempo."""
        notes = piece.content.notes
        # the order does not depend on the distribution to tracks
        notes = notes[np.lexsort([notes[name] for name in ("velocity", "end", "pitch", "program", "start")])]
        drums = notes["program"] == DRUMS
        pitches = np.where(drums, notes["pitch"] + 256, notes["pitch"]).astype(np.int64)
        times = np.minimum(np.diff(notes["start"]) // (TICKS_PER_QUARTER // 24), 255)
        intervals = (np.diff(pitches) & 0xFFF) * 256 + times
        if len(intervals) < FINGERPRINT_NOTES:
            return [_hash(intervals.tobytes() + bytes([len(intervals)]))]
        powers = np.power(np.uint64(0x9E3779B97F4A7C15), np.arange(FINGERPRINT_NOTES, dtype=np.uint64))
        with np.errstate(over="ignore"):
            runs = np.lib.stride_tricks.sliding_window_view(intervals.astype(np.uint64), FINGERPRINT_NOTES)
            keys = np.unique((runs * powers).sum(axis=1))
            mixed = keys * np.uint64(0xBF58476D1CE4E5B9)
        sample = keys[(mixed >> np.uint64(32)) % np.uint64(FINGERPRINT_SAMPLING) == 0]
        fingerprints: list[int] = (sample if len(sample) else keys[:1]).tolist()
        return fingerprints

    def describe(self, piece: Piece[Song]) -> Mapping[str, np.ndarray]:
        return song_statistics(piece.content)

    def trace(self, piece: Piece[Song]) -> Sequence[int]:
        """Return the intervals and inter-onset times of the melody; of drums, the sounds and times."""
        return melody_trace(piece.content)

    def measure(self, pieces: Sequence[Piece[Song]]) -> Mapping[str, float]:
        """Return which bars return, how melodies, basses and chords move, and how often rules of four voices break."""
        songs = [piece.content for piece in pieces]
        return {**structure(songs), **voice_leading(songs)}

    def similarity(self, piece: Piece[Song]) -> np.ndarray:
        """Return the similarity of each pair of bars, shape (bars, bars)."""
        return similarity_matrix(piece.content)

    def violations(self, piece: Piece[Song]) -> Sequence[str]:
        """Return the faults of the MIDI file that is written for the song."""
        with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
            path = Path(folder) / "song.mid"
            self.write([piece], path)
            return check_file(path)


def _with_general_midi(piece: Piece[Song]) -> Piece[Song]:
    """Return a song whose drums are mapped from a Roland TD kit to General MIDI."""
    notes = remove_overlaps(to_general_midi(piece.content.notes))
    return dataclasses.replace(piece, content=dataclasses.replace(piece.content, notes=notes))


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
