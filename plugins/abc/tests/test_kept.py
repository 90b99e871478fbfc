import string
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import DecodeError, OptionsError, Piece, RequestError
from seqforge_abc import Abc, AbcCodec, AbcOptions, AbcRequest, Tune, tokens
from seqforge_abc.ambiguities import ambiguities
from seqforge_abc.kept import TEMPO_BEATS, Kept
from seqforge_abc.lint import violations
from seqforge_abc.music_parser import parse_music
from seqforge_abc.options import KEEPABLE
from seqforge_abc.reader import read_book
from seqforge_abc.second_voice import bar_length, bars_of
from seqforge_abc.tempo import parse_tempo, tempo_text
from seqforge_abc.theory import NO_KEY, Meter, Pitch, parse_key, parse_meter
from seqforge_abc.tune import BarLine, Note, Tempo, TextField, Tuplet
from seqforge_abc.tune_automaton import TuneAutomaton
from seqforge_abc.writer import tune_to_abc

EIGHTH = Fraction(1, 8)
ALL = AbcCodec.fit([], AbcOptions(keep=",".join(KEEPABLE), pitches="names"))
KEPT_TOKENS = set(ALL.vocabulary) - set(AbcCodec.fit([], AbcOptions(pitches="names")).vocabulary)
BOOK = Path(seqforge_corpora.__file__).parent / "ryans" / "ryans.abc"

notes = st.builds(
    Note,
    st.sampled_from([(Pitch(0, 0, 5),), (Pitch(1, 0, 5),), ()]),
    st.sampled_from([Fraction(1, 8), Fraction(1, 4)]),
    slur_starts=st.integers(0, 3),
    slur_ends=st.integers(0, 3),
    syllables=st.lists(st.sampled_from(["", "la", "Twin-", "_", "a b", "\N{SNOWMAN}", "long" * 6]), max_size=4).map(
        tuple
    ),
    part=st.sampled_from(["", "", "A", "B", "Trio"]),
)
tempos = st.builds(Tempo, st.sampled_from([*TEMPO_BEATS, Fraction(1, 7)]), st.integers(0, 600), st.just("Allegro"))
tunes = st.builds(
    Tune,
    st.lists(notes | st.sampled_from([BarLine("|"), BarLine(":|"), Tuplet(3, 2, 3)]), max_size=10).map(tuple),
    meter=st.just(Meter(4, 4)),
    tempo=st.none() | tempos,
    fields=st.lists(st.builds(TextField, st.sampled_from("COZ"), st.text(max_size=8)), max_size=2).map(tuple),
)


# -- options and vocabulary --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("keep", "encoding"), [("tempo,ties", "tokens"), ("tempo", "char")])
def test_options_that_cannot_be_kept_are_an_error(keep: str, encoding: str) -> None:
    with pytest.raises(OptionsError) as caught:
        AbcOptions(encoding, keep=keep)  # type: ignore[arg-type]
    assert (caught.value.field, caught.value.value) == ("keep", keep)


def test_the_vocabulary_grows_at_its_end() -> None:
    plain = tokens.vocabulary(["reel"])
    assert len(plain) == 606
    for name in KEEPABLE:
        longer = tokens.vocabulary(["reel"], Kept([name], "abc"))
        assert longer[: len(plain)] == plain and len(set(longer)) == len(longer) > len(plain)


# -- tempo -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tempo"),
    [
        ("1/4=120", Tempo(Fraction(1, 4), 120)),
        ('3/8 = 50 "Slowly"', Tempo(Fraction(3, 8), 50, "Slowly")),
        ('"Allegro"  1/4=120.5', Tempo(Fraction(1, 4), 120, "Allegro")),
        ("1/4 3/8 1/4 3/8=40", Tempo(Fraction(5, 4), 40)),
        ("120", Tempo(EIGHTH, 120)),
        ("C=100", Tempo(EIGHTH, 100)),
        ("C3=100", Tempo(Fraction(3, 8), 100)),
        ('"Andante"', Tempo(Fraction(0), 0, "Andante")),
        ("Andante", Tempo(Fraction(0), 0, "Andante")),
        ("1/4=", None),
        ("1/0=3", Tempo(EIGHTH, 3)),
        ("", None),
    ],
)
def test_tempo_fields_are_read(text: str, tempo: Tempo | None) -> None:
    assert parse_tempo(text, EIGHTH) == tempo
    if tempo:
        assert parse_tempo(tempo_text(tempo), Fraction(1, 16)) == tempo


