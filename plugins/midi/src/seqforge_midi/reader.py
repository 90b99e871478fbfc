"""Reads Standard MIDI Files of every format and division; all sizes in a file are checked before they are used."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqforge import Origin, Piece, ReadError
from seqforge_midi.controls import changes_only
from seqforge_midi.midi_chunks import MidiChunks, read_chunks
from seqforge_midi.midi_events import Messages, OtherEvent, scan_tracks
from seqforge_midi.midi_notes import CONTROL, RESET_CONTROLLERS, Spans, control_changes, pair_notes, pair_pedals
from seqforge_midi.midi_programs import programs_of
from seqforge_midi.midi_tracks import FileTracks
from seqforge_midi.omissions import count_omissions
from seqforge_midi.song import (
    NOTE_DTYPE,
    PEDAL_DTYPE,
    TICKS_PER_QUARTER,
    Song,
    TempoChange,
    TimeSignatureChange,
)

MAX_BYTES = 16 << 20
MAX_NOTES = 1_000_000
MAX_QUARTERS = 100_000
"""14 hours at 120 quarter notes per minute."""
SET_TEMPO, TIME_SIGNATURE, PORT = 0x51, 0x58, 0x21
MAX_DENOMINATOR_POWER = 7
"""The power of two of the largest denominator of a time signature."""


def read_songs(path: Path) -> Iterator[Piece[Song] | ReadError]:
    """Yield the songs of a MIDI file: one, or of a file of format 2, one per track.

    Example:
        for piece in read_songs(Path("song.mid")):
            print(piece if isinstance(piece, ReadError) else piece.content.programs)
    """
    file = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            reason = f"the file has more than {MAX_BYTES >> 20} MB; MIDI files of music are much smaller"
            yield ReadError(reason, file=file)
            return
        data = path.read_bytes()
    except OSError as error:
        yield ReadError(f"the file cannot be read: {error.strerror or error}", file=file)
        return
    try:
        chunks = read_chunks(data)
    except ValueError as error:
        yield ReadError(str(error), file=file)
        return
    groups = [(track,) for track in chunks.tracks] if chunks.file_format == 2 else [chunks.tracks]
    for number, tracks in enumerate(groups, 1):
        place = f"track {number}" if len(groups) > 1 else ""
        try:
            yield Piece(_read_song(tracks, chunks), origin=Origin(file, place))
        except ValueError as error:
            yield ReadError(f"{place}: {error}" if place else str(error), file=file)


def _read_song(tracks: Sequence[bytes], chunks: MidiChunks) -> Song:
    """Return the song of tracks that play together.

    Raises:
        ValueError: If a track is damaged, or the tracks have no notes, too many, or implausible times.
    """
    events = scan_tracks(tracks)
    messages, ports = events.messages, np.zeros(len(tracks), np.int64)
    for event in reversed(events.others):
        if event.kind == PORT and event.data:
            ports[event.track] = event.data[0]  # the first one of the track holds
    if messages.ticks.max(initial=0) > MAX_QUARTERS * chunks.division:
        raise ValueError(_too_long())
    note_spans, pedal_spans = pair_notes(messages), pair_pedals(messages)
    if not len(note_spans.messages):
        raise ValueError("the file has no notes")
    if len(note_spans.messages) > MAX_NOTES:
        raise ValueError(f"the file has {len(note_spans.messages):,} notes; at most {MAX_NOTES:,} are allowed")
    last_tick = max(note_spans.ends.max(), pedal_spans.ends.max(initial=0))
    if last_tick > MAX_QUARTERS * chunks.division:
        raise ValueError(_too_long())
    scale = TICKS_PER_QUARTER / chunks.division
    notes = _rows(messages, note_spans, scale, NOTE_DTYPE)
    notes["pitch"], notes["velocity"] = messages.firsts[note_spans.messages], messages.seconds[note_spans.messages]
    pedals = _rows(messages, pedal_spans, scale, PEDAL_DTYPE)
    programs = programs_of(messages, note_spans.messages, ports, events.others)
    file_tracks = FileTracks(messages, note_spans.messages, programs, ports, events.others)
    file_tracks.label(notes, file_tracks.of(note_spans.messages, programs))
    pedal_programs = programs_of(messages, pedal_spans.messages, ports, events.others)
    pedal_tracks = file_tracks.of(pedal_spans.messages, pedal_programs)
    file_tracks.label(pedals, pedal_tracks)
    indices, controls = control_changes(messages)
    controls["start"] = np.rint(controls["start"] * scale)
    control_tracks = file_tracks.of(indices, programs_of(messages, indices, ports, events.others))
    file_tracks.label(controls, control_tracks)
    is_reset = (messages.kinds[indices] == CONTROL) & (messages.firsts[indices] == RESET_CONTROLLERS)
    lost_controls = int(((control_tracks < 0) & ~is_reset).sum())
    controls = changes_only(controls[control_tracks >= 0])
    end = round(last_tick * scale)
    tempos, time_signatures = _changes(events.others, scale, end)
    if chunks.quarter_seconds is not None:
        tempos = [(0, 60 / chunks.quarter_seconds)]
    moved = int(((messages.ticks[note_spans.messages] * TICKS_PER_QUARTER) % chunks.division != 0).sum())
    omitted = count_omissions(events, note_spans, pedal_spans, notes["program"], moved)
    omitted += +Counter({
        "pedals of channels without notes": int((pedal_tracks < 0).sum()),
        "changes of expression and pitch bends after the last note": int((controls["start"] > end).sum()),
        "changes of expression and pitch bends of channels without notes": lost_controls,
        "names of tracks without notes or with several channels": file_tracks.lost_names,
    })  # fmt: skip
    pedals = pedals[(pedal_tracks >= 0) & (pedals["end"] > pedals["start"])]
    return Song.from_events(
        notes, tempos, time_signatures, pedals, omitted=omitted, tracks=file_tracks.tracks, controls=controls
    )


def _rows(messages: Messages, spans: Spans, scale: float, dtype: np.dtype[Any]) -> np.ndarray:
    """Return notes or pedals of a dtype with start and end set, in ticks of a song."""
    rows = np.zeros(len(spans.messages), dtype)
    rows["start"], rows["end"] = np.rint(messages.ticks[spans.messages] * scale), np.rint(spans.ends * scale)
    return rows


def _changes(
    others: Sequence[OtherEvent], scale: float, last: int
) -> tuple[list[TempoChange], list[TimeSignatureChange]]:
    """Return the valid changes of tempo and time signature up to a tick."""
    tempos: list[TempoChange] = []
    time_signatures: list[TimeSignatureChange] = []
    for event in others:
        tick, data = round(event.tick * scale), event.data
        if tick > last:
            continue
        if event.kind == SET_TEMPO and len(data) == 3 and any(data):
            tempos.append((tick, 60e6 / int.from_bytes(data, "big")))
        elif event.kind == TIME_SIGNATURE and len(data) >= 2 and data[0] and data[1] <= MAX_DENOMINATOR_POWER:
            time_signatures.append((tick, (data[0], 2 ** data[1])))
    return tempos, time_signatures


def _too_long() -> str:
    return f"an event is more than {MAX_QUARTERS:,} quarter notes after the start; split the file"
