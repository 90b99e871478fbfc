from fractions import Fraction

import pytest
from abc_tunes import single_tune
from hypothesis import example, given
from hypothesis import strategies as st

from seqforge_abc.fields import chord_symbol, default_unit, meter_field
from seqforge_abc.key_field import key_field
from seqforge_abc.music_parser import BadMusicError, parse_music
from seqforge_abc.reader import read_book
from seqforge_abc.theory import Key, Meter, parse_key
from seqforge_abc.tune import BarLine, ChordSymbol, Ending, Note, Tuplet
from seqforge_abc.writer import tune_to_abc

JIG, REEL = Meter(6, 8), Meter(4, 4)


def music(text, key="C", meter=REEL):
    return parse_music(text, key=parse_key(key), meter=meter)


def spelling(text, key="C"):
    """Return the pitches of the notes; a chord is a sum: ^f+a."""
    return " ".join("+".join(map(str, note.pitches)) or "z" for note in music(text, key).notes())


def lengths(text, meter=REEL):
    """Return the written lengths in eighths."""
    return [float(note.duration * 8) for note in music(text, meter=meter).notes()]


def shape(text):
    """Return the elements as text, with "o" for a note."""
    writers = {Note: lambda _: "o", BarLine: lambda bar_line: bar_line.kind, Ending: lambda ending: f"[{ending.number}"}
    return " ".join(writers.get(type(element), str)(element) for element in music(text).elements)


def losses(text, key="C"):
    return dict(music(text, key).losses)


# -- keys and accidentals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key"),
    [("D", "D"), ("Edor", "Edor"), ("A Minor", "Am"), ("EM", "Em"), ("F# minor", "F#m"), ("Bb", "Bb"), ("HP", "Amix"),
     ("G (repeat of part A)", "G"), ("Dmix=c", "Dmix"), ("D =c", "Dmix"), ("D exp ^f", "Dmix"), ("^f^c", "D"),
     ("g", "G"), ("G clef=treble", "G"), ("none", "none"), ("C octave=-1", "C")],
)  # fmt: skip
def test_spellings_of_keys(text, key):
    assert str(key_field(text).signature.key) == key


def test_an_unknown_mode_is_read_as_major_and_reported():
    field = key_field("Bn")
    assert (str(field.signature.key), field.loss) == ("B", "unknown modes")


def test_accidentals_of_the_key_signature_move_to_the_notes():
    assert spelling("[K:Am ^g]G A g") == "^G =A ^g"
    assert losses("[K:Am ^g]G") == {"key signature accidentals, moved to the notes": 1}


def test_accidentals_hold_in_all_octaves_up_to_the_bar_line():
    assert spelling("^cC c|c C", "D") == "^c ^C ^c ^c ^C"
    assert spelling("=cC [1 c|c C", "D") == "=c =C =c ^c ^C"
    assert spelling("^^F __E F") == "^^F __E ^^F"


def test_grace_notes_before_a_bar_line_are_not_played():
    assert losses("c4{de}|c4") == {"grace notes at the end of a bar": 1}
    assert [len(note.grace_notes) for note in music("c4{de}|c4{f})c4").notes()] == [0, 0, 1]


def test_accidentals_of_grace_notes_hold_in_the_bar():
    assert spelling("{^c}d c|c") == "=d ^c =c"


def test_a_tie_extends_an_accidental_over_the_bar_line_for_its_note():
    assert spelling("^c4-|c2 c2") == "^c ^c =c"
    assert spelling("^c4|c2") == "^c =c"
    assert spelling("[^ce]-|[ce] c") == "^c+=e ^c+=e =c"


def test_a_change_of_key_is_an_element_and_cancels_accidentals():
    tune = music("^cc[K:D]cF|\nK:G\nFc|\nK:G\nF|")
    assert [str(note.pitches[0]) for note in tune.notes()] == ["^c", "^c", "^c", "^F", "^F", "=c", "^F"]
    assert [str(element) for element in tune.elements if isinstance(element, Key)] == ["D", "G"]


def test_a_key_field_before_the_first_note_sets_the_key_of_the_tune():
    assert str(music("[K:D][M:6/8]DEF").key) == "D"


