"""Songs as files for other programs: MIDI, MusicXML, SVG and WAV, by the suffix of the path."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqforge_midi.names import program_name
from seqforge_midi.song import DRUMS, TICKS, Song

CHANNELS = tuple(channel for channel in range(16) if channel != 9)
DRUM_CHANNEL = 9


def write(song: Song, path: Path, *, told: str = "") -> None:
    """Write a song in the format of a path's suffix.

    Args:
        song: what to write.
        path: where to.
        told: where the song came from; it stands in the file.
    """
    match path.suffix.lower():
        case ".musicxml":
            from seqforge_midi.notation import musicxml

            path.write_bytes(musicxml(song, told))
        case ".svg":
            from seqforge_midi.roll import draw

            path.write_text(draw(song, told), encoding="utf-8")
        case ".wav":
            from seqforge_midi.sound import write_wav

            write_wav(song, path)
        case _:
            with path.open("wb") as opened:
                to_mido(song, told).save(file=opened)


def to_mido(song: Song, told: str = "") -> Any:
    """Return a song as a mido.MidiFile of format 1: tempo and meter in the first track, then a track a program."""
    import mido  # type: ignore[import-untyped]

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS, charset="utf-8")
    meta = mido.MetaMessage
    signs = [(0, 0, meta("track_name", name="Song"))]
    signs += [(0, 1, meta("text", text=told))] if told else []
    signs += [(tick, 2, meta("set_tempo", tempo=round(60e6 / bpm))) for tick, bpm in song.tempos]
    for tick, (top, unit) in song.meters:
        clicks = 36 if unit == 8 and top % 3 == 0 else 24
        signs.append((tick, 3, meta("time_signature", numerator=top, denominator=unit, clocks_per_click=clicks)))
    file.tracks.append(_track(signs, song.length))
    tuned = [program for program in song.programs if program != DRUMS]
    shared = len(tuned) > len(CHANNELS)
    for program in song.programs:
        channel = DRUM_CHANNEL if program == DRUMS else CHANNELS[tuned.index(program) % len(CHANNELS)]
        file.tracks.append(_track(_played(song, program, channel, shared=shared), song.length))
    return file


def _played(song: Song, program: int, channel: int, *, shared: bool) -> list[tuple[int, int, Any]]:
    """Return the messages of a program; where channels are shared it is named before every note."""
    import mido

    found: list[tuple[int, int, Any]] = [(0, 0, mido.MetaMessage("track_name", name=program_name(program)))]
    change = mido.Message("program_change", channel=channel, program=program % DRUMS)
    if program != DRUMS:
        found.append((0, 1, change))
    for start, end, pitch, velocity, _ in song.notes[song.notes["program"] == program].tolist():
        if shared and program != DRUMS:
            found.append((start, 5, change))
        found.append((start, 6, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
        found.append((end, 2, mido.Message("note_off", channel=channel, note=pitch, velocity=64)))
    for start, end, _ in song.pedals[song.pedals["program"] == program].tolist():
        found.append((start, 4, mido.Message("control_change", channel=channel, control=64, value=127)))
        found.append((end, 3, mido.Message("control_change", channel=channel, control=64, value=0)))
    return found


def _track(events: Iterable[tuple[int, int, Any]], end: int) -> Any:
    import mido

    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return track
