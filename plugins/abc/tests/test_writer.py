import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import ReadError
from seqforge_abc.reader import read_book
from seqforge_abc.theory import LETTERS, Key, Meter, Pitch, parse_key
from seqforge_abc.tune import BAR_LINES, ENDINGS, BarLine, ChordSymbol, Element, Ending, Note, Tune, Tuplet
from seqforge_abc.writer import book_to_abc, tune_to_abc

EIGHTH = Fraction(1, 8)
D, G, COMMON = Key(2), Key(1), Meter(4, 4)


def note(name: str, eighths: int | Fraction = 1, **fields: object) -> Note:
    """Return a note from its sounding pitch in ABC without `=`; z is a rest."""
    return Note(() if name == "z" else (pitch(name),), EIGHTH * eighths, **fields)  # type: ignore[arg-type]


def pitch(name: str) -> Pitch:
    letter = name.lstrip("^_")
    alter = name.count("^") - name.count("_")
    octave = (5 if letter[0].islower() else 4) + letter.count("'") - letter.count(",")
    return Pitch(LETTERS.index(letter[0].upper()), alter, octave)


def notes(names: str) -> list[Element]:
    return [note(name) for name in names.split()]


def body(*music: Element, key: Key = D, meter: Meter = COMMON) -> str:
    return "\n".join(tune_to_abc(Tune(music, key, meter)).split("\n")[5:]).strip()


