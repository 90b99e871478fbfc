"""A song that is an edited file: the bytes of the file belong to it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from seqforge import ReadError
from seqforge_midi.reader import read_songs
from seqforge_midi.song import Song


@dataclass(frozen=True, eq=False)
class EditedSong(Song):
    """The music of an edited MIDI file, and the file itself, which holds more than a song does.

    Attributes:
        data: The content of the file. MIDI files are written with these bytes, other formats from the notes.
    """

    data: bytes = b""


def edited_song(data: bytes) -> EditedSong:
    """Return the song of an edited file.

    Args:
        data: The content of a MIDI file.

    Raises:
        ReadError: If the file has no notes any more.
    """
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        path = Path(folder) / "edited.mid"
        path.write_bytes(data)
        piece = next(read_songs(path))
    if isinstance(piece, ReadError):
        raise piece
    return EditedSong(**vars(piece.content), data=data)
