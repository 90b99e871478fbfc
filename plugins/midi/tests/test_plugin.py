import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge
import seqforge_corpora
from seqforge import CorpusError, Piece, ReadError, RequestError
from seqforge.cli.main import main
from seqforge_midi import Midi, Song
from seqforge_midi.lint import check_file
from seqforge_midi.reader import read_songs

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
TINY: dict[str, Any] = {
    "hidden": 16, "layers": 1, "embedding": 8, "batch_size": 2, "bptt": 16, "dropout": 0.0, "recurrent_dropout": 0.0,
    "workers": 1, "steps": 3,
}  # fmt: skip
FILES = {
    "score": sorted((CORPORA / "lieder").glob("*.mid"))[1],
    "performance": sorted((CORPORA / "groove").glob("*.mid"))[0],
    "chorale": sorted((CORPORA / "jsb" / "train").glob("*.mid"))[0],
    "voices": sorted((CORPORA / "jsb16" / "train").glob("*.mid"))[0],
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, seqforge.Model]:
    """Return one tiny model per encoding, each trained on one file."""
    folder = tmp_path_factory.mktemp("midi")
    return {
        encoding: seqforge.train("midi", corpus=str(path), encoding=encoding, run=folder / encoding, **TINY)
        for encoding, path in FILES.items()
    }


def read_song(path: Path) -> Song:
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError), piece
    return piece.content


def generate_song(model: seqforge.Model, *, length: int = 60, **request: Any) -> Song:
    (piece,) = model.generate(length=length, **request)
    content: Song = piece.content
    return content


@pytest.mark.parametrize("encoding", FILES)
def test_generated_files_are_valid_at_high_temperature(
    models: dict[str, seqforge.Model], encoding: str, tmp_path: Path
) -> None:
    for number, piece in enumerate(models[encoding].generate(4, length=80, temperature=2.0)):
        path = tmp_path / f"{number}.mid"
        Midi().write([piece], path)
        assert check_file(path) == []
        # where the first track of a program plays nothing, the second one becomes the first
        assert [row[:5] for row in read_song(path).notes.tolist()] == [row[:5] for row in piece.content.notes.tolist()]
        assert piece.origin is not None and b"seed 0" in path.read_bytes()


@pytest.mark.parametrize("encoding", ["score", "chorale"])
def test_bars_is_the_exact_number_of_bars(models: dict[str, seqforge.Model], encoding: str) -> None:
    for bars in (1, 5):
        assert len(generate_song(models[encoding], bars=bars, length=10_000).bar_starts()) == bars


def test_seconds_bpm_time_signature_and_program(models: dict[str, seqforge.Model]) -> None:
    assert generate_song(models["performance"], seconds=3.0, length=10_000).seconds() <= 3.06
    request: dict[str, Any] = {"time_signature": "3/4", "length": 10_000}
    song = generate_song(models["score"], bpm=40, program="piano", bars=3, **request)
    assert song.tempos == ((0, 40),) and song.time_signatures == ((0, (3, 4)),) and song.programs == (0,)
    chorale = generate_song(models["chorale"], bpm=60, program="violin", bars=2, **request)
    assert chorale.tempos == ((0, 60),) and chorale.time_signatures == ((0, (3, 4)),) and chorale.programs == (40,)
    assert chorale.length == 2 * 3 * 480


def test_transpose_moves_all_pitches(models: dict[str, seqforge.Model]) -> None:
    original, transposed = (generate_song(models["chorale"], seed=4, transpose=semitones) for semitones in (0, -5))
    assert np.array_equal(transposed.notes["pitch"], original.notes["pitch"] - 5)


