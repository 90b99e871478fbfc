"""The automaton of the score: bars and places go forward, notes are whole, there are as many bars as asked.

Where the last bar that was asked for is full, a network that would go on draws the next bar line, not the end. If that
were forbidden, it could only heap up notes at the bar's last place. So it may come, and means the end.
"""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from seqforge import Constraint
from seqforge_midi.encoding import METERS, Asked
from seqforge_midi.score import Score
from seqforge_midi.song import DRUMS, TICKS, bar_ticks


class _State(NamedTuple):
    """Where a score stands.

    Attributes:
        phase: what came last. At the beginning: start, first bar, first meter. Then: bar, meter, line (a tempo at the
            bar line), place, tempo (at a place), off, program, note (its length must come), loud (likewise), free
            (after a length), drum, loud drum. At last, perhaps: over, after the bar line behind the last bar that
            was asked for; whoever asked takes it away.
        bars: how many have begun, as far as that matters.
        meter: number of the meter.
        place: in the bar, of the last note; -1 before the first.
        off: how far off its place that is.
        program: that plays; -1 before the first.
        over: the program and the pitch that the next note of this moment must lie above.
        sounded: whether there is a note.
    """

    phase: str
    bars: int = 0
    meter: int = 0
    place: int = -1
    off: int = 0
    program: int = -1
    over: tuple[int, int] = (-1, -1)
    sounded: bool = False


AT_LINE = ("bar", "meter", "line")
AFTER_NOTE = ("free", "drum", "loud drum")
AT_PLACE = ("place", "tempo", "off")


