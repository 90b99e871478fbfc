from seqforge_midi.song import Song, note_array
from seqforge_midi.statistics import polyphony


def test_polyphony_counts_sounding_notes() -> None:
    notes = note_array([(0, 480, 60, 80, 0), (0, 960, 64, 80, 0), (480, 960, 67, 80, 0)])
    assert polyphony(Song.from_events(notes)).tolist() == [2, 2]
