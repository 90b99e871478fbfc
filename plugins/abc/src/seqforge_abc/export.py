"""The writers of MIDI, MusicXML, SVG, PDF, PNG and WAV. They do not look at the suffix of the path."""

import importlib.util
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from seqforge import WriteError
from seqforge_abc import engraving
from seqforge_abc.musicxml_writer import to_musicxml
from seqforge_abc.playback import PlayedNote, Sound, played_notes, sounds, tempo_of
from seqforge_abc.second_voice import second_voice
from seqforge_abc.synthesis import write_sounds
from seqforge_abc.theory import Key, pitch_class_name
from seqforge_abc.tune import Tune
from seqforge_abc.typesetting import MAX_PICTURE_HEIGHT, check_typst, to_pdf, to_png

__all__ = ["write_midi", "write_musicxml", "write_pdf", "write_png", "write_svg", "write_wav"]

TICKS_PER_QUARTER = 480
_FLUTE, _GUITAR = 73, 24
"""The MIDI programs of melody and accompaniment."""
_MINOR_MODES = ("aeo", "dor", "phr", "loc")
_Event = tuple[int, int, Any]
"""The tick, the sort order within the tick, and the message of a MIDI event."""


def write_midi(tune: Tune, path: Path) -> None:
    """Write a tune as a standard MIDI file, with the melody and softer chords for its chord symbols."""
    import mido  # type: ignore[import-untyped]

    notes = played_notes(tune)
    all_sounds = sounds(notes)
    title = " ".join(tune.title.split()) or "Untitled"
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER, charset="utf-8")
    melody = [sound for sound in all_sounds if not sound.accompaniment]
    chords = [sound for sound in all_sounds if sound.accompaniment]
    file.tracks.append(_track(title, [*_meta_events(tune, notes), *_note_events(melody, 0, _FLUTE)]))
    if chords:
        file.tracks.append(_track("Chords", _note_events(chords, 1, _GUITAR)))
    if (second := second_voice(tune)) is not None:
        file.tracks.append(_track("Second voice", _note_events(sounds(played_notes(second)), 2, _FLUTE)))
    with path.open("wb") as stream:
        file.save(file=stream)


def write_musicxml(tune: Tune, path: Path) -> None:
    """Write a tune as MusicXML."""
    path.write_bytes(to_musicxml(tune))


def write_svg(tunes: Sequence[Tune], path: Path) -> None:
    """Write tunes as one engraved page, as tall as needed.

    Raises:
        WriteError: If verovio crashes on a tune or takes too long, or a library is not installed.
    """
    _require_verovio(suffix=".svg")
    path.write_text(engraving.engrave_page(tunes), encoding="utf-8")


def write_pdf(tunes: Sequence[Tune], path: Path) -> None:
    """Write tunes as a book of engraved A4 pages.

    Raises:
        WriteError: If verovio crashes on a tune or takes too long, or a library is not installed.
    """
    check_typst(".pdf")
    _require_verovio(suffix=".pdf")
    path.write_bytes(to_pdf(engraving.engrave_tunes(tunes, MAX_PICTURE_HEIGHT)))


def write_png(tune: Tune, path: Path) -> None:
    """Write a tune as an engraved picture on white.

    Raises:
        WriteError: If verovio crashes on the tune or takes too long, or a library is not installed.
    """
    check_typst(".png")
    _require_verovio(suffix=".png")
    path.write_bytes(to_png(engraving.engrave_tunes([tune])[0]))


def write_wav(tune: Tune, path: Path, *, loop: bool = False) -> None:
    """Write a tune as sound; as a loop, the file is exactly as long as the tune."""
    beat, tempo = tempo_of(tune)
    notes = played_notes(tune)
    length = float(sum(played.note.duration for played in notes)) if loop else None
    second = second_voice(tune)
    all_sounds = sounds(notes) + (sounds(played_notes(second)) if second else [])
    all_sounds.sort(key=lambda sound: (sound.start, sound.accompaniment, sound.pitch))
    write_sounds(all_sounds, 60 / float(tempo * beat), path, loop_length=length)


def _require_verovio(suffix: str) -> None:
    """Check that verovio, of the extra `score`, is installed.

    Raises:
        WriteError: If it is not.
    """
    if importlib.util.find_spec("verovio") is None:
        raise WriteError(
            f"writing {suffix} needs verovio, not installed here: pip install verovio; or write .abc, .musicxml or .mid"
            " instead"
        )


# -- MIDI ------------------------------------------------------------------------------------------------------


def _meta_events(tune: Tune, notes: Iterable[PlayedNote]) -> list[_Event]:
    """Return the tempo, the keys and the time signatures at the ticks where they change."""
    from mido import MetaMessage

    beat, tempo = tempo_of(tune)
    events = [(0, 0, MetaMessage("set_tempo", tempo=round(Fraction(60_000_000) / (tempo * beat * 4))))]
    position, key, meter = Fraction(0), None, None
    for played in notes:
        if played.meter != meter and played.meter.unit:
            numerator, denominator = played.meter.beats, played.meter.unit
            clocks = 36 if played.meter.compound else 24
            message = MetaMessage(
                "time_signature", numerator=numerator, denominator=denominator, clocks_per_click=clocks
            )
            events.append((_ticks(position), 0, message))
        if played.key != key:
            events.append((_ticks(position), 0, MetaMessage("key_signature", key=_midi_key(played.key))))
        key, meter = played.key, played.meter
        position += played.note.duration
    return events


def _midi_key(key: Key) -> str:
    """Return the major or minor key with the signature of a key, as mido names it."""
    minor = key.tonic is not None and key.mode in _MINOR_MODES
    return pitch_class_name(key.signature + (3 if minor else 0)) + ("m" if minor else "")


def _note_events(sounds: Iterable[Sound], channel: int, program: int) -> list[_Event]:
    """Return the note-on and note-off messages of sounds.

    A sound is ended before the same pitch begins again.
    """
    from mido import Message

    events = [(0, 1, Message("program_change", channel=channel, program=program))]
    note_offs: dict[int, int] = {}  # the index of the last note-off in `events`, by pitch
    for sound in sounds:
        begin = _ticks(sound.start)
        end = max(begin + 1, _ticks(sound.end))
        previous = note_offs.get(sound.pitch)
        if previous is not None and events[previous][0] > begin:
            if events[previous - 1][0] >= begin:
                continue  # the pitch begins twice at one tick
            events[previous] = (begin, *events[previous][1:])
        events.append((begin, 3, Message("note_on", channel=channel, note=sound.pitch, velocity=sound.velocity)))
        events.append((end, 2, Message("note_off", channel=channel, note=sound.pitch, velocity=0)))
        note_offs[sound.pitch] = len(events) - 1
    return events


def _track(name: str, events: Iterable[_Event]) -> Any:
    from mido import MetaMessage, MidiTrack

    track = MidiTrack([MetaMessage("track_name", name=name, time=0)])
    previous_tick = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - previous_tick))
        previous_tick = tick
    track.append(MetaMessage("end_of_track", time=0))
    return track


def _ticks(length: Fraction) -> int:
    return round(length * 4 * TICKS_PER_QUARTER)
