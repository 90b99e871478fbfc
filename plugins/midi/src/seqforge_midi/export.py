"""Writes songs as MIDI, MusicXML, SVG or WAV, by the suffix of the path."""

import io
from pathlib import Path

from seqforge_midi.audio import write_wav
from seqforge_midi.midi_chunks import wrap_in_riff
from seqforge_midi.midi_file import to_midi_file
from seqforge_midi.musicxml import to_musicxml
from seqforge_midi.piano_roll import draw_piano_roll
from seqforge_midi.song import Song


def write_song(song: Song, path: Path, *, provenance: str = "") -> None:
    """Write a song in the format of a path's suffix.

    Example:
        write_song(song, Path("song.musicxml"))

    Args:
        song: The song.
        path: The file to write: .musicxml, .svg, .wav, .rmi (MIDI in RIFF), or any other suffix for MIDI.
        provenance: Where the song comes from; it is stored in the file, except in WAV.

    Raises:
        WriteError: If the user's soundfont cannot be played.
    """
    match path.suffix.lower():
        case ".musicxml":
            path.write_bytes(to_musicxml(song, provenance))
        case ".svg":
            path.write_text(draw_piano_roll(song, provenance), encoding="utf-8")
        case ".wav":
            write_wav(song, path)
        case ".rmi":
            path.write_bytes(wrap_in_riff(_midi_bytes(song, provenance)))
        case _:
            path.write_bytes(_midi_bytes(song, provenance))


def _midi_bytes(song: Song, provenance: str) -> bytes:
    """Return a song as the bytes of a MIDI file."""
    buffer = io.BytesIO()
    to_midi_file(song, provenance).save(file=buffer)
    return buffer.getvalue()
