"""The notes that a request needs room for: the limit of a generated song follows from its bars or seconds."""

NOTES_PER_BAR, NOTES_PER_SECOND = 64, 32
"""More notes than nearly every bar and second has; a song with more is led to its end."""
MAX_NOTES = 4000
"""The notes after which a song is led to its end if nothing is requested, or those of the longest training song."""


def room_for(*, bars: int = 0, seconds: float = 0.0, notes: int = 0, longest: int = 0) -> float | None:
    """Return the length of a prompt that has room for what is requested, in notes; None if nothing is.

    >>> room_for(bars=100, notes=300), room_for(), room_for(longest=2000)
    (6700.0, None, 2000.0)

    Args:
        bars: The bars that are written.
        seconds: The seconds that are written.
        notes: The notes that are fixed, such as those of a given voice.
        longest: The notes of the longest training song, which a song of any length may have.
    """
    if not bars and not seconds:
        notes += min(longest, MAX_NOTES)
    return float(NOTES_PER_BAR * bars + NOTES_PER_SECOND * seconds + notes) or None
