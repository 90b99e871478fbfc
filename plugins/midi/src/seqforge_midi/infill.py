"""Infilling: bars of some tracks of a file are written anew so that they fit the notes around them.

The network reads a window of bars round each gap, not the whole file, so the file may be of any length. Notes of the
window that stay are fixed; in the gap, the chosen tracks are free. What is generated is spliced into the events of the
file (`splice`), so nothing else changes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from seqforge import RequestError
from seqforge_midi.edit_request import Selection
from seqforge_midi.instruments import program_name
from seqforge_midi.midi_parts import Part, PartsFile
from seqforge_midi.program_map import ProgramMap
from seqforge_midi.song import DRUMS, NOTE_DTYPE
from seqforge_midi.splice import Span
from seqforge_midi.window_bars import Bar, WindowTimes, bars_of

BARS_BEFORE, BARS_AFTER = 16, 4
"""The numbers of bars before and after a gap that the network reads."""
MAX_NOTES_BEFORE, MAX_NOTES_AFTER = 800, 120
"""The numbers of notes before and after a gap that the network reads, if these are fewer bars; at least one bar."""
OCTAVE = 12


@dataclass(frozen=True, eq=False)
class Gap:
    """Bars of some parts that are written anew, in one window.

    Attributes:
        parts: The parts that play in the gap, each with the program of the model that stands for it.
        first: The first bar, from 0.
        end: The bar after the last one.
    """

    parts: tuple[tuple[Part, int], ...]
    first: int
    end: int


@dataclass(frozen=True, eq=False)
class Window:
    """The bars round one or several gaps.

    Attributes:
        file: The file.
        gaps: The gaps.
        first: The first bar of the window, from 0.
        bars: The bars of the window.
        times: The times of the window.
        is_whole: Whether the song ends with the window.
        fixed: The notes that stay, of NOTE_DTYPE, with times of the window and programs of the model.
        kept: Port and channel to the notes that stay, as rows of start, end (times of the window) and pitch.
    """

    file: PartsFile
    gaps: tuple[Gap, ...]
    first: int
    bars: tuple[Bar, ...]
    times: WindowTimes
    is_whole: bool
    fixed: np.ndarray
    kept: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)

    def voices(self, encoded_bar: int) -> dict[int, list[Part]]:
        """Return the free parts of a bar of the encoding by their program."""
        bar = self.first + self.times.bars[encoded_bar]
        parts: dict[int, list[Part]] = defaultdict(list)
        for gap in self.gaps:
            for part, program in gap.parts if gap.first <= bar < gap.end else ():
                if part not in parts[program]:
                    parts[program].append(part)
        return dict(parts)


def make_gaps(selections: Sequence[Selection], file: PartsFile, programs: ProgramMap, text: str) -> list[Gap]:
    """Return the gaps of a request.

    Args:
        selections: The bars and parts.
        file: The file.
        programs: The programs of the model.
        text: The field `infill` of the request, for messages.

    Raises:
        RequestError: If the model plays nothing like a part that is named, or like any part.
    """
    bars, gaps = bars_of(file.song), []
    for selection in selections:
        end = file.file_tick(bars[selection.end - 1].end)
        parts = []
        for part in selection.parts:
            program = programs[part.program_at(end)]
            if program is not None:
                parts.append((part, program))
            elif selection.is_explicit:
                raise _unheard(part, part.program_at(end), programs, text)
        if not parts:
            raise _unheard(selection.parts[0], selection.parts[0].program_at(end), programs, text)
        gaps.append(Gap(tuple(parts), selection.first, selection.end))
    return gaps


def _unheard(part: Part, program: int, programs: ProgramMap, text: str) -> RequestError:
    names = ", ".join(f"{program_name(known)} ({known})" for known in sorted(programs.known))
    kind = "no drums" if program == DRUMS else "only drums"
    return RequestError(
        f"`infill` is {text!r}: the model's corpus has {kind}, so it cannot write {part.description}; it has {names};"
        " use another model",
        field="infill", value=text, allowed=names,
    )  # fmt: skip


def removal_spans(file: PartsFile, gaps: Sequence[Gap]) -> list[Span]:
    """Return the spans of the file whose notes are removed."""
    bars, spans = bars_of(file.song), []
    for gap in gaps:
        start, end = file.first_file_tick(bars[gap.first].start), file.first_file_tick(bars[gap.end - 1].end)
        spans += [Span(part.track, part.channel, start, end) for part, _ in gap.parts]
    return spans


def staying(part: Part, spans: Iterable[Span]) -> np.ndarray:
    """Return the mask of the notes of a part that spans do not remove: bool, shape (notes,)."""
    mask = np.ones(len(part.notes), np.bool_)
    for span in spans:
        if (span.track, span.channel) == (part.track, part.channel):
            mask &= (part.notes["start"] < span.start) | (part.notes["start"] >= span.end)
    return mask


def make_windows(file: PartsFile, gaps: Sequence[Gap], programs: ProgramMap) -> list[Window]:
    """Return the windows of the gaps; gaps whose windows overlap share one.

    Args:
        file: The file.
        gaps: The gaps, ordered by the first bar.
        programs: The programs of the model.
    """
    bars = bars_of(file.song)
    notes, parts, stays = _all_notes(file, removal_spans(file, gaps))
    starts = file.song_ticks(notes["start"])
    counts = np.histogram(starts[stays], [bar.start for bar in bars] + [bars[-1].end])[0]
    groups: list[list[Gap]] = []
    edges: list[tuple[int, int]] = []
    for gap in gaps:
        first, end = _context(counts, gap)
        if edges and first < edges[-1][1]:
            groups[-1].append(gap)
            edges[-1] = (min(edges[-1][0], first), max(edges[-1][1], end))
        else:
            groups.append([gap])
            edges.append((first, end))
    return [
        _make_window(file, tuple(group), bars, edge, programs, (notes[stays], parts[stays]))
        for group, edge in zip(groups, edges, strict=True)
    ]


def _context(counts: np.ndarray, gap: Gap) -> tuple[int, int]:
    """Return the first bar of the context of a gap, and the bar after its last one.

    Args:
        counts: The number of notes of each bar that stay.
        gap: The gap.
    """
    before = counts[max(0, gap.first - BARS_BEFORE) : gap.first][::-1].cumsum()
    after = counts[gap.end : gap.end + BARS_AFTER].cumsum()
    bars_before = max(int((before <= MAX_NOTES_BEFORE).sum()), min(1, gap.first))
    bars_after = max(int((after <= MAX_NOTES_AFTER).sum()), min(1, len(counts) - gap.end))
    return gap.first - bars_before, gap.end + bars_after


def _all_notes(file: PartsFile, spans: Sequence[Span]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the notes of all parts, the index of the part of each, and whether it stays."""
    stays = [staying(part, spans) for part in file.parts]
    numbers = [np.full(len(part.notes), number) for number, part in enumerate(file.parts)]
    return np.concatenate([part.notes for part in file.parts]), np.concatenate(numbers), np.concatenate(stays)