def test_microtones_are_rounded_to_semitones():
    assert spelling("^/F _3/2B ^3/2c ^5/2d") == "=F _B ^c ^^d"


# -- lengths ---------------------------------------------------------------------------------------------------


def test_written_lengths_multiply_the_unit_note_length():
    assert lengths("A A2 A/ A// A3/2 A/4 A3/ A8") == [1, 2, 0.5, 0.25, 1.5, 0.25, 1.5, 8]
    assert lengths("A2\nL:1/4\nA [L:1/16] A M:4/4 A", REEL) == [2, 2, 0.5, 0.5]
    assert [default_unit(meter) for meter in (Meter(2, 4), Meter(3, 4), JIG, Meter(0, 0))] == [
        Fraction(1, 16), Fraction(1, 8), Fraction(1, 8), Fraction(1, 8),
    ]  # fmt: skip


def test_broken_rhythm_lengthens_one_note_and_shortens_the_other():
    assert lengths("A>B A<B A>>B A<<B") == [1.5, 0.5, 0.5, 1.5, 1.75, 0.25, 0.25, 1.75]
    assert lengths("A > {d}.B [Ac]<z") == [1.5, 0.5, 0.5, 1.5]
    assert lengths("A>|B") == [1.5, 0.5]


def test_broken_rhythm_of_unequal_notes_is_ignored_and_reported():
    assert lengths("G>c/B/") == [1, 0.5, 0.5]
    assert losses("G>c/B/") == {"broken rhythms of unequal notes": 1}


def test_broken_rhythm_of_a_chord_and_another_length_scales_both():
    assert lengths("C>[DE]2 [CE]2>D [CE]<D3") == [1.5, 1, 3, 0.5, 0.5, 4.5]


@pytest.mark.parametrize(
    ("text", "meter", "expected"),
    [("(3abc", REEL, (3, 2, 3)), ("(2ab", JIG, (2, 3, 2)), ("(4abcd", JIG, (4, 3, 4)), ("(6abcdef", REEL, (6, 2, 6)),
     ("(5abcde", REEL, (5, 2, 5)), ("(5abcde", JIG, (5, 3, 5)), ("(7abcdefg", Meter(3, 4), (7, 2, 7)),
     ("(3:2:2a2b", REEL, (3, 2, 2)), ("(3::2a2b", REEL, (3, 2, 2)), ("(5:4abcde", REEL, (5, 4, 5)),
     ("((3abc)", REEL, (3, 2, 3)), ("(3|:abc", REEL, (3, 2, 3))],
)  # fmt: skip
def test_tuplets_have_the_defaults_of_the_standard(text, meter, expected):
    [tuplet] = [element for element in music(text, meter=meter).elements if isinstance(element, Tuplet)]
    assert (tuplet.p, tuplet.q, tuplet.r) == expected


def test_an_incomplete_tuplet_is_shortened():
    tune = music("(3ab(3cde|(3fg")
    assert [element.r for element in tune.elements if isinstance(element, Tuplet)] == [2, 3, 2]
    assert tune.losses == {"missing notes of tuplets": 2}


def test_a_chord_has_the_length_of_its_first_note():
    assert lengths("[C2E2]3 [CE]/ [CE2G]") == [6, 0.5, 1]
    assert spelling("[GEC] [cc] +EA+") == "=C+=E+=G =c =E+=A"


def test_multi_bar_rests_become_bars():
    assert shape("A4|Z2|A4|") == "o | o | o | o |"
    assert lengths("A8|Z|", JIG) == [8, 6]
    assert losses("A2Z f|") == {"whole-bar rests within a bar, read as z": 1}


# -- bar lines, repeats, endings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [("|", "|"), ("||", "||"), ("|]", "|]"), ("[|", "||"), ("[|]", "|"), (".|", "|"), ("|||", "||"), (":|", ":|"),
     (":||", ":|"), (":|]", ":|"), (" :]", ":|"), ("[|]:|", ":|"), ("[|]|]", "|]"), ("::", "::"), (":||:", "::"),
     (":|:", "::"), ("|:|", "::"), (":| |:", "::"), ("|:", "|:"), ("||:", "|:"), ("|\n|:", "|:"), ("|\n: ", "|:"),
     ("|\n|", "|"), (":|\n|", ":|"), ("|\n|]", "|"), ("|]\n|:", "|:")],
)  # fmt: skip
def test_spellings_of_bar_lines(text, kind):
    assert shape(f"A{text}B") == f"o {kind} o"


