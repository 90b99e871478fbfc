"""Edits of a tune: rewritten bars, a variation of the tune, and a second part for its first part."""

import dataclasses
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from seqforge import Example, Piece, Prompt, Task
from seqforge_abc import tokens
from seqforge_abc.edit_automaton import FIXED, EditAutomaton, Stretch
from seqforge_abc.instruments import Instrument
from seqforge_abc.kept import DIGIT_TOKENS
from seqforge_abc.note_lengths import to_grid
from seqforge_abc.regions import find_regions, replace_regions, with_second_part, without_torn_slurs
from seqforge_abc.theory import Pitch
from seqforge_abc.tune import ENDINGS, BarLine, Element, Note, Tune, Tuplet, unit_note_length

__all__ = ["CANDIDATES", "Edit", "EditTask", "answer", "listed_bars", "rewrite_bars", "vary"]

CANDIDATES = 16
"""The number of candidates drawn for an edited tune; the selected one fits the music after the new bars."""
_NO_MUSIC = frozenset([*tokens.BAR_LINE_TOKENS, *(f"[{number}" for number in ENDINGS), *DIGIT_TOKENS])
"""The tokens between the notes, without those with a letter and a colon, which are fields."""


@dataclass(frozen=True)
class Edit:
    """A tune, and which of its regions are rewritten.

    Attributes:
        tune: The tune.
        groups: The group of each region; regions of a group get the same new music. FIXED for a region that stays.
        keep: The share of the bars that stay if the groups to rewrite are drawn; None to rewrite all groups.
        last_pitches: The pitch with which new music of a group ends, for groups that end with a certain pitch.
    """

    tune: Tune
    groups: tuple[int, ...]
    keep: float | None = None
    last_pitches: Mapping[int, Pitch] = field(default_factory=dict)


def rewrite_bars(tune: Tune, bars: Sequence[int]) -> Edit:
    """Return the edit that rewrites some bars.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("A|DED F2A|d3 f3|d3 d2|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> rewrite_bars(tune, [1, 3]).groups
    (-1, 0, -1, 1)

    Args:
        tune: The tune.
        bars: The numbers of the bars, as they are engraved.

    Raises:
        ValueError: If the tune has no such bar, or a tuplet leads out of a bar. The message is half a sentence.
    """
    regions = find_regions(tune)
    numbers = [region.bar for region in regions]
    missing = [bar for bar in bars if bar not in numbers]
    if missing:
        raise ValueError(f"it has no bar {missing[0]}; its bars are {min(numbers)} to {max(numbers)}")
    chosen = [region.bar in bars for region in regions]
    for region, is_chosen in zip(regions, chosen, strict=True):
        if is_chosen and not region.rewritable:
            raise ValueError(f"bar {region.bar} cannot be rewritten, since a tuplet leads into it or out of it")
    counter = itertools.count()
    return Edit(tune, tuple(next(counter) if is_chosen else FIXED for is_chosen in chosen))


def answer(tune: Tune) -> Edit:
    """Return the edit that writes a second part for the first part of a tune; it ends with the same note.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("|:A|DED F2A|d3 d2:|", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> answer(tune).groups
    (-1, -1, -1, 0, 1, 2)

    Raises:
        ValueError: If a tuplet leads out of a bar. The message is half a sentence.
    """
    extended, begin = with_second_part(tune)
    regions = find_regions(extended)
    if not all(region.rewritable for region in regions if region.begin >= begin):
        raise ValueError("a tuplet leads out of a bar of its first part")
    counter = itertools.count()
    groups = tuple(next(counter) if region.begin >= begin else FIXED for region in regions)
    first_end = [region for region in regions if region.begin < begin][-1]
    last = _pitch_at(tune.elements[first_end.begin : first_end.end], regions[-1].length)
    return Edit(extended, groups, last_pitches={} if last is None else {groups[-1]: last})


