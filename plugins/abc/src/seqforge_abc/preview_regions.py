"""The bars of a tune as regions of its preview: the measures of the engraving, and when they are played."""

import re
from collections.abc import Sequence

from seqforge import Region
from seqforge_abc.bars import Bar, number_bars, split_bars
from seqforge_abc.playback import played_notes, tempo_of
from seqforge_abc.tune import Note, Tune

__all__ = ["bar_regions"]

_MEASURE = re.compile(r'<g id="(\w+)" class="measure">')


def bar_regions(tune: Tune, svg: str = "") -> tuple[Region, ...]:
    """Return the bars of a tune that have notes; a bar that is repeated has several spans.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("A|DED F2A|d6:|", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> [(region.name, len(region.spans)) for region in bar_regions(tune)]
    [('upbeat', 2), ('bar 1', 2), ('bar 2', 2)]

    Args:
        tune: The tune.
        svg: Its engraving by verovio; "" for regions without elements.
    """
    bars = split_bars(tune)
    numbered = [(bar, number) for bar, number in zip(bars, number_bars(bars), strict=True) if bar.length]
    measures = _MEASURE.findall(svg)
    elements = measures if len(measures) == len(numbered) else [""] * len(numbered)
    spans = _spans(tune, [bar for bar, _ in numbered])
    return tuple(
        Region(number, f"bar {number}" if number else "upbeat", element, times)
        for (_, number), element, times in zip(numbered, elements, spans, strict=True)
    )


def _spans(tune: Tune, bars: Sequence[Bar]) -> list[tuple[tuple[float, float], ...]]:
    """Return when each bar is played, in seconds."""
    bar_of_note = [index for index, bar in enumerate(bars) for element in bar.elements if isinstance(element, Note)]
    beat, tempo = tempo_of(tune)
    seconds_per_whole = 60 / float(tempo * beat)
    spans: list[list[tuple[float, float]]] = [[] for _ in bars]
    time, previous, first_note = 0.0, -1, 0
    for played in played_notes(tune):
        index = bar_of_note[played.number] if played.number < len(bar_of_note) else -1
        end = time + float(played.note.duration) * seconds_per_whole
        if index >= 0:
            if index == previous and played.number > first_note:
                spans[index][-1] = (spans[index][-1][0], end)
            else:
                spans[index].append((time, end))
            first_note = played.number
        time, previous = end, index
    return [tuple(times) for times in spans]
