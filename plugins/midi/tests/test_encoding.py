from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import DecodeError, OptionsError, Piece, ReadError
from seqforge_midi import Midi, MidiCodec, Options
from seqforge_midi.codec import encoding_of
from seqforge_midi.encoding import Asked, Encoding, Velocities, kept_meter
from seqforge_midi.export import write
from seqforge_midi.lint import findings
from seqforge_midi.reading import read_songs
from seqforge_midi.song import DRUMS, NOTE, PEDAL, Song, song

BUNDLED = Path(str(next(iter(seqforge_corpora.__path__))))
KINDS = {
    "score": Options(),
    "score, fine": Options(grid=4, shift=12),
    "performance": Options(encoding="performance"),
    "chorale": Options(encoding="chorale"),
}
ENCODINGS = {name: encoding_of(options) for name, options in KINDS.items()}


def readings(corpus: str) -> list[Song]:
    found = [read for path in sorted((BUNDLED / corpus).rglob("*.mid")) for read in read_songs(path)]
    assert not [read for read in found if isinstance(read, ReadError)]
    return [read[0] for read in found if not isinstance(read, ReadError)]


@st.composite
def songs(draw: st.DrawFn, *, drums: bool = True) -> Song:
    programs = st.sampled_from([0, 19, 68, DRUMS] if drums else [0, 19])
    times = st.integers(0, 6000)
    notes = draw(
        st.lists(
            st.tuples(times, st.integers(0, 4000), st.integers(0, 127), st.integers(1, 127), programs),
            min_size=1,
            max_size=30,
        )
    )
    found = np.array([(a, a + length, p, v, k) for a, length, p, v, k in notes], NOTE)
    tempos = draw(st.lists(st.tuples(times, st.integers(10, 400)), max_size=4))
    meters = draw(
        st.lists(st.tuples(times, st.tuples(st.integers(1, 30), st.sampled_from([1, 2, 4, 8, 32]))), max_size=3)
    )
    pedals = draw(st.lists(st.tuples(times, st.integers(1, 2000), st.sampled_from([0, 19])), max_size=4))
    return song(found, tempos, meters, np.array([(a, a + n, k) for a, n, k in pedals], PEDAL))


@pytest.mark.parametrize(
    ("kind", "corpus"),
    [("chorale", "jsb"), ("score", "lieder"), ("performance", "lieder"), ("performance", "groove"),
     ("score, fine", "groove"), ("score", "groove")],
)  # fmt: skip
def test_every_bundled_file_comes_back_as_what_is_kept(kind: str, corpus: str) -> None:
    encoding = ENCODINGS[kind]
    constraint = encoding.constraint(Asked())
    for number, whole in enumerate(readings(corpus)):
        kept = encoding.canonical(whole)
        assert encoding.canonical(kept) == kept
        steps = encoding.encode(whole).tolist()
        assert encoding.decode(steps, encoding.extras(whole)) == kept
        if number % 5 == 0:
            state = constraint.start()
            for step in steps:
                assert constraint.allowed(state)[step]
                state = constraint.advance(state, step)
            assert constraint.may_end(state)


def test_a_chorale_keeps_every_note_of_the_published_corpus() -> None:
    encoding = ENCODINGS["chorale"]
    assert all(encoding.canonical(chorale) == chorale for chorale in readings("jsb"))
    assert sum(encoding.encode(chorale).tolist()[-1] >= 128 for chorale in readings("jsb")) == 382
    frames = sum((encoding.encode(chorale) >= 128).sum() for chorale in readings("jsb"))
    assert frames == 13_807 + 4_602 + 4_725


