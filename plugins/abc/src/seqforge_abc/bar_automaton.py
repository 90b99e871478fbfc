"""The automaton of bars: its state, and the bar lines and note lengths that a state allows, as pure functions.

A section runs from one double bar or repeat to the next. Its first bar may be an upbeat. The last bar of a repeated
section and its own upbeat add up to one bar; so do the last bar of a section without a repeat and the upbeat of the
next section, an upbeat before the sign of a repeat and the bar before it, and the last bar of a tune and its first
upbeat. A second ending follows a first ending.

All lengths are in 128ths of a whole note.
"""

from typing import NamedTuple

from seqforge_abc import note_lengths
from seqforge_abc.tokens import MAX_BAR_NUMBER, numbered_bar_line
from seqforge_abc.tune import Tuplet

AFTER_NOTE, AFTER_BAR, AFTER_SECTION, AFTER_REPEAT, AFTER_FINAL, AT_START, AFTER_OTHER = range(7)
"""The kinds of the previous element."""
NO_TUPLET = -1
TUPLET_ENDED = -2
"""The value of `State.tuplet` in a hornpipe between a tuplet and the next note."""
ANY_BARS = -1
MIN_STEP = 2
"""The rest of a bar after an upbeat is a multiple of this length, so that single notes can fill the last bar."""
BEAT = 32
"""The length of a quarter note."""
UNLIMITED = 1 << 30


ROOT, KIND, BASS, DECORATION, GRACE_OPEN, GRACE, GRACE_CLOSED, LENGTH, CHORD_OPEN, CHORD_1, CHORD_2, NOTE = range(1, 13)
"""The stages of a note, named after its latest token (CHORD_1: one pitch; CHORD_2: two or more pitches). 0 is between
notes; NOTE follows a single pitch, which may still be tied; SLUR and PART come before the note, after the beginning of
a slur or a part."""


class State(NamedTuple):
    """The state of a tune.

    Attributes:
        header: The number of header tokens so far, 0 to 4, and 5 to 8 with those of a tempo.
        bar_length: The length of a bar; 0 without a meter.
        unit: The length of a note without a length token.
        note_stage: The stage of the current note (`tune_automaton`).
        last_mark: The step of the last decoration or pitch of the current note, -1 for none.
        group_size: The number of grace notes or pitches of the current note so far.
        length: The length of the current note so far.
        fill: The length of the current bar so far.
        tuplet: The step of the current tuplet; NO_TUPLET outside, TUPLET_ENDED right after it in a hornpipe.
        has_roll: Whether the current note has a roll or a trill.
        tuplet_left: The number of coming notes of the current tuplet.
        tuplet_written: The sum of the written lengths of its notes so far.
        tie: The step of the pitch that must follow, -1 without a tie.
        first_upbeat: The upbeat of the tune, -1 before its first bar line.
        upbeat: The upbeat of this section.
        due_upbeat: The upbeat that this section must begin with, -1 for any.
        section_start: Whether this section has had no bar line.
        has_bar: Whether this section has a complete bar.
        repeat_open: Whether `|:` or `::` opened this section.
        may_repeat: Whether this section may be repeated without `|:`: it is the first, or follows `:|` or `||`.
        had_repeat: Whether the tune has had a repeat sign; abc2midi reads the first one from the tune's beginning.
        had_endings: Whether the tune has had endings; after them abc2midi repeats only what `|:` opens.
        ending: 1 and 3 in the first and second ending, 2 between them, 0 elsewhere.
        previous: The kind of the previous element.
        bars_left: The number of coming bars, ANY_BARS for any number.
        may_end: Whether a final bar line has just come.
        had_chord_symbol: Whether the tune has had a chord symbol. From then on no bar may be short by less than a
            beat, since abc2midi sustains chords by whole beats.
        hornpipe: Whether the tune is a hornpipe, which abc2midi supports in 2/4 and 4/4 and whose notes it dots.
        bar_number: The number of complete bars of this section.
        ending_start: The number of complete bars before the first ending.
        target_fill: The length at which the current bar must be closed, -1 for any.
        chords: Whether chord symbols are requested: one stands on the first note of each bar.
        section: The number of this section in the requested form (`form`), from 0.
        section_bars_left: The number of coming bars of this section; ANY_BARS without a requested form.
        section_ends: The bar lines that may end this section in the requested form.
        must_repeat: Whether the requested form demands repeat signs around this section.
        upbeats: Whether sections may begin with upbeats.
        record: The steps of this section so far, if it comes back.
        recorded: The letters and steps of earlier sections that come back.
        replay: The number of steps so far of a section that has come back, -1 in other sections.
        slurs: The number of open slurs.
        new_slurs: The number of open slurs that begin with the current note.
        closable: The number of open slurs that may end right here, after a note.
        part: The number of parts that have begun.
        verse: The number of verses up to the last in which the note before has a syllable; -1 if none may begin here.
        syllable: The number of letters of the current syllable, 0 outside; before the first letter, and after n letters
            of which the last is a space, it is -n - 1.
        voice: The voice of the current bar, 1 or 2.
        voices: The number of voices; 0 before the end of the first bar.
        other_tie: `tie` of the other voice.
        other_slurs: `slurs` of the other voice.
        held: The verses, as bits, in which the note before the last one has a syllable.
        sung: The verses, as bits, in which the last note has a syllable.
    """

    header: int = 0
    bar_length: int = 0
    unit: int = 0
    note_stage: int = 0
    last_mark: int = -1
    group_size: int = 0
    length: int = 0
    fill: int = 0
    tuplet: int = NO_TUPLET
    has_roll: bool = False
    tuplet_left: int = 0
    tuplet_written: int = 0
    tie: int = -1
    first_upbeat: int = -1
    upbeat: int = 0
    due_upbeat: int = -1
    section_start: bool = True
    has_bar: bool = False
    repeat_open: bool = False
    may_repeat: bool = True
    had_repeat: bool = False
    had_endings: bool = False
    ending: int = 0
    previous: int = AT_START
    bars_left: int = ANY_BARS
    may_end: bool = False
    had_chord_symbol: bool = False
    hornpipe: bool = False
    bar_number: int = 0
    ending_start: int = 0
    target_fill: int = -1
    chords: bool = False
    section: int = 0
    section_bars_left: int = ANY_BARS
    section_ends: tuple[str, ...] = ()
    must_repeat: bool = False
    upbeats: bool = True
    record: tuple[int, ...] = ()
    recorded: tuple[tuple[str, tuple[int, ...]], ...] = ()
    replay: int = -1
    slurs: int = 0
    new_slurs: int = 0
    closable: int = 0
    part: int = 0
    verse: int = -1
    syllable: int = 0
    voice: int = 1
    voices: int = 0
    other_tie: int = -1
    other_slurs: int = 0
    held: int = 0
    sung: int = 0