def vary(tune: Tune, keep: float) -> Edit:
    """Return the edit that rewrites some bars, which are drawn while the tune is generated.

    Bars with the same music are one group, so that they stay the same. Upbeats stay, and so does the last note of a
    part or an ending.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("A|DED F2A|d3 f3|DED F2A|d3 d2|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> vary(tune, 0.7).groups
    (-1, 0, 1, 0, 2)

    Args:
        tune: The tune.
        keep: The share of the bars that stay, from 0 to below 1.

    Raises:
        ValueError: If the tune has fewer than two different bars. The message is half a sentence.
    """
    numbers: dict[object, int] = {}
    groups, tied, last_pitches = [], False, {}
    for region in find_regions(tune):
        music = tune.elements[region.begin : region.end]
        key = (_without_last_tie(music), region.length, tied)
        stays = region.upbeat or not region.rewritable
        groups.append(FIXED if stays else numbers.setdefault(key, len(numbers)))
        tied = isinstance(music[-1], Note) and music[-1].tied
        pitch = _pitch_at(music, region.length)
        if pitch is not None and tune.elements[region.end : region.end + 1] != (BarLine("|"),):
            last_pitches[groups[-1]] = pitch
    if len(numbers) < 2:
        raise ValueError("it has fewer than two different bars that can be varied")
    return Edit(tune, tuple(groups), keep, last_pitches)


def _pitch_at(music: Iterable[Element], length: Fraction) -> Pitch | None:
    """Return the pitch that sounds at the end of a length, None if it is a rest or a chord.

    Args:
        music: The music of a region.
        length: The length in whole notes.
    """
    position, scale, tuplet_left = Fraction(0), Fraction(1), 0
    pitches: tuple[Pitch, ...] = ()
    for element in music:
        if isinstance(element, Tuplet):
            scale, tuplet_left = Fraction(element.q, element.p), element.r
        elif isinstance(element, Note) and position < length:
            position += element.duration * (scale if tuplet_left else 1)
            tuplet_left = max(0, tuplet_left - 1)
            pitches = element.pitches
    return pitches[0] if len(pitches) == 1 else None


def _without_last_tie(music: Sequence[Element]) -> tuple[Element, ...]:
    last = music[-1]
    return (*music[:-1], dataclasses.replace(last, tied=False) if isinstance(last, Note) else last)