@pytest.mark.parametrize("kind", ENCODINGS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_song_comes_back_as_what_is_kept(kind: str, data: st.DataObject) -> None:
    encoding = ENCODINGS[kind]
    whole = data.draw(songs(drums=kind != "chorale"))
    kept = encoding.canonical(whole)
    assert encoding.canonical(kept) == kept
    steps = encoding.encode(whole).tolist()
    assert encoding.decode(steps, encoding.extras(whole)) == kept
    assert encoding.encode(kept).tolist() == steps
    assert sum(encoding.sounding[steps]) >= 1


@pytest.mark.parametrize("kind", ["score", "score, fine", "performance"])
def test_notes_are_moved_by_less_than_the_grid(kind: str) -> None:
    encoding = ENCODINGS[kind]
    for whole in readings("lieder")[::20]:
        kept = encoding.canonical(whole)
        starts = set(kept.notes["start"].tolist())
        far = [tick for tick in whole.notes["start"].tolist() if not starts & set(range(tick - 61, tick + 61))]
        assert not far if kind != "performance" else kept.seconds() == pytest.approx(whole.seconds(), abs=0.05)


@pytest.mark.parametrize("kind", ENCODINGS)
@given(st.lists(st.integers(0, 2000), max_size=60))
def test_any_steps_decode_or_are_refused(kind: str, numbers: list[int]) -> None:
    encoding = ENCODINGS[kind]
    try:
        found = encoding.decode([number % encoding.tokens.size for number in numbers], {})
    except DecodeError:
        return
    assert isinstance(found, Song)


ASKED = {
    "anything": {},
    "four bars": {"bars": 4},
    "one bar": {"bars": 1},
    "two seconds": {"seconds": 2.0},
    "a moment": {"seconds": 0.01},
    "a slow waltz": {"bpm": 60, "meter": (3, 4)},
    "a flute and drums": {"programs": (73, DRUMS)},
    "a violin alone": {"programs": (40,), "bars": 2, "ranges": {40: (55, 60)}},
    "drums alone": {"programs": (DRUMS,), "drums": (36, 38)},
}


def walk(encoding: Encoding, asked: Asked, rng: np.random.Generator, most: int) -> tuple[list[int], Any]:
    """Walk at random, then to the nearest end; the laws of `Constraint` hold on the way."""
    constraint = encoding.constraint(asked)
    state, steps = constraint.start(), []
    for _ in range(most):
        allowed = np.flatnonzero(constraint.allowed(state))
        assert len(allowed) or constraint.may_end(state)
        assert (constraint.to_end(state) == 0) == constraint.may_end(state)
        kinds = sorted({encoding.tokens.kinds[step] for step in allowed})
        if not kinds:
            break
        kind = rng.choice(kinds)
        step = int(rng.choice([step for step in allowed if encoding.tokens.kinds[step] == kind]))
        state = constraint.advance(state, step)
        hash(state)
        steps.append(step)
    while (distance := constraint.to_end(state)) > 0:
        nearer = [
            step
            for step in np.flatnonzero(constraint.allowed(state)).tolist()
            if constraint.to_end(constraint.advance(state, step)) < distance
        ]
        assert nearer, (state, distance)
        assert constraint.to_end(constraint.advance(state, nearer[0])) == distance - 1
        steps.append(nearer[int(rng.integers(len(nearer)))])
        state = constraint.advance(state, steps[-1])
    return steps, state


@pytest.mark.parametrize("wish", ASKED)
@pytest.mark.parametrize("kind", ENCODINGS)
def test_random_walks_end_as_whole_songs(kind: str, wish: str, tmp_path: Path) -> None:
    encoding = ENCODINGS[kind]
    asked = Asked(**ASKED[wish])
    if kind == "chorale" and asked.programs:
        asked = Asked(bars=asked.bars, ranges=asked.ranges)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        steps, _ = walk(encoding, asked, rng, int(rng.integers(0, 250)))
        made = encoding.decode(steps, {})
        write(made, tmp_path / "walk.mid")
        assert findings(tmp_path / "walk.mid") == []
        if asked.bars and kind != "performance":
            assert asked.bars <= len(made.bars()) <= asked.bars + kind.startswith("score")
            assert len(made.first_bars(asked.bars).bars()) == asked.bars
        if asked.seconds and kind == "performance":
            assert made.seconds() <= asked.seconds + 0.11  # a stroke of drums has a length
        if asked.programs and kind != "chorale":
            assert set(made.programs) <= set(asked.programs)
            drums = made.notes["program"] == DRUMS
            assert set(made.notes["pitch"][drums].tolist()) <= set(asked.drums)
            for program, (low, high) in asked.ranges.items():
                own = made.notes["pitch"][made.notes["program"] == program]
                assert low <= own.min() <= own.max() <= high
        if asked.meter and kind != "chorale":
            assert made.meters == ((0, asked.meter),) and made.tempos == ((0, 60),)
        (back,) = read_songs(tmp_path / "walk.mid")
        assert not isinstance(back, ReadError)
        assert np.array_equal(back[0].notes, made.notes)


def test_options_that_divide_no_quarter_are_refused() -> None:
    for wrong, word in (({"grid": 7}, "grid"), ({"shift": 7}, "shift"), ({"velocities": 0}, "velocities"),
                        ({"resolution": 1}, "resolution"), ({"frame": 3}, "frame")):  # fmt: skip
        with pytest.raises(OptionsError, match=word):
            Options(**wrong)


@given(st.integers(1, 127))
def test_velocities_are_kept_to_a_level(levels: int) -> None:
    velocities = Velocities(levels)
    every = np.arange(1, 128)
    kept = velocities.kept(every)
    assert np.array_equal(velocities.kept(kept), kept)
    assert np.abs(kept - every).max() <= 127 / levels + 1


def test_a_meter_without_a_token_becomes_one_as_long() -> None:
    assert kept_meter((3, 4)) == (3, 4)
    assert kept_meter((12, 32)) == (3, 8)
    assert kept_meter((1, 1)) == (4, 4)


def test_the_codec_comes_back_from_json() -> None:
    plugin = Midi()
    path = sorted((BUNDLED / "lieder").glob("*.mid"))[0]
    pieces = [each for each in plugin.read(path, Options()) if isinstance(each, Piece)]
    codec = MidiCodec.fit([Piece(each.content, {"composer": "Lang"}) for each in pieces], Options())
    again = MidiCodec.from_json(codec.to_json(), {}, Options())
    assert again.to_json() == codec.to_json()
    assert np.array_equal(again.encode(pieces[0]).steps, codec.encode(pieces[0]).steps)
    assert codec.units(codec.encode(pieces[0]).steps).sum() == len(codec.canonical(pieces[0]).content.notes)


@pytest.mark.parametrize("kind", ENCODINGS)
def test_augmentation_moves_every_pitch_alike(kind: str) -> None:
    whole = readings("jsb")[0]
    codec = MidiCodec.fit([Piece(each) for each in readings("jsb")[:5]], KINDS[kind])
    example = codec.encode(Piece(whole))
    before = codec.decode(example).content.notes
    moves = set()
    for seed in range(20):
        moved = codec.augment(example, np.random.default_rng(seed))
        codec.space.check(moved.steps)
        after = codec.decode(moved).content.notes
        by = set((after["pitch"] - before["pitch"]).tolist())
        assert len(by) == 1
        moves |= by
        assert codec.learnt.lowest <= after["pitch"].min() <= after["pitch"].max() <= codec.learnt.highest
    assert len(moves) > 3
