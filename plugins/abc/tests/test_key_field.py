import io

import pytest

from seqforge_abc.key_field import key_field
from seqforge_abc.reader import read_tunes
from seqforge_abc.staff import interval_of
from seqforge_abc.theory import Key, parse_key


def midi(text):
    """Return the MIDI notes of a tune; they are those of abc2midi and abcjs unless a test says otherwise."""
    [(tune, _)] = read_tunes(io.BytesIO(f"X:1\nM:none\nL:1/4\n{text}\n".encode()))
    return [pitch.midi for note in tune.notes() for pitch in note.pitches]


def loss(text):
    [(tune, _)] = read_tunes(io.BytesIO(f"X:1\nM:none\nL:1/4\n{text}\n".encode()))
    return tune.losses


@pytest.mark.parametrize("field", ["treble", "clef=bass", "clef=alto middle=C", "stafflines=1", "perc", 'name="x"', ""])
def test_a_field_without_a_key_keeps_the_key(field):
    assert midi(f"K:D\nFc[K:{field}]Fc") == [66, 73, 66, 73]
    assert midi(f"K:D\nFc\nK:{field}\nFc") == [66, 73, 66, 73]


def test_a_partial_field_keeps_the_accidentals_of_the_bar():
    assert midi("K:D\n=F[K:treble]F") == [65, 65]
    assert midi("K:D\n=F[K:D]F") == [65, 66]


def test_a_key_keeps_the_octave_and_the_clef():
    assert midi("K:D treble-8\nF[K:A]F[K:octave=1]F[K:treble]F") == [54, 54, 66, 78]


@pytest.mark.parametrize(
    ("field", "pitch"),
    [("D treble-8", 54), ("D treble+8", 78), ("D treble8", 66), ("D clef=treble-8", 54), ("D bass-8", 54),
     ("D bass", 66), ("D treble_8", 54), ("D treble^8", 78), ("D treble-15", 42), ("D octave=-1", 54),
     ("D treble octave=-1", 54), ("D transpose=-2", 64), ("D transpose=-2 octave=1", 76), ("D shift=CD", 68),
     ("D shift=C,C", 78), ("D sound=CB,", 65), ("D middle=d", 66), ("D octave=99", 114)],
)  # fmt: skip
def test_clefs_and_properties_change_how_notes_sound(field, pitch):
    assert midi(f"K:{field}\nF") == [pitch]


def test_voices_have_clefs_and_properties():
    assert midi("V:1 octave=-1\nK:D\nV:1\nF") == [54]
    assert midi("V:T1 clef=treble-8\nK:D\nV:T1\nF") == [54]
    assert midi("K:D bass\nV:1 treble-8\nF") == [54]
    assert midi("V:1 transpose=-3\nK:D transpose=2\nV:1\nF") == [63]  # as abcjs; for abc2midi K: prevails


def test_a_transposition_moves_key_notes_grace_notes_ties_and_chord_symbols():
    text = 'X:1\nM:4/4\nL:1/8\nK:D transpose=-2\n"A7"F4-{g}F2[K:A]^c2|]\n'
    [(tune, _)] = read_tunes(io.BytesIO(text.encode()))
    first, second, third = tune.notes()
    assert (str(tune.key), [str(element) for element in tune.elements if isinstance(element, Key)]) == ("C", ["G"])
    assert (str(first.pitches[0]), first.tied, first.chord_symbol.root) == ("=E", True, 1)
    assert (str(second.grace_notes[0]), str(third.pitches[0])) == ("=f", "=B")


def test_a_directive_of_the_header_transposes():
    assert midi("%%MIDI transpose -2\nK:D\nF") == [64]
    assert midi("%%MIDI transpose -2\nV:1 transpose=1\nK:D\nV:1\nF") == [67]


def test_programs_do_not_transpose_within_a_tune():
    assert midi("K:D\nF[K:transpose=-2]F") == [66, 66]
    assert loss("K:D\nF[K:transpose=-2]F") == {"transpositions within the tune, not applied": 1}


@pytest.mark.parametrize(
    ("semitones", "key", "transposed"),
    [(-2, "D", "C"), (2, "Bb", "C"), (3, "A", "C"), (-3, "Eb", "C"), (1, "C", "Db"), (12, "D", "D"), (-9, "C", "Eb")],
)
def test_an_interval_leads_to_the_key_with_the_fewest_signs(semitones, key, transposed):
    fifths, _ = interval_of(semitones, parse_key(key))
    assert str(parse_key(key).transposed(fifths)) == transposed


@pytest.mark.parametrize(
    ("field", "key", "pitches"),
    [("D freygish", "Dphr", [66, 63, 70]), ("Dfreygish", "Dphr", [66, 63, 70]), ("E phrygian dominant", "Ephr",
      [65, 64, 71]), ("D phr ^f", "Dphr", [66, 63, 70]), ("D exp ^f _b", "Dmix", [66, 64, 70]),
     ("D exp _b _e", "Dphr", [65, 63, 70]), ("exp ^f _b", "none", [66, 64, 70]), ("D =f", "D", [65, 64, 71]),
     ("D exp", "Ddor", [65, 64, 71]), ("Ddor ^c _b", "Dm", [65, 64, 70])],
)  # fmt: skip
def test_accidentals_of_the_signature_are_kept_with_the_nearest_key(field, key, pitches):
    assert (str(key_field(field).signature.key), midi(f"K:{field}\nFEB")) == (key, pitches)
