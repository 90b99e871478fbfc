import itertools
import wave
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pretty_midi
import pytest
import symusic

import seqforge
import seqforge_corpora
from seqforge import Piece, ReadError, RequestError
from seqforge.cli.main import main
from seqforge_midi import Midi, Options
from seqforge_midi.counting import polyphony
from seqforge_midi.lint import findings
from seqforge_midi.names import program_name, program_number
from seqforge_midi.reading import read_songs
from seqforge_midi.song import DRUMS, NOTE, Song, song

BUNDLED = Path(str(next(iter(seqforge_corpora.__path__))))
TINY: dict[str, Any] = {
    "hidden": 16, "layers": 1, "embedding": 8, "batch_size": 2, "window": 16, "dropout": 0.0, "recurrent_dropout": 0.0,
    "workers": 1, "steps": 3,
}  # fmt: skip
REAL = {
    "score": sorted((BUNDLED / "lieder").glob("*.mid"))[1],
    "performance": sorted((BUNDLED / "groove").glob("*.mid"))[0],
    "chorale": sorted((BUNDLED / "jsb" / "train").glob("*.mid"))[0],
}


def trained(folder: Path, encoding: str, **more: Any) -> seqforge.Model:
    return seqforge.train("midi", corpus=str(REAL[encoding]), encoding=encoding, run=folder / encoding, **TINY, **more)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, seqforge.Model]:
    folder = tmp_path_factory.mktemp("midi")
    return {encoding: trained(folder, encoding) for encoding in REAL}


def song_of(path: Path) -> Song:
    (found,) = read_songs(path)
    assert not isinstance(found, ReadError), found
    return found[0]


def made(model: seqforge.Model, **asked: Any) -> Song:
    (piece,) = model.generate(length=asked.pop("length", 60), **asked)
    content: Song = piece.content
    return content


@pytest.mark.parametrize("encoding", REAL)
def test_what_is_generated_is_sound_for_every_reader(
    models: dict[str, seqforge.Model], encoding: str, tmp_path: Path
) -> None:
    for number, piece in enumerate(models[encoding].generate(4, length=80, temperature=2.0)):
        path = tmp_path / f"{number}.mid"
        Midi().write([piece], path)
        assert findings(path) == []
        file = mido.MidiFile(path)
        assert file.ticks_per_beat == 480 and all(track.name for track in file.tracks)
        told = [m.text for track in file.tracks for m in track if m.type == "text"]
        assert told and "seed 0, number" in told[0]
        struck = sum(m.type == "note_on" and m.velocity > 0 for track in file.tracks for m in track)
        assert struck == len(piece.content.notes)
        assert sum(len(each.notes) for each in pretty_midi.PrettyMIDI(str(path)).instruments) == struck
        assert symusic.Score(str(path)).note_num() == struck
        assert np.array_equal(song_of(path).notes, piece.content.notes)


@pytest.mark.parametrize("encoding", ["score", "chorale"])
def test_exactly_the_bars_that_were_asked_for(models: dict[str, seqforge.Model], encoding: str) -> None:
    for bars in (1, 5):
        assert len(made(models[encoding], bars=bars, length=10_000).bars()) == bars


def test_seconds_tempo_meter_and_program(models: dict[str, seqforge.Model]) -> None:
    assert made(models["performance"], seconds=3.0, length=10_000).seconds() <= 3.06
    slow = made(models["score"], bpm=40, meter="3/4", program="piano", bars=3, length=10_000)
    assert slow.tempos == ((0, 40),) and slow.meters == ((0, (3, 4)),) and slow.programs == (0,)
    hymn = made(models["chorale"], bpm=60, meter="3/4", program="violin", bars=2, length=10_000)
    assert (hymn.tempos, hymn.meters, hymn.programs) == (((0, 60),), ((0, (3, 4)),), (40,))
    assert hymn.length == 2 * 3 * 480


def test_transposition_moves_what_is_tuned(models: dict[str, seqforge.Model]) -> None:
    plain, moved = (made(models["chorale"], seed=4, transpose=by) for by in (0, -5))
    assert np.array_equal(moved.notes["pitch"], plain.notes["pitch"] - 5)


