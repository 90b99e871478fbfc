from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge_corpora
from seqforge import Example, Piece, ReadError, RequestError
from seqforge_midi import Midi, MidiCodec, MidiOptions, MidiRequest, Song
from seqforge_midi.chorale import Chorale
from seqforge_midi.infill import InfillAutomaton
from seqforge_midi.lint import check_file
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, note_array
from seqforge_midi.voice_grid import SIXTEENTH, VoiceGrid
from seqforge_midi.voices import Voices

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
OPTIONS = {
    "score": MidiOptions(),
    "score with microtiming": MidiOptions(grid=4, microtiming=12),
    "chorale": MidiOptions(encoding="chorale"),
    "voices": MidiOptions(encoding="voices"),
}
FILES = {
    "score": sorted((CORPORA / "lieder").glob("*.mid"))[::12],
    "score with microtiming": sorted((CORPORA / "groove").glob("*.mid"))[::20],
    "chorale": sorted((CORPORA / "jsb" / "train").glob("*.mid"))[::20],
    "voices": sorted((CORPORA / "jsb16" / "train").glob("*.mid"))[::20],
}
CHORALE_FILE = sorted((CORPORA / "jsb" / "train").glob("*.mid"))[0]
EARLY_TICKS = {"score": 0, "score with microtiming": 60, "chorale": 0, "voices": 0}
"""Ticks by which a note may start before its bar."""

NoteRow = tuple[int, ...]


def read_song(path: Path) -> Song:
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError), piece
    return piece.content


def write_and_read(song: Song, path: Path) -> Song:
    Midi().write([Piece(song)], path)
    return read_song(path)


def random_walk(constraint: InfillAutomaton, kinds: list[str], seed: int, min_steps: int) -> list[int]:
    """Return random allowed steps, led to the nearest end; the laws of `Constraint` are checked on the way."""
    rng = np.random.default_rng(seed)
    state = constraint.start()
    steps: list[int] = []
    while True:
        allowed = np.flatnonzero(constraint.allowed(state)).tolist()
        distance = constraint.to_end(state)
        assert (distance == 0) == constraint.may_end(state)
        if not distance and (len(steps) >= min_steps or not allowed):
            return steps
        assert allowed
        if len(allowed) == 1:
            step = allowed[0]
            assert not distance or constraint.to_end(constraint.advance(state, step)) == distance - 1
        elif len(steps) >= min_steps:
            step = next(step for step in allowed if constraint.to_end(constraint.advance(state, step)) == distance - 1)
        else:
            kind = rng.choice(sorted({kinds[step] for step in allowed}))
            step = int(rng.choice([step for step in allowed if kinds[step] == kind]))
        steps.append(step)
        state = constraint.advance(state, step)
        hash(state)


def notes_by_bar(song: Song, early_ticks: int) -> list[list[NoteRow]]:
    """Return the notes of each bar: start and end relative to the bar, pitch, velocity, program."""
    bar_starts = np.array(song.bar_starts())
    rows: list[list[NoteRow]] = [[] for _ in bar_starts]
    for start, end, *rest in song.notes.tolist():
        bar = int(np.searchsorted(bar_starts, start + early_ticks, side="right")) - 1
        rows[bar].append((start - int(bar_starts[bar]), end - int(bar_starts[bar]), *rest))
    return rows


def without_ends(rows: list[NoteRow]) -> list[NoteRow]:
    return [(row[0], *row[2:]) for row in rows]


