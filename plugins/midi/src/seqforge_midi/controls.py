"""Expression, pitch bend and the sustain pedal: as changes of a song, and quantised for the encodings."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

CONTROL_DTYPE = np.dtype([("start", "i8"), ("kind", "i2"), ("value", "i2"), ("program", "i2"), ("track", "i2")])
"""The fields of a change: its tick, EXPRESSION or BEND, the new value, program and track."""
EXPRESSION, BEND = 11, 128
"""The number of the controller of expression (0 to 127), and a number for pitch bend (-8192 to 8191)."""
INITIAL = {EXPRESSION: 127, BEND: 0}
"""The values before the first change (General MIDI Level 1; RP-015, Response to Reset All Controllers)."""
CONTROLLERS = ("sustain", "expression", "bend")
"""The controllers that can be encoded, in the order of their tokens."""
KINDS = {"expression": EXPRESSION, "bend": BEND}
NAMES = {kind: name for name, kind in KINDS.items()}
BEND_STEP = 256
VALUES: dict[str, tuple[int, ...]] = {
    "sustain": (0, 1),
    "expression": tuple(round(127 * step / 31) for step in range(32)),
    "bend": tuple(min(8191, BEND_STEP * step) for step in range(-32, 33)),
}
"""The values of each controller that have a token."""


def control_array(rows: Iterable[Sequence[Any]]) -> np.ndarray:
    """Return changes of CONTROL_DTYPE.

    >>> control_array([(0, BEND, 4096, 40, 0)])["value"].tolist()
    [4096]

    Args:
        rows: Tick, EXPRESSION or BEND, value, program and track of each change.
    """
    return np.array([tuple(row) for row in rows], CONTROL_DTYPE)


def changes_only(controls: np.ndarray) -> np.ndarray:
    """Return changes by start, program, track and kind, without those that change nothing.

    Of several changes of one kind, track and time the last one remains.

    >>> changes_only(control_array([(0, BEND, 0, 0, 0), (9, BEND, 5, 0, 0), (9, BEND, 7, 0, 0)]))["value"].tolist()
    [7]

    Args:
        controls: The changes, of CONTROL_DTYPE.
    """
    if not len(controls):
        return controls
    order = np.lexsort([controls[name] for name in ("start", "kind", "track", "program")])
    ordered = controls[order]
    same = _same_control(ordered)
    last = np.append(~(same & (ordered["start"][1:] == ordered["start"][:-1])), True)[: len(ordered)]
    ordered = ordered[last]
    same = np.append(False, _same_control(ordered))[: len(ordered)]
    initial = np.where(ordered["kind"] == EXPRESSION, INITIAL[EXPRESSION], INITIAL[BEND])
    before = np.where(same, np.roll(ordered["value"], 1), initial)
    ordered = ordered[ordered["value"] != before]
    result: np.ndarray = ordered[np.lexsort([ordered[name] for name in ("kind", "track", "program", "start")])]
    return result


def controls_until(controls: np.ndarray, end: int) -> np.ndarray:
    """Return the changes before an end, at which all bends go back to zero.

    >>> controls_until(control_array([(0, BEND, 512, 0, 0), (960, BEND, 5, 0, 0)]), 480).tolist()
    [(0, 128, 512, 0, 0), (480, 128, 0, 0, 0)]

    Args:
        controls: The changes, of CONTROL_DTYPE.
        end: The end, in the unit of the changes.
    """
    controls = controls[controls["start"] < end]
    bent = [track for kind, *track in np.unique(controls[["kind", "program", "track"]]).tolist() if kind == BEND]
    return changes_only(np.concatenate([controls, control_array([(end, BEND, 0, *track) for track in bent])]))


def quantised(controls: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return the changes of some controllers with values that have tokens.

    >>> quantised(control_array([(0, BEND, 300, 0, 0), (0, EXPRESSION, 90, 0, 0)]), ["bend"]).tolist()
    [(0, 128, 256, 0, 0)]

    Args:
        controls: The changes, of CONTROL_DTYPE.
        names: The names of the controllers.
    """
    parts = [np.zeros(0, CONTROL_DTYPE)]
    for name in names:
        if name in KINDS:
            part = np.array(controls[controls["kind"] == KINDS[name]])
            part["value"] = np.array(VALUES[name])[nearest_values(name, part["value"])]
            parts.append(part)
    return changes_only(np.concatenate(parts))


def nearest_values(name: str, values: np.ndarray) -> np.ndarray:
    """Return the index of the nearest value of a controller that has a token, for each value."""
    allowed = np.array(VALUES[name], np.int64)
    nearest: np.ndarray = np.abs(values.astype(np.int64)[:, None] - allowed).argmin(axis=1)
    return nearest


def count_lost(controls: np.ndarray, remaining: np.ndarray, names: Sequence[str]) -> dict[str, int]:
    """Return in words how many changes are not encoded, and how many are moved, rounded or left out.

    Args:
        controls: The changes of a song, of CONTROL_DTYPE.
        remaining: Those that the encoding has.
        names: The names of the controllers that are encoded.
    """
    words = {EXPRESSION: "changes of expression", BEND: "pitch bends"}
    encoded = {KINDS[name] for name in names if name in KINDS}
    counts: dict[str, int] = {}
    for kind, word in words.items():
        rows = controls[controls["kind"] == kind].tolist()
        if kind in encoded:
            word += " moved, rounded or left out"
            rows = list(set(rows) - set(remaining[remaining["kind"] == kind].tolist()))
        counts[word] = len(rows)
    return counts


def _same_control(controls: np.ndarray) -> np.ndarray:
    """Return for each change but the first whether it has the kind and track of the previous one."""
    names = ("kind", "program", "track")
    same: np.ndarray = np.all([controls[name][1:] == controls[name][:-1] for name in names], axis=0)
    return same