@pytest.mark.parametrize("encoding", FILES)
def test_prompt_file_is_continued(models: dict[str, seqforge.Model], encoding: str) -> None:
    model = models[encoding]
    bars = {"bars": 30} if encoding != "performance" else {}
    song = generate_song(model, prompt_file=FILES[encoding], prompt_bars=2, length=3000, **bars)
    prompt = model.codec.canonical(Piece(read_song(FILES[encoding]))).content
    end = prompt.bar_starts()[2] if encoding != "performance" else prompt.bar_starts()[1]
    expected, start = (
        [(row[0], *row[2:4]) for row in notes.tolist() if row[0] < end] for notes in (prompt.notes, song.notes)
    )
    assert start[: len(expected)] == expected and len(song.notes) > len(expected)
    assert song.tempos[0] == prompt.tempos[0] and song.time_signatures[0] == prompt.time_signatures[0]
    assert set(song.programs) <= set(prompt.programs)


def test_unreadable_files_of_a_corpus_are_skipped(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, path in enumerate(sorted((CORPORA / "jsb" / "test").glob("*.mid"))[:4]):
        (corpus / f"{number}.mid").write_bytes(path.read_bytes())
    (corpus / "broken.mid").write_bytes(b"MThd" + bytes(3))
    (corpus / "truncated.mid").write_bytes((corpus / "0.mid").read_bytes()[:90])
    events: list[Any] = []
    run = tmp_path / "run"
    seqforge.train("midi", corpus=str(corpus), encoding="chorale", run=run, on_event=events.append, **TINY)
    report = events[0].report
    assert report["skipped"] == 2 and sum(report["pieces"].values()) == 4
    assert any("broken.mid" in reason for reason in report["reasons"])


def test_drums_leave_nothing_of_a_chorale(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no note of the train split; it drops .*drum hits"):
        seqforge.train("midi", corpus=str(FILES["performance"]), encoding="chorale", run=tmp_path / "run", **TINY)
    assert not (tmp_path / "run").exists()


def test_model_trained_further_plays_the_new_programs(models: dict[str, seqforge.Model], tmp_path: Path) -> None:
    notes = np.array(read_song(FILES["score"]).notes)
    notes["program"] = 24
    guitar_file = tmp_path / "guitar.mid"
    Midi().write([Piece(Song.from_events(notes))], guitar_file)
    model = models["score"]
    with pytest.raises(RequestError) as caught:
        model.generate(program="24")
    assert caught.value.field == "program"
    further = seqforge.train(
        "midi", corpus=str(guitar_file), init=str(model.path), run=tmp_path / "run", steps=3, workers=1
    )
    assert generate_song(further, program="24", bars=2).programs == (24,)
    units = {candidate.evaluate(str(guitar_file), split="train").units for candidate in (model, further)}
    assert len(units) == 1


def test_fingerprints_ignore_key_and_tempo() -> None:
    song = read_song(FILES["score"])
    transposed = np.array(song.notes)
    transposed["pitch"] += 3
    songs = (song, Song.from_events(transposed, [(0, 77)]), read_song(FILES["chorale"]))
    original, variant, other = (set(Midi().fingerprints(Piece(item))) for item in songs)
    assert original & variant and not original & other


def test_evaluate_compares_samples_with_real_pieces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, path in enumerate(itertools.islice(sorted((CORPORA / "jsb" / "test").glob("*.mid")), 8)):
        split = tmp_path / "corpus" / ("train", "test")[number % 2]
        split.mkdir(parents=True, exist_ok=True)
        (split / path.name).write_bytes(path.read_bytes())
    seqforge.train("midi", corpus=str(tmp_path / "corpus"), encoding="chorale", run=tmp_path / "run", **TINY)
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", str(tmp_path / "run"), "--samples", "3", "--page", str(tmp_path / "page.html")])
    assert "pitch class" in (tmp_path / "page.html").read_text(encoding="utf-8")
    output = capsys.readouterr().out
    assert all(name in output for name in ("pitch class", "interval", "duration", "polyphony", "velocity"))


def test_options_are_flags_of_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--plugin", "midi", "--help"])
    output = capsys.readouterr().out
    flags = ("encoding", "grid", "microtiming", "velocity-bins", "resolution", "frame")
    assert all(f"--{flag}" in output for flag in flags)