# -- round trip --------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(tunes)
def test_kept_elements_round_trip_to_the_canonical_form(tune: Tune) -> None:
    canonical = ALL.canonical(Piece(tune))
    example = ALL.encode(Piece(tune))
    assert ALL.decode(example).content == canonical.content
    assert (example.steps > 0).all() and ALL.canonical(canonical) == canonical
    assert canonical.content.fields == tune.fields and not ALL.encode(canonical).dropped


def test_what_is_not_kept_is_counted() -> None:
    a, b = (
        Note((Pitch(0, 0, 5),), EIGHTH, slur_starts=start, slur_ends=1 - start, syllables=("la",), part="A" * start)
        for start in (1, 0)
    )
    tune = Tune((a, b, BarLine("|]")), tempo=Tempo(Fraction(1, 4), 100))
    example = AbcCodec.fit([], AbcOptions(pitches="names")).encode(Piece(tune))
    assert example.dropped == {"slurs": 1, "tempos": 1, "parts": 1, "syllables of lyrics": 2}
    assert ALL.encode(Piece(tune)).dropped == {}


def test_files_keep_fields_tempo_and_slurs(tmp_path: Path) -> None:
    text = (
        'X:1\nT:Title\nT:Other\nC:Composer\nO:100 \\% Irish\nR:reel\nP:AABB\nQ:"Allegro" 1/2=92\nM:2/4\nL:1/8\nK:D\n'
        "(DE) (3(FGA)|(F(E G)F)|D4|]\nW:Words\n"
    )
    (tmp_path / "a.abc").write_text(text)
    [(tune, _)] = read_book(tmp_path / "a.abc")  # type: ignore[misc]
    assert tune_to_abc(tune) == text and not tune.losses
    Abc().write([Piece(tune)], tmp_path / "b.abc")
    [(again, _)] = read_book(tmp_path / "b.abc")  # type: ignore[misc]
    assert again == tune


SONG = (
    "X:1\nT:Song\nM:4/4\nL:1/8\nK:G\n|:[P:A](GA)B2 zcd2|e4 d4:|\nw:Twin- _ kle lit- tle star well\\-known\n"
    "w:Zwei- te Stro- phe~eins * los\n[P:B]d2c2 (3BAG A2|G8|]\nw:* so time _ _ * end\n"
)