def test_bar_lines_before_the_first_and_after_the_last_note():
    assert shape("| A |") == "o |"
    assert shape("||A||") == "o ||"
    assert shape("::A::") == "|: o :|"
    assert shape("|:A|:|") == "|: o :|"
    assert shape("A||B|:|") == "o || o ||"
    assert shape("A|]\n|:") == "o ||"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("A|1 B:|2 c|]", "o | [1 o :| [2 o |]"), ("A [1 B:|[2 c", "o [1 o :| [2 o"), ("A|[1 B:|]2 c", "o | [1 o :| [2 o"),
     ("A|1,3 B:|2,4 c", "o | [1,3 o :| [2,4 o"), ("A|1-3 B:|4 c", "o | [1,2,3 o :| [4 o"),
     ("A|\n1 B:|\n2 c", "o | [1 o :| [2 o"), ("A| 3B|4 c", "o | o | [4 o"), ("A| 2B", "o | o"),
     ("A[5-9B", "o [5 o"), ("A|2B", "o | [2 o")],
)  # fmt: skip
def test_spellings_of_endings(text, expected):
    assert shape(text) == expected


def test_bar_lines_around_a_change_of_key_are_merged():
    tune = music("A||\nK:D\n|:B")
    assert tune.elements[1:3] == (BarLine("|:"), parse_key("D"))


def test_a_chord_after_a_bar_line_is_no_bar_line():
    assert spelling("[CE]|[DF]|[EG]") == "=C+=E =D+=F =E+=G"


# -- ties, grace notes, decorations, chord symbols -------------------------------------------------------------


def test_ties_join_notes_of_the_same_pitch():
    assert [note.tied for note in music("A-A|B-|1 B:|2 c -|c").notes()] == [True, False, True, False, True, False]
    assert [note.tied for note in music("[Ac]-[Ac] [Ac-]c [A-c][Ac]").notes()] == [
        True, False, True, False, False, False,
    ]  # fmt: skip


def slurs(text):
    return [(note.slur_starts, note.slur_ends) for note in music(text).notes()]


def test_ties_to_other_pitches_are_slurs():
    assert slurs("f-g A") == [(1, 0), (0, 1), (0, 0)] and not losses("f-g A")
    assert losses("A-z B-") == {"ties to nothing": 2}
    assert losses("[A-c][Ac]") == {"ties of single notes in a chord": 1}


def test_slurs_begin_and_end_with_notes():
    assert slurs("(AB) (c(de)f) (g(a)b)") == [
        (1, 0), (0, 1), (1, 0), (1, 0), (0, 1), (0, 1), (1, 0), (1, 1), (0, 1),
    ]  # fmt: skip
    assert slurs("(3(ABc) ({g}A)B)") == [(1, 0), (0, 0), (0, 1), (1, 0), (0, 1)]


def test_slurs_without_a_beginning_or_an_end_are_dropped():
    assert slurs("A)B (c") == [(0, 0)] * 3
    assert losses(")A)B (c (d|") == {"slurs without a beginning": 2, "slurs without an end": 2}
    assert losses("(A(B(c(d(e f)))))") == {"deeply nested slurs": 1, "slurs without a beginning": 1}


def test_grace_notes_belong_to_the_next_note():
    [first, second] = music("{g}A {/bc}d").notes()
    assert [len(note.grace_notes) for note in (first, second)] == [1, 2]
    assert first.duration == Fraction(1, 8)


def test_spellings_of_decorations():
    [note] = music("~.!trill!u!5!A").notes()
    assert note.decorations == ("5", "roll", "staccato", "trill", "upbow")
    assert music("+turn+A").notes()[0].decorations == ("turn",)
    assert music("!>!A").notes()[0].decorations == ("accent",)
    assert losses("!wobble!A k B") == {"decorations": 1, "unknown signs": 1}


