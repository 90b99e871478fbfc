"""Beginnings of the bundled songs whose composers have enough of them, as a corpus with the label `composer`."""

import csv
from collections import Counter
from pathlib import Path

import mido

from seqforge.corpus import find_corpus

MIN_SONGS = 20
"""The number of songs from which a composer is one of the classes."""
QUARTERS = 32
"""The length of a beginning, in quarter notes."""
VELOCITY = 80
"""The velocity of all notes: many songs have no dynamics, so velocities would name the transcriber."""


def write_songs(folder: Path) -> int:
    """Write the beginnings and labels.csv into a folder; return the number of songs."""
    songs = [
        (file.parent / name, composer)
        for corpus in ("lieder", "openscore")
        for file in [next(iter(find_corpus(corpus).paths()))]
        for name, composer in _rows(file.parent / "labels.csv")
    ]
    counts = Counter(composer for _, composer in songs)
    songs = [song for song in songs if counts[song[1]] >= MIN_SONGS]
    for path, _ in songs:
        beginning_of(path).save(folder / path.name)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "composer"), *((path.name, composer) for path, composer in songs)])
    return len(songs)


def beginning_of(path: Path) -> mido.MidiFile:
    """Return the first `QUARTERS` of a song, with notes of one velocity; notes that last longer are cut."""
    song = mido.MidiFile(path)
    end = QUARTERS * song.ticks_per_beat
    for track in song.tracks:
        time, messages, open_notes = 0, mido.MidiTrack(), Counter[tuple[int, int]]()
        for message in track:
            if time + message.time >= end:
                break
            time += message.time
            if message.type in ("note_on", "note_off"):
                starts = message.type == "note_on" and message.velocity > 0
                open_notes[message.channel, message.note] += 1 if starts else -1
                message = message.copy(velocity=VELOCITY) if starts else message
            messages.append(message)
        wait = end - time
        for (channel, note), count in open_notes.items():
            for _ in range(count):
                messages.append(mido.Message("note_off", channel=channel, note=note, time=wait))
                wait = 0
        messages.append(mido.MetaMessage("end_of_track", time=wait))
        track[:] = messages
    return song


def _rows(table: Path) -> list[tuple[str, str]]:
    """Return the files and composers of a labels.csv."""
    with table.open(newline="", encoding="utf-8") as file:
        return [(row["file"], row["composer"]) for row in csv.DictReader(file)]