@pytest.mark.parametrize("encoding", REAL)
def test_a_file_is_gone_on_from(models: dict[str, seqforge.Model], encoding: str) -> None:
    model = models[encoding]
    whole = song_of(REAL[encoding])
    asked = {"bars": 6} if encoding != "performance" else {}
    found = made(model, prompt_file=REAL[encoding], prompt_bars=2, length=3000, **asked)
    kept = model.codec.canonical(Piece(whole)).content
    end = kept.bars()[2] if encoding != "performance" else kept.bars()[1]
    before = [row[:1] + row[2:4] for row in kept.notes.tolist() if row[0] < end]
    again = [row[:1] + row[2:4] for row in found.notes.tolist() if row[0] < end]
    assert again[: len(before)] == before and len(found.notes) > len(before)
    assert found.tempos[0] == kept.tempos[0] and found.meters[0] == kept.meters[0]
    assert set(found.programs) <= set(kept.programs)


@pytest.mark.parametrize("encoding", REAL)
def test_every_format_is_written_and_opens(models: dict[str, seqforge.Model], encoding: str, tmp_path: Path) -> None:
    (piece,) = models[encoding].generate(length=40)
    for suffix in Midi.writes:
        Midi().write([piece], tmp_path / f"a{suffix}")
        Midi().write([piece], tmp_path / f"b{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    from music21 import converter

    score = converter.parse(tmp_path / "a.musicxml", format="musicxml")
    assert len(score.parts) >= 1 and score.flatten().notes
    picture = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert picture.get("width", "").endswith("px") and "NaN" not in (tmp_path / "a.svg").read_text()
    drawn = [each for each in picture.iter() if each.get("fill-opacity")]
    assert len(drawn) == len(piece.content.notes)
    with wave.open(str(tmp_path / "a.wav")) as sound:
        frames = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        assert sound.getnframes() / sound.getframerate() == pytest.approx(piece.content.seconds() + 0.3, abs=0.1)
        assert 20_000 < np.abs(frames.astype(int)).max() < 32_767


def test_a_soundfont_that_is_none_is_one_sentence(
    models: dict[str, seqforge.Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (piece,) = models["score"].generate(length=10)
    monkeypatch.setenv("SEQFORGE_SOUNDFONT", str(tmp_path / "none.sf2"))
    with pytest.raises(seqforge.WriteError, match="there is no such file"):
        Midi().write([piece], tmp_path / "a.wav")


def empty(folder: Path) -> Path:
    (folder / "empty.mid").write_bytes(b"MThd\x00\x00\x00\x06\x00\x01\x00\x00\x01\xe0")
    return folder / "empty.mid"


def flute(folder: Path) -> Path:
    notes = np.array([(0, 480, 72, 90, 73)], NOTE)
    Midi().write([Piece(song(notes))], folder / "flute.mid")
    return folder / "flute.mid"


def long(folder: Path) -> Path:
    every = song_of(REAL["score"]).notes
    tripled = [np.array(every) for _ in range(3)]
    for number, part in enumerate(tripled):
        part["start"] += number * 500_000
        part["end"] += number * 500_000
    Midi().write([Piece(song(np.concatenate(tripled)))], folder / "long.mid")
    return folder / "long.mid"


@pytest.mark.parametrize(
    ("encoding", "asked", "sentence"),
    [
        ("score", {"bars": -1}, "--bars is -1; it must be from 0"),
        ("score", {"seconds": 5.0}, "--seconds has no meaning for a model of bars; give --bars"),
        ("performance", {"bars": 4}, "--bars has no meaning for a model of performances"),
        ("performance", {"seconds": 1e9}, "--seconds is 1e+09"),
        ("score", {"bpm": 9}, "--bpm is 9; it must be from 20 to 300"),
        ("score", {"meter": "4"}, "--meter 4 is no meter"),
        ("score", {"program": "kazoo"}, "--program 'kazoo' is no instrument"),
        ("score", {"program": "bagpipe"}, "the model has never heard Bagpipe"),
        ("score", {"transpose": 200}, "--transpose is 200"),
        ("chorale", {"transpose": 100}, "--transpose 100 moves pitches"),
        ("score", {"prompt_bars": -2}, "--prompt-bars is -2"),
        ("score", {"prompt_file": Path("nowhere.mid")}, "there is no such file"),
        ("score", {"prompt_file": Path(__file__)}, "is no MIDI file"),
        ("score", {"prompt_file": empty}, "has no tracks"),
        ("score", {"prompt_file": flute}, "the model has never heard Flute"),
        ("score", {"prompt_file": long, "prompt_bars": 0}, "take fewer bars with --prompt-bars"),
        ("chorale", {"prompt_file": REAL["performance"]}, "there are only drums in it"),
        ("score", {"prompt_file": REAL["score"], "bars": 2}, "the prompt cannot be the beginning of what is asked for"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    models: dict[str, seqforge.Model], encoding: str, asked: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    called = {name: value(tmp_path) if callable(value) else value for name, value in asked.items()}
    with pytest.raises(RequestError) as told:
        models[encoding].generate(**called)
    assert sentence in str(told.value) and "\n" not in str(told.value)


def test_a_broken_file_in_a_folder_harms_no_other(tmp_path: Path) -> None:
    for number, path in enumerate(sorted((BUNDLED / "jsb" / "test").glob("*.mid"))[:4]):
        (tmp_path / f"{number}.mid").write_bytes(path.read_bytes())
    (tmp_path / "broken.mid").write_bytes(b"MThd" + bytes(3))
    (tmp_path / "cut.mid").write_bytes((tmp_path / "0.mid").read_bytes()[:90])
    told: list[Any] = []
    seqforge.train("midi", corpus=str(tmp_path), encoding="chorale", run=tmp_path / "run", on_event=told.append, **TINY)
    report = told[0].report
    assert report["skipped"] == 2 and sum(report["pieces"].values()) == 4
    assert any("broken.mid" in reason for reason in report["reasons"])


def test_a_model_that_is_trained_further_plays_the_new_programs(
    models: dict[str, seqforge.Model], tmp_path: Path
) -> None:
    whole = song_of(REAL["score"])
    notes = np.array(whole.notes)
    notes["program"] = 24
    Midi().write([Piece(song(notes))], tmp_path / "guitar.mid")
    before = models["score"]
    with pytest.raises(RequestError, match="never heard"):
        before.generate(program="24")
    path = str(before.path)
    after = seqforge.train(
        "midi", corpus=str(tmp_path / "guitar.mid"), init=path, run=tmp_path / "run", steps=3, workers=1
    )
    assert made(after, program="24", bars=2).programs == (24,)
    assert (
        after.evaluate(str(tmp_path / "guitar.mid"), split="train").units
        == before.evaluate(str(tmp_path / "guitar.mid"), split="train").units
    )


def test_the_same_song_in_another_key_and_tempo_stays_on_its_side() -> None:
    whole = song_of(REAL["score"])
    moved = np.array(whole.notes)
    moved["pitch"] += 3
    other = song_of(REAL["chorale"])
    keys = [set(Midi().fingerprints(Piece(each))) for each in (whole, song(moved, [(0, 77)]), other)]
    assert keys[0] & keys[1] and not keys[0] & keys[2]


def test_names_of_programs() -> None:
    assert (program_number("drums"), program_number(" Violin "), program_number("40")) == (DRUMS, 40, 40)
    assert (program_number("128"), program_number(""), program_number("nonsense")) == (None, None, None)
    assert program_name(0) == "Acoustic Grand Piano" and program_number("piano") == 0


def test_polyphony_counts_what_sounds() -> None:
    notes = np.array([(0, 480, 60, 80, 0), (0, 960, 64, 80, 0), (480, 960, 67, 80, 0)], NOTE)
    assert polyphony(song(notes)).tolist() == [2, 2]


def test_samples_are_set_beside_real_pieces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, path in enumerate(itertools.islice(sorted((BUNDLED / "jsb" / "test").glob("*.mid")), 8)):
        side = tmp_path / "c" / ("train", "test")[number % 2]
        side.mkdir(parents=True, exist_ok=True)
        (side / path.name).write_bytes(path.read_bytes())
    seqforge.train("midi", corpus=str(tmp_path / "c"), encoding="chorale", run=tmp_path / "run", **TINY)
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", str(tmp_path / "run"), "--samples", "3"])
    said = capsys.readouterr().out
    assert "3 pieces generated beside 4 pieces held out" in said
    assert "pitch class" in said and "longest run as in a training piece, held out" in said


def test_options_stand_in_the_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--plugin", "midi", "--help"])
    said = capsys.readouterr().out
    assert all(f"--{name}" in said for name in ("encoding", "grid", "shift", "velocities", "resolution", "frame"))
    assert Options().encoding == "score"
