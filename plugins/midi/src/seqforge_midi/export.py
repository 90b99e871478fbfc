"""Writes songs as MIDI, scores, pictures or sound, by the suffix of the path."""

import io
from pathlib import Path

from seqforge_midi.audio import write_wav
from seqforge_midi.edited_song import EditedSong
from seqforge_midi.midi_chunks import wrap_in_riff
from seqforge_midi.midi_file import to_midi_file
from seqforge_midi.notation.compression import compress
from seqforge_midi.notation.engraving import engrave_pages, engrave_picture
from seqforge_midi.notation.musicxml import to_musicxml
from seqforge_midi.piano_roll import draw_piano_roll
from seqforge_midi.song import Song
from seqforge_midi.typeset import to_pdf, to_png


def write_song(song: Song, path: Path, *, provenance: str = "") -> None:
    """Write a song in the format of a path's suffix.

    Example:
        write_song(song, Path("song.musicxml"))

    Args:
        song: The song.
        path: The file to write: .musicxml, .mxl (the same, compressed), .pdf (the engraved score), .svg or .png (a
            piano roll, or the score if the layout of the song says so), .wav, .rmi (MIDI in RIFF), or any other suffix
            for MIDI.
        provenance: Where the song comes from; it is stored in MIDI and MusicXML, and in the SVG of a piano roll.

    Raises:
        WriteError: If a library that the format needs is not installed or fails, or the user's soundfont cannot be
            played.
    """
    match path.suffix.lower():
        case ".musicxml":
            path.write_bytes(to_musicxml(song, title=song.layout.title, provenance=provenance))
        case ".mxl":
            path.write_bytes(compress(to_musicxml(song, title=song.layout.title, provenance=provenance)))
        case ".svg":
            path.write_text(_picture(song, provenance), encoding="utf-8")
        case ".png":
            path.write_bytes(to_png(_picture(song, provenance)))
        case ".pdf":
            title = song.layout.title
            path.write_bytes(to_pdf(engrave_pages(to_musicxml(song, title=title), title), title))
        case ".wav":
            write_wav(song, path)
        case ".rmi":
            path.write_bytes(wrap_in_riff(_midi_bytes(song, provenance)))
        case _:
            path.write_bytes(_midi_bytes(song, provenance))


def _picture(song: Song, provenance: str) -> str:
    """Return the picture of a song that its layout names, as SVG."""
    if song.layout.picture == "score":
        return engrave_picture(to_musicxml(song, title=song.layout.title), song.layout.title)
    return draw_piano_roll(song, provenance)


def _midi_bytes(song: Song, provenance: str) -> bytes:
    """Return a song as the bytes of a MIDI file; an edited file has no other events than before."""
    if isinstance(song, EditedSong):
        return song.data
    buffer = io.BytesIO()
    to_midi_file(song, provenance).save(file=buffer)
    return buffer.getvalue()
