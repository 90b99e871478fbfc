"""The controllers of the score encoding: sustain, expression and pitch bend on the grid."""

from collections.abc import Iterable, Sequence

import numpy as np

from seqforge_midi.controls import (
    CONTROLLERS,
    KINDS,
    VALUES,
    control_array,
    controls_until,
    count_lost,
    nearest_values,
    quantised,
)
from seqforge_midi.song import DRUMS, PEDAL_DTYPE, Song, pedal_array
from seqforge_midi.tokens import Vocabulary
from seqforge_midi.track_table import TrackTable

Change = tuple[int, tuple[int, int], str, int]
"""Tick, program and track, name of the controller and value."""


class ScoreControls:
    """Maps pedals and controllers to changes on the grid and back.

    A sustain of 1 while the pedal is down stands for a pedal that is lifted and pressed again. At the end of the song
    all pedals are lifted and all bends go back to zero, without a token.

    >>> controls = ScoreControls(["sustain"], TrackTable({}), step_ticks=40)
    >>> controls.restored([(0, (0, 0), "sustain", 1), (480, (0, 0), "sustain", 1)], 1920)[0].tolist()
    [(0, 480, 0, 0), (480, 1920, 0, 0)]

    Args:
        names: The names of the controllers that are encoded.
        table: The tracks that have tokens.
        step_ticks: The ticks of a grid step.
    """

    def __init__(self, names: Sequence[str], table: TrackTable, step_ticks: int) -> None:
        self.names, self.table, self.step_ticks = tuple(names), table, step_ticks

    def blocks(self) -> dict[str, tuple[int, ...]]:
        """Return the blocks of tokens of all controllers, empty for those that are not encoded."""
        return {name: VALUES[name] if name in self.names else () for name in CONTROLLERS}

    def pedals(self, song: Song, end: int) -> np.ndarray:
        """Return the pedal spans on the grid that start before an end; those that overlap are one."""
        if "sustain" not in self.names:
            return np.zeros(0, PEDAL_DTYPE)
        pedals = self.table.merged(song.pedals[song.pedals["program"] != DRUMS])
        for name in ("start", "end"):
            pedals[name] = np.minimum(np.rint(pedals[name] / self.step_ticks) * self.step_ticks, end)
        spans: list[list[int]] = []
        for start, stop, *track in sorted(pedals.tolist(), key=lambda pedal: (pedal[2:], pedal[:2])):
            if start == stop:
                continue
            if spans and spans[-1][2:] == track and start < spans[-1][1]:
                spans[-1][1] = max(spans[-1][1], stop)
            else:
                spans.append([start, stop, *track])
        return pedal_array(spans)

    def controls(self, song: Song, last: int, end: int) -> np.ndarray:
        """Return the changes of expression and pitch bend on the grid.

        Args:
            song: The song.
            last: The tick of the last change that can be heard.
            end: The tick at which the song ends and bends go back to zero.
        """
        if not len(song.controls):
            return song.controls
        controls = self.table.merged(song.controls[song.controls["program"] != DRUMS])
        controls = quantised(controls, self.names)
        controls["start"] = np.rint(controls["start"] / self.step_ticks) * self.step_ticks
        return controls_until(controls[controls["start"] <= last], end)

    def losses(self, song: Song, canonical: Song) -> dict[str, int]:
        """Return in words what a song has of controllers and its canonical form lacks."""
        if "sustain" in self.names:
            pedals = {"pedals moved or left out": len({*song.pedals.tolist()} - {*canonical.pedals.tolist()})}
        else:
            pedals = {"pedals": len(song.pedals)}
        return pedals | count_lost(song.controls, canonical.controls, self.names)

    def tokens(self, song: Song, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return tick, index of the track and token of each change of a song on the grid, in order."""
        pedals, length = song.pedals, song.length
        starts = {(start, *track) for start, _, *track in pedals.tolist()}
        rows = pedals.tolist()
        lifted = np.array([(end, *track) not in starts and end < length for _, end, *track in rows], np.bool_)
        of_pedals, first = self.table.indices(pedals), vocabulary.first["sustain"]
        parts = [
            (pedals["start"], of_pedals, np.full(len(pedals), first + 1)),
            (pedals["end"][lifted], of_pedals[lifted], np.full(lifted.sum(), first)),
        ]
        for name, kind in KINDS.items():
            changes = song.controls[(song.controls["kind"] == kind) & (song.controls["start"] < length)]
            if len(changes):
                tokens = vocabulary.first[name] + nearest_values(name, changes["value"])
                parts.append((changes["start"], self.table.indices(changes), tokens))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.lexsort(columns[::-1])
        ticks, tracks, tokens = (column[order] for column in columns)
        return ticks, tracks, tokens

    def restored(self, changes: Iterable[Change], end: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the pedals, and the changes of expression and pitch bend, that decoded changes stand for."""
        pedals: list[tuple[int, ...]] = []
        rows: list[tuple[int, ...]] = []
        down: dict[tuple[int, int], int] = {}  # the start of the span of each track whose pedal is down
        for tick, track, name, value in changes:
            if name != "sustain":
                rows.append((tick, KINDS[name], value, *track))
                continue
            if down.get(track, tick) < tick:
                pedals.append((down.pop(track), tick, *track))
            if value:
                down[track] = tick
            else:
                down.pop(track, None)
        pedals += [(start, end, *track) for track, start in down.items() if start < end]
        return pedal_array(pedals), controls_until(control_array(rows), end)
