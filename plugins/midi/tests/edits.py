"""Edits without a network: random allowed steps, and what an edit must leave as it is."""

from collections import Counter
from pathlib import Path

import numpy as np

from seqforge import Constraint, Example
from seqforge_midi import MidiCodec, MidiRequest
from seqforge_midi.edited_song import EditedSong
from seqforge_midi.midi_chunks import read_chunks, unwrap_riff
from seqforge_midi.track_events import TrackEvent, read_events


def random_walk(constraint: Constraint, kinds: list[str], seed: int, choices: int) -> list[int]:
    """Return random allowed steps; after some choices they lead to the nearest end. The laws are checked on the way."""
    rng = np.random.default_rng(seed)
    state = constraint.start()
    steps: list[int] = []
    while True:
        allowed = np.flatnonzero(constraint.allowed(state)).tolist()
        distance = constraint.to_end(state)
        assert (distance == 0) == constraint.may_end(state)
        if not distance and (choices <= 0 or not allowed):
            return steps
        assert allowed
        closer = (step for step in allowed if constraint.to_end(constraint.advance(state, step)) == distance - 1)
        nearest = next(closer, None)
        assert nearest is not None or not distance
        if choices <= 0 and nearest is not None:
            step = nearest
        else:
            kind = rng.choice(sorted({kinds[step] for step in allowed}))
            step = int(rng.choice([step for step in allowed if kinds[step] == kind]))
            choices -= len(allowed) > 1
        steps.append(step)
        state = constraint.advance(state, step)
        hash(state)


def random_edit(codec: MidiCodec, request: MidiRequest, seed: int, choices: int = 60) -> EditedSong:
    """Return the file of a request whose free notes are random."""
    task = codec.task(request)
    pieces = []
    for prompt in task.prompts:
        assert prompt.constraint is not None
        steps = random_walk(prompt.constraint, codec.encoding.vocabulary.kinds, seed, choices)
        assert steps[: len(prompt.example.steps)] == prompt.example.steps.tolist()
        pieces.append(codec.decode(Example(np.array(steps), extras=prompt.example.extras)))
    result = task.finish(pieces).content
    assert isinstance(result, EditedSong)
    return result


def tracks_of(data: bytes) -> list[list[TrackEvent]]:
    """Return the events of each track of a file."""
    return [read_events(track)[0] for track in read_chunks(unwrap_riff(data)).tracks]


def is_note_on(event: TrackEvent) -> bool:
    return event.data[0] & 0xF0 == 0x90 and event.data[2] > 0


def is_note(event: TrackEvent) -> bool:
    return event.data[0] & 0xE0 == 0x80


def changes(original: bytes, edited: bytes) -> tuple[list[list[TrackEvent]], list[list[TrackEvent]]]:
    """Return the events of each track that an edit removed, and those that it added."""
    pairs = list(zip(tracks_of(original), tracks_of(edited), strict=True))
    counts = [tuple(Counter(event[:2] for event in events) for events in pair) for pair in pairs]
    removed = [[TrackEvent(*event) for event in (before - after).elements()] for before, after in counts]
    added = [[TrackEvent(*event) for event in (after - before).elements()] for before, after in counts]
    return removed, added


def read_bytes(path: Path) -> bytes:
    return unwrap_riff(path.read_bytes())
