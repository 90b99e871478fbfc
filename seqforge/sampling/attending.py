"""When a piece with a source may end: once all of the source was attended to, and soon after that."""

import numpy as np

LINGER = 40
"""Steps after which a piece must end whose source is wholly attended to."""


def ending_with_the_source(masks: np.ndarray, rested: np.ndarray) -> np.ndarray:
    """Return masks under which a piece ends where its source does; one that would leave nothing stays as it is.

    Args:
        masks: what may come, shape (rows, choices), the end last.
        rested: for how many steps each row's window has rested behind the end of the source.
    """
    found = masks.copy()
    found[rested == 0, -1] = False
    found[rested >= LINGER, :-1] = False
    return np.where(found.any(axis=1, keepdims=True), found, masks)
