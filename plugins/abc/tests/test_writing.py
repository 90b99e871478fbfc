import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import ReadError
from seqforge_abc.reading import read_book
from seqforge_abc.theory import LETTERS, Key, Meter, Pitch, parse_key
from seqforge_abc.tune import BARS, ENDINGS, Bar, ChordSymbol, Ending, Music, Note, Tune, Tuplet
from seqforge_abc.writing import book_to_abc, tune_to_abc

EIGHTH = Fraction(1, 8)
D, G, COMMON = Key(2), Key(1), Meter(4, 4)


def note(name: str, eighths: int | Fraction = 1, **more: object) -> Note:
    """A note from its sounding pitch in ABC, `=` left out; z is a rest."""
    return Note(() if name == "z" else (pitch(name),), EIGHTH * eighths, **more)  # type: ignore[arg-type]


def pitch(name: str) -> Pitch:
    mark = name.lstrip("^_")
    alter = name.count("^") - name.count("_")
    octave = (5 if mark[0].islower() else 4) + mark.count("'") - mark.count(",")
    return Pitch(LETTERS.index(mark[0].upper()), alter, octave)


def notes(names: str) -> list[Music]:
    return [note(name) for name in names.split()]


def body(*music: Music, key: Key = D, meter: Meter = COMMON) -> str:
    return "\n".join(tune_to_abc(Tune(music, key, meter)).split("\n")[5:]).strip()


BAR = notes("d e ^f g a b a g")
PITCHES = st.builds(Pitch, st.integers(0, 6), st.integers(-2, 2), st.integers(3, 6))
LENGTHS = st.builds(Fraction, st.integers(1, 12), st.sampled_from([4, 8, 16, 32]))
WORDS = st.sampled_from(["roll", "staccato", "trill", "turn", "fermata", "3", "crescendo("])
NOTES = st.builds(
    Note,
    st.lists(PITCHES, max_size=3, unique=True).map(tuple),
    LENGTHS,
    st.booleans(),
    st.lists(WORDS, max_size=2, unique=True).map(lambda names: tuple(sorted(names))),
    st.lists(PITCHES, max_size=2).map(tuple),
    st.none() | st.builds(ChordSymbol, st.integers(-5, 8), st.sampled_from(["", "m", "7"]), st.none() | st.just(0)),
)
REGULAR = st.builds(
    Note,
    st.lists(PITCHES, max_size=2, unique_by=lambda pitch: pitch.midi).map(
        lambda found: tuple(sorted(found, key=lambda pitch: (pitch.midi, pitch.height)))
    ),
    LENGTHS,
    st.just(False),
    st.lists(WORDS, max_size=2, unique=True).map(lambda names: tuple(sorted(names))),
    st.lists(PITCHES, max_size=2).map(tuple),
    st.none() | st.builds(ChordSymbol, st.integers(-5, 8), st.sampled_from(["", "m", "7"]), st.none() | st.just(0)),
)
KEYS = st.sampled_from(["C", "D", "Edor", "Bbm", "F#m", "Amix", "none"]).map(parse_key)
METERS = st.sampled_from([Meter(4, 4), Meter(6, 8), Meter(3, 4), Meter(9, 8), Meter(0, 0)])
ELEMENTS = st.one_of(
    NOTES,
    NOTES,
    st.sampled_from(BARS).map(Bar),
    st.sampled_from(ENDINGS).map(Ending),
    st.sampled_from([Tuplet(3, 2, 3), Tuplet(2, 3, 2), Tuplet(5, 4, 5), Tuplet(3, 2, 2)]),
    KEYS,
    METERS,
)
TUNES = st.builds(
    Tune,
    st.lists(ELEMENTS, max_size=60).map(tuple),
    KEYS,
    METERS,
    st.sampled_from(["", "reel", "slip jig"]),
    st.text(max_size=30),
)


def test_a_reel_is_written_as_people_write_it() -> None:
    first, last = notes("d ^f a ^f g b e d"), [*notes("^c e a ^c"), note("d", 3), note("B")]
    tune = Tune(
        (*first, Bar("|"), *last, Bar("||")), D, Meter(4, 4), "reel", "Rolling\nin", comments=("seqforge: seed 3",)
    )
    assert tune_to_abc(tune, 7).split("\n") == [
        "X:7", "T:Rolling in", "% seqforge: seed 3", "R:reel", "M:4/4", "L:1/8", "K:D", "dfaf gbed|ceac d3B||", ""
    ]  # fmt: skip


def test_a_tune_without_a_title_says_so() -> None:
    assert "T:Untitled\n" in tune_to_abc(Tune(()))


def test_a_percent_sign_in_a_title_begins_no_comment() -> None:
    assert "T:100\\% pure\n" in tune_to_abc(Tune((), title="100% pure"))


