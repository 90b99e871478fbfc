"""The notes that a request needs room for: the limit of a generated song follows from its bars or seconds."""

NOTES_PER_BAR, NOTES_PER_SECOND = 64, 32
"""More notes than nearly every bar and second has; a song with more is led to its end."""


def room_for(*, bars: int = 0, seconds: float = 0.0, notes: int = 0) -> float | None:
    """Return the length of a prompt that has room for what is requested, in notes; None if nothing is.

    >>> room_for(bars=100, notes=300), room_for()
    (6700.0, None)

    Args:
        bars: The bars that are written.
        seconds: The seconds that are written.
        notes: The notes that are fixed, such as those of a given voice.
    """
    return float(NOTES_PER_BAR * bars + NOTES_PER_SECOND * seconds + notes) or None
