"""Conversion of songs by the command line, with a layout, and MusicXML files in folders."""

from pathlib import Path

import pytest

import seqforge
from seqforge import Piece
from seqforge.cli.main import main
from seqforge_midi import Midi, MidiOptions, Song
from seqforge_midi.song import DRUMS, note_array

TINY = {"hidden": 8, "layers": 1, "embedding": 8, "batch_size": 2, "bptt": 16, "workers": 1, "steps": 2}


def write_song(path: Path, *rows: tuple[int, ...]) -> Path:
    rows = rows or tuple((480 * number, 480 * number + 480, 60 + number, 80, 0) for number in range(4))
    Midi().write([Piece(Song.from_events(note_array(rows)))], path)
    return path


def convert(*arguments: object) -> int:
    try:
        main(["convert", *map(str, arguments)])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_a_converted_score_has_a_title(tmp_path: Path) -> None:
    song, score = write_song(tmp_path / "song.mid"), tmp_path / "song.musicxml"
    assert convert(song, "-o", score, "--title", "Evening") == 0
    assert "<work-title>Evening</work-title>" in score.read_text()
    assert convert(song, "-o", score, "--force") == 0
    assert "<work-title>" not in score.read_text()


def test_a_converted_picture_is_a_roll_or_a_score(tmp_path: Path) -> None:
    pytest.importorskip("verovio")
    song, roll, score = write_song(tmp_path / "song.mid"), tmp_path / "roll.svg", tmp_path / "score.svg"
    assert convert(song, "-o", roll) == convert(song, "-o", score, "--as", "score", "--plugin", "midi") == 0
    assert "staff" in score.read_text() and "staff" not in roll.read_text()


@pytest.mark.parametrize(("kit", "pitches"), [("gm", [22, 26]), ("td", [42, 46])])
def test_drums_of_a_roland_kit_are_mapped(kit: str, pitches: list[int], tmp_path: Path) -> None:
    beat = write_song(tmp_path / "beat.mid", (0, 60, 22, 80, DRUMS), (480, 540, 26, 80, DRUMS))
    assert convert(beat, "-o", tmp_path / "new.mid", "--kit", kit) == 0
    (piece,) = Midi().read(tmp_path / "new.mid", MidiOptions())
    assert isinstance(piece, Piece) and piece.content.notes["pitch"].tolist() == pitches


@pytest.mark.parametrize("flags", [("--as", "pdf"), ("--tittle", "x"), ("--kit", "yamaha")])
def test_a_wrong_layout_is_a_usage_error(flags: tuple[str, str], tmp_path: Path) -> None:
    assert convert(write_song(tmp_path / "song.mid"), "-o", tmp_path / "new.mid", *flags) == 2
    assert not (tmp_path / "new.mid").exists()


def test_scores_in_a_folder_are_a_corpus(tmp_path: Path) -> None:
    pytest.importorskip("music21")
    folder = tmp_path / "songs"
    folder.mkdir()
    write_song(folder / "a.mid")
    write_song(folder / "a.musicxml")
    write_song(folder / "b.mxl", *((480 * number, 480 * number + 480, 72 - number, 80, 0) for number in range(4)))
    model = seqforge.train("midi", corpus=str(folder), split="1,0,0", run=tmp_path / "run", **TINY)
    assert model.header.provenance["pieces"]["train"] == 2
