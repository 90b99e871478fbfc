"""What General MIDI calls its programs."""

from functools import cache

from seqforge_midi.song import DRUMS


@cache
def _names() -> tuple[str, ...]:
    from pretty_midi.constants import INSTRUMENT_MAP  # type: ignore[import-untyped]

    return (*INSTRUMENT_MAP, "Drums")


def program_name(program: int) -> str:
    """Return the name of a program; 128 is the drums."""
    return _names()[program]


def program_number(word: str) -> int | None:
    """Return the program that a person means by a number or a name, None where there is no such."""
    small = " ".join(word.lower().replace("_", " ").split())
    if small.isdigit():
        return int(small) if int(small) < DRUMS else None
    names = [name.lower() for name in _names()]
    if small in names:
        return names.index(small)
    meant = (number for number, name in enumerate(names) if name.startswith(small) or small in name.split())
    return next(meant, None) if small else None