class EditTask(Task[Tune]):
    """The task of an edited tune. The result is the tune itself with the new music in it.

    Args:
        edit: The edit.
        canonical: The tune of the edit in the form that the codec encodes.
        vocabulary: The tokens of the codec.
        dtype: The type of the codec's steps.
        title: The title of the result; "" for that of the tune.
        instruments: The instruments that play the new music.
        source: The name of the tune, for a comment that says which bars are new.

    Raises:
        ValueError: If the tune cannot be encoded bar by bar. The message is half a sentence.
    """

    def __init__(
        self,
        edit: Edit,
        canonical: Tune,
        vocabulary: Sequence[str],
        *,
        dtype: Any,
        title: str,
        source: str,
        instruments: Sequence[Instrument] = (),
    ) -> None:
        self.groups, self.keep, self.title, self.source = edit.groups, edit.keep, title, source
        self.last_pitches = edit.last_pitches
        self.canonical, self.canonical_regions = canonical, find_regions(canonical)
        self.tune, self.regions = edit.tune, find_regions(edit.tune)
        if not len(self.canonical_regions) == len(self.regions) == len(self.groups):
            raise ValueError("it has endings above the sixth, which cannot be encoded")
        self.index = {token: step for step, token in enumerate(vocabulary)}
        self.unit = self._unit()
        draws = edit.keep is not None
        automaton = EditAutomaton(
            vocabulary,
            self._stretches(),
            unit=to_grid(self.unit),
            hornpipe="hornpipe" in canonical.rhythm,
            rewritten=None if draws else frozenset(self.groups) - {FIXED},
            instruments=instruments,
            draw=self._draw if draws else None,
        )
        super().__init__([Prompt(Example(np.array(automaton.prefix, dtype)), automaton, candidates=CANDIDATES)])

    def finish(self, pieces: Sequence[Piece[Tune]]) -> Piece[Tune]:
        """Return the tune with the new music of the rewritten regions."""
        generated = pieces[0].content
        music = [generated.elements[region.begin : region.end] for region in find_regions(generated)]
        rewritten = frozenset(self.groups)
        if self.keep is not None:
            first = next(number for number, group in enumerate(self.groups) if group != FIXED)
            rewritten = self._draw(self._steps(music[first]))
        changes = [
            (region, new)
            for region, new, group in zip(self.regions, music, self.groups, strict=True)
            if group != FIXED and group in rewritten
        ]
        elements = replace_regions(without_torn_slurs(self.tune, [region for region, _ in changes]), changes).elements
        bars = listed_bars({region.bar for region, _ in changes if not region.upbeat or not region.bar})
        return Piece(
            dataclasses.replace(
                self.tune,
                elements=elements,
                title=self.title or self.tune.title,
                comments=(f"bars {bars} are new; the others are those of {self.source}",),
            ),
            pieces[0].labels,
        )

    def _unit(self) -> Fraction:
        """Return the unit note length of the music that stays, or of all music that is only varied."""
        kept = [
            element
            for region, group in zip(self.canonical_regions, self.groups, strict=True)
            if group == FIXED or self.keep is not None
            for element in self.canonical.elements[region.begin : region.end]
        ]
        return unit_note_length(Tune(tuple(kept)) if kept else self.canonical)

    def _stretches(self) -> list[Stretch]:
        """Return the stretches of the canonical tune."""
        names = tokens.encode_tune(self.canonical, self.unit)
        has_chord_symbols = any(note.chord_symbol for note in self.canonical.notes())
        regions = iter(range(len(self.groups)))
        stretches = []
        for is_music, run in itertools.groupby(names, key=_is_music):
            steps = tuple(self.index[token] for token in run)
            if not is_music:
                stretches.append(Stretch(steps))
                continue
            number = next(regions)
            group, length = self.groups[number], to_grid(self.canonical_regions[number].length)
            last_pitch = self.index.get(str(self.last_pitches.get(group)), -1)
            chords = has_chord_symbols and not self.canonical_regions[number].upbeat
            stretches.append(Stretch(steps, group, length, self._may_tie(number), last_pitch, chords))
        return stretches

    def _may_tie(self, number: int) -> bool:
        """Return whether new music in a region may be tied to new music in the next one, which ends with any pitch."""
        if self.keep is not None or number + 1 == len(self.groups):
            return False
        if self.groups[number + 1] == FIXED or self.groups[number + 1] in self.last_pitches:
            return False
        region, following = self.canonical_regions[number : number + 2]
        return self.canonical.elements[region.end : following.begin] == (BarLine("|"),)

    def _steps(self, music: Iterable[Element]) -> tuple[int, ...]:
        names = tokens.encode_tune(Tune(tuple(music)), self.unit)[4:]  # without the header
        return tuple(self.index[name] for name in names)

    def _draw(self, music: tuple[int, ...]) -> frozenset[int]:
        """Return the groups that are rewritten; the random numbers follow from the new music of the first region.

        Groups are added in random order as long as the share of the rewritten bars is at most 1 - keep.
        """
        assert self.keep is not None
        sizes = Counter(group for group in self.groups if group != FIXED)
        digest = hashlib.blake2b(np.array(music, np.int64).tobytes(), digest_size=8).digest()
        order = np.random.default_rng(int.from_bytes(digest, "little")).permutation(len(sizes)).tolist()
        target = max(1, round((1 - self.keep) * sizes.total()))
        chosen: set[int] = set()
        for group in order:
            if sum(sizes[other] for other in chosen) + sizes[group] <= target:
                chosen.add(group)
        return frozenset(chosen or {min(order, key=lambda group: sizes[group])})


def _is_music(token: str) -> bool:
    """Return whether a token is part of a note or a tuplet, and not a bar line, an ending, a field or a change."""
    return token not in _NO_MUSIC and token[1:2] != ":"


def listed_bars(bars: Iterable[int]) -> str:
    """Return the numbers of bars as ranges.

    >>> listed_bars({5, 6, 7, 13})
    '5-7, 13'
    """
    ranges: list[list[int]] = []
    for bar in sorted(bars):
        if ranges and ranges[-1][-1] == bar - 1:
            ranges[-1].append(bar)
        else:
            ranges.append([bar])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in ranges)
