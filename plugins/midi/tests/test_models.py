"""The shipped models load and generate what is requested."""

from pathlib import Path

import numpy as np
import pytest
from test_voices_automaton import check_rules

import seqforge
import seqforge_corpora
import seqforge_midi
from seqforge import Piece, ReadError
from seqforge.api.model_paths import resolve_model
from seqforge.modelfile import read_header
from seqforge.plugin import registry
from seqforge_midi import Midi, Song
from seqforge_midi.key import Key
from seqforge_midi.lint import check_file
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS
from seqforge_midi.voice_grid import VOICE_NAMES, VoiceGrid

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
MODEL_PATHS = {path.stem: path for path in (Path(seqforge_midi.__file__).parent / "models").glob("*.safetensors")}
MAX_NATS = {"songs": 2.8, "chorales": 1.2, "voices": 1.85, "drums": 7.7}
"""Nats per note on the valid split; a note of `voices` is one that starts, of `chorales` a pitch in a frame."""


def bar_contents(song: Song) -> list[list[tuple[int, ...]]]:
    """Return the notes of each bar: start relative to the bar, pitch, velocity, program; 60 ticks early is allowed."""
    bar_starts = np.array(song.bar_starts())
    rows: list[list[tuple[int, ...]]] = [[] for _ in bar_starts]
    for start, _, *rest in song.notes.tolist():
        bar = int(np.searchsorted(bar_starts, start + 60, side="right")) - 1
        rows[bar].append((start - int(bar_starts[bar]), *rest))
    return rows


def test_four_models_ship_and_songs_is_the_default() -> None:
    assert set(MODEL_PATHS) == set(MAX_NATS)
    assert registry.shipped_models(Midi())[0].stem == Midi.default_model == "songs"
    assert resolve_model("shipped", plugin="midi").path.stem == "songs"
    assert resolve_model("drums", plugin="midi").path.stem == "drums"


@pytest.mark.parametrize("name", MAX_NATS)
def test_shipped_model_is_small_and_has_provenance(name: str) -> None:
    assert MODEL_PATHS[name].stat().st_size <= 16_000_000
    provenance = read_header(MODEL_PATHS[name]).provenance
    assert [licence["name"] for licence in provenance["licences"]] == provenance["corpus"]
    assert provenance["valid_nats_per_unit"] < MAX_NATS[name]


@pytest.mark.parametrize("name", MAX_NATS)
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_shipped_model_writes_eight_valid_bars(name: str, temperature: float, tmp_path: Path) -> None:
    model = seqforge.load(MODEL_PATHS[name])
    for number, piece in enumerate(model.generate(3, bars=8, length=5000, temperature=temperature)):
        Midi().write([piece], tmp_path / f"{number}.mid")
        assert check_file(tmp_path / f"{number}.mid") == []
        assert len(piece.content.bar_starts()) == 8
        assert len(piece.content.notes) > 16 or temperature > 1


@pytest.mark.parametrize(
    ("name", "corpus"),
    [("chorales", "jsb/test"), ("voices", "jsb16/test"), ("songs", "lieder"), ("drums", "groove")],
)
def test_shipped_model_infills(name: str, corpus: str, tmp_path: Path) -> None:
    model = seqforge.load(MODEL_PATHS[name])
    path = sorted((CORPORA / corpus).glob("*.mid"))[0]
    (prompt,) = read_songs(path)
    assert not isinstance(prompt, ReadError)
    starts = prompt.content.bar_starts()
    pieces = model.generate(2, prompt_file=path, infill="3-4", candidates=2)
    assert pieces[0].content != pieces[1].content
    for piece in pieces:
        Midi().write([piece], tmp_path / "infill.mid")
        assert set(check_file(tmp_path / "infill.mid")) <= set(check_file(path))
        expected = (
            prompt.content.notes if name != "voices" else model.codec.canonical(Piece(prompt.content)).content.notes
        )
        notes = piece.content.notes
        outside = [rows[(rows["start"] < starts[2]) | (rows["start"] >= starts[4])] for rows in (notes, expected)]
        for rows in outside:  # a voice of the gap may end a note that lasts into it
            lasts = (rows["start"] < starts[2]) & (rows["end"] > starts[2]) & (name == "voices")
            rows["end"][lasts] = starts[2]
        assert outside[0].tolist() == outside[1].tolist()
        assert len(notes) > len(outside[0])


def test_shipped_models_have_the_labels_of_their_corpora() -> None:
    songs, drums = (read_header(MODEL_PATHS[name]).labels for name in ("songs", "drums"))
    assert "Schubert" in songs["composer"] and {"Am", "Eb"} <= set(songs["key"])
    assert "funk" in drums["style"] and "100-119" in drums["bpm"]


def test_drums_model_generates_only_drums() -> None:
    (piece,) = seqforge.load(MODEL_PATHS["drums"]).generate(bars=4, bpm=100, labels={"style": "funk"})
    assert piece.content.programs == (DRUMS,) and piece.content.tempos == ((0, 100),)


def test_strict_chorales_break_no_rule_and_end_on_the_requested_tonic() -> None:
    model = seqforge.load(MODEL_PATHS["voices"])
    for piece in model.generate(4, key="Em", rules="strict", bars=5, length=5000, seed=2):
        check_rules(VoiceGrid.from_song(piece.content), Key.parse("Em"))
        assert [track.name for track in piece.content.tracks] == list(VOICE_NAMES)
        assert len(piece.content.bar_starts()) == 5


def test_voices_play_the_requested_instrument_in_four_tracks() -> None:
    (piece,) = seqforge.load(MODEL_PATHS["voices"]).generate(program="church organ", bars=2, length=5000)
    assert [track.key for track in piece.content.tracks] == [(19, number) for number in range(4)]