class Measures(Constraint):
    """Whole songs of bars.

    Args:
        encoding: what the steps are.
        asked: what holds for all of them.
    """

    def __init__(self, encoding: Score, asked: Asked) -> None:
        tokens = encoding.tokens
        self.size, self.kinds, self.values = tokens.size, tokens.kinds, tokens.values
        self.at = {kind: tokens.slice(kind) for kind in tokens.blocks}
        self.shifted, self.low_off = encoding.shift > 1, -(encoding.shift // 2)
        self.places = [bar_ticks(meter) * encoding.grid // TICKS for meter in METERS]
        self.bars, self.range_of = asked.bars, asked.range_of
        self.meter, self.tempo = asked.meter_number, asked.tempo_number
        self.programs, self.struck, self.drums = asked.tuned, asked.struck, asked.beaten

    def start(self) -> Hashable:
        return _State("start")

    # -- what may come ------------------------------------------------------------------------

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        match state.phase:
            case "start":
                mask[self.at["bar"]] = True
            case "first bar":
                mask[self.at["meter"]] = self._only("meter", self.meter)
            case "first meter":
                mask[self.at["tempo"]] = self._only("tempo", self.tempo)
            case "note" | "loud":
                mask[self.at["length"]] = True
                mask[self.at["velocity"]] = state.phase == "note"
            case "program":
                self._pitches(mask, state)
            case "over":
                pass
            case _:
                self._between(mask, state)
        return mask

    def _only(self, kind: str, number: int | None) -> np.ndarray:
        """Return the mask of one token of a kind; of all where none is asked for."""
        mask = np.full(self.at[kind].stop - self.at[kind].start, number is None)
        if number is not None:
            mask[number] = True
        return mask

    def _between(self, mask: np.ndarray, state: _State) -> None:
        """Allow what may come where no note is half said."""
        phase = state.phase
        if phase == "bar" and self.meter is None:
            mask[self.at["meter"]] = True
            mask[self.at["meter"].start + state.meter] = False
        mask[self.at["tempo"]] = self._may_change_tempo(state)
        mask[self.at["velocity"]] = phase == "drum"
        if phase not in ("place", "off"):
            mask[self.at["bar"]] = not self.bars or state.bars < self.bars or state.sounded
            mask[self.at["place"]][state.place + 1 : self.places[state.meter]] = True
        if phase in AT_LINE:
            return
        if self.shifted and phase != "off":
            self._offs(mask, state)
        if not self.shifted or phase not in ("place", "tempo"):
            self._notes(mask, state)

    def _may_change_tempo(self, state: _State) -> bool:
        return self.tempo is None and (state.phase in ("bar", "meter") or (state.phase == "place" and state.place > 0))

    def _offs(self, mask: np.ndarray, state: _State) -> None:
        """Allow what lies behind the last off; before the first bar there is nothing."""
        if state.phase not in ("place", "tempo"):
            first = state.off + 1 - self.low_off
        else:
            first = -self.low_off if state.place == 0 and state.bars == 1 else 0
        mask[self.at["off"]][first:] = True

    def _notes(self, mask: np.ndarray, state: _State) -> None:
        """Allow another program, a note of this one, a drum: whatever lies above the last note of this moment."""
        above, pitch = state.over
        if above < DRUMS:
            programs = mask[self.at["program"]]
            programs[above + 1 :] = self.programs[above + 1 :]
            if state.program >= 0:
                programs[state.program] = False
                if self.programs[state.program]:
                    self._pitches(mask, state)
        if self.drums:
            low = pitch + 1 if above == DRUMS else 0
            mask[self.at["drum"]][low:] = self.struck[low:]

    def _pitches(self, mask: np.ndarray, state: _State) -> None:
        """Allow the pitches of the program that plays."""
        program, pitch = state.over
        if state.program >= program:
            lowest, highest = self.range_of(state.program)
            low = max(lowest, pitch + 1 if state.program == program else 0)
            mask[self.at["note"]][low : highest + 1] = True

    # -- where it may end ---------------------------------------------------------------------

    def may_end(self, state: Any) -> bool:
        whole = state.phase == "over" or state.phase in AT_LINE or state.phase in AFTER_NOTE or state.phase == "tempo"
        return bool(whole and state.sounded and state.bars >= self.bars)

    def to_end(self, state: Any) -> int:
        return self._distance(state)

    def _distance(self, state: _State) -> int:
        """Return the fewest steps to where the song may end."""
        phase = state.phase
        left = max(0, self.bars - max(1, state.bars))
        if phase in ("start", "first bar", "first meter"):
            left += ("first meter", "first bar", "start").index(phase) + 1
        elif phase in ("note", "loud"):
            return 1 + left
        elif phase == "program":
            return 2 + left
        elif phase in ("place", "off") or (phase == "tempo" and not state.sounded):
            here = self._stroke(state) + (self.shifted and phase != "off")
            if phase == "place" and state.sounded and self._may_change_tempo(state):
                return 1 + left
            return here + left
        return left if state.sounded else left + 1 + self.shifted + self._stroke(state)

    def _stroke(self, state: _State) -> int:
        """Return the fewest steps of a note at a place."""
        if self.drums:
            return 1
        return 2 if state.program >= 0 and self.programs[state.program] else 3

    # -- onwards ------------------------------------------------------------------------------

    def advance(self, state: Any, step: Any) -> Any:
        kind, value = self.kinds[step], self.values[step]
        match kind:
            case "bar" if self.bars and state.bars == self.bars:
                return state._replace(phase="over")
            case "bar":
                bars = min(state.bars + 1, max(2, self.bars))
                phase = "first bar" if state.phase == "start" else "bar"
                return state._replace(phase=phase, bars=bars, place=-1, off=0, over=(-1, -1))
            case "meter":
                phase = "first meter" if state.phase == "first bar" else "meter"
                return state._replace(phase=phase, meter=METERS.index(value))
            case "tempo":
                return state._replace(phase="tempo" if state.place >= 0 else "line")
            case "place":
                return state._replace(phase="place", place=value, off=0, over=(-1, -1))
            case "off":
                return state._replace(phase="off", off=value, over=(-1, -1))
            case "program":
                return state._replace(phase="program", program=value)
            case "note":
                return state._replace(phase="note", over=(state.program, value), sounded=True)
            case "drum":
                return state._replace(phase="drum", over=(DRUMS, value), sounded=True)
            case "velocity":
                return state._replace(phase="loud drum" if state.phase == "drum" else "loud")
            case _:
                return state._replace(phase="free")
