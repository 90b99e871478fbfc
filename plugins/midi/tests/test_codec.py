from pathlib import Path

import numpy as np
import pytest

import seqforge_corpora
from seqforge import Piece, ReadError
from seqforge_midi import Midi, MidiCodec, MidiOptions, Song
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, note_array

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
OPTIONS = {
    "score": MidiOptions(),
    "score with microtiming": MidiOptions(grid=4, microtiming=12),
    "performance": MidiOptions(encoding="performance"),
    "chorale": MidiOptions(encoding="chorale"),
}


def read_pieces(folder: str, count: int) -> list[Piece[Song]]:
    paths = sorted((CORPORA / folder).rglob("*.mid"))[:count]
    return [item for path in paths for item in read_songs(path) if not isinstance(item, ReadError)]


def test_state_restores_the_codec() -> None:
    (piece,) = read_pieces("lieder", 1)
    codec = MidiCodec.fit([Piece(piece.content, {"composer": "Lang"})], MidiOptions())
    data, arrays = codec.state()
    restored = MidiCodec.from_state(data, arrays, MidiOptions())
    assert restored.state() == (data, arrays)
    assert restored.labels == {"composer": ("Lang",)}
    assert np.array_equal(restored.encode(piece).steps, codec.encode(piece).steps)
    assert codec.units(codec.encode(piece).steps).sum() == len(codec.canonical(piece).content.notes)


def test_encode_reports_losses() -> None:
    (piece,) = read_pieces("groove", 1)
    codec = MidiCodec.fit([piece], OPTIONS["performance"])
    song = piece.content
    assert codec.encode(piece).dropped == {
        "lengths of drum hits": len(song.notes),
        "rounded velocities": sum(
            velocity not in codec.encoding.velocity_bins.values for velocity in song.notes["velocity"]
        ),
        "controllers other than sustain and expression": 228,
        "key signatures": 1,
    }


def test_plugin_reads_pieces_with_their_origin() -> None:
    path = sorted((CORPORA / "lieder").glob("*.mid"))[0]
    (piece,) = Midi().read(path, MidiOptions())
    assert isinstance(piece, Piece) and piece.origin is not None
    assert (piece.origin.file, piece.origin.place) == (str(path), "")


@pytest.mark.parametrize(("changes", "is_shifted"), [(4, False), (30, True)])
def test_augment_shifts_the_velocities_of_performances_alone(changes: int, is_shifted: bool) -> None:
    rows = [(480 * number, 480 * number + 240, 60, 40 + 8 * (min(number, changes) % 5), DRUMS) for number in range(60)]
    piece = Piece(Song.from_events(note_array(rows)))
    codec = MidiCodec.fit([piece], MidiOptions())
    example = codec.encode(piece)
    variants = [codec.augment(example, np.random.default_rng(seed)) for seed in range(20)]
    velocities = [codec.decode(variant).content.notes["velocity"].astype(int) for variant in variants]
    shifts = {int(values[0] - velocities[0][0]) for values in velocities}
    assert (len(shifts) > 1) == is_shifted
    assert all(len(set((values - velocities[0]).tolist())) == 1 for values in velocities)


@pytest.mark.parametrize("name", OPTIONS)
def test_augment_transposes_all_pitches_equally(name: str) -> None:
    pieces = read_pieces("jsb", 5)
    codec = MidiCodec.fit(pieces, OPTIONS[name])
    example = codec.encode(pieces[0])
    original = codec.decode(example).content.notes
    transpositions = set()
    for seed in range(20):
        variant = codec.augment(example, np.random.default_rng(seed))
        codec.space.check(variant.steps)
        notes = codec.decode(variant).content.notes
        differences = set((notes["pitch"] - original["pitch"]).tolist())
        assert len(differences) == 1
        transpositions |= differences
        assert codec.stats.lowest <= notes["pitch"].min() <= notes["pitch"].max() <= codec.stats.highest
    assert len(transpositions) > 3
