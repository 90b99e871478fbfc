import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import DecodeError, Piece, ReadError
from seqforge_midi import MidiCodec, MidiOptions, Song
from seqforge_midi.codec import make_encoding
from seqforge_midi.controls import BEND, EXPRESSION, control_array
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, Track, note_array, pedal_array

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
ALL_CONTROLLERS = "sustain,expression,bend"
ENCODINGS = {
    "score": make_encoding(MidiOptions()),
    "score with microtiming": make_encoding(MidiOptions(grid=4, microtiming=12)),
    "performance": make_encoding(MidiOptions(encoding="performance")),
    "chorale": make_encoding(MidiOptions(encoding="chorale")),
    "voices": make_encoding(MidiOptions(encoding="voices")),
    "score with tracks": make_encoding(MidiOptions(), {0: 2, 19: 3}),
    "performance with tracks": make_encoding(MidiOptions(encoding="performance"), {0: 2, 19: 3}),
    "score with controllers": make_encoding(MidiOptions(controllers=ALL_CONTROLLERS), {0: 2}),
    "score with microtiming and controllers": make_encoding(
        MidiOptions(grid=4, microtiming=12, controllers=ALL_CONTROLLERS)
    ),
    "performance with controllers": make_encoding(
        MidiOptions(encoding="performance", controllers=ALL_CONTROLLERS), {19: 2}
    ),
}


def read_corpus(name: str) -> list[Song]:
    items = [item for path in sorted((CORPORA / name).rglob("*.mid")) for item in read_songs(path)]
    assert not [item for item in items if isinstance(item, ReadError)]
    return [item.content for item in items if not isinstance(item, ReadError)]


