"""Lays out a generated song as the request says: its title, the kind of its picture, and the keys of its drums."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from seqforge import Example, Piece, Task
from seqforge_midi.corpus_stats import CorpusStats
from seqforge_midi.drum_map import TD_ONLY, to_general_midi
from seqforge_midi.label_request import with_labels
from seqforge_midi.layout import Layout
from seqforge_midi.request import MidiRequest
from seqforge_midi.song import Song, remove_overlaps


class LayoutTask(Task[Song]):
    """A task whose result is laid out as a request says.

    The drums of a model that was trained on a Roland TD kit are mapped to General MIDI, unless the request has the kit
    "td" or edits a file, whose keys stay.

    Args:
        task: The task that gives the song.
        request: The request.
        stats: The statistics of the model's corpus, which show whether its drums are those of a Roland TD kit.
        labels: The labels of the request, which condition all prompts; none by default.
    """

    def __init__(
        self, task: Task[Song], request: MidiRequest, stats: CorpusStats, labels: Mapping[str, str] | None = None
    ) -> None:
        super().__init__([with_labels(prompt, labels or {}) for prompt in task.prompts])
        self.task = task
        self.layout = Layout(request.title, request.as_)
        is_td = any(key in stats.drum_pitches for key in TD_ONLY)
        self.maps_drums = is_td and request.kit == "gm" and not request.infill

    def review(self, log_probability: Callable[[Example], float]) -> None:
        self.task.review(log_probability)

    def finish(self, pieces: Sequence[Piece[Song]]) -> Piece[Song]:
        piece = self.task.finish(pieces)
        song = dataclasses.replace(piece.content, layout=dataclasses.replace(self.layout, key=piece.content.layout.key))
        if self.maps_drums:
            song = dataclasses.replace(song, notes=remove_overlaps(to_general_midi(song.notes)))
        return dataclasses.replace(piece, content=song)
