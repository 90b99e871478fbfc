"""The names of the General MIDI programs."""

from functools import cache

from seqforge_midi.song import DRUMS, Track


@cache
def _names() -> tuple[str, ...]:
    from pretty_midi.constants import INSTRUMENT_MAP  # type: ignore[import-untyped]

    return (*INSTRUMENT_MAP, "Drums")


def program_name(program: int) -> str:
    """Return the name of a program; 128 is the drums.

    >>> program_name(40)
    'Violin'
    """
    return _names()[program]


def track_name(track: Track) -> str:
    """Return the name of a track; if it has none, the name of its program, numbered from the second one on.

    >>> track_name(Track(40)), track_name(Track(40, number=1)), track_name(Track(40, name="Solo"))
    ('Violin', 'Violin 2', 'Solo')
    """
    return track.name or program_name(track.program) + (f" {track.number + 1}" if track.number else "")


def program_number(text: str) -> int | None:
    """Return the program that a number, a name or the start of a name stands for; None if there is none.

    >>> program_number("church organ"), program_number("violin"), program_number("drums"), program_number("kazoo")
    (19, 40, 128, None)
    """
    word = " ".join(text.lower().replace("_", " ").split())
    if word.isdigit():
        return int(word) if int(word) < DRUMS else None
    names = [name.lower() for name in _names()]
    if word in names:
        return names.index(word)
    matches = (number for number, name in enumerate(names) if name.startswith(word) or word in name.split())
    return next(matches, None) if word else None