def test_r_is_a_roll_and_j_a_slide():
    assert [note.decorations for note in music("RA JA NA").notes()] == [("roll",), ("slide",), ()]


def test_user_fields_redefine_symbols(tmp_path):
    text = "X:1\nU:k=!accent!\nU:T=!turn!\nK:D\nkA TB|"
    assert [note.decorations for note in single_tune(tmp_path, text).notes()] == [("accent",), ("turn",)]


def test_a_fermata_at_a_bar_line_belongs_to_the_note_before_it():
    assert [note.decorations for note in music("AB H|] c !fine!|]").notes()] == [(), ("fermata",), ("fine",)]
    assert music("AB Hy|]").notes()[1].decorations == ("fermata",)


@pytest.mark.parametrize(
    ("text", "chord"),
    [("Am7/G", ChordSymbol(3, "m7", 1)), ("Bb", ChordSymbol(-2)), ("F#min", ChordSymbol(6, "m")),
     ("GM7", ChordSymbol(1, "maj7")), ("A-", ChordSymbol(3, "m")), ("C°7", ChordSymbol(0, "dim7")),
     ("D7sus", ChordSymbol(2, "7sus4")), ("Bø", ChordSymbol(5, "m7b5")), ("C+", ChordSymbol(0, "aug")),
     ("D modal", None), ("D.C.", None), ("End", None), ("Fine", None), ("^slowly", None), ("A MINOR", None)],
)  # fmt: skip
def test_chord_symbols_and_other_annotations(text, chord):
    assert chord_symbol(text) == chord


def test_a_chord_symbol_belongs_to_the_next_note():
    assert [note.chord_symbol for note in music('"G"|A "^loud"B').notes()] == [ChordSymbol(1), None]
    assert losses('"G"|A "^loud"B') == {"annotations": 1}


# -- other tokens ---------------------------------------------------------------------------------


def test_layout_signs_are_skipped():
    assert shape("A`B y c\\\nd*|!\ne$f|!g") == "o o o o | o o | o"
    assert not losses("A`B y c\\\nd*|!\ne$f|!g")
    assert spelling("A!fed!B") == "=A =f =e =d =B"


def test_only_the_first_voice_is_read():
    assert spelling("[V:1]AB|[V:2]CD|[V:1]cd|") == "=A =B =c =d"
    assert spelling("AB & CD|cd|") == "=A =B =c =d"


def test_words_between_notes_are_skipped():
    assert spelling("DE|Segno FG A2 D.C.|") == "=D =E =F =G =A"
    assert spelling(".D.C.B,|") == "=D =C =B,"


@pytest.mark.parametrize("text", ["", "hello world", "|: :|", "This is no music at all", "%", "Once upon a time"])
def test_text_without_music_raises_an_error_with_an_example(text):
    with pytest.raises(BadMusicError, match="DED F2A"):
        music(text)


def test_the_default_unit_depends_on_the_meter():
    tune = parse_music("|:DED F2A|", key=parse_key("D"), meter=JIG)
    assert (tune.elements[0], tune.elements[1].duration, len(tune.notes())) == (BarLine("|:"), Fraction(1, 8), 5)


@given(st.text(alphabet="ABCDEFGabcdefgz^_=,'/0123456789 ()[]{}<>|:-\"!+.~&%yxZVKLM\n", max_size=80))
@example("[]")
@example("++")
@example("(3:|")
@example("A/0")
@example("[CE")
@example("A>")
@example("-A")
@example("[1-")
def test_any_readable_music_code_round_trips_through_the_writer(tmp_path_factory, text):
    try:
        tune = parse_music(text, key=parse_key("D"), meter=REEL)
    except BadMusicError:
        return
    path = tmp_path_factory.mktemp("any") / "x.abc"
    path.write_text(tune_to_abc(tune))
    if any(note.pitches for note in tune.notes()):
        [(reread, _)] = read_book(path, skip_misread=False)
        assert reread.elements == tune.elements


def test_spellings_of_meters():
    assert [str(meter_field(text)[0]) for text in ("C", "C|", "6/8", "2+3/8", "none", "9/8 (slow)")] == [
        "4/4", "2/2", "6/8", "5/8", "none", "9/8",
    ]  # fmt: skip
    assert meter_field("x") is None
