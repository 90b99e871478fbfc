"""The bars of a song as regions of its piano roll, and the text that names bars in a request."""

import dataclasses
import itertools
from collections.abc import Sequence

from seqforge import Preview, Region
from seqforge_midi.piano_roll import BOTTOM, TOP, bar_edges
from seqforge_midi.song import Song, TempoMap

__all__ = ["bar_ranges", "with_bars"]


def with_bars(preview: Preview, song: Song) -> Preview:
    """Return a preview with the bars of a song as regions; its piano roll gets an invisible frame per bar.

    Args:
        preview: The preview.
        song: The song. If its picture is a score, the regions have no elements.
    """
    starts = [*song.bar_starts(), song.length]
    tempo_map = TempoMap(song.tempos)
    frames, regions = [], []
    is_roll = preview.svg and song.layout.picture != "score"
    edges, height = bar_edges(song) if is_roll else ([], 0)
    for number, (start, end) in enumerate(itertools.pairwise(starts), 1):
        if end <= start:
            continue
        element = f"bar-{number}" if is_roll else ""
        if is_roll:
            left, right = edges[number - 1], edges[number]
            frames.append(
                f'<rect id="{element}" x="{left}" y="{TOP}" width="{round(right - left, 2)}"'
                f' height="{height - TOP - BOTTOM}" fill="none"/>'
            )
        span = (tempo_map.second_of(start), tempo_map.second_of(end))
        regions.append(Region(number, f"bar {number}", element, (span,)))
    head, closing, tail = preview.svg.rpartition("</svg>")
    svg = f"{head}{''.join(frames)}{closing}{tail}" if frames else preview.svg
    return dataclasses.replace(preview, svg=svg, regions=tuple(regions))


def bar_ranges(numbers: Sequence[int]) -> str:
    """Return the numbers of bars as a request names them.

    >>> bar_ranges([5, 6, 7, 9])
    '5-7,9'
    """
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)