def closing_bar_lines(s: State, fill: int) -> list[str]:
    """Return the kinds of bar lines that may close the current bar at a length.

    Args:
        s: The state.
        fill: The length of the bar.
    """
    bar_length = s.bar_length or fill
    if fill <= 0 or fill > bar_length or s.target_fill not in (-1, fill) or (fill < bar_length and not s.upbeats):
        return []
    if s.section_start and fill < bar_length:
        fits = fill % BEAT == 0 if s.chords else (bar_length - fill) % MIN_STEP == 0
        any_upbeat = s.due_upbeat < 0 and s.first_upbeat < 0 and fits
        if s.due_upbeat == fill or any_upbeat:
            return ["|"] if s.repeat_open or s.section_bars_left != ANY_BARS else ["|", "|:"]
    if s.section_start and s.due_upbeat > 0:
        return []
    bars_left = UNLIMITED if s.bars_left == ANY_BARS else s.bars_left
    full, short = fill == bar_length, fill == bar_length - s.upbeat
    repeatable = s.repeat_open or s.may_repeat
    kinds = ["|"] if full and bars_left >= (3 if s.ending == 1 else 2) else []
    if s.ending < 2 and short and bars_left >= 1 + (s.ending == 1) and repeatable:
        kinds.append(":|")
    if s.ending == 0 and repeatable and short and bars_left >= 2:
        kinds.append("::")
    if s.ending == 3 or (s.ending == 0 and not s.repeat_open):
        step = BEAT if s.had_chord_symbol or s.chords else max(MIN_STEP, s.unit // 2)
        partial = not s.section_start and 2 * fill >= bar_length and (bar_length - fill) % step == 0
        if bars_left >= 2 and (full or short or partial):
            kinds += ["||", "|:"]
        if bars_left in (1, UNLIMITED) and fill == bar_length - max(0, s.first_upbeat):
            kinds.append("|]")
    if s.section_bars_left != ANY_BARS:
        kinds = [kind for kind in kinds if (kind in s.section_ends if s.section_bars_left == 1 else kind == "|")]
    return kinds


def bar_line_token(s: State, kind: str) -> str:
    """Return the token of an allowed bar line."""
    is_upbeat = s.section_start and s.fill < (s.bar_length or s.fill)
    return numbered_bar_line(s.bar_number + 1) if kind == "|" and not is_upbeat else kind


def room(s: State) -> int:
    """Return the largest length that may still be added to the current bar."""
    if s.target_fill >= 0:
        return s.target_fill - s.fill
    if not s.bar_length:
        return note_lengths.MAX_FREE_LENGTH - s.fill
    if s.section_start and s.due_upbeat > 0:
        return s.due_upbeat - s.fill
    fills = {s.bar_length, s.bar_length - s.upbeat, s.bar_length - max(0, s.first_upbeat)}
    return max((fill - s.fill for fill in fills if fill >= s.fill and closing_bar_lines(s, fill)), default=0)


def rest_of_bar(s: State) -> int:
    """Return the length after which the current bar is closed on a short path to an end."""
    if not s.bar_length:
        return s.unit
    repeated = s.ending == 1 or (s.repeat_open and s.ending == 0)
    fill = s.bar_length - (s.upbeat if repeated else max(0, s.first_upbeat))
    if s.section_start and s.due_upbeat > 0:
        fill = s.due_upbeat
    return fill - s.fill if fill > s.fill and closing_bar_lines(s, fill) else room(s)


def chord_fits(s: State) -> bool:
    """Return whether a chord symbol may stand in the current bar: abc2midi sustains chords by whole beats.

    In the first bar of the tune, a chord symbol means that the bar is no upbeat.
    """
    upbeat = max(0, s.due_upbeat) if s.section_start else s.upbeat
    return max(0, s.first_upbeat) % BEAT == 0 and upbeat % BEAT == 0


def chord_is_due(s: State) -> bool:
    """Return whether the next note must have a chord symbol: the first note of a bar if chord symbols are requested.

    An upbeat has none, nor has a note that is tied over the bar line. The first bar of the tune may be an upbeat.
    """
    may_be_upbeat = s.section_start and (s.due_upbeat > 0 or s.first_upbeat < 0)
    at_bar_start = s.fill == 0 and s.tuplet_written == 0 and s.tie < 0
    return s.chords and s.voice == 1 and at_bar_start and not may_be_upbeat and chord_fits(s)


def allowed_lengths(s: State, tuplet: Tuplet | None) -> tuple[int, ...]:
    """Return the lengths that the next note may have.

    Args:
        s: The state.
        tuplet: The current tuplet, None outside a tuplet.
    """
    if s.tuplet_left and tuplet is not None:
        return note_lengths.lengths_in_tuplet(tuplet, s.unit, room(s), s.tuplet_written, s.tuplet_left)
    return note_lengths.lengths_in_bar(room(s))


def can_begin_slur(s: State, length: int) -> bool:
    """Return whether a slur may begin with a note of a length, so that another note can end it.

    Args:
        s: The state.
        length: The length of the note; it is ignored in a tuplet, where the next note belongs to the tuplet.
    """
    return bool(s.tuplet_left) or room(s) > length or "|" in closing_bar_lines(s, s.fill + length)


def after_note(s: State, tuplet: Tuplet | None) -> State:
    """Return the state after the current note is complete."""
    length = s.length or s.unit
    fill, tuplet_left, written, tuplet_step = s.fill, s.tuplet_left, s.tuplet_written, s.tuplet
    if tuplet_left and tuplet is not None:
        written, tuplet_left = written + length, tuplet_left - 1
        if not tuplet_left:
            fill += written * tuplet.q // tuplet.p
            written, tuplet_step = 0, TUPLET_ENDED if s.hornpipe else NO_TUPLET
    else:
        fill, tuplet_step = fill + length, NO_TUPLET
    return s._replace(
        note_stage=0, last_mark=-1, group_size=0, has_roll=False, length=0, fill=fill, tuplet_left=tuplet_left,
        tuplet_written=written, tuplet=tuplet_step, tie=-1, previous=AFTER_NOTE, may_end=False,
        new_slurs=0, closable=s.slurs - s.new_slurs,
    )  # fmt: skip


def after_bar_line(s: State, kind: str) -> State:
    """Return the state after an allowed bar line."""
    had_repeat = s.had_repeat or ":" in kind
    s = s._replace(note_stage=0, last_mark=-1, may_end=False, target_fill=-1, had_repeat=had_repeat)
    if s.fill == 0:
        return s._replace(repeat_open=True, previous=AFTER_REPEAT)
    bar_length, fill = s.bar_length or s.fill, s.fill
    first_upbeat = fill if s.first_upbeat < 0 else s.first_upbeat
    s = s._replace(fill=0, previous=AFTER_BAR)
    if kind == "|" and s.section_start and fill < bar_length:
        return s._replace(upbeat=fill, first_upbeat=first_upbeat, section_start=False)
    if kind == "|:" and s.section_start and fill < bar_length and s.due_upbeat:  # the upbeat is not repeated
        return s._replace(first_upbeat=first_upbeat, due_upbeat=0, repeat_open=True, previous=AFTER_REPEAT)
    s = s._replace(
        bar_number=s.bar_number % MAX_BAR_NUMBER + 1, first_upbeat=max(0, s.first_upbeat), section_start=False,
        bars_left=s.bars_left if s.bars_left == ANY_BARS else s.bars_left - 1, has_bar=True,
        section_bars_left=s.section_bars_left if s.section_bars_left == ANY_BARS else s.section_bars_left - 1,
    )  # fmt: skip
    if kind == "|":
        return s
    if s.ending == 1:
        return s._replace(ending=2, previous=AFTER_SECTION, bar_number=s.ending_start)
    opens_repeat = kind in ("|:", "::")
    return s._replace(
        due_upbeat=bar_length - fill, upbeat=0, section_start=True, has_bar=False, ending=0, repeat_open=opens_repeat,
        may_repeat=s.had_repeat and kind in (":|", "||") and not s.had_endings, bar_number=0,
        previous=AFTER_REPEAT if opens_repeat else AFTER_FINAL if kind == "|]" else AFTER_SECTION,
        may_end=kind in ("|]", ":|"),
    )  # fmt: skip
