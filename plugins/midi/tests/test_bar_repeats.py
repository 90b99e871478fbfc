"""The announcement of repeated bars: distances, tokens and places."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqforge_midi.bar_repeats import MAX_DISTANCE, repeat_distances
from seqforge_midi.score import Score
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song, note_array

BAR = 4 * TICKS_PER_QUARTER
BARS = st.lists(st.sampled_from(["", "A", "B", "C"]), max_size=90)


@given(BARS)
def test_distances_lead_to_equal_bars_and_no_repeat_is_missed(bars: list[str]) -> None:
    distances = repeat_distances(bars).tolist()
    assert len(distances) == len(bars)
    for bar, distance in enumerate(distances):
        before = distances[bar - 1] if bar else 0
        repeats = [k for k in range(1, min(bar, MAX_DISTANCE) + 1) if bars[bar] and bars[bar - k] == bars[bar]]
        assert distance in repeats or (distance == 0 and not repeats)
        if before in repeats:
            assert distance == before
        elif repeats:
            runs = {k: run_length(bars, bar, k) for k in repeats}
            assert distance == min(k for k in repeats if runs[k] == max(runs.values()))


def run_length(bars: list[str], bar: int, distance: int) -> int:
    length = 0
    while bar + length < len(bars) and bars[bar + length] and bars[bar + length] == bars[bar + length - distance]:
        length += 1
    return length


def song_of(bars: list[list[tuple[int, int]]], velocity: int = 80) -> Song:
    """Return a song whose bars have eighths: pairs of the number of the eighth and the pitch; -1 is a drum."""
    notes = []
    for bar, content in enumerate(bars):
        for eighth, pitch in content:
            start = bar * BAR + eighth * TICKS_PER_QUARTER // 2
            is_drum = pitch < 0
            length = TICKS_PER_QUARTER // (8 if is_drum else 2)
            program = DRUMS if is_drum else 0
            notes.append((start, start + length, 36 if is_drum else pitch, velocity + bar % 3, program))
    return Song.from_events(note_array(notes))


def names_of(score: Score, song: Song) -> list[str]:
    return [score.vocabulary.names()[step] for step in score.encode(song)]


def test_bar_tokens_announce_repeats_of_notes_whatever_their_velocities() -> None:
    score = Score(grid=4, microtiming=1, velocity_bins=127, bar_repeats=True)
    first, second = [(0, 60), (2, 64), (4, -1)], [(1, 62)]
    song = song_of([first, second, first, second, second, [], [(1, 62), (3, 62)], first])
    names = names_of(score, song)
    assert [name for name in names if name.startswith("bar")] == [
        "bar", "bar", "bar:2", "bar:2", "bar:1", "bar", "bar", "bar:5",
    ]  # fmt: skip
    assert score.decode(score.encode(song).tolist(), {}) == score.canonical(song)
    plain = Score(grid=4, microtiming=1, velocity_bins=127)
    assert [name.split(":")[0] for name in names_of(plain, song)] == [name.split(":")[0] for name in names]


def test_the_announced_bar_is_what_the_network_reads() -> None:
    score = Score(grid=4, microtiming=1, velocity_bins=127, bar_repeats=True)
    first = [(0, 60), (2, 64), (4, 67)]
    steps = score.encode(song_of([first, [(0, 65)], [(0, 67)], first]))
    places = score.places()
    assert places.distances == (1, 2, 4, 8, 0, -1)
    assert places.named_distances(steps).tolist() == type(places).__mro__[1].named_distances(places, steps).tolist()
    (start,) = np.flatnonzero(steps == score.vocabulary.index["bar", 3])
    assert (
        not places.named_distances(steps)[: start + 1].any() and (places.named_distances(steps)[start + 1 :] == 3).all()
    )
    assert Score(grid=4, microtiming=1, velocity_bins=127).places().distances == (1, 2, 4, 8, 0)
