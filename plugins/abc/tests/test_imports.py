import csv
import json
from fractions import Fraction
from pathlib import Path

import mido
import pytest

import seqforge_corpora
from seqforge import Piece, ReadError
from seqforge.api.convert import convert
from seqforge_abc import Abc, AbcCodec, AbcOptions, Tune
from seqforge_abc.playback import played_notes
from seqforge_abc.session_dump import tune_text
from seqforge_abc.theory import Key
from seqforge_abc.tune import BarLine, ChordSymbol, Ending, Note, Tempo, Tuplet
from seqforge_abc.writer import tune_to_abc

CODEC = AbcCodec.fit([], AbcOptions(keep="slurs,tempo"))
BOOK = Path(seqforge_corpora.__file__).parent / "ryans" / "ryans.abc"
CSV = (
    "tune_id,setting_id,name,type,meter,mode,abc,date,username\n"
    '27,5,Drowsy Maggie,reel,4/4,Edorian,"|:E2BE dEBE|E2BE AFDF:|\nd2fd c2ec|defg afge|",2001-06-08,Jeremy\n'
    "1,2,Empty,jig,6/8,Gmajor,,2001-01-01,x\n"
    "3,4,The 100% Jig,jig,,Gmajor,GAB cde!fga bag|,2001-01-01,x\n"
)
DUMP = (
    "tune_id,setting_id,name,type,meter,mode,abc,date,username,composer\n"
    '22859,46394,"Cat In The Corner, The","slip jig",9/8,Adorian,"|:E2A ABc B2G|1 e2c cde d2G:|2 e2c cde d2B||\n'
    "K:D\n"
    'c2A ABc d2B|A3 A3 A3||","2023-03-09 13:30:50","a b","A. Composer"\n'
    '16173,31268,"Bàta Beag",waltz,3/4,Dmajor,"V:1\n'
    '|:ag|""D""f2 fg ""A7""ef|d4:|\n'
    "V:2\n"
    "|:fe|d2 d2 A2|F4:|\n"
    "V:1\n"
    '""G""B6|]\n'
    "V:2\n"
    'G6|]","2017-11-08 03:13:15",JACKB,\n'
    '5478,52484,7/8,reel,4/4,Dmajor,"|:c[D3G3] D EDB,D|GABG !slide!c4:|",2024-11-25 01:34:55,RobSheldrick,\n'
)
"""Rows with the columns of https://github.com/adactio/TheSession-data (csv/tunes.csv), with invented music."""


def read(path: Path) -> tuple[list[Tune], list[ReadError]]:
    items = list(Abc().read(path, AbcOptions()))
    return [item.content for item in items if isinstance(item, Piece)], [i for i in items if isinstance(i, ReadError)]


def read_one(path: Path) -> Tune:
    (tune,), errors = read(path)
    assert not errors
    return tune


def real_tunes(stride: int) -> list[Tune]:
    return [
        CODEC.canonical(item).content
        for item in list(Abc().read(BOOK, AbcOptions()))[::stride]
        if isinstance(item, Piece)
    ]


# -- tables ------------------------------------------------------------------------------------------------------


def test_a_table_of_the_session_is_read(tmp_path: Path) -> None:
    (tmp_path / "tunes.csv").write_text(CSV)
    (first, second), (error,) = read(tmp_path / "tunes.csv")
    assert tune_to_abc(first) == (
        "X:1\nT:Drowsy Maggie\nS:https://thesession.org/tunes/27#setting5\nZ:Jeremy\nR:reel\nM:4/4\nL:1/8\nK:Edor\n"
        "|:E2BE dEBE|E2BE AFDF:|\nd2fd c2ec|defg afge|\n"
    )
    assert (second.title, str(second.meter), str(second.key), len(second.notes())) == ("The 100% Jig", "6/8", "G", 12)
    assert error.line == 4


def test_a_table_is_a_corpus(tmp_path: Path) -> None:
    import seqforge

    (tmp_path / "tunes.csv").write_text(CSV)
    model = seqforge.train(
        "abc", corpus=str(tmp_path / "tunes.csv"), steps=2, hidden=8, layers=1, embedding=4, batch_size=1, bptt=8,
        run=tmp_path / "run", workers=1,
    )  # fmt: skip
    assert "reel" in model.codec.rhythms


def test_json_tables_and_tune_pages_are_read(tmp_path: Path) -> None:
    row = {
        "tune_id": "27",
        "setting_id": "5",
        "name": "A",
        "type": "jig",
        "meter": "6/8",
        "mode": "Adorian",
        "abc": "ABc def|",
    }
    (tmp_path / "rows.json").write_text(json.dumps([row, {**row, "abc": None}, 3]))
    tunes, errors = read(tmp_path / "rows.json")
    assert len(tunes) == 1 and ["entry 2" in error.reason for error in errors] == [True, False]
    page = {
        "id": 27,
        "name": "A",
        "type": "jig",
        "settings": [{"id": 1, "key": "Gmajor", "abc": "GAB\r\n\r\ncde|"}] * 2,
    }
    (tmp_path / "page.json").write_text(json.dumps(page))
    tunes, errors = read(tmp_path / "page.json")
    assert [str(tune.key) for tune in tunes] == ["G", "G"] and len(tunes[0].notes()) == 6 and not errors