def _make_window(
    file: PartsFile,
    gaps: tuple[Gap, ...],
    bars: Sequence[Bar],
    edge: tuple[int, int],
    programs: ProgramMap,
    kept: tuple[np.ndarray, np.ndarray],
) -> Window:
    first, end = edge
    window_bars = tuple(bars[first:end])
    times = WindowTimes(window_bars)
    notes, numbers = kept
    starts, ends = file.song_ticks(notes["start"]), file.song_ticks(notes["end"])
    targets = {program: programs[program] for program in np.unique(notes["program"]).tolist()}
    is_read = (starts >= window_bars[0].start) & (starts < window_bars[-1].end)
    is_read &= np.isin(notes["program"], [program for program, target in targets.items() if target is not None])
    read = np.flatnonzero(is_read)
    fixed = np.zeros(len(read), NOTE_DTYPE)
    fixed["start"] = np.rint(times.to_window(starts[read]))
    fixed["end"] = np.maximum(np.rint(times.to_window(ends[read])), fixed["start"] + 1)
    fixed["pitch"], fixed["velocity"] = notes["pitch"][read], notes["velocity"][read]
    fixed["program"] = [targets[program] for program in notes["program"][read].tolist()]
    sounding = np.flatnonzero((ends > window_bars[0].start) & (starts < window_bars[-1].end))
    rows: dict[tuple[int, int], list[np.ndarray]] = defaultdict(list)
    for number in np.unique(numbers[sounding]).tolist():
        of_part = sounding[numbers[sounding] == number]
        columns = [times.to_window(starts[of_part]), times.to_window(ends[of_part]), notes["pitch"][of_part]]
        rows[file.parts[number].port, file.parts[number].channel].append(np.stack(columns, 1))
    return Window(
        file, gaps, first, window_bars, times, end == len(bars), fixed,
        {place: np.concatenate(arrays) for place, arrays in rows.items()},
    )  # fmt: skip


def pitch_range(part: Part) -> range:
    """Return the pitches from the lowest to the highest of a part, at least an octave."""
    low, high = int(part.notes["pitch"].min()), int(part.notes["pitch"].max())
    missing = max(0, OCTAVE - (high - low))
    return range(max(0, low - missing // 2), min(127, high + (missing + 1) // 2) + 1)
