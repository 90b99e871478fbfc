from pathlib import Path

import numpy as np
import pytest

import seqforge
from seqforge import Piece, ReadError
from seqforge_midi import Midi, MidiOptions, MidiRequest, Song
from seqforge_midi.codec import MidiCodec
from seqforge_midi.drum_map import TD_ONLY, TD_TO_GM, has_td_keys, to_general_midi
from seqforge_midi.song import DRUMS, note_array


def drum_song(*keys: int) -> Song:
    return Song.from_events(note_array([(240 * n, 240 * n + 60, key, 80, DRUMS) for n, key in enumerate(keys)]))


def test_mapped_keys_are_sounds_of_general_midi_and_stay_when_mapped_again() -> None:
    notes = to_general_midi(drum_song(*range(128)).notes)
    assert not has_td_keys(notes) and (to_general_midi(notes)["pitch"] == notes["pitch"]).all()
    assert set(TD_TO_GM.values()) <= set(range(35, 82))
    pitched = note_array([(0, 480, key, 80, 0) for key in TD_ONLY])
    assert np.array_equal(to_general_midi(pitched), pitched)


@pytest.mark.parametrize(("kit", "expected"), [("gm", [36, 22, 26]), ("td", [36, 42, 46])])
def test_files_of_a_roland_kit_are_mapped_on_request(kit: str, expected: list[int], tmp_path: Path) -> None:
    path = tmp_path / "beat.mid"
    Midi().write([Piece(drum_song(36, 22, 26))], path)
    (piece,) = Midi().read(path, MidiOptions(kit=kit))  # type: ignore[arg-type]
    assert not isinstance(piece, ReadError)
    assert piece.content.notes["pitch"].tolist() == expected


@pytest.mark.parametrize(("kit", "has_keys"), [("gm", False), ("td", True)])
def test_generated_beats_have_the_requested_kit(kit: str, has_keys: bool) -> None:
    pieces = seqforge.load("midi:drums").generate(3, bars=3, seed=1, kit=kit)
    assert any(has_td_keys(piece.content.notes) for piece in pieces) == has_keys


@pytest.mark.parametrize(("corpus", "expected"), [((36, 42), [42, 36]), ((36, 22), [22, 36])])
def test_prompt_of_a_roland_kit_is_mapped_for_a_model_of_general_midi(
    corpus: tuple[int, ...], expected: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "beat.mid"
    Midi().write([Piece(drum_song(22, 36))], path)
    codec = MidiCodec.fit([Piece(drum_song(*corpus))], MidiOptions())
    steps = codec.task(MidiRequest(prompt_file=path)).prompts[0].example.steps
    names = [codec.vocabulary[step] for step in steps]
    assert [int(name.removeprefix("drum:")) for name in names if name.startswith("drum:")] == expected
