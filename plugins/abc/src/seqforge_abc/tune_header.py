"""The header tokens of a tune as the automaton allows them: rhythm, meter, unit note length, key, and a tempo."""

from collections.abc import Iterable, Mapping, Sequence

from seqforge_abc import tokens
from seqforge_abc.bar_automaton import State
from seqforge_abc.kept import DIGIT_TOKENS, TEMPO_TOKENS, tempo_digits
from seqforge_abc.note_lengths import to_grid
from seqforge_abc.rhythms import fits_meter
from seqforge_abc.theory import NO_METER, Key, Meter

__all__ = ["TuneHeader", "steps_with_prefix"]

RHYTHM, METER = 0, 1
"""Positions in the header."""
HEADER_LENGTH = 4
"""The number of header tokens, without those of a tempo."""


def steps_with_prefix(index: Mapping[str, int], prefix: str, excluded: Iterable[str] = ()) -> list[int]:
    """Return the steps of the tokens with a prefix.

    Args:
        index: The step of each token.
        prefix: The beginning of the tokens.
        excluded: The tokens to leave out.
    """
    return [step for token, step in index.items() if token.startswith(prefix) and token not in excluded]


class TuneHeader:
    """The header tokens that a request allows.

    >>> header = TuneHeader({token: step for step, token in enumerate(tokens.vocabulary(["jig"]))}, rhythm="jig")
    >>> header.steps(State())
    [1]

    Args:
        index: The step of each token.
        rhythm: The rhythm, "" for an unknown one; None for any.
        meter: The meter; None for any, but not none at all. A free rhythm is one that is danced in a requested meter.
        key: The key, which then does not change; None for any.
        keys: The keys that may occur if `key` is None; None for any.

    Attributes:
        key_changes: The keys to which the tune may change, as steps.
        tempo_beats: The steps with which a tempo begins.
        joint_steps: The number of tokens up to the last requested one, 0 if no token before it is free. They are drawn
            jointly, so that the rhythm fits a requested meter, and the unit note length a requested key.
    """

    def __init__(
        self,
        index: Mapping[str, int],
        *,
        rhythm: str | None = None,
        meter: Meter | None = None,
        key: Key | None = None,
        keys: Sequence[Key] | None = None,
    ) -> None:
        self._index = index
        requested = {"R": rhythm, "M": meter, "L": None, "K": key}
        choices = {letter: steps_with_prefix(index, f"{letter}:", tokens.REQUEST_ONLY) for letter in requested}
        restricted = [value is not None for value in requested.values()]
        if keys is not None:
            choices["K"], restricted[-1] = [index[f"K:{allowed}"] for allowed in keys], True
        if meter is not None and meter != NO_METER:
            names = {step: token[2:] for token, step in index.items() if token.startswith("R:")}
            choices["R"] = [step for step in choices["R"] if fits_meter(names[step], meter)]
        self._choices = [
            choices[letter] if value is None else [index[f"{letter}:{value}"]] for letter, value in requested.items()
        ]
        self.key_changes = choices["K"] if key is None else []
        self.tempo_beats = [index[token] for token in TEMPO_TOKENS if token in index]
        count = max((number + 1 for number in range(HEADER_LENGTH) if restricted[number]), default=0)
        self.joint_steps = 0 if all(restricted[:count]) else count

    def is_open(self, s: State) -> bool:
        """Return whether a header token or a digit of the tempo comes next."""
        return s.header < HEADER_LENGTH or HEADER_LENGTH < s.header < HEADER_LENGTH + 4

    def steps(self, s: State) -> list[int]:
        """Return the steps that may come next while the header is open."""
        if s.header > HEADER_LENGTH:
            zero_before = s.last_mark == self._index[DIGIT_TOKENS[0]]
            return [self._index[digit] for digit in tempo_digits(s.header - 5, zero_before=zero_before)]
        if s.header == METER and s.hornpipe and len(self._choices[METER]) > 1:
            return [self._index["M:2/4"], self._index["M:4/4"]]
        return self._choices[s.header]

    def step_toward_end(self, s: State) -> int:
        """Return an allowed step while the header is open: a usual value."""
        steps = self.steps(s)
        if s.header > HEADER_LENGTH:
            return steps[-1]
        preferred = [self._index[token] for token in tokens.FALLBACK_HEADER if self._index[token] in steps]
        return (preferred or steps)[0]

    def advance(self, s: State, step: int, token: str) -> State:
        """Return the state after a step while the header is open."""
        if s.header > HEADER_LENGTH:
            return s._replace(header=s.header + 1, last_mark=step if s.header < HEADER_LENGTH + 3 else -1)
        hornpipe = s.hornpipe or (s.header == RHYTHM and "hornpipe" in token)
        s = s._replace(header=s.header + 1, hornpipe=hornpipe)
        if token in tokens.METER_TOKENS:
            return s._replace(bar_length=to_grid(tokens.METER_TOKENS[token].bar_length))
        return s._replace(unit=to_grid(tokens.UNIT_TOKENS[token])) if token in tokens.UNIT_TOKENS else s