def test_files_keep_lyrics_and_parts(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(SONG)
    [(tune, _)] = read_book(tmp_path / "a.abc")  # type: ignore[misc]
    assert tune_to_abc(tune) == SONG and not tune.losses
    example = ALL.encode(Piece(tune))
    assert not example.dropped and ALL.decode(example).content == ALL.canonical(Piece(tune)).content == tune
    Abc().write([Piece(tune)], tmp_path / "a.musicxml")
    (piece,) = Abc().read(tmp_path / "a.musicxml", AbcOptions())
    assert isinstance(piece, Piece)
    verses = [
        [note.syllables[verse] for note in piece.content.notes() if len(note.syllables) > verse] for verse in (0, 1)
    ]
    assert [syllable for syllable in verses[0] if syllable] == [
        "Twin-", "kle", "lit-", "tle", "star", "well\N{HYPHEN}known", "so", "time", "end",
    ]  # fmt: skip
    assert [syllable for syllable in verses[1] if syllable] == ["Zwei-", "te", "Stro-", "phe eins", "los"]


@pytest.mark.parametrize(
    ("music", "syllables"),
    [
        ("ABcd|\nw:one two | three", ["one", "two", "", ""]),
        ("AB|cd|\nw:one|three", ["one", "", "three", ""]),
        ("AB|cd|\nw:one two|three four five", ["one", "two", "three", "four"]),
        ("AzB{g}c [df]|\nw:one two three four", ["one", "", "two", "three", "four"]),
        ("AB\\\ncd|\nw:one two three four", ["one", "two", "three", "four"]),
        ("AB|\nw:one two\ncd|\nw:three four", ["one", "two", "three", "four"]),
        ("ABcd|\nw:time__ - a*b", ["time", "_", "_", "-"]),
        ("AB|\nw:o~o a\\-b", ["o o", "a\N{HYPHEN}b"]),
    ],
)
def test_syllables_are_aligned_with_notes(music: str, syllables: list[str]) -> None:
    tune = parse_music(music, key=parse_key("C") or NO_KEY, meter=Meter(4, 4))
    assert ["".join(note.syllables) for note in tune.notes()] == syllables


def test_verses_follow_each_other() -> None:
    tune = parse_music("AB|\nw:one two\nw:* zwei\nw:un", key=NO_KEY, meter=Meter(4, 4))
    assert [note.syllables for note in tune.notes()] == [("one", "", "un"), ("two", "zwei")]


def test_letters_of_the_corpus_are_in_the_vocabulary() -> None:
    note = Note((Pitch(0, 0, 5),), EIGHTH, syllables=("\N{LATIN SMALL LETTER E WITH ACUTE}",))
    codec = AbcCodec.fit([Piece(Tune((note,)))], AbcOptions(keep="lyrics"))
    assert not codec.encode(Piece(Tune((note,)))).dropped
    assert ALL.encode(Piece(Tune((note,)))).dropped == {"letters of lyrics": 1}
    assert AbcCodec.from_state(*codec.state(), codec.options).kept == codec.kept


DUET = (
    "X:1\nT:Duet\nM:4/4\nL:1/8\nK:D\nV:1\n|:A|d2fd (3efg fe|d2B2 A3:|\nV:2 clef=bass\n"
    "|:A,|[D,A,]2D,2 (E,2F,2)|G,2-G,2 z3:|\n"
)


def test_a_second_voice_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(DUET)
    [(tune, _)] = read_book(tmp_path / "a.abc")  # type: ignore[misc]
    assert tune_to_abc(tune) == DUET and not tune.losses
    example = ALL.encode(Piece(tune))
    assert not example.dropped and ALL.decode(example).content == ALL.canonical(Piece(tune)).content == tune
    plain = AbcCodec.fit([], AbcOptions(pitches="names"))
    assert plain.encode(Piece(tune)).dropped == {"additional voices": 1}
    assert plain.canonical(Piece(tune)).content.second == ()
    for suffix in (".mid", ".musicxml"):
        Abc().write([Piece(tune)], tmp_path / f"a{suffix}")
    assert len(mido.MidiFile(tmp_path / "a.mid").tracks) == 2
    assert (tmp_path / "a.musicxml").read_text().count("<part id=") == 2


@pytest.mark.parametrize("second", ["A,|D8|G,2 G,2 z2:|", "A,|D8:|", "A,|(3D2E2F2 G4:|", "A,|D8|G,6:|x|"])
def test_a_second_voice_with_other_bars_is_dropped(second: str) -> None:
    tune = parse_music(f"V:1\nA|d2fd efge|d2B2 A3:|\nV:2\n{second}", key=NO_KEY, meter=Meter(4, 4))
    assert tune.second == () and tune.losses["additional voices"] == 1


def test_steps_with_unequal_voices_are_an_error() -> None:
    with pytest.raises(DecodeError):
        tokens.decode_tune(["R:", "M:4/4", "L:1/8", "K:D", "=D", "V:2", "=D", "=D", "|]"])


# -- automaton ---------------------------------------------------------------------------------------------------


def walk(automaton: TuneAutomaton, vocabulary: Sequence[str], seed: int, max_steps: int = 120) -> list[str]:
    """Return a random walk among the allowed steps that prefers what is kept, ended on the shortest path."""
    rng = np.random.default_rng(seed)
    weights = np.array(
        [3.0 if token in KEPT_TOKENS else 1.0 if token in tokens.PITCH_TOKENS else 0.1 for token in vocabulary]
    )
    weights[[automaton.index[kind] for kind in (*tokens.BAR_LINE_TOKENS, "[1", "[2")]] = 30
    weights[automaton.index["V:2"]] = 30
    state, result = automaton.start(), []
    while not automaton.may_end(state) or (len(result) < max_steps and rng.random() < 0.7):
        mask = automaton.allowed(state)
        if not mask.any():
            assert automaton.may_end(state)
            break
        distance = automaton.to_end(state)
        if len(result) >= max_steps:
            step = automaton.step_toward_end(state)  # type: ignore[arg-type]
            assert mask[step], (result[-8:], state)
            assert automaton.to_end(automaton.advance(state, step)) == distance - 1
        else:
            step = int(rng.choice(len(mask), p=weights * mask / (weights * mask).sum()))
        result.append(vocabulary[step])
        state = automaton.advance(state, step)
    return result


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32), meter=st.sampled_from(["2/4", "4/4", "6/8", "5/4"]), bars=st.sampled_from([0, 1, 2, 8])
)
def test_random_walks_with_all_that_is_kept_are_valid(seed: int, meter: str, bars: int) -> None:
    automaton = TuneAutomaton(ALL.vocabulary, rhythm="jig", meter=parse_meter(meter), bars=bars)
    sampled = walk(automaton, ALL.vocabulary, seed)
    tune = tokens.decode_tune(sampled)
    assert tokens.decode_tune(tokens.encode_tune(tune)) == tune
    assert ALL.canonical(Piece(tune)).content == tune
    assert violations(tune) == []
    assert ambiguities(tune) == [] or tokens.encode_tune(tune) != sampled
    assert not tune.second or [bar_length(bar) for bar in tune.second] == list(map(bar_length, bars_of(tune.elements)))
    depth = 0
    for note in tune.notes():
        assert note.slur_ends <= depth
        depth += note.slur_starts - note.slur_ends
    assert depth == 0
    assert (
        "".join(note.part for note in tune.notes())
        == string.ascii_uppercase[: sum(map(bool, [note.part for note in tune.notes()]))]
    )
    assert all(note.pitches or not note.syllables for note in tune.notes())


