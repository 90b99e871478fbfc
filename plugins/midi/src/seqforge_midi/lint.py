"""What is wrong with a MIDI file as a player would find it, read message by message with mido."""

from collections import Counter
from pathlib import Path

LONGEST_PAUSE = 1 << 20
"""Ticks between two events of one track that no music has."""


def findings(path: Path) -> list[str]:
    """Return what is wrong with a MIDI file, nothing where all is well.

    A note that hangs or is struck while it sounds, a note of no length, a key that comes up and was not down, a pedal
    left down, a track without its end or with something after it, a file without notes, an absurd time.
    """
    import mido  # type: ignore[import-untyped]

    file = mido.MidiFile(path)
    found: list[str] = []
    notes = 0
    if not file.tracks:
        found.append("no track")
    if file.ticks_per_beat <= 0:
        found.append(f"{file.ticks_per_beat} ticks to a quarter")
    for number, track in enumerate(file.tracks, 1):
        ends = [place for place, message in enumerate(track) if message.type == "end_of_track"]
        if ends != [len(track) - 1]:
            found.append(f"track {number}: its end is said {len(ends)} times, or not last")
        now = 0
        down: dict[tuple[int, int], int] = {}
        pedals: Counter[int] = Counter()
        for message in track:
            if not 0 <= message.time <= LONGEST_PAUSE:
                found.append(f"track {number}: a pause of {message.time} ticks at tick {now}")
            now += message.time
            if message.type == "note_on" and message.velocity:
                key = (message.channel, message.note)
                if key in down:
                    found.append(f"track {number}: the note {message.note} is struck at tick {now} while it sounds")
                down[key] = now
                notes += 1
            elif message.type in ("note_on", "note_off"):
                since = down.pop((message.channel, message.note), None)
                if since is None:
                    found.append(f"track {number}: the note {message.note} ends at tick {now} and did not sound")
                elif since == now:
                    found.append(f"track {number}: the note {message.note} at tick {now} has no length")
            elif message.type == "control_change" and message.control == 64:
                pedals[message.channel] = int(message.value >= 64)
        found += [f"track {number}: the note {pitch} hangs from tick {since}" for (_, pitch), since in down.items()]
        found += [f"track {number}: the pedal of channel {channel} is left down" for channel in +pedals]
    if not notes:
        found.append("no note")
    return found
