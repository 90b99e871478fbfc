"""Tunes as files for other programs: MIDI, MusicXML, SVG and WAV; a path's suffix says nothing here."""

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from seqforge_abc import engraving
from seqforge_abc.playing import Moment, Sound, performed, played, sounds, tempo_of
from seqforge_abc.score import to_music21
from seqforge_abc.synthesis import write_sounds
from seqforge_abc.theory import Key, spelled
from seqforge_abc.tune import Tune

__all__ = ["musicxml", "played", "write_midi", "write_musicxml", "write_svg", "write_wav"]

TICKS = 480
"""Of MIDI, to a quarter."""
_MELODY, _GUITAR = 73, 24
"""MIDI programs: a flute and a guitar."""
_MINORS = ("aeo", "dor", "phr", "loc")
_NOISE = re.compile(rb"\s*<(encoding-date|creator type=\"composer\")>[^<]*</(encoding-date|creator)>")


def write_midi(tune: Tune, path: Path) -> None:
    """Write a tune as a standard MIDI file: its melody, and softer its chord symbols, if it has any."""
    import mido  # type: ignore[import-untyped]

    moments = performed(tune)
    struck = sounds(moments)
    title = " ".join(tune.title.split()) or "Untitled"
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS, charset="utf-8")
    melody = [*_metas(tune, moments), *_struck((sound for sound in struck if not sound.chord), 0, _MELODY)]
    file.tracks.append(_track(title, melody))
    if any(sound.chord for sound in struck):
        file.tracks.append(_track("Chords", _struck((sound for sound in struck if sound.chord), 1, _GUITAR)))
    with path.open("wb") as opened:
        file.save(file=opened)


def write_musicxml(tune: Tune, path: Path) -> None:
    """Write a tune as MusicXML, through music21."""
    path.write_bytes(musicxml(tune))


def write_svg(tunes: Sequence[Tune], path: Path) -> None:
    """Write tunes as one engraved page, tall enough for all.

    Raises:
        WriteError: verovio crashed on a tune, or took too long.
    """
    path.write_text(engraving.page(tunes, [musicxml(tune) for tune in tunes]), encoding="utf-8")


def write_wav(tune: Tune, path: Path) -> None:
    """Write a tune as sound, 16 bits, mono."""
    beat, minute = tempo_of(tune)
    write_sounds(sounds(performed(tune)), 60 / float(minute * beat), path)


def musicxml(tune: Tune) -> bytes:
    """Return a tune as MusicXML; the same bytes each time."""
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    exporter = GeneralObjectExporter(to_music21(tune))
    exporter.makeNotation = False  # the score is complete; music21 would fill bars with hidden rests
    found: bytes = exporter.parse()
    return _NOISE.sub(b"", found)


# -- MIDI ------------------------------------------------------------------------------------------------------


def _metas(tune: Tune, moments: Iterable[Moment]) -> list[tuple[int, int, Any]]:
    """Return the tempo, and keys and meters where they change, at their ticks."""
    from mido import MetaMessage

    beat, minute = tempo_of(tune)
    found = [(0, 0, MetaMessage("set_tempo", tempo=round(Fraction(60_000_000) / (minute * beat * 4))))]
    at, key, meter = Fraction(0), None, None
    for moment in moments:
        if moment.meter != meter and moment.meter.unit:
            top, bottom = moment.meter.beats, moment.meter.unit
            clocks = 36 if moment.meter.compound else 24
            message = MetaMessage("time_signature", numerator=top, denominator=bottom, clocks_per_click=clocks)
            found.append((_ticks(at), 0, message))
        if moment.key != key:
            found.append((_ticks(at), 0, MetaMessage("key_signature", key=_midi_key(moment.key))))
        key, meter = moment.key, moment.meter
        at += moment.note.duration
    return found


def _midi_key(key: Key) -> str:
    """Return what MIDI calls a key: the major or the minor one with its signature."""
    minor = key.tonic is not None and key.mode in _MINORS
    return spelled(key.signature + (3 if minor else 0)) + ("m" if minor else "")


def _struck(struck: Iterable[Sound], channel: int, program: int) -> list[tuple[int, int, Any]]:
    """Return the messages for sounds at their ticks; no key is struck while it is down."""
    from mido import Message

    found = [(0, 1, Message("program_change", channel=channel, program=program))]
    last: dict[int, int] = {}  # by pitch, where in `found` it is released
    for sound in struck:
        begin = _ticks(sound.start)
        end = max(begin + 1, _ticks(sound.end))
        before = last.get(sound.pitch)
        if before is not None and found[before][0] > begin:
            if found[before - 1][0] >= begin:
                continue  # struck twice at once
            found[before] = (begin, *found[before][1:])
        found.append((begin, 3, Message("note_on", channel=channel, note=sound.pitch, velocity=sound.velocity)))
        found.append((end, 2, Message("note_off", channel=channel, note=sound.pitch, velocity=0)))
        last[sound.pitch] = len(found) - 1
    return found


def _track(name: str, events: Iterable[tuple[int, int, Any]]) -> Any:
    from mido import MetaMessage, MidiTrack

    track = MidiTrack([MetaMessage("track_name", name=name, time=0)])
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(MetaMessage("end_of_track", time=0))
    return track


def _ticks(at: Fraction) -> int:
    return round(at * 4 * TICKS)