@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", "x,y\n1,2\n"), ("a.json", "{"), ("a.json", '[{"b": 1}]'), ("a.jsonl", "x\n")]
)
def test_other_tables_are_errors(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    tunes, (error,) = read(tmp_path / name)
    assert not tunes and error.file == str(tmp_path / name)


def test_music_with_its_own_header_is_not_given_another() -> None:
    assert tune_text({"abc": "T:A\nK:D\nDEF|", "mode": "Gmajor"}) == "X:1\nT:A\nK:D\nDEF|"


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_rows_as_the_session_publishes_them_are_read(tmp_path: Path, suffix: str) -> None:
    rows = list(csv.DictReader(DUMP.splitlines(keepends=True)))
    (tmp_path / f"tunes{suffix}").write_text(DUMP if suffix == ".csv" else json.dumps(rows), encoding="utf-8")
    tunes, errors = read(tmp_path / f"tunes{suffix}")
    assert not errors
    assert [(tune.title, tune.rhythm, str(tune.meter), str(tune.key)) for tune in tunes] == [
        ("Cat In The Corner, The", "slip jig", "9/8", "Ador"),
        ("Bàta Beag", "waltz", "3/4", "D"),
        ("7/8", "reel", "4/4", "D"),
    ]
    assert [tune.texts("C") for tune in tunes] == [["A. Composer"], [], []]
    slip_jig, waltz, reel = tunes
    assert [str(element) for element in slip_jig.elements if isinstance(element, Key)] == ["D"]
    assert len(slip_jig.notes()) == 31 and {
        element.number for element in slip_jig.elements if isinstance(element, Ending)
    }
    assert len(waltz.second) == 4 and waltz.notes()[2].chord_symbol == ChordSymbol(2)
    assert [len(note.pitches) for note in reel.notes()][:2] == [1, 2]
    assert "slide" in reel.notes()[-1].decorations


def test_a_key_within_the_music_is_a_change_and_no_header() -> None:
    row = {"type": "jig", "mode": "Gmajor", "meter": "6/8"}
    assert tune_text({**row, "abc": "GAB cde|\nK:D\ndef d3|"}).splitlines()[3:5] == ["L:1/8", "K:Gmajor"]
    assert tune_text({**row, "abc": "K:D\ndef d3|"}).splitlines()[3:6] == ["L:1/8", "K:Gmajor", "K:D"]


# -- MusicXML ----------------------------------------------------------------------------------------------------


def test_musicxml_round_trips(tmp_path: Path) -> None:
    for tune in real_tunes(stride=60):
        Abc().write([Piece(tune)], tmp_path / "a.musicxml")
        again = CODEC.canonical(Piece(read_one(tmp_path / "a.musicxml"))).content
        assert (again.elements, again.key, again.meter, again.title) == (
            tune.elements,
            tune.key,
            tune.meter,
            tune.title,
        )


MUSICXML = """<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Fiddle</part-name></score-part>
{extra}</part-list><part id="P1"><measure number="1"><attributes><divisions>2</divisions>{key}
<time><beats>2</beats><beat-type>4</beat-type></time></attributes>
<note><pitch><step>D</step><octave>5</octave></pitch><duration>2</duration></note>
<note><pitch><step>F</step><alter>1</alter><octave>5</octave></pitch><duration>2</duration></note>{voice}</measure>
<measure number="2"><note><pitch><step>E</step><octave>5</octave></pitch><duration>4</duration></note></measure></part>
{part}</score-partwise>"""
SECOND = "<note><pitch><step>A</step><octave>4</octave></pitch><duration>4</duration><voice>2</voice></note>"


def musicxml(path: Path, *, key: str = "", voice: str = "", extra: str = "", part: str = "") -> Path:
    path.write_text(MUSICXML.format(key=key, voice=voice, extra=extra, part=part))
    return path


def test_a_key_signature_without_a_mode_gets_a_mode_that_fits_the_music(tmp_path: Path) -> None:
    signature = "<key><fifths>{}</fifths>{}</key>"
    dorian = read_one(musicxml(tmp_path / "a.musicxml", key=signature.format(2, "<mode>dorian</mode>")))
    assert str(dorian.key) == "Edor"
    assert read_one(musicxml(tmp_path / "b.musicxml", key=signature.format(2, ""))).key.signature == 2
    assert read_one(musicxml(tmp_path / "c.xml")).key.tonic is not None


def test_polyphonic_scores_are_refused(tmp_path: Path) -> None:
    two_voices = musicxml(tmp_path / "a.xml", voice="<backup><duration>4</duration></backup>" + SECOND)
    two_parts = musicxml(
        tmp_path / "b.xml",
        extra='<score-part id="P2"><part-name>Bass</part-name></score-part>',
        part=f'<part id="P2"><measure number="1">{SECOND}</measure></part>',
    )
    (tmp_path / "c.xml").write_text("junk")
    for path in (two_voices, two_parts, tmp_path / "c.xml"):
        tunes, (error,) = read(path)
        assert not tunes and error.file == str(path)


# -- MIDI --------------------------------------------------------------------------------------------------------


def sounding(tune: Tune) -> list[tuple[tuple[int, ...], Fraction]]:
    """Return the pitches and onsets of the notes as they are played, from the first note on."""
    result, position, tied = [], Fraction(0), False
    for played in played_notes(tune):
        if played.note.pitches and not tied:
            result.append((tuple(pitch.midi for pitch in played.note.pitches), position))
        tied = played.note.tied
        position += played.note.duration
    return [(pitches, onset - result[0][1]) for pitches, onset in result]


def test_exported_midi_is_read_with_its_rhythm(tmp_path: Path) -> None:
    same = total = 0
    for tune in real_tunes(stride=25):
        if any(len(note.pitches) > 1 or note.chord_symbol for note in tune.notes()):
            continue
        Abc().write([Piece(tune)], tmp_path / "a.mid")
        again = read_one(tmp_path / "a.mid")
        total += 1
        same += sounding(again) == sounding(tune)
    assert total > 30 and same >= 0.95 * total


def midi(path: Path, notes: list[tuple[int, int, int]], *, meter: tuple[int, int] = (4, 4), tracks: int = 1) -> Path:
    """Write notes, each with its onset and release in ticks and its pitch, at 480 ticks per quarter note."""
    file = mido.MidiFile(ticks_per_beat=480)
    for number in range(tracks):
        events = [(begin, "note_on", pitch) for begin, _, pitch in notes] + [
            (end, "note_off", pitch) for _, end, pitch in notes
        ]
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=f"Track {number}")])
        track.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
        now = 0
        for tick, kind, pitch in sorted(events):
            track.append(mido.Message(kind, note=pitch, velocity=80, time=tick - now))
            now = tick
        file.tracks.append(track)
    file.save(path)
    return path


