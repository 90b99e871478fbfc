"""Harmonising: one voice of a piece is fixed, and the model writes the others."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from seqforge import Constraint, Example, Piece, Prompt, ReadError, RequestError, Task
from seqforge_midi.chorale import FRAME_GROUP, Chorale
from seqforge_midi.corpus_stats import CorpusStats
from seqforge_midi.encoding import Encoding
from seqforge_midi.fixed_frames import FixedFramesAutomaton, FreeFrame
from seqforge_midi.fixed_notes import FixedNotesAutomaton
from seqforge_midi.fixed_voices import FixedVoicesAutomaton
from seqforge_midi.harmony_request import VoiceName
from seqforge_midi.instruments import program_name
from seqforge_midi.length import room_for
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.program_map import nearest_program
from seqforge_midi.reader import read_songs
from seqforge_midi.request import MidiRequest
from seqforge_midi.score import Score
from seqforge_midi.score_notes import encoded_notes, window_tempos
from seqforge_midi.score_window import FreeVoice, ScoreWindow
from seqforge_midi.song import DRUMS, Song, Track
from seqforge_midi.voice_grid import REST, VoiceGrid
from seqforge_midi.voices import Voices
from seqforge_midi.window_bars import WindowTimes, bars_of

CANDIDATES = 8
"""The number of harmonisations that are drawn; the one that fits the fixed voice best is kept."""
FREE_VOICES = 3
MOST_NOTES = 6
"""The largest number of notes of an accompaniment at one onset."""
PIANO = 0
OTHER_FIELDS: tuple[str, ...] = ("prompt_file", "prompt_bars", "infill", "bars", "seconds", "time_signature")
"""The fields of a request that a melody decides."""


@dataclass(frozen=True, eq=False)
class Harmony:
    """A melody and how the model writes to it.

    Attributes:
        prompt: The prompt.
        melody: The melody.
        programs: The programs that accompany the melody; () in the encodings of four voices.
    """

    prompt: Prompt
    melody: Song
    programs: tuple[int, ...] = ()


class AccompanimentTask(Task[Song]):
    """A melody that is accompanied; its notes and the time map stay as they are in the file.

    Args:
        harmony: The melody and its prompt.
    """

    def __init__(self, harmony: Harmony) -> None:
        super().__init__([harmony.prompt])
        self.harmony = harmony

    def finish(self, pieces: Sequence[Piece[Song]]) -> Piece[Song]:
        """Return the melody with the accompaniment in tracks of its own."""
        song, melody, programs = pieces[0].content, self.harmony.melody, self.harmony.programs
        notes = np.array(song.notes[np.isin(song.notes["program"], programs)])
        tracks = list(melody.tracks)
        for program in programs:
            number = 1 + max((track.number for track in tracks if track.program == program), default=-1)
            notes["track"][notes["program"] == program] = number
            tracks.append(Track(program, number))
        result = Song.from_events(
            np.concatenate([melody.notes, notes]), melody.tempos, melody.time_signatures, melody.pedals, melody.length,
            tracks=tracks,
        )  # fmt: skip
        return Piece(result, pieces[0].labels)


def harmonise(request: MidiRequest, parsed: ParsedRequest, encoding: Encoding, stats: CorpusStats) -> Harmony:
    """Return the melody of a request and its prompt.

    Args:
        request: The request, with a melody.
        parsed: The request with its other fields parsed.
        encoding: The encoding of the model.
        stats: The statistics of the model's corpus.

    Raises:
        RequestError: If the file cannot be read or does not have one voice, the model has no bars, or a field is set
            that the melody decides.
    """
    path = request.melody_file
    assert path is not None
    defaults = {field.name: field.default for field in dataclasses.fields(MidiRequest)}
    decided = OTHER_FIELDS + (("bpm", "transpose") if isinstance(encoding, Score) else ())
    for name in decided:
        if getattr(request, name) != defaults[name]:
            reason = f"`{name}` does not apply together with `given`, whose file decides it; leave it out"
            raise RequestError(reason, field=name, value=getattr(request, name))
    melody = _read_melody(path)
    voice = get_args(VoiceName).index(request.voice)
    example = Example(np.zeros(0, np.uint16), extras=encoding.extras(melody))
    programs: tuple[int, ...] = ()
    if isinstance(encoding, Voices):
        constraint: Constraint = _voices(encoding, melody, voice, parsed)
    elif isinstance(encoding, Chorale):
        constraint = _frames(encoding, melody, voice, stats)
    elif isinstance(encoding, Score):
        named = [program for program in parsed.programs or () if program != DRUMS] if request.program else []
        programs = tuple(named) or (nearest_program(PIANO, stats.ranges) or 0,)
        if not set(programs) <= set(stats.ranges):
            reason = "`given` does not apply to a model of drums, which has no pitches"
            raise RequestError(reason, field="given", value=path)
        constraint = _accompaniment(encoding, melody, programs, stats)
    else:
        reason = "`given` does not apply to a model of performances, which have no bars"
        raise RequestError(reason, field="given", value=path)
    length = room_for(bars=len(melody.bar_starts()), notes=len(melody.notes))
    return Harmony(Prompt(example, constraint, candidates=CANDIDATES, length=length), melody, programs)


def _read_melody(path: Path) -> Song:
    """Return the song of a file that has one voice.

    Raises:
        RequestError: If it cannot be read, has drums, or plays several notes at once.
    """
    if not path.is_file():
        raise RequestError(f"`given` is {path}: there is no such file", field="given", value=path)
    piece = next(read_songs(path))
    if isinstance(piece, ReadError):
        raise RequestError(f"`given` cannot be read: {piece}", field="given", value=path)
    song = piece.content
    notes = song.notes
    if DRUMS in song.programs:
        raise RequestError(f"`given` is {path}: it has drums, and a voice has none", field="given", value=path)
    together = np.flatnonzero(notes["start"][1:] == notes["start"][:-1])
    if len(together):
        starts = np.array(song.bar_starts())
        bar = int(np.searchsorted(starts, notes["start"][together[0]], side="right"))
        names = " and ".join(program_name(program) for program in song.programs)
        raise RequestError(
            f"`given` is {path}: bar {bar} has several notes at once ({names}), and a voice has one; save the voice as"
            " a file of its own",
            field="given", value=path,
        )  # fmt: skip
    return song


def _voices(encoding: Voices, melody: Song, voice: int, parsed: ParsedRequest) -> FixedVoicesAutomaton:
    grid = VoiceGrid.from_song(melody)
    lines = np.where(grid.pitches != REST, grid.pitches, REST)
    column = lines.max(1)
    owner = lines.argmax(1)
    pitches, onsets = np.full_like(grid.pitches, REST), np.zeros_like(grid.onsets)
    pitches[:, voice] = column
    onsets[:, voice] = grid.onsets[np.arange(len(owner)), owner] & (column != REST)
    fixed = VoiceGrid(pitches, onsets, grid.time_signature, grid.pickup)
    key = parsed.key or grid.key()
    return FixedVoicesAutomaton(encoding.vocabulary, fixed, voice, key, dict(parsed.ranges), strict=parsed.strict)


def _frames(encoding: Chorale, melody: Song, voice: int, stats: CorpusStats) -> FixedFramesAutomaton:
    ticks, notes = encoding.frame_ticks, melody.notes
    starts = np.rint(notes["start"] / ticks).astype(np.int64)
    ends = np.maximum(np.rint(notes["end"] / ticks).astype(np.int64), starts + 1)
    fixed: list[list[int]] = [[] for _ in range(int(ends.max()))]
    for start, end, pitch in zip(starts.tolist(), ends.tolist(), notes["pitch"].tolist(), strict=True):
        for frame in range(start, end):
            fixed[frame] = [pitch]
    free = [_free_frame(pitches, voice, stats) for pitches in fixed]
    return FixedFramesAutomaton(FRAME_GROUP, 0, fixed, free)


def _free_frame(fixed: Sequence[int], voice: int, stats: CorpusStats) -> FreeFrame | None:
    """Return what may sound with a pitch of the fixed voice: lower pitches under a soprano, higher ones over a bass."""
    if not fixed:
        return None
    low, high = stats.lowest, stats.highest
    if voice == 0:
        high = fixed[0] - 1
    elif voice == FREE_VOICES:
        low = fixed[0] + 1
    return FreeFrame(frozenset(range(low, high + 1)) - set(fixed), FREE_VOICES)


def _accompaniment(encoding: Score, melody: Song, programs: Sequence[int], stats: CorpusStats) -> FixedNotesAutomaton:
    """Return the automaton of a melody with free notes of other programs."""
    times = WindowTimes(bars_of(melody))
    others = [program for program in stats.ranges if program not in (*programs, DRUMS)] or list(stats.ranges)
    notes = np.array(melody.notes)
    notes["start"], notes["end"] = np.rint(times.to_window(notes["start"])), np.rint(times.to_window(notes["end"]))
    notes["program"] = [nearest_program(program, others) for program in notes["program"].tolist()]
    voices = {
        program: FreeVoice(frozenset(range(stats.ranges[program][0], stats.ranges[program][1] + 1)), MOST_NOTES)
        for program in programs
    }
    bars = range(len(times.time_signatures))
    window = ScoreWindow(
        time_signatures=times.time_signatures,
        tempos=window_tempos(melody, times),
        positions=[times.positions(bar, encoding.step_ticks) for bar in bars],
        voices=[voices for _ in bars],
        notes=encoded_notes(encoding, times, notes),
        is_whole=True,
    )
    return FixedNotesAutomaton(encoding.vocabulary, encoding.microtiming, window)
