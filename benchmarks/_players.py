"""The notes that abc2midi and abcjs play from an ABC text, for the benchmarks of fidelity."""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import mido

Note = tuple[float, float, int]
"""Onset and length in quarters, and the pitch as a MIDI note number."""
MIDI_DIRECTIVES = "%%MIDI gchordoff\n%%MIDI chordattack 0\n%%MIDI grace 1/4\n"
"""No accompaniment, simultaneous notes of a chord, and grace notes whose length does not depend on the L: field."""
_ARTICULATIONS = re.compile(r"\.(?=[uv]?[\^_=]*[A-Ga-g\[(])|[uv](?=[.(])")
"""Staccato dots, at which abc2midi refuses a broken rhythm, and bow marks before slurs, which it does not read."""
_ORNAMENT = re.compile(r"([~HLMPRT])(\(+)(?!\d)")
"""An ornament before a slur, which abc2midi does not read; behind the slur it does."""
TOLERANCE = 0.011
"""The largest difference of onsets and lengths that are equal, in quarters: programs round to ticks."""

STEP = 1 / 24
"""The width of the classes of onsets in which equal notes are looked up, in quarters."""


def source_text(lines: list[str], place: str) -> str:
    """Return the text of a tune in a book, after the header of the book.

    Args:
        lines: The lines of the book.
        place: The place of the tune, such as "line 12".
    """
    first = int(place.split()[-1]) - 1
    end = next((index for index in range(first + 1, len(lines)) if lines[index].startswith("X:")), len(lines))
    header = "".join(line + "\n" for line in file_header(lines[:first]))
    text = "\n".join(lines[first:end]).strip() + "\n"
    return header + ("\n" if header else "") + ("" if text.startswith("X:") else "X:1\n") + text


def file_header(lines: Sequence[str]) -> list[str]:
    """Return the fields and directives at the beginning of a book."""
    header = []
    for line in lines:
        if re.match(r"[MLUm]:", line):
            header.append(line)
        elif re.match(r"[XTK]:", line):
            break
    return header


def played_by_abc2midi(text: str, folder: Path) -> tuple[list[list[Note]] | None, list[str]]:
    """Return the notes that abc2midi plays, by track, and the errors that it reports; None if it writes no file.

    Fermatas do not lengthen notes (-NFER): seqforge moves the fermata of a bar line to the note before it. R: is
    left out, because abc2midi changes the broken rhythms of hornpipes and not the same lengths that are written out.

    Args:
        text: The tune.
        folder: A folder for temporary files.
    """
    (folder / "t.mid").unlink(missing_ok=True)
    header, key, body = [*re.split(r"^(K:.*\n)", text, maxsplit=1, flags=re.MULTILINE), "", ""][:3]
    header = re.sub(r"^R:.*\n", "", header, flags=re.MULTILINE)
    body = _ORNAMENT.sub(r"\2\1", body)
    body = "\n".join(
        line if re.match(r"[A-Za-z]:|%", line) else _ARTICULATIONS.sub("", line) for line in body.split("\n")
    )
    (folder / "t.abc").write_text(header + key + MIDI_DIRECTIVES + body, encoding="utf-8")
    try:
        output = subprocess.run(
            ["abc2midi", "t.abc", "-o", "t.mid", "-NFER"],
            cwd=folder, capture_output=True, text=True, errors="replace", check=False, timeout=20,
        ).stdout  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, ["abc2midi does not end"]
    errors = re.findall(r"Error in line-char \S+ : (.*)", output)
    if not (folder / "t.mid").is_file():
        return None, [*errors, "abc2midi writes no file"]
    file = mido.MidiFile(folder / "t.mid")
    return [_notes(track, file.ticks_per_beat) for track in file.tracks], errors


def _notes(track: mido.MidiTrack, ticks_per_beat: int) -> list[Note]:
    notes, tick = [], 0
    sounding: dict[int, int] = {}
    for message in track:
        tick += message.time
        if message.type == "note_on" and message.velocity:
            sounding[message.note] = tick
        elif message.type in ("note_on", "note_off") and message.note in sounding:
            onset = sounding.pop(message.note)
            notes.append((onset / ticks_per_beat, (tick - onset) / ticks_per_beat, message.note))
    return notes


def played_by_abcjs(texts: Sequence[str], folder: Path) -> list[list[list[Note]] | None]:
    """Return the notes that abcjs plays for each text, by track; None where it fails.

    Args:
        texts: The tunes.
        folder: The folder in which `npm install abcjs` was run.
    """
    script = Path(__file__).with_name("abcjs_notes.mjs")
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    output = subprocess.run(
        ["node", str(script), str(folder)], input=lines, capture_output=True, text=True, check=True
    ).stdout
    return [
        None if tracks is None else [[(onset, length, pitch) for onset, length, pitch in track] for track in tracks]
        for tracks in map(json.loads, output.splitlines())
    ]


def same_notes(before: list[list[Note]] | None, after: list[list[Note]] | None) -> bool:
    """Return whether two results have the same notes, or the second has the notes of one voice of the first.

    Notes that differ in nothing, such as those of a unison, count once.
    """
    if before is None or after is None:
        return before is after
    candidates = [[note for track in before for note in track], *before]
    notes = [note for track in after for note in track]
    return any(_equal(candidate, notes) for candidate in candidates)


def _equal(first: list[Note], second: list[Note]) -> bool:
    return _covers(first, second) and _covers(second, first)


def _covers(first: list[Note], second: list[Note]) -> bool:
    """Return whether each note of the second list is equal to one of the first."""
    notes: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for onset, length, pitch in first:
        notes.setdefault((pitch, round(onset / STEP)), []).append((onset, length))
    for onset, length, pitch in second:
        step = round(onset / STEP)
        near = [note for shift in (-1, 0, 1) for note in notes.get((pitch, step + shift), ())]
        if not any(abs(a - onset) < TOLERANCE and abs(b - length) < TOLERANCE for a, b in near):
            return False
    return True
