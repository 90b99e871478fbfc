"""The task of an infill in the voices encoding: the generated notes of the gap are spliced into the file."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from seqforge import Piece, Prompt, ReadError, RequestError, Task
from seqforge_midi.edited_song import edited_song
from seqforge_midi.infill_notes import fit_notes
from seqforge_midi.midi_parts import Part, PartsFile
from seqforge_midi.song import DRUMS, Song
from seqforge_midi.splice import FileNote, Span, splice
from seqforge_midi.voice_grid import SIXTEENTH, VOICE_PROGRAMS, VOICES, VoiceGrid
from seqforge_midi.window_bars import bars_of


class VoiceInfillTask(Task[Song]):
    """Bars of all voices of a file that are written anew; everything else stays as it is.

    Each generated voice goes to the part that plays it in the file; a voice that the file lacks is left out.

    Args:
        prompt: The prompt.
        file: The file.
        gap: The first tick of the gap and the tick after its last one, in ticks of the song.
    """

    def __init__(self, prompt: Prompt, file: PartsFile, gap: tuple[int, int]) -> None:
        super().__init__([prompt])
        self.file, self.gap = file, gap
        self.voices = parts_of_voices(file)
        start, end = (file.first_file_tick(tick) for tick in gap)
        pitched = (part for part in file.parts if int(part.notes["program"][0]) != DRUMS)
        self.spans = [Span(part.track, part.channel, start, end) for part in pitched]

    def finish(self, pieces: Sequence[Piece[Song]]) -> Piece[Song]:
        """Return the edited file."""
        notes = pieces[0].content.notes
        notes = notes[(notes["start"] >= self.gap[0]) & (notes["start"] < self.gap[1])]
        generated: dict[int, tuple[Part, list[FileNote]]] = {}
        for voice, part in self.voices.items():
            of_voice = self._file_notes(notes[notes["program"] == VOICE_PROGRAMS[voice]], part)
            generated.setdefault(part.number, (part, []))[1].extend(of_voice)
        fitted = fit_notes(self.file, self.spans, [(part, sorted(of_part)) for part, of_part in generated.values()])
        data = splice(self.file.data, self.file.chunks.tracks, self.spans, fitted)
        try:
            return Piece(edited_song(data), pieces[0].labels)
        except ReadError as error:
            raise RequestError(f"the infill leaves no notes in the file ({error.reason})", field="infill") from error

    def _file_notes(self, notes: np.ndarray, part: Part) -> list[FileNote]:
        """Return notes of the song as notes of the file, with the median velocity of their part."""
        velocity = int(np.median(part.notes["velocity"]))
        rows = zip(notes["start"].tolist(), notes["end"].tolist(), notes["pitch"].tolist(), strict=True)
        return [
            FileNote(
                self.file.first_file_tick(start),
                max(self.file.file_tick(end), self.file.first_file_tick(start) + 1),
                part.channel,
                pitch,
                velocity,
            )
            for start, end, pitch in rows
        ]


def parts_of_voices(file: PartsFile) -> dict[int, Part]:
    """Return the part that plays most notes of each voice, by the number of the voice from 0 for the soprano.

    Example:
        parts_of_voices(read_parts(Path("chorale.mid"), "prompt_file"))[0].name  # "Soprano"
    """
    grid = VoiceGrid.from_song(file.song)
    votes: dict[int, Counter[int]] = {voice: Counter() for voice in range(VOICES)}
    for number, part in enumerate(file.parts):
        starts = np.rint(file.song_ticks(part.notes["start"]) / SIXTEENTH).astype(np.int64)
        is_in_grid = (part.notes["program"] != DRUMS) & (starts < len(grid.pitches))
        pitches = part.notes["pitch"][is_in_grid]
        for voice in range(VOICES):
            votes[voice][number] += int((grid.pitches[starts[is_in_grid], voice] == pitches).sum())
    winners = {voice: counter.most_common(1)[0] for voice, counter in votes.items()}
    return {voice: file.parts[number] for voice, (number, count) in winners.items() if count}


def gap_ticks(file: PartsFile, prompt: Song, bars: tuple[int, int], text: str) -> tuple[int, int]:
    """Return the first tick of a gap and the tick after its last one, in ticks of the song.

    Args:
        file: The file.
        prompt: Its music as the encoding keeps it.
        bars: The first and last bar of the gap, counted from 1.
        text: The field `infill` of the request, for messages.

    Raises:
        RequestError: If the bars of the file are not those of the encoding, which has one time signature.
    """
    first, last = bars
    of_file = bars_of(file.song)
    starts = [*prompt.bar_starts(), prompt.length]
    start, end = of_file[first - 1].start, of_file[min(last, len(of_file)) - 1].end
    if (starts[first - 1], last < len(starts) - 1 and starts[last]) != (start, last < len(starts) - 1 and end):
        raise RequestError(
            f"`infill` is {text!r}, and the time signature of the file changes before these bars end; models with the"
            " encoding 'voices' read one time signature, so use a model with the encoding 'score' or 'chorale'",
            field="infill", value=text,
        )  # fmt: skip
    return start, end