def test_a_book_numbers_its_tunes_and_parts_them_by_an_empty_line() -> None:
    book = book_to_abc([Tune((note("d"), Bar("|]")), D, title="One"), Tune((), title="Two")])
    assert book.startswith("%abc-2.1\n\nX:1\nT:One\n")
    assert "\n\nX:2\nT:Two\n" in book


def test_an_accidental_is_written_once_a_bar() -> None:
    assert body(*notes("^g ^g a ^g"), Bar("|"), *notes("^g g")) == "^ggag|^g=g"


def test_an_accidental_is_repeated_where_readers_disagree_about_octaves() -> None:
    assert body(*notes("^g ^G g G"), key=G) == "^g^G=g=G"


def test_an_accidental_of_a_grace_note_is_repeated_at_the_note() -> None:
    assert body(note("^g", graces=(pitch("^g"),)), note("^g")) == "{^g}^gg"


def test_an_accidental_is_repeated_after_a_tie_over_a_bar_line() -> None:
    assert body(note("^g", 8, tied=True), Bar("|"), note("^g", 4), note("g", 4)) == "^g8-|^g4 =g4"
    assert body(note("^g", 8, tied=True), Bar("|"), note("a", 4), note("g", 4)).endswith("|a4 =g4")


def test_broken_rhythm_is_written_within_a_beat_only() -> None:
    pair = [note("d", Fraction(3, 2)), note("e", Fraction(1, 2))]
    assert body(*BAR, Bar("|"), *pair, note("^f"), *pair, note("^f")).endswith("|d>efd3/2 e/f")


def test_a_tuplet_says_only_what_its_meter_does_not() -> None:
    three, five = notes("d e ^f"), notes("d e ^f g a")
    assert body(Tuplet(3, 2, 3), *three, *three) == "(3def def"
    assert body(Tuplet(3, 2, 2), note("d", 2), *notes("e ^f g")).startswith("(3:2:2d2e ")
    assert body(Tuplet(5, 3, 5), *five, meter=Meter(6, 8)) == "(5defga"
    assert body(Tuplet(5, 3, 5), *five) == "(5:3:5defga"


def test_a_note_has_its_grace_notes_chord_symbol_and_decorations_in_the_order_of_the_standard() -> None:
    whole = Note((pitch("G"), pitch("B")), EIGHTH, True, ("roll", "turn"), (pitch("A"),), ChordSymbol(-2, "m7", 1))
    assert body(whole, whole, key=G).split("-")[0] == '{A}"Bbm7/G"~!turn![GB]'


def test_an_ending_stands_right_after_its_bar_line_and_never_begins_a_line() -> None:
    music: list[Music] = [Bar("|:")]
    for _ in range(7):
        music += [*BAR, Bar("|")]
    music += [Ending("1"), *BAR, Bar(":|"), Ending("2"), *BAR, Bar("||"), Ending("3"), *BAR, Bar("|]")]
    lines = body(*music).split("\n")
    assert lines[0] == "|:" + 4 * "defg abag|"
    assert lines[1] == 3 * "defg abag|" + "1 defg abag:|2 defg abag||[3 defg abag|]"


def test_a_line_has_four_bars_and_ends_where_a_section_ends() -> None:
    eight = [element for number in range(8) for element in (*BAR, Bar("||" if number == 7 else "|"))]
    lines = body(note("A"), Bar("|"), *eight, *BAR, Bar("|"), *BAR, Bar("|]")).split("\n")
    assert [line.count("|") for line in lines] == [5, 5, 2]
    assert lines[0].startswith("A|defg abag|")
    assert lines[1].endswith("abag||")


def test_a_repeat_that_a_line_begins_with_ends_the_line_before_it_too() -> None:
    assert body(*BAR, Bar("|:"), *BAR, Bar("::"), *BAR, Bar(":|")).split("\n") == [
        "defg abag||", "|:defg abag:|", "|:defg abag:|"
    ]  # fmt: skip


def test_a_change_of_key_or_meter_stands_in_the_music() -> None:
    assert body(*BAR, Bar("|"), G, Meter(3, 4), *notes("^f")).endswith("|[K:G] [M:3/4]f")


@given(TUNES)
@settings(max_examples=150, deadline=None)
def test_whatever_a_tune_holds_it_is_written_in_lines_that_fit(tune: Tune) -> None:
    text = tune_to_abc(tune)
    lines = text.split("\n")
    assert lines[-1] == "" and all(lines[:-1])
    assert all(len(line) <= 160 for line in lines if line[:2] != "T:")
    assert text.count("\nK:") == 1
    music = text.partition("\nK:")[2].split("\n")[1:]
    assert not any(re.match(r"\[\d", line) for line in music[1:])