@st.composite
def songs(draw: st.DrawFn, *, drums: bool = True) -> Song:
    programs = st.sampled_from([0, 19, 68, DRUMS] if drums else [0, 19])
    ticks, numbers = st.integers(0, 6000), st.integers(0, 3)
    notes = draw(
        st.lists(
            st.tuples(ticks, st.integers(0, 4000), st.integers(0, 127), st.integers(1, 127), programs, numbers),
            min_size=1,
            max_size=30,
        )
    )
    tempo = st.one_of(st.integers(10, 400), st.integers(1, 2**24 - 1).map(lambda microseconds: 60e6 / microseconds))
    time_signature = st.tuples(st.integers(1, 30), st.sampled_from([1, 2, 4, 8, 32]))
    pedals = draw(st.lists(st.tuples(ticks, st.integers(1, 2000), st.sampled_from([0, 19]), numbers), max_size=4))
    keys = st.tuples(st.sampled_from([0, 19]), numbers)
    bends = st.tuples(ticks, st.just(BEND), st.integers(-8192, 8191), keys)
    expressions = st.tuples(ticks, st.just(EXPRESSION), st.integers(0, 127), keys)
    controls = draw(st.lists(bends | expressions, max_size=5))
    return Song.from_events(
        note_array([(start, start + length, *rest) for start, length, *rest in notes]),
        draw(st.lists(st.tuples(ticks, tempo), max_size=4)),
        draw(st.lists(st.tuples(ticks, time_signature), max_size=3)),
        pedal_array([(start, start + length, *track) for start, length, *track in pedals]),
        tracks=[Track(19, 1, "Second", 3), Track(0, 0, "First", 2, 1), Track(0, 2, "Third", 4)],
        controls=control_array([(*row, *key) for *row, key in controls]),
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


@pytest.mark.parametrize("name", ["score", "performance", "score with tracks", "performance with tracks"])
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_losses_count_every_note_that_is_left_out(name: str, data: st.DataObject) -> None:
    encoding, song = ENCODINGS[name], data.draw(songs())
    losses, canonical = encoding.losses(song), encoding.canonical(song)
    left_out = sum(count for words, count in losses.items() if words.startswith("notes left out"))
    assert len(song.notes) - len(canonical.notes) == left_out
    merged = [track for track in song.tracks if track.key not in {other.key for other in canonical.tracks}]
    assert losses["tracks merged with another one of their program"] >= len(merged) - len(song.tracks) + len(
        canonical.tracks
    )


def test_two_tracks_of_one_program_that_double_each_other() -> None:
    rows = [(240 * n + offset, 240 * n + 240, 40 + n, 90, 30, offset // 6) for n in range(8) for offset in (0, 6)]
    song = Song.from_events(note_array(rows), tracks=[Track(30, 0, "Gt1", 0), Track(30, 1, "Gt2", 1)])
    for encoding in ("score", "performance"):
        options = MidiOptions(encoding=encoding)
        codec = MidiCodec.fit([Piece(song)], options)
        restored = codec.decode(codec.encode(Piece(song))).content
        assert len(restored.notes) == 16 and restored.tracks == song.tracks
        assert "tracks merged with another one of their program" not in codec.encode(Piece(song)).dropped
        assert "program:30#2" in [codec.vocabulary[step] for step in codec.encode(Piece(song)).steps]
        merging = MidiCodec.fit([Piece(song)], dataclasses.replace(options, tracks="merge"))
        dropped = merging.encode(Piece(song)).dropped
        assert dropped["tracks merged with another one of their program"] == dropped["names of merged tracks"] == 1
        words = "notes left out that start with one of their pitch in a merged track"
        assert len(merging.decode(merging.encode(Piece(song))).content.notes) == 16 - dropped.get(words, 0)
    assert dropped["notes shortened where their pitch starts in a merged track"] == 8
    assert merging.encode(Piece(song)).dropped.get(words, 0) == 0


@pytest.mark.parametrize("name", ["score", "performance"])
def test_controllers_are_encoded_if_they_are_named_and_counted_if_not(name: str) -> None:
    rows = [(0, EXPRESSION, 61, 0, 0), (480, BEND, 512, 0, 0), (960, BEND, 0, 0, 0), (1440, BEND, -8192, 0, 0)]
    song = Song.from_events(
        note_array([(0, 1920, 60, 80, 0)]), pedals=pedal_array([(480, 1440, 0)]), controls=control_array(rows)
    )
    plain = make_encoding(MidiOptions(encoding=name))
    assert not len(plain.canonical(song).controls)
    assert (plain.losses(song)["changes of expression"], plain.losses(song)["pitch bends"]) == (1, 3)
    assert plain.losses(song)["pedals"] == (name == "score")
    encoding = make_encoding(MidiOptions(encoding=name, controllers=ALL_CONTROLLERS))
    restored = encoding.decode(encoding.encode(song).tolist(), {})
    assert restored.controls.tolist() == [*rows, (1920, BEND, 0, 0, 0)], "bends go back to zero at the end"
    assert restored.pedals.tolist() == song.pedals.tolist()
    assert "pitch bends moved, rounded or left out" not in encoding.losses(song)
    rounded = Song.from_events(song.notes, controls=control_array([(0, BEND, 300, 0, 0)]))
    assert encoding.losses(rounded)["pitch bends moved, rounded or left out"] == 1


def test_a_score_keeps_a_pedal_that_is_pressed_again_at_once() -> None:
    song = Song.from_events(note_array([(0, 1920, 60, 80, 0)]), pedals=pedal_array([(0, 478, 0), (482, 960, 0)]))
    encoding = make_encoding(MidiOptions(controllers="sustain"))
    assert encoding.canonical(song).pedals.tolist() == [(0, 480, 0, 0), (480, 960, 0, 0)]
    assert encoding.losses(song)["pedals moved or left out"] == 2


@pytest.mark.parametrize("name", ["score", "performance"])
def test_hits_that_are_lost_where_tracks_of_drums_merge_are_counted(name: str) -> None:
    rows = [(0, 60, 36, 80, DRUMS, 0), (0, 60, 36, 90, DRUMS, 1), (480, 540, 38, 80, DRUMS, 1)]
    song = Song.from_events(note_array(rows), tracks=[Track(DRUMS, 0, "Low"), Track(DRUMS, 1, "High")])
    losses = ENCODINGS[name].losses(song)
    lost = len(rows) - len(ENCODINGS[name].canonical(song).notes)
    assert losses["notes left out that start with one of their pitch in a merged track"] == lost == 1
    assert losses["tracks merged with another one of their program"] == losses["names of merged tracks"] == 1
