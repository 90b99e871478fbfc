"""The meters of dances: a rhythm that is drawn for a requested meter is danced in that meter."""

from seqforge_abc.theory import Meter

__all__ = ["fits_meter"]

METERS = {
    "barndance": ("2/2", "4/4"), "clog": ("2/2", "2/4", "4/4"), "double jig": ("6/8",), "fling": ("2/2", "2/4", "4/4"),
    "highland": ("2/2", "4/4"), "highland fling": ("2/2", "4/4"), "hop jig": ("9/8",),
    "hornpipe": ("2/2", "2/4", "4/4"), "jig": ("6/8", "9/8", "12/8"), "march": ("2/2", "2/4", "4/4", "6/8"),
    "mazurka": ("3/4",), "minuet": ("3/4", "3/8"), "polka": ("2/4",), "quadrille": ("2/4", "6/8"),
    "reel": ("2/2", "2/4", "4/4"), "schottische": ("2/2", "2/4", "4/4"), "single jig": ("6/8", "12/8"),
    "slide": ("6/8", "12/8"), "slip jig": ("9/8",), "strathspey": ("2/2", "4/4"), "three-two": ("3/2",),
    "walkaround": ("2/2", "2/4", "4/4"), "waltz": ("3/4", "3/8"),
}  # fmt: skip
"""The meters of each dance. Rhythms that are not named here, such as airs and songs, have any meter."""


def fits_meter(rhythm: str, meter: Meter) -> bool:
    """Return whether a rhythm is danced in a meter.

    >>> fits_meter("reel", Meter(5, 4)), fits_meter("waltz", Meter(3, 4)), fits_meter("air", Meter(5, 4))
    (False, True, True)
    """
    return rhythm not in METERS or str(meter) in METERS[rhythm]