@given(TUNES)
@settings(max_examples=150, deadline=None)
def test_every_reading_of_accidentals_gives_the_pitches_of_the_tune(tune: Tune) -> None:
    wanted = [pitch for element in tune.notes() for pitch in (*element.graces, *element.pitches)]
    text = tune_to_abc(tune).partition("\nK:")[2]
    for octaves in (True, False):
        for graces in (True, False):
            assert read(text, tune.key, octaves=octaves, graces=graces) == wanted


def reread(tune: Tune, folder: Path) -> Tune:
    path = folder / "book.abc"
    path.write_text(book_to_abc([tune]), encoding="utf-8")
    (found,) = read_book(path)
    assert not isinstance(found, ReadError)
    return found[0]


@given(music=st.lists(st.lists(REGULAR, min_size=1, max_size=8), min_size=1, max_size=12), key=KEYS, meter=METERS)
@settings(max_examples=100, deadline=None)
def test_a_regular_tune_reads_back_as_it_was(
    music: list[list[Note]], key: Key, meter: Meter, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [Bar("||") if number % 8 == 7 else Bar("|") for number in range(len(music) - 1)]
    elements: list[Music] = [
        element for pair in zip(music, [*lines, Bar("|]")], strict=True) for element in (*pair[0], pair[1])
    ]
    tune = Tune((note("d"), *elements), key, meter, "reel", "A tune")
    assert reread(tune, tmp_path_factory.mktemp("book")) == tune


@given(tune=TUNES)
@settings(max_examples=150, deadline=None)
def test_what_is_read_back_is_written_and_read_the_same_again(
    tune: Tune, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("book")
    once = reread(Tune((*tune.music, note("d")), tune.key, tune.meter, tune.rhythm, "A tune"), folder)
    assert reread(once, folder) == once


def test_an_ending_a_repeat_and_a_tuplet_read_back(tmp_path: Path) -> None:
    music = (Bar("|:"), *BAR, Bar("|"), Ending("1"), *BAR, Bar(":|"), Ending("2"), *BAR, Bar("||"), Key(1), note("^f"),
             Bar("|:"), Meter(3, 4), Tuplet(3, 2, 3), *BAR[:3], *BAR[:4], Bar("::"), *BAR[:6], Bar(":|"))  # fmt: skip
    tune = Tune(music, D, Meter(4, 4), "reel", "Seán's 100%")
    assert reread(tune, tmp_path) == tune


def read(text: str, key: Key, *, octaves: bool, graces: bool) -> list[Pitch]:
    """Read pitches, with accidentals that hold for one octave or for all, and out of grace notes or not."""
    found: list[Pitch] = []
    held: dict[tuple[int, int], int] = {}
    grace = False
    parts = r'\[K:([^]]*)\]|\[M:[^]]*\]|"[^"]*"|![^!]*!|([{}])|([|:]+)|(__?|\^\^?|=)?([A-Ga-g])([,\']*)'
    for match in re.finditer(parts, text.partition("\n")[2]):
        if match[1]:
            key = parse_key(match[1]) or key
        elif match[2]:
            grace = match[2] == "{"
        elif (match[3] and "|" in match[3]) or match[3] == "::":
            held.clear()
        elif match[5]:
            letter = LETTERS.index(match[5].upper())
            octave = (5 if match[5].islower() else 4) + match[6].count("'") - match[6].count(",")
            place = letter, octave if octaves else 0
            alter = held.get(place, key.alter(letter))
            if match[4]:
                alter = {"__": -2, "_": -1, "=": 0, "^": 1, "^^": 2}[match[4]]
                if graces or not grace:
                    held[place] = alter
            found.append(Pitch(letter, alter, octave))
    return found


def test_abc2midi_finds_no_fault_with_a_regular_tune(tmp_path: Path) -> None:
    program = shutil.which("abc2midi")
    last = [*notes("d ^f e ^c"), note("d", 2)]
    music: list[Music] = [Bar("|:"), *notes("A B"), Bar("|")]
    for _ in range(7):
        music += [*BAR, Bar("|")]
    music += [Ending("1"), *last, Bar(":|"), Ending("2"), *last, Bar("||")]
    music += [Bar("|:"), *notes("A B"), Bar("|"), *BAR, Bar("|"), Tuplet(3, 2, 3), *BAR[:3], *BAR[:4], Bar(":|")]
    path = tmp_path / "tune.abc"
    path.write_text(book_to_abc([Tune(tuple(music), D, Meter(4, 4), "reel", "Regular")]))
    if program is not None:
        shown = subprocess.run([program, str(path), "-c"], capture_output=True, text=True, check=True).stdout
        assert "Error" not in shown and "Warning" not in shown
    assert ":|2" in path.read_text()
