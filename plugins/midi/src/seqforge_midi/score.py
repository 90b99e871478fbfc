"""Bars and places in them: a song as it would be written down.

A bar is a token; then, where they change, meter and tempo; then for every place at which something begins a token for
the place (in grid steps), one for how far the notes are off it (where the encoding keeps that), and the notes, each a
program (where it changes), a pitch, a velocity (where it changes within the program) and a length. A stroke of drums
has no length. After REMI: Y.-S. Huang and Y.-H. Yang, "Pop Music Transformer", ACM Multimedia 2020, section 3; what
does not change is not said again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from seqforge import Constraint, DecodeError
from seqforge_midi.bars import Bars
from seqforge_midi.encoding import METERS, TEMPOS, Asked, Encoding, Tokens, Velocities, kept_meter, kept_tempo
from seqforge_midi.song import DRUMS, NOTE, PROGRAMS, TICKS, Song, bar_ticks, cut, song

STROKE = TICKS // 8
"""How long a stroke of drums is written, in ticks."""
PLAIN_VELOCITY = 80
LONGEST_BAR = 12
"""Quarters."""


class Score(Encoding):
    """Songs as bars of notes on a grid.

    Args:
        grid: steps to a quarter: a multiple of 4.
        shift: how many places there are to a step of the grid; 1: notes begin on the grid.
        velocities: how many levels.
    """

    pitched = ("note",)

    def __init__(self, grid: int, shift: int, velocities: int) -> None:
        self.grid, self.shift = grid, shift
        self.unit = TICKS // (grid * shift)
        self.velocities = Velocities(velocities)
        self.lengths = np.array(_lengths(grid, shift), np.int64)
        low = -(shift // 2)
        self.tokens = Tokens({
            "bar": [None],
            "meter": METERS,
            "tempo": TEMPOS,
            "place": range(LONGEST_BAR * grid),
            "off": range(low, low + shift) if shift > 1 else (),
            "program": range(DRUMS),
            "note": range(128),
            "drum": range(128),
            "velocity": range(velocities),
            "length": self.lengths.tolist(),
        })  # fmt: skip
        self.sounding = self.tokens.mask("note", "drum")

    # -- what is kept -------------------------------------------------------------------------

    def canonical(self, song_: Song) -> Song:
        meters = self._meters(song_)
        begins, ends = self._on_grid(song_.notes)
        notes = np.array(song_.notes)
        notes["start"], notes["end"] = begins * self.unit, ends * self.unit
        drums = notes["program"] == DRUMS
        notes["end"][drums] = notes["start"][drums] + STROKE
        notes["velocity"] = self.velocities.kept(notes["velocity"])
        notes = cut(notes)
        notes["end"] = notes["start"] + self._fitting(notes)
        bars = Bars(meters)
        end = bars.end_of(max(int(notes["end"].max()), int(self._places(notes).max()) * self.unit * self.shift + 1))
        tempos = [(tick, bpm) for tick, bpm in self._tempos(song_) if tick < end]
        return song(notes, tempos, [each for each in meters if each[0] < end], length=end)

    def lost(self, song: Song) -> Counter[str]:
        begins, ends = self._on_grid(song.notes)
        moved = (begins * self.unit != song.notes["start"]) & (song.notes["program"] != DRUMS)
        moved |= (ends * self.unit != song.notes["end"]) & (song.notes["program"] != DRUMS)
        kept = cut(song.notes)
        return +Counter({
            "notes moved to the grid": int(moved.sum()),
            "notes struck twice at once": len(song.notes) - len(kept),
            "pedals": len(song.pedals),
            "meters without a token": sum(kept_meter(meter) != meter for _, meter in song.meters),
        })  # fmt: skip

    def _on_grid(self, notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where notes begin and end in the smallest units, their lengths those of a token."""
        begins = np.rint(notes["start"] / self.unit).astype(np.int64)
        lasts = np.rint((notes["end"] - notes["start"]) / self.unit).astype(np.int64)
        after = np.clip(np.searchsorted(self.lengths, lasts), 1, len(self.lengths) - 1)
        nearer = lasts - self.lengths[after - 1] <= self.lengths[after] - lasts
        return begins, begins + np.where(nearer, self.lengths[after - 1], self.lengths[after])

    def _places(self, notes: np.ndarray) -> np.ndarray:
        """Return the step of the grid, from the beginning, that each note belongs to; some begin a little before it."""
        found: np.ndarray = (notes["start"] + self.unit * (self.shift // 2)) // (self.unit * self.shift)
        return found

    def _fitting(self, notes: np.ndarray) -> np.ndarray:
        """Return lengths in ticks: of what was cut, the longest that has a token."""
        lasts = notes["end"] - notes["start"]
        fits = self.lengths[np.searchsorted(self.lengths, lasts // self.unit, side="right") - 1] * self.unit
        found: np.ndarray = np.where(notes["program"] == DRUMS, np.minimum(lasts, STROKE), fits)
        return found

    def _meters(self, song: Song) -> list[tuple[int, tuple[int, int]]]:
        """Return the meters, each at the first bar line it can hold from."""
        found: list[tuple[int, tuple[int, int]]] = []
        for tick, meter in song.meters:
            kept = kept_meter(meter)
            at = Bars(found).line_at_or_after(tick) if found else 0
            if found and found[-1][0] == at:
                found.pop()
            if not found or found[-1][1] != kept:
                found.append((at, kept))
        return found

    def _tempos(self, song: Song) -> list[tuple[int, int]]:
        step = self.unit * self.shift
        return [(round(tick / step) * step, kept_tempo(bpm)) for tick, bpm in song.tempos]

    # -- into steps ---------------------------------------------------------------------------

    def encode(self, song: Song) -> np.ndarray:
        kept, first = self.canonical(song), self.tokens.first
        notes = kept.notes
        bars = Bars(kept.meters)
        lines = bars.lines(kept.length)
        step = self.unit * self.shift
        places = self._places(notes)
        offs = notes["start"] // self.unit - places * self.shift
        bar = np.searchsorted(lines, places * step, side="right") - 1
        place = places - lines[bar] // step
        number = np.arange(1, len(notes) + 1)
        zero = np.zeros(len(notes), np.int64)
        drums = notes["program"] == DRUMS
        rows = _Rows()
        count = len(lines)
        rows.add(np.arange(count), 0, 0, 0, 0, np.full(count, first["bar"]))
        meters = [(int(np.searchsorted(lines, tick)), METERS.index(meter)) for tick, meter in kept.meters]
        rows.add(*_columns(meters, 0, 0, 0, 1, first["meter"]))
        tempo_bars = [int(np.searchsorted(lines, tick, side="right")) - 1 for tick, _ in kept.tempos]
        tempo_places = [int(tick - lines[at]) // step for (tick, _), at in zip(kept.tempos, tempo_bars, strict=True)]
        tempo_steps = np.array([first["tempo"] + bpm - TEMPOS[0] for _, bpm in kept.tempos])
        after_line = np.array([place > 0 for place in tempo_places])
        rows.add(np.array(tempo_bars), np.array(tempo_places) + after_line, -99 * after_line, 0, 2, tempo_steps)
        # places: once for each at which something begins, a change of tempo on a bar line excepted
        pairs = np.concatenate([
            np.stack([bar, place], 1),
            np.array([[b, p] for b, p in zip(tempo_bars, tempo_places, strict=True) if p], np.int64).reshape(-1, 2),
        ])  # fmt: skip
        pairs = np.unique(pairs, axis=0)
        rows.add(pairs[:, 0], pairs[:, 1] + 1, -100, 0, 0, first["place"] + pairs[:, 1])
        if self.shift > 1:
            groups = np.unique(np.stack([bar, place, offs], 1), axis=0)
            steps = first["off"] + groups[:, 2] + self.shift // 2
            rows.add(groups[:, 0], groups[:, 1] + 1, groups[:, 2], 0, 3, steps)
        tuned = np.flatnonzero(~drums)
        changes = tuned[np.append(True, np.diff(notes["program"][tuned]) != 0)[: len(tuned)]]
        spot = (bar, place + 1, offs, number)
        rows.add(*_taken(spot, changes), 0, first["program"] + notes["program"][changes])
        pitches = np.where(drums, first["drum"], first["note"]) + notes["pitch"]
        rows.add(*spot, zero + 1, pitches)
        levels = self.velocities.level(notes["velocity"])
        louder = np.zeros(len(notes), np.bool_)
        for program in kept.programs:
            own = np.flatnonzero(notes["program"] == program)
            louder[own] = np.append(True, np.diff(levels[own]) != 0)
        which = np.flatnonzero(louder)
        rows.add(*_taken(spot, which), 2, first["velocity"] + levels[which])
        lasts = np.searchsorted(self.lengths, (notes["end"] - notes["start"])[tuned] // self.unit)
        rows.add(*_taken(spot, tuned), 3, first["length"] + lasts)
        return rows.sorted().astype(np.uint16)

    # -- and back -----------------------------------------------------------------------------

    def decode(self, steps: Iterable[int], extras: Mapping[str, Any]) -> Song:
        kinds, values = self.tokens.kinds, self.tokens.values
        step_ticks = self.unit * self.shift
        notes: list[list[int]] = []
        tempos: list[tuple[int, int]] = []
        meters: list[tuple[int, tuple[int, int]]] = []
        loudness = [PLAIN_VELOCITY] * PROGRAMS
        line, after, place, off, program = -1, 0, -1, 0, 0
        meter: tuple[int, int] = (4, 4)
        open_ = False
        for step in steps:
            kind, value = kinds[step], values[step]
            if open_ and kind not in ("velocity", "length"):
                raise DecodeError(f"the note at tick {notes[-1][0]} has no length")
            if line < 0 and kind != "bar":
                raise DecodeError("the steps do not begin with a bar")
            if kind == "bar":
                line, place, off = after, -1, 0
                after = line + bar_ticks(meter)
            elif kind == "meter":
                meter = value
                meters.append((line, meter))
                after = line + bar_ticks(meter)
            elif kind == "tempo":
                tempos.append((line + max(place, 0) * step_ticks, value))
            elif kind == "place":
                place, off = value, 0
                if line + place * step_ticks >= after:
                    raise DecodeError(f"place {place} lies behind the end of its bar")
            elif kind == "off":
                off = value
            elif kind == "program":
                program = value
            elif kind in ("note", "drum"):
                plays = DRUMS if kind == "drum" else program
                start = line + place * step_ticks + off * self.unit
                if place < 0 or start < 0:
                    raise DecodeError("a note has no place in its bar")
                notes.append([start, start + STROKE, value, loudness[plays], plays])
                open_ = kind == "note"
            elif not notes:
                raise DecodeError(f"a {kind} stands without a note")
            elif kind == "velocity":
                loudness[notes[-1][4]] = notes[-1][3] = int(self.velocities.values[value])
            else:
                notes[-1][1] = notes[-1][0] + value * self.unit
                open_ = False
        if open_ or not notes:
            raise DecodeError("the last note has no length" if open_ else "the steps hold no note")
        found = np.array([tuple(note) for note in notes], NOTE)
        found["end"] = np.minimum(found["end"], after)
        made = song(cut(found), tempos, meters, length=after)
        return made.first_bars(extras["bars"]) if "bars" in extras else made

    def constraint(self, asked: Asked) -> Constraint:
        from seqforge_midi.measures import Measures

        return Measures(self, asked)


class _Rows:
    """Tokens with what they are ordered by: bar, place, how far off it, note, and the token's own rank."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []

    def add(self, *columns: Any) -> None:
        """Add tokens: bar, place, off, note, rank, and the tokens themselves, each an array or one for all."""
        every = np.broadcast_arrays(*columns)
        self.parts.append(np.stack([column.astype(np.int64) for column in every]))

    def sorted(self) -> np.ndarray:
        every = np.concatenate(self.parts, axis=1)
        found: np.ndarray = every[5][np.lexsort(every[4::-1])]
        return found


def _columns(pairs: list[tuple[int, int]], place: int, off: int, note: int, rank: int, first: int) -> tuple[Any, ...]:
    every = np.array(pairs, np.int64).reshape(-1, 2)
    return every[:, 0], place, off, note, rank, first + every[:, 1]


def _taken(columns: tuple[np.ndarray, ...], rows: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(column[rows] for column in columns)


def _lengths(grid: int, shift: int) -> list[int]:
    """Return the lengths that have a token, in the smallest units: the longer, the coarser."""
    steps = {*range(1, 4 * grid + 1), *range(4 * grid, 8 * grid + 1, grid // 2)}
    steps |= {*range(8 * grid, 16 * grid + 1, grid), *range(16 * grid, 64 * grid + 1, 4 * grid)}
    return sorted({*range(1, shift), *(step * shift for step in steps)})
