"""Labels that are computed from songs: their values, their transposition, and what a request makes of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import Piece, ReadError, RequestError
from seqforge_midi import Midi, MidiCodec, MidiOptions, MidiRequest, Song
from seqforge_midi.key import KEYS, Key
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, note_array
from seqforge_midi.song_labels import DENSITIES, POLYPHONIES, VALUES, song_labels, transposed_labels

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
NAMES = ("key", "density", "polyphony")
ENCODINGS = ("score", "performance", "chorale", "voices")
TRIAD = Song.from_events(note_array([(0, 1920, pitch, 80, 0) for pitch in (60, 64, 67)]))


def read_pieces(folder: str, count: int) -> list[Piece[Song]]:
    paths = sorted((CORPORA / folder).rglob("*.mid"))[:count]
    return [item for path in paths for item in read_songs(path) if not isinstance(item, ReadError)]


def labelled_codec(encoding: str = "score", **labels: str) -> MidiCodec:
    options = MidiOptions(encoding=encoding, song_labels=",".join(NAMES))  # type: ignore[arg-type]
    return MidiCodec.fit([Piece(TRIAD, labels), Piece(TRIAD)], options)


def melody(lengths: list[int], gap: int = 0, voices: int = 1) -> Song:
    starts = np.concatenate([[0], np.cumsum(np.array(lengths) + gap)])
    rows = [
        (int(start), int(start) + length, 60 + voice, 80, 0)
        for start, length in zip(starts[:-1], lengths, strict=True)
        for voice in range(voices)
    ]
    return Song.from_events(note_array(rows))


@given(st.lists(st.integers(60, 1920), min_size=1, max_size=20), st.integers(0, 960), st.integers(1, 8))
def test_polyphony_is_the_number_of_voices(lengths: list[int], gap: int, voices: int) -> None:
    expected = "1" if voices == 1 else next(value for value in POLYPHONIES if value.startswith((f"{voices}-", "6+")))
    assert song_labels(melody(lengths, gap, voices), ("polyphony",)) == {"polyphony": expected}


@pytest.mark.parametrize(("length", "density"), [(960, "0-1"), (480, "1-2"), (200, "2-3"), (96, "5-6"), (60, "8+")])
def test_density_counts_notes_per_quarter_note(length: int, density: str) -> None:
    assert density in DENSITIES
    assert song_labels(melody([length] * 16), ("density",)) == {"density": density}


def test_the_silence_before_the_first_note_does_not_count() -> None:
    notes = np.array(melody([240] * 16).notes)
    notes["start"] += 48000
    notes["end"] += 48000
    assert song_labels(Song.from_events(notes), ("density",)) == {"density": "2-3"}


@pytest.mark.parametrize("key", KEYS)
def test_the_key_of_a_cadence_is_its_key(key: Key) -> None:
    third = 3 if key.is_minor else 4
    chords = [(0, third, 7), (5, 5 + third, 12), (7, 11, 14), (0, third, 7)]
    rows = [
        (480 * number, 480 * number + 480, 48 + key.tonic + pitch, 80, 0)
        for number, chord in enumerate(chords)
        for pitch in chord
    ]
    assert song_labels(Song.from_events(note_array(rows)), ("key",)) == {"key": str(key)}


def test_drums_have_neither_key_nor_polyphony() -> None:
    beat = Song.from_events(note_array([(0, 60, 36, 80, DRUMS), (480, 540, 38, 80, DRUMS)]))
    assert set(song_labels(beat, NAMES)) == {"density"}
    assert song_labels(Song.from_events(note_array([])), NAMES) == {}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_pieces_keep_their_labels(encoding: str) -> None:
    codec = labelled_codec(encoding)
    assert codec.labels == VALUES
    piece = Piece(TRIAD)
    example = codec.encode(piece)
    assert example.labels == codec.canonical(piece).labels == codec.decode(example).labels == song_labels(TRIAD, NAMES)
    data, arrays = codec.state()
    assert MidiCodec.from_state(data, arrays, codec.options).encode(piece).labels == example.labels


def test_labels_of_the_corpus_have_precedence() -> None:
    codec = labelled_codec(key="Am", density="calm")
    assert codec.labels == {**VALUES, "density": ("calm",)} and codec.computed_labels == ("key", "polyphony")
    assert codec.encode(Piece(TRIAD, {"key": "Am"})).labels == {"key": "Am", "polyphony": "3-4"}
    assert codec.encode(Piece(TRIAD, {"key": "unknown"})).labels == {"polyphony": "3-4"}


def test_without_the_option_there_are_no_labels() -> None:
    codec = MidiCodec.fit([Piece(TRIAD)], MidiOptions())
    assert (codec.labels, codec.encode(Piece(TRIAD)).labels) == ({}, {})


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_augmentation_transposes_the_key(encoding: str) -> None:
    pieces = read_pieces("jsb", 5)
    codec = MidiCodec.fit(pieces, MidiOptions(encoding=encoding, song_labels="key,density"))  # type: ignore[arg-type]
    example = codec.encode(pieces[0])
    original, keys = codec.decode(example).content.notes, set()
    for seed in range(30):
        variant = codec.augment(example, np.random.default_rng(seed))
        shift = int(codec.decode(variant).content.notes["pitch"][0]) - int(original["pitch"][0])
        expected = transposed_labels(example.labels, shift)
        assert variant.labels.items() <= expected.items()
        keys.add(variant.labels.get("key"))
    assert None in keys and len(keys) > 3
    assert example.labels == codec.encode(pieces[0]).labels


@settings(max_examples=30)
@given(st.sampled_from(KEYS), st.integers(-30, 30))
def test_transposed_labels_go_back(key: Key, semitones: int) -> None:
    labels = {"key": str(key), "composer": "Lang"}
    assert transposed_labels(transposed_labels(labels, semitones), -semitones) == labels


def test_the_key_of_a_request_is_a_label() -> None:
    codec = labelled_codec()
    (prompt,) = codec.task(MidiRequest(key="A# minor")).prompts
    assert prompt.example.labels == {"key": "Bbm"}
    with pytest.raises(RequestError) as caught:
        codec.task(MidiRequest(key="H"))
    assert caught.value.field == "key"
    with pytest.raises(RequestError) as caught:
        MidiCodec.fit([Piece(TRIAD)], MidiOptions()).task(MidiRequest(key="G"))
    assert caught.value.field == "key"


def test_a_chorale_in_a_requested_key_begins_with_its_tonic(tmp_path: Path) -> None:
    codec = labelled_codec("chorale")
    (prompt,) = codec.task(MidiRequest(key="E")).prompts
    constraint: Any = prompt.constraint
    assert prompt.example.labels == {"key": "E"}
    assert np.flatnonzero(constraint.allowed(constraint.start())).tolist() == [64]  # of the range from C to G
    path = tmp_path / "song.mid"
    Midi().write([Piece(TRIAD)], path)
    for request in (MidiRequest(), MidiRequest(key="E", prompt_file=path)):
        (prompt,) = codec.task(request).prompts
        constraint = prompt.constraint
        assert constraint.allowed(constraint.start())[60:68].sum() > 1


def test_a_prompt_has_the_labels_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    Midi().write([Piece(TRIAD)], path)
    codec = labelled_codec()
    (prompt,) = codec.task(MidiRequest(prompt_file=path)).prompts
    assert prompt.example.labels == song_labels(TRIAD, NAMES)
    (prompt,) = codec.task(MidiRequest(prompt_file=path, key="Em")).prompts
    assert prompt.example.labels["key"] == "Em"
    (prompt,) = codec.task(MidiRequest(prompt_file=path, infill="1")).prompts
    assert prompt.example.labels == song_labels(TRIAD, NAMES)


def test_a_transposed_result_has_the_transposed_key() -> None:
    codec = labelled_codec()
    task = codec.task(MidiRequest(key="C", transpose=2))
    assert task.finish([Piece(TRIAD, {"key": "C"})]).labels == {"key": "D"}