def test_played_midi_is_moved_to_the_grid(tmp_path: Path) -> None:
    onsets = [5, 235, 490, 635, 805, 948, 1205, 1440]  # eighths, a triplet of eighths, eighths, late and early
    notes = [(onset, onset + 130, 60 + number) for number, onset in enumerate(onsets)]
    tune = read_one(midi(tmp_path / "a.mid", notes))
    assert [note.duration for note in tune.notes()[:7]] == [Fraction(1, 8)] * 7
    assert [element for element in tune.elements if isinstance(element, Tuplet)] == [Tuplet(3, 2, 3)]
    assert tune.tempo == Tempo(Fraction(1, 4), 120)


def test_a_rest_at_the_beginning_is_an_upbeat(tmp_path: Path) -> None:
    notes = [(1680 + 240 * number, 1900 + 240 * number, 60 + number) for number in range(9)]
    tune = read_one(midi(tmp_path / "a.mid", notes))
    assert isinstance(tune.elements[0], Note) and tune.elements[1] == BarLine("|")


def test_polyphonic_midi_is_refused(tmp_path: Path) -> None:
    line = [(480 * number, 480 * number + 470, 60 + number) for number in range(4)]
    (tmp_path / "d.mid").write_bytes(b"MThd")
    paths = [
        midi(tmp_path / "a.mid", [*line, (0, 470, 72)]),
        midi(tmp_path / "b.mid", [*line, (200, 900, 72)]),
        midi(tmp_path / "c.mid", line, tracks=2),
        midi(tmp_path / "e.mid", []),
        tmp_path / "d.mid",
    ]
    for path in paths:
        tunes, (error,) = read(path)
        assert not tunes and error.file == str(path)


# -- conversion --------------------------------------------------------------------------------------------------


def test_a_conversion_to_abc_needs_no_plugin_name(tmp_path: Path) -> None:
    path = musicxml(tmp_path / "tune.musicxml")
    result = convert([path], tmp_path / "tune.abc")
    assert result.pieces == 1 and len(read_one(tmp_path / "tune.abc").notes()) == 3
    line = [(480 * number, 480 * number + 470, 60 + number) for number in range(4)]
    convert([midi(tmp_path / "b.mid", line)], tmp_path / "b.abc")
    assert len(read_one(tmp_path / "b.abc").notes()) == 4
    (tmp_path / "folder").mkdir()
    musicxml(tmp_path / "folder" / "x.xml")
    convert([tmp_path / "folder"], tmp_path / "out.abc", plugin="abc")
    assert len(read_one(tmp_path / "out.abc").notes()) == 3


def test_endings_of_musicxml_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text("X:1\nM:2/4\nL:1/8\nK:D\n|:DEFG|1 A4:|2 B4|]\n")
    convert([tmp_path / "a.abc"], tmp_path / "a.musicxml")
    elements = read_one(tmp_path / "a.musicxml").elements
    assert [element.number for element in elements if isinstance(element, Ending)] == ["1", "2"]