BAR = notes("d e ^f g a b a g")
PITCHES = st.builds(Pitch, st.integers(0, 6), st.integers(-2, 2), st.integers(3, 6))
LENGTHS = st.builds(Fraction, st.integers(1, 12), st.sampled_from([4, 8, 16, 32]))
DECORATIONS = st.sampled_from(["roll", "staccato", "trill", "turn", "fermata", "3", "crescendo("])
NOTES = st.builds(
    Note,
    st.lists(PITCHES, max_size=3, unique=True).map(tuple),
    LENGTHS,
    st.booleans(),
    st.lists(DECORATIONS, max_size=2, unique=True).map(lambda names: tuple(sorted(names))),
    st.lists(PITCHES, max_size=2).map(tuple),
    st.none() | st.builds(ChordSymbol, st.integers(-5, 8), st.sampled_from(["", "m", "7"]), st.none() | st.just(0)),
)
REGULAR = st.builds(
    Note,
    st.lists(PITCHES, max_size=2, unique_by=lambda pitch: pitch.midi).map(
        lambda pitches: tuple(sorted(pitches, key=lambda pitch: (pitch.midi, pitch.staff_position)))
    ),
    LENGTHS,
    st.just(False),
    st.lists(DECORATIONS, max_size=2, unique=True).map(lambda names: tuple(sorted(names))),
    st.lists(PITCHES, max_size=2).map(tuple),
    st.none() | st.builds(ChordSymbol, st.integers(-5, 8), st.sampled_from(["", "m", "7"]), st.none() | st.just(0)),
)
KEYS = st.sampled_from(["C", "D", "Edor", "Bbm", "F#m", "Amix", "none"]).map(parse_key)
METERS = st.sampled_from([Meter(4, 4), Meter(6, 8), Meter(3, 4), Meter(9, 8), Meter(0, 0)])
ELEMENTS = st.one_of(
    NOTES,
    NOTES,
    st.sampled_from(BAR_LINES).map(BarLine),
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


def test_layout_of_a_reel() -> None:
    first, last = notes("d ^f a ^f g b e d"), [*notes("^c e a ^c"), note("d", 3), note("B")]
    tune = Tune(
        (*first, BarLine("|"), *last, BarLine("||")),
        D,
        Meter(4, 4),
        "reel",
        "Rolling\nin",
        comments=("seqforge: seed 3",),
    )
    assert tune_to_abc(tune, 7).split("\n") == [
        "X:7", "T:Rolling in", "% seqforge: seed 3", "R:reel", "M:4/4", "L:1/8", "K:D", "dfaf gbed|ceac d3B||", ""
    ]  # fmt: skip


def test_a_tune_without_a_title_is_untitled() -> None:
    assert "T:Untitled\n" in tune_to_abc(Tune(()))


def test_a_percent_sign_in_a_title_is_escaped() -> None:
    assert "T:100\\% pure\n" in tune_to_abc(Tune((), title="100% pure"))


def test_tunes_of_a_book_are_numbered_and_separated_by_empty_lines() -> None:
    book = book_to_abc([Tune((note("d"), BarLine("|]")), D, title="One"), Tune((), title="Two")])
    assert book.startswith("%abc-2.1\n\nX:1\nT:One\n")
    assert "\n\nX:2\nT:Two\n" in book


def test_an_accidental_is_written_once_per_bar() -> None:
    assert body(*notes("^g ^g a ^g"), BarLine("|"), *notes("^g g")) == "^ggag|^g=g"


def test_an_accidental_is_repeated_where_readers_disagree_about_octaves() -> None:
    assert body(*notes("^g ^G g G"), key=G) == "^g^G=g=G"


def test_an_accidental_of_a_grace_note_is_repeated_at_the_note() -> None:
    assert body(note("^g", grace_notes=(pitch("^g"),)), note("^g")) == "{^g}^gg"


def test_an_accidental_is_repeated_after_a_tie_over_a_bar_line() -> None:
    assert body(note("^g", 8, tied=True), BarLine("|"), note("^g", 4), note("g", 4)) == "^g8-|^g4 =g4"
    assert body(note("^g", 8, tied=True), BarLine("|"), note("a", 4), note("g", 4)).endswith("|a4 =g4")


def test_broken_rhythm_is_written_only_within_a_beat() -> None:
    pair = [note("d", Fraction(3, 2)), note("e", Fraction(1, 2))]
    assert body(*BAR, BarLine("|"), *pair, note("^f"), *pair, note("^f")).endswith("|d>efd3/2 e/f")


def test_default_tuplets_are_abbreviated() -> None:
    three, five = notes("d e ^f"), notes("d e ^f g a")
    assert body(Tuplet(3, 2, 3), *three, *three) == "(3def def"
    assert body(Tuplet(3, 2, 2), note("d", 2), *notes("e ^f g")).startswith("(3:2:2d2e ")
    assert body(Tuplet(5, 3, 5), *five, meter=Meter(6, 8)) == "(5defga"
    assert body(Tuplet(5, 3, 5), *five) == "(5:3:5defga"


def test_parts_of_a_note_are_in_the_order_of_the_standard() -> None:
    full = Note((pitch("G"), pitch("B")), EIGHTH, True, ("roll", "turn"), (pitch("A"),), ChordSymbol(-2, "m7", 1))
    assert body(full, full, key=G).split("-")[0] == '{A}"Bbm7/G"~!turn![GB]'


def test_an_ending_follows_its_bar_line_and_begins_no_line() -> None:
    music: list[Element] = [BarLine("|:")]
    for _ in range(7):
        music += [*BAR, BarLine("|")]
    music += [Ending("1"), *BAR, BarLine(":|"), Ending("2"), *BAR, BarLine("||"), Ending("3"), *BAR, BarLine("|]")]
    lines = body(*music).split("\n")
    assert lines[0] == "|:" + 4 * "defg abag|"
    assert lines[1] == 3 * "defg abag|" + "1 defg abag:|2 defg abag||[3 defg abag|]"


def test_a_line_has_four_bars_and_ends_with_a_section() -> None:
    eight = [element for number in range(8) for element in (*BAR, BarLine("||" if number == 7 else "|"))]
    lines = body(note("A"), BarLine("|"), *eight, *BAR, BarLine("|"), *BAR, BarLine("|]")).split("\n")
    assert [line.count("|") for line in lines] == [5, 5, 2]
    assert lines[0].startswith("A|defg abag|")
    assert lines[1].endswith("abag||")


def test_a_repeat_between_lines_is_split() -> None:
    assert body(*BAR, BarLine("|:"), *BAR, BarLine("::"), *BAR, BarLine(":|")).split("\n") == [
        "defg abag||", "|:defg abag:|", "|:defg abag:|"
    ]  # fmt: skip


def test_changes_of_key_and_meter_are_inline_fields() -> None:
    assert body(*BAR, BarLine("|"), G, Meter(3, 4), *notes("^f")).endswith("|[K:G] [M:3/4]f")


@given(TUNES)
@settings(max_examples=150, deadline=None)
def test_lines_of_any_tune_fit_the_page(tune: Tune) -> None:
    text = tune_to_abc(tune)
    lines = text.split("\n")
    assert lines[-1] == "" and all(lines[:-1])
    assert all(len(line) <= 160 for line in lines if line[:2] != "T:")
    assert text.count("\nK:") == 1
    music = text.partition("\nK:")[2].split("\n")[1:]
    assert not any(re.match(r"\[\d", line) for line in music[1:])


@given(TUNES)
@settings(max_examples=150, deadline=None)
def test_all_scopes_of_accidentals_give_the_same_pitches(tune: Tune) -> None:
    expected = [pitch for element in tune.notes() for pitch in (*element.grace_notes, *element.pitches)]
    text = tune_to_abc(tune).partition("\nK:")[2]
    for octaves in (True, False):
        for graces in (True, False):
            assert read_pitches(text, tune.key, octaves=octaves, graces=graces) == expected


def reread(tune: Tune, folder: Path) -> Tune:
    path = folder / "book.abc"
    path.write_text(book_to_abc([tune]), encoding="utf-8")
    (item,) = read_book(path, skip_misread=False)
    assert not isinstance(item, ReadError)
    return item[0]


@given(music=st.lists(st.lists(REGULAR, min_size=1, max_size=8), min_size=1, max_size=12), key=KEYS, meter=METERS)
@settings(max_examples=100, deadline=None)
def test_a_regular_tune_round_trips(
    music: list[list[Note]], key: Key, meter: Meter, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [BarLine("||") if number % 8 == 7 else BarLine("|") for number in range(len(music) - 1)]
    elements: list[Element] = [
        element for pair in zip(music, [*lines, BarLine("|]")], strict=True) for element in (*pair[0], pair[1])
    ]
    tune = Tune((note("d"), *elements), key, meter, "reel", "A tune")
    assert reread(tune, tmp_path_factory.mktemp("book")) == tune


@given(tune=TUNES)
@settings(max_examples=150, deadline=None)
def test_writing_and_reading_is_idempotent(tune: Tune, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("book")
    normal = reread(Tune((*tune.elements, note("d")), tune.key, tune.meter, tune.rhythm, "A tune"), folder)
    assert reread(normal, folder) == normal


def test_endings_repeats_and_tuplets_round_trip(tmp_path: Path) -> None:
    music = (
        BarLine("|:"), *BAR, BarLine("|"), Ending("1"), *BAR, BarLine(":|"), Ending("2"), *BAR, BarLine("||"), Key(1),
        note("^f"), BarLine("|:"), Meter(3, 4), Tuplet(3, 2, 3), *BAR[:3], *BAR[:4], BarLine("::"), *BAR[:6],
        BarLine(":|"),
    )  # fmt: skip
    tune = Tune(music, D, Meter(4, 4), "reel", "Seán's 100%")
    assert reread(tune, tmp_path) == tune


def read_pitches(text: str, key: Key, *, octaves: bool, graces: bool) -> list[Pitch]:
    """Read pitches with one scope of accidentals.

    Args:
        text: The ABC text after "K:".
        key: The key.
        octaves: Whether an accidental holds in its octave only.
        graces: Whether an accidental of a grace note holds.
    """
    pitches: list[Pitch] = []
    accidentals: dict[tuple[int, int], int] = {}
    grace = False
    parts = r'\[K:([^]]*)\]|\[M:[^]]*\]|"[^"]*"|![^!]*!|([{}])|([|:]+)|(__?|\^\^?|=)?([A-Ga-g])([,\']*)'
    for match in re.finditer(parts, text.partition("\n")[2]):
        if match[1]:
            key = parse_key(match[1]) or key
        elif match[2]:
            grace = match[2] == "{"
        elif (match[3] and "|" in match[3]) or match[3] == "::":
            accidentals.clear()
        elif match[5]:
            letter = LETTERS.index(match[5].upper())
            octave = (5 if match[5].islower() else 4) + match[6].count("'") - match[6].count(",")
            place = letter, octave if octaves else 0
            alter = accidentals.get(place, key.alter(letter))
            if match[4]:
                alter = {"__": -2, "_": -1, "=": 0, "^": 1, "^^": 2}[match[4]]
                if graces or not grace:
                    accidentals[place] = alter
            pitches.append(Pitch(letter, alter, octave))
    return pitches


def test_abc2midi_reports_no_errors_in_a_regular_tune(tmp_path: Path) -> None:
    program = shutil.which("abc2midi")
    last = [*notes("d ^f e ^c"), note("d", 2)]
    music: list[Element] = [BarLine("|:"), *notes("A B"), BarLine("|")]
    for _ in range(7):
        music += [*BAR, BarLine("|")]
    music += [Ending("1"), *last, BarLine(":|"), Ending("2"), *last, BarLine("||")]
    music += [
        BarLine("|:"),
        *notes("A B"),
        BarLine("|"),
        *BAR,
        BarLine("|"),
        Tuplet(3, 2, 3),
        *BAR[:3],
        *BAR[:4],
        BarLine(":|"),
    ]
    path = tmp_path / "tune.abc"
    path.write_text(book_to_abc([Tune(tuple(music), D, Meter(4, 4), "reel", "Regular")]))
    if program is not None:
        output = subprocess.run([program, str(path), "-c"], capture_output=True, text=True, check=True).stdout
        assert "Error" not in output and "Warning" not in output
    assert ":|2" in path.read_text()