@pytest.mark.parametrize("text", [SONG, DUET])
def test_the_automaton_allows_a_song_and_a_duet(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(text)
    (piece,) = Abc().read(tmp_path / "a.abc", AbcOptions())
    assert isinstance(piece, Piece) and not Abc().violations(piece)
    automaton = TuneAutomaton(ALL.vocabulary)
    state = automaton.start()
    for step in ALL.encode(piece).steps.tolist():
        assert automaton.allowed(state)[step], ALL.vocabulary[step]
        state = automaton.advance(state, step)
    assert automaton.may_end(state)


def test_the_automaton_allows_real_tunes_with_slurs() -> None:
    automaton, count = TuneAutomaton(ALL.vocabulary), 0
    for piece in list(Abc().read(BOOK, AbcOptions()))[::6]:
        assert isinstance(piece, Piece)
        tune = ALL.canonical(piece).content
        if violations(tune) or ambiguities(tune):
            continue
        state = automaton.start()
        for step in ALL.encode(piece).steps.tolist():
            assert automaton.allowed(state)[step], (piece.origin, ALL.vocabulary[step])
            state = automaton.advance(state, step)
        assert automaton.may_end(state)
        count += any(note.slur_starts for note in tune.notes())
    assert count > 40


def test_a_gap_under_a_slur_is_refused() -> None:
    request = AbcRequest(key="D", meter="2/4", prompt="D2 (DE|*|FG) A2|")
    with pytest.raises(RequestError) as caught:
        ALL.task(request)
    assert caught.value.field == "prompt"


def test_a_prompt_with_slurs_begins_the_tune() -> None:
    (prompt,) = ALL.task(AbcRequest(key="D", meter="2/4", prompt="(DE) FG|A2")).prompts
    steps = prompt.example.steps.tolist()
    assert prompt.constraint is not None
    state = prompt.constraint.start()
    for step in steps:
        state = prompt.constraint.advance(state, step)
    while len(steps) < 8:
        steps.append(int(prompt.constraint.allowed(state).argmax()))
        state = prompt.constraint.advance(state, steps[-1])
    assert [ALL.vocabulary[step] for step in steps[4:8]] == ["(", "=D", "=E", ")"]