def frames_of(song: Song, frame_ticks: int) -> set[tuple[int, int]]:
    """Return the pairs of frame and pitch that sound."""
    notes = song.notes.tolist()
    return {(tick // frame_ticks, pitch) for start, end, pitch, *_ in notes for tick in range(start, end, frame_ticks)}


def random_infill(codec: MidiCodec, request: MidiRequest, seed: int, min_steps: int) -> Song:
    """Return a song whose gap is filled at random."""
    task = codec.task(request)
    [prompt] = task.prompts
    assert isinstance(prompt.constraint, InfillAutomaton)
    steps = random_walk(prompt.constraint, codec.encoding.vocabulary.kinds, seed, min_steps)
    assert steps[: len(prompt.example.steps)] == prompt.example.steps.tolist()
    piece = codec.decode(Example(np.array(steps), extras=prompt.example.extras))
    return task.finish([piece]).content


@pytest.mark.parametrize("extra_bars", [0, 3])
@pytest.mark.parametrize("name", OPTIONS)
def test_infill_keeps_the_bars_around_the_gap(name: str, extra_bars: int, tmp_path: Path) -> None:
    prompt_file = tmp_path / "prompt.mid"
    tested = 0
    for seed, path in enumerate(FILES[name]):
        original = write_and_read(read_song(path).first_bars(20), prompt_file)
        codec = MidiCodec.fit([Piece(original)], OPTIONS[name])
        expected = codec.canonical(Piece(original)).content
        bar_starts, bars = expected.bar_starts(), len(expected.bar_starts())
        if bars < 3:
            continue
        rng = np.random.default_rng(seed)
        first = int(rng.integers(1, bars + 1))
        last = min(bars - (first == 1), first + int(rng.integers(0, 4)))
        request = MidiRequest(
            prompt_file=prompt_file, infill=f"{first}-{last}", bars=bars + extra_bars if extra_bars else 0
        )
        result = random_infill(codec, request, seed, min_steps=seed % 2 * 10_000 * (not extra_bars))
        tested += 1
        assert len(result.bar_starts()) == bars + extra_bars, path
        Midi().write([Piece(result)], tmp_path / "result.mid")
        assert check_file(tmp_path / "result.mid") == []
        if isinstance(codec.encoding, Chorale):
            frame_ticks = codec.encoding.frame_ticks
            gap = range(bar_starts[first - 1] // frame_ticks, bar_starts[1] * last // frame_ticks)
            end = expected.length // frame_ticks
            expected_frames, result_frames = (
                {cell for cell in frames_of(song, frame_ticks) if cell[0] not in gap} for song in (expected, result)
            )
            assert {cell for cell in result_frames if cell[0] < end} == expected_frames, path
            continue
        assert set(result.programs) <= set(expected.programs)
        if isinstance(codec.encoding, Voices):
            outside = np.ones(expected.length // SIXTEENTH, np.bool_)
            outside[bar_starts[first - 1] // SIXTEENTH : [*bar_starts, expected.length][last] // SIXTEENTH] = False
            expected_pitches, result_pitches = (
                VoiceGrid.from_song(song).pitches[: len(outside)] for song in (expected, result)
            )
            count = min(len(expected_pitches), len(result_pitches))  # the last bar may end early
            assert count == len(outside) or last == bars
            outside = outside[:count]
            assert np.array_equal(expected_pitches[:count][outside], result_pitches[:count][outside]), path
            continue
        early_ticks = EARLY_TICKS[name]
        expected_bars, result_bars = notes_by_bar(expected, early_ticks), notes_by_bar(result, early_ticks)
        for bar in [*range(first - 1), *range(last, bars)]:
            assert without_ends(result_bars[bar]) == without_ends(expected_bars[bar]), path
            assert bar < last or bar == bars - 1 or result_bars[bar] == expected_bars[bar], path
            for note, result_note in zip(expected_bars[bar], result_bars[bar], strict=True):
                end = bar_starts[bar] + result_note[1]  # a note of the gap may shorten a note that lasts into it
                assert result_note[1] == note[1] or bar_starts[first - 1] - early_ticks < end
    assert tested >= 4


def song_with_changes() -> Song:
    """Return six bars of piano, violin and drums; bars 3 and 4 are in 3/4, the others in 4/4."""
    bar_starts = [0, 1920, 3840, 5280, 6720, 8640]
    rows = [
        (start + 240 * step, start + 240 * step + 200, 60 + 3 * bar + step, 30 + 8 * bar + 20 * (step % 3), program)
        for bar, start in enumerate(bar_starts)
        for step in range(6)
        for program in (0, 40, DRUMS)[(bar + step) % 2 :]
    ]
    tempos = [(0, 100), (1920, 90), (4000, 120), (5280, 80), (8640, 100)]
    time_signatures = [(0, (4, 4)), (3840, (3, 4)), (6720, (4, 4))]
    return Song.from_events(note_array(rows), tempos, time_signatures)


def value_at(changes: tuple[tuple[int, Any], ...], tick: int) -> Any:
    """Return the time signature or the tempo at a tick."""
    return [value for change_tick, value in changes if change_tick <= tick][-1]


@pytest.mark.parametrize("name", ["score", "score with microtiming"])
@pytest.mark.parametrize("infill", ["1", "1-2", "2", "2-3", "3-4", "3-5", "4", "5-6", "6"])
def test_infill_restores_tempo_and_time_signature_after_the_gap(name: str, infill: str, tmp_path: Path) -> None:
    prompt_file = tmp_path / "prompt.mid"
    codec = MidiCodec.fit([Piece(song_with_changes())], OPTIONS[name])
    expected = codec.canonical(Piece(write_and_read(song_with_changes(), prompt_file))).content
    first, _, last = infill.partition("-")
    kept_bars = [bar for bar in range(6) if not int(first) <= bar + 1 <= int(last or first)]
    for seed in range(4):
        request = MidiRequest(prompt_file=prompt_file, infill=infill)
        result = random_infill(codec, request, seed, min_steps=10_000)
        expected_bars = notes_by_bar(expected, EARLY_TICKS[name])
        result_bars = notes_by_bar(result, EARLY_TICKS[name])
        assert len(result_bars) == 6
        for bar in kept_bars:
            tick, expected_tick = result.bar_starts()[bar], expected.bar_starts()[bar]
            assert without_ends(result_bars[bar]) == without_ends(expected_bars[bar])
            assert value_at(result.time_signatures, tick) == value_at(expected.time_signatures, expected_tick)
            assert value_at(result.tempos, tick + 200) == value_at(expected.tempos, expected_tick + 200)


@pytest.mark.parametrize(
    ("encoding", "request_fields", "field"),
    [
        ("chorale", {"infill": "3-4"}, "infill"),
        ("chorale", {"infill": "4-3", "prompt_file": CHORALE_FILE}, "infill"),
        ("score", {"infill": "0-3", "prompt_file": CHORALE_FILE}, "infill"),
        ("score", {"infill": "3to4", "prompt_file": CHORALE_FILE}, "infill"),
        ("score", {"infill": "3-400", "prompt_file": CHORALE_FILE}, "infill"),
        ("score", {"infill": "1-4", "prompt_file": CHORALE_FILE, "prompt_bars": 4}, "infill"),
        ("chorale", {"infill": "2", "prompt_file": CHORALE_FILE, "bars": 4}, "bars"),
        ("performance", {"infill": "2", "prompt_file": CHORALE_FILE}, "infill"),
    ],
)
def test_impossible_infill_is_a_request_error(encoding: Any, request_fields: dict[str, Any], field: str) -> None:
    codec = MidiCodec.fit([Piece(read_song(CHORALE_FILE))], MidiOptions(encoding=encoding))
    with pytest.raises(RequestError) as caught:
        codec.task(MidiRequest(**request_fields))
    assert (caught.value.field, caught.value.value) == (field, request_fields[field])
    assert "\n" not in str(caught.value)


def test_prompt_without_infill_has_four_bars_by_default() -> None:
    codec = MidiCodec.fit([Piece(read_song(CHORALE_FILE))], OPTIONS["chorale"])
    default, four, all_bars = (
        len(codec.task(MidiRequest(prompt_file=CHORALE_FILE, prompt_bars=bars)).prompts[0].example.steps)
        for bars in (None, 4, 0)
    )
    assert default == four < all_bars
