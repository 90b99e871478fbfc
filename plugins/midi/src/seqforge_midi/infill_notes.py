"""Generated notes of a window as notes of the file: on its ticks and channels, beside the notes that stay."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from seqforge_midi.infill import Window, staying
from seqforge_midi.midi_parts import Part, PartsFile
from seqforge_midi.song import DRUMS
from seqforge_midi.splice import FileNote, Span


def file_notes(window: Window, part: Part, notes: np.ndarray) -> list[FileNote]:
    """Return generated notes in ticks of the file, within the gaps and the velocities of their part.

    Args:
        window: The window.
        part: The part.
        notes: The notes, of NOTE_DTYPE, with times of the window.
    """
    file, times = window.file, window.times
    low, high = int(part.notes["velocity"].min()), int(part.notes["velocity"].max())
    columns = (times.to_song(notes["start"]), times.to_song(notes["end"]), notes["pitch"], notes["velocity"])
    gaps = [
        (window.bars[gap.first - window.first].start, window.bars[gap.end - 1 - window.first].end)
        for gap in window.gaps
        if any(part.number == member.number for member, _ in gap.parts)
    ]
    result = []
    for start, end, pitch, velocity in sorted(zip(*(column.tolist() for column in columns), strict=True)):
        # a note with microtiming may begin a little before its bar
        first, last = min(gaps, key=lambda gap: max(gap[0] - start, start + 1 - gap[1], 0))
        begin = min(max(file.file_tick(start), file.first_file_tick(first)), file.first_file_tick(last) - 1)
        finish = max(file.file_tick(end), begin + 1)
        result.append(FileNote(begin, finish, part.channel, pitch, min(max(velocity, low), high)))
    return result


def fit_notes(
    file: PartsFile, spans: Sequence[Span], notes: Iterable[tuple[Part, Sequence[FileNote]]]
) -> dict[int, list[FileNote]]:
    """Return generated notes by track, so that no channel sounds a pitch twice.

    A note ends when its pitch is played again on its channel. It is left out where its pitch sounds already. In a part
    that plays one note after the other, a note ends when the next one begins.

    Args:
        file: The file.
        spans: The spans whose notes are removed.
        notes: Each part with its generated notes.
    """
    sounding: dict[tuple[int, int, int], list[tuple[int, int]]] = defaultdict(list)
    for part in file.parts:
        rows = part.notes[staying(part, spans)]
        for start, end, pitch in zip(rows["start"].tolist(), rows["end"].tolist(), rows["pitch"].tolist(), strict=True):
            sounding[part.port, part.channel, pitch].append((start, end))
    result: dict[int, list[FileNote]] = defaultdict(list)
    for part, of_part in notes:
        rows = part.notes[staying(part, spans)]
        fitted = _monophonic(rows, of_part) if _is_monophonic(part) else of_part
        for note in fitted:
            others = sounding[part.port, part.channel, note.pitch]
            if any(start <= note.start < max(end, start + 1) for start, end in others):
                continue
            end = min([note.end, *(start for start, _ in others if start > note.start)])
            others.append((note.start, end))
            result[part.track].append(note._replace(end=end))
    return dict(result)


def _is_monophonic(part: Part) -> bool:
    """Return whether a part never plays a note before the last one ends."""
    notes = part.notes
    return int(notes["program"][0]) != DRUMS and bool((notes["end"][:-1] <= notes["start"][1:]).all())


def _monophonic(rows: np.ndarray, notes: Sequence[FileNote]) -> list[FileNote]:
    """Return notes that end before the next note of their part begins.

    Args:
        rows: The notes of the part that stay, of PART_DTYPE.
        notes: The generated notes.
    """
    onsets = [note.start for note in notes]
    starts = np.unique(np.concatenate([onsets, rows["start"]]).astype(np.int64))
    following = np.searchsorted(starts, onsets, side="right").tolist()
    return [
        note._replace(end=min(note.end, int(starts[index]))) if index < len(starts) else note
        for note, index in zip(notes, following, strict=True)
    ]
