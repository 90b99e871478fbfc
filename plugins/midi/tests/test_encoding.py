import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import DecodeError, ReadError
from seqforge_midi import MidiOptions, Song
from seqforge_midi.codec import make_encoding
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, note_array, pedal_array

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
ENCODINGS = {
    "score": make_encoding(MidiOptions()),
    "score with microtiming": make_encoding(MidiOptions(grid=4, microtiming=12)),
    "performance": make_encoding(MidiOptions(encoding="performance")),
    "chorale": make_encoding(MidiOptions(encoding="chorale")),
    "voices": make_encoding(MidiOptions(encoding="voices")),
}


def read_corpus(name: str) -> list[Song]:
    items = [item for path in sorted((CORPORA / name).rglob("*.mid")) for item in read_songs(path)]
    assert not [item for item in items if isinstance(item, ReadError)]
    return [item.content for item in items if not isinstance(item, ReadError)]


@st.composite
def songs(draw: st.DrawFn, *, drums: bool = True) -> Song:
    programs = st.sampled_from([0, 19, 68, DRUMS] if drums else [0, 19])
    ticks = st.integers(0, 6000)
    notes = draw(
        st.lists(
            st.tuples(ticks, st.integers(0, 4000), st.integers(0, 127), st.integers(1, 127), programs),
            min_size=1,
            max_size=30,
        )
    )
    tempo = st.one_of(st.integers(10, 400), st.integers(1, 2**24 - 1).map(lambda microseconds: 60e6 / microseconds))
    time_signature = st.tuples(st.integers(1, 30), st.sampled_from([1, 2, 4, 8, 32]))
    pedals = draw(st.lists(st.tuples(ticks, st.integers(1, 2000), st.sampled_from([0, 19])), max_size=4))
    return Song.from_events(
        note_array([(start, start + length, *rest) for start, length, *rest in notes]),
        draw(st.lists(st.tuples(ticks, tempo), max_size=4)),
        draw(st.lists(st.tuples(ticks, time_signature), max_size=3)),
        pedal_array([(start, start + length, program) for start, length, program in pedals]),
    )


@pytest.mark.parametrize(
    ("name", "corpus"),
    [
        ("chorale", "jsb"),
        ("voices", "jsb16"),
        ("voices", "jsb"),
        ("voices", "lieder"),
        ("score", "lieder"),
        ("performance", "lieder"),
        ("performance", "groove"),
        ("score with microtiming", "groove"),
        ("score", "groove"),
    ],
)
def test_bundled_files_round_trip_and_are_allowed(name: str, corpus: str) -> None:
    encoding = ENCODINGS[name]
    constraint = encoding.constraint(ParsedRequest())
    for number, song in enumerate(read_corpus(corpus)):
        canonical = encoding.canonical(song)
        assert encoding.canonical(canonical) == canonical
        steps = encoding.encode(song).tolist()
        assert encoding.decode(steps, encoding.extras(song)) == canonical
        if number % 5 == 0:
            state = constraint.start()
            for step in steps:
                assert constraint.allowed(state)[step]
                state = constraint.advance(state, step)
            assert constraint.may_end(state)


def test_chorale_encoding_keeps_the_published_corpus_unchanged() -> None:
    encoding = ENCODINGS["chorale"]
    chorales = read_corpus("jsb")
    assert all(encoding.canonical(chorale) == dataclasses.replace(chorale, tracks=()) for chorale in chorales)
    assert sum(encoding.encode(chorale).tolist()[-1] >= 128 for chorale in chorales) == 382
    frames = sum((encoding.encode(chorale) >= 128).sum() for chorale in chorales)
    assert frames == 13_807 + 4_602 + 4_725


def test_tempo_change_that_rounds_to_the_end_does_not_move_it() -> None:
    notes = note_array([(0, 1, 0, 1, 0), (0, 332, 0, 1, 0)])
    encoding = ENCODINGS["performance"]
    canonical = encoding.canonical(Song.from_events(notes, [(0, 120), (328, 12)]))
    assert canonical.tempos == ((0, 120),)
    assert encoding.canonical(canonical) == canonical


@pytest.mark.parametrize(("bpm", "rounded"), [(90, 0), (60e6 / 618_557, 0), (90.5, 1), (1000, 1), (60e6 / 0xFFFFFF, 1)])
def test_score_rounds_tempos_and_performance_keeps_the_seconds(bpm: float, rounded: int) -> None:
    song = Song.from_events(note_array([(0, 480, 60, 80, 0), (48_000, 48_480, 62, 80, 0)]), [(0, bpm)])
    words = "tempos rounded to whole quarter notes per minute from 20 to 300"
    for encoding in ENCODINGS.values():
        assert encoding.losses(song).get(words, 0) == rounded
    assert ENCODINGS["score"].canonical(song).tempos == ((0, min(300, max(20, round(bpm)))),)
    kept = ENCODINGS["performance"].canonical(song)
    assert kept.seconds() == pytest.approx(song.seconds(), abs=0.02)


def test_notes_after_the_longest_time_of_a_performance_are_counted() -> None:
    notes = note_array([(400_000 * 480, 400_001 * 480, 60, 80, 0)])
    song, encoding = Song.from_events(notes), ENCODINGS["performance"]
    assert encoding.losses(song)["notes after the longest time"] == 1
    assert not len(encoding.canonical(song).notes) and not len(encoding.encode(song))


@pytest.mark.parametrize("name", ENCODINGS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_random_songs_round_trip(name: str, data: st.DataObject) -> None:
    encoding = ENCODINGS[name]
    song = data.draw(songs(drums=name not in ("chorale", "voices")))
    canonical = encoding.canonical(song)
    assert encoding.canonical(canonical) == canonical
    steps = encoding.encode(song).tolist()
    assert encoding.decode(steps, encoding.extras(song)) == canonical
    assert encoding.encode(canonical).tolist() == steps
    assert sum(encoding.note_mask[steps]) >= 1


@pytest.mark.parametrize("name", ["score", "score with microtiming", "performance"])
def test_canonical_moves_notes_by_less_than_a_grid_step(name: str) -> None:
    encoding = ENCODINGS[name]
    for song in read_corpus("lieder")[::20]:
        canonical = encoding.canonical(song)
        if name == "performance":
            assert canonical.seconds() == pytest.approx(song.seconds(), abs=0.05)
            continue
        starts = set(canonical.notes["start"].tolist())
        assert all(starts & set(range(tick - 61, tick + 61)) for tick in song.notes["start"].tolist())


@pytest.mark.parametrize("name", ENCODINGS)
@given(st.lists(st.integers(0, 2000), max_size=60))
def test_random_steps_decode_or_raise_decode_error(name: str, numbers: list[int]) -> None:
    encoding = ENCODINGS[name]
    try:
        song = encoding.decode([number % encoding.vocabulary.size for number in numbers], {})
    except DecodeError:
        return
    assert isinstance(song, Song)
