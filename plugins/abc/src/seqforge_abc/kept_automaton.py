"""The steps of what is encoded on request, in the automaton of tunes: slurs, parts, lyrics and a second voice.

After a pitched note come its tie, the ends of slurs, and its syllables; a part begins with the first note of a section,
and parts are named in the order of the alphabet. A syllable is held only after a note that has one in the same verse.
If the first bar has a second voice, every bar has one, of the same length; it comes before the bar line, which allows
for the ties and slurs of both voices.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from seqforge_abc.bar_automaton import AFTER_NOTE, NO_TUPLET, State
from seqforge_abc.kept import (
    LETTER_PREFIX,
    MAX_SYLLABLE,
    PART_NAMES,
    SECOND_VOICE,
    SLUR_END,
    SLUR_START,
    VERSE_TOKENS,
)
from seqforge_abc.lyrics import HOLD

SLUR, PART = 13, 14
"""The stages of a note after the beginning of a slur or of a part (`tune_automaton`)."""
NO_VERSE = -1
"""The value of `State.verse` where no syllable may begin."""


def has_open_marks(s: State) -> bool:
    """Return whether a tie or a slur leads over the next bar line.

    In the first voice, those of the second voice lead from the bar before into its bar, which comes next.
    """
    return s.tie >= 0 or s.slurs > 0 or (s.voice == 2 and (s.other_tie >= 0 or s.other_slurs > 0))


class KeptSteps:
    """The steps of slurs, parts and lyrics in a vocabulary; steps that it lacks are never allowed.

    Args:
        index: The step of each token.

    Attributes:
        steps: All these steps.
    """

    def __init__(self, index: Mapping[str, int]) -> None:
        self.slur_start, self.slur_end = index.get(SLUR_START), index.get(SLUR_END)
        self.second_voice = index.get(SECOND_VOICE)
        self.parts = [index[f"P:{name}"] for name in PART_NAMES if f"P:{name}" in index]
        self.verses = [index[verse] for verse in VERSE_TOKENS if verse in index]
        letters = {step: token for token, step in index.items() if token.startswith(LETTER_PREFIX)}
        self.letters = np.array(sorted(letters), np.int64)
        self.is_letter = frozenset(letters)
        others = [step for step in (self.slur_start, self.slur_end, self.second_voice) if step is not None]
        self.steps = self.is_letter.union(self.verses, self.parts, others)
        self.hold, self.hyphen = index.get(LETTER_PREFIX + HOLD), index.get(LETTER_PREFIX + "-")
        self.space = index.get(LETTER_PREFIX + " ")
        self.inner = np.array(
            [step for step in self.letters if step not in (self.hold, self.hyphen, self.space)], np.int64
        )
        self.closing = frozenset(step for step in (self.hold, self.hyphen) if step is not None)

    def allow_first_letter(self, s: State, mask: np.ndarray) -> None:
        """Allow the first letter of the syllable whose verse has just been named, or a letter after a space."""
        mask[self.inner] = True
        if self.hold is not None and s.syllable == -1:
            mask[self.hold] = bool(s.held & 1 << (s.verse - 1))

    def allow_after_note(self, s: State, mask: np.ndarray, *, may_leave_slurs: bool) -> None:
        """Allow the end of a slur, the syllables of a note, and more letters of a syllable.

        Args:
            s: The state.
            mask: The mask of allowed steps; it is updated.
            may_leave_slurs: Whether a later note can end the slurs that may end here.
        """
        if self.slur_end is not None:
            mask[self.slur_end] = s.closable > 0
        if s.verse != NO_VERSE and self.verses and (may_leave_slurs or not s.closable):
            mask[self.verses[s.verse :]] = True
        if 0 < s.syllable < MAX_SYLLABLE:
            mask[self.inner] = True
            mask[self.hyphen] = True
            if self.space is not None:
                mask[self.space] = s.syllable < MAX_SYLLABLE - 1

    def allow_part(self, s: State, mask: np.ndarray) -> None:
        """Allow the name of the next part before the first note of a section."""
        if (
            self.parts
            and s.voice == 1
            and s.section_start
            and not (s.fill or s.tuplet_written or s.ending)
            and s.part < len(self.parts)
        ):
            mask[self.parts[s.part]] = True

    def allow_second_voice(self, s: State, kinds: Sequence[str], mask: np.ndarray) -> bool:
        """Allow the second voice at the end of a bar of the first; return whether it must come before the bar line.

        Args:
            s: The state.
            kinds: The kinds of bar lines that may close the bar.
            mask: The mask of allowed steps; it is updated.
        """
        if self.second_voice is None or s.voice == 2 or s.voices == 1 or s.hornpipe:
            return False
        mask[self.second_voice] = bool(kinds)
        return s.voices == 2

    def after_bar(self, before: State, after: State) -> State:
        """Return the state after a bar line, back in the first voice.

        Args:
            before: The state before the bar line.
            after: The state after it without regard to the second voice.
        """
        if before.voice == 1:
            return after._replace(voices=after.voices or 1) if self.second_voice is not None and before.fill else after
        return after._replace(
            voice=1, tie=after.other_tie, other_tie=after.tie, slurs=after.other_slurs, other_slurs=after.slurs,
            closable=0, held=0, sung=0,
        )  # fmt: skip

    def _begin_second_voice(self, s: State) -> State:
        return s._replace(
            voice=2, voices=2, fill=0, target_fill=s.fill, tie=s.other_tie, other_tie=s.tie, slurs=s.other_slurs,
            other_slurs=s.slurs, note_stage=0, previous=AFTER_NOTE, tuplet=NO_TUPLET, held=0, sung=0,
        )  # fmt: skip

    def advance(self, s: State, step: int) -> State:
        """Return the state after one of `steps`."""
        if step in self.is_letter:
            return self._after_letter(s, step)
        if step in self.verses:
            return self._after_verse(s, step)
        if step == self.slur_end:
            return s._replace(note_stage=0, last_mark=-1, slurs=s.slurs - 1, closable=s.closable - 1)
        s = s._replace(closable=0, verse=NO_VERSE, syllable=0, last_mark=-1, may_end=False)
        if step == self.second_voice:
            return self._begin_second_voice(s)
        if step == self.slur_start:
            return s._replace(note_stage=SLUR, slurs=s.slurs + 1, new_slurs=s.new_slurs + 1)
        return s._replace(note_stage=PART, part=s.part + 1)

    def _after_letter(self, s: State, step: int) -> State:
        """Return the state after a letter of a syllable."""
        length = s.syllable + 1 if s.syllable >= 0 else -s.syllable
        if step == self.space:
            return s._replace(syllable=-length - 1)
        return s._replace(syllable=0 if step in self.closing else length)

    def _after_verse(self, s: State, step: int) -> State:
        """Return the state after the token that begins a syllable in a verse."""
        verse = self.verses.index(step) + 1
        sung = s.sung | 1 << (verse - 1)
        return s._replace(note_stage=0, last_mark=-1, verse=verse, sung=sung, syllable=-1, closable=0)
