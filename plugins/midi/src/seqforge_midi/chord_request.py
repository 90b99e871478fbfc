"""The request for harmony: the chords of the bars, and how many notes sound at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seqforge import Constraint, RequestError, flag, listing
from seqforge_midi.chorale import Chorale
from seqforge_midi.chord_constraint import ChordAutomaton
from seqforge_midi.chord_symbols import ALLOWED, parse_progression
from seqforge_midi.encoding import Encoding
from seqforge_midi.key import TONIC_NAMES
from seqforge_midi.performance import Performance
from seqforge_midi.repeat_automaton import RepeatAutomaton
from seqforge_midi.score import Score
from seqforge_midi.score_automaton import ScoreAutomaton

ENCODINGS = {"chords": (Score,), "polyphony": (Score, Performance, Chorale)}
"""The encodings to which the fields apply."""
CANDIDATES = 8
"""The number of songs that are drawn; the one that fits the chords best is kept."""


@dataclass(frozen=True)
class ChordFields:
    """The fields of a request that name chords and limit how many notes sound at once."""

    chords: str = flag(
        "",
        help='score: Chord symbols, one per bar, repeated: "Am F C G"; "Am F | C G" has two chords in each bar.',
        unit="SYMBOLS",
    )
    polyphony: int = flag(
        0,
        help="score, performance, chorale: The largest number of notes that sound at once; 0: any number.",
        unit="NOTES",
    )


def check_chords(request: ChordFields, encoding: Encoding, others: Mapping[str, object]) -> None:
    """Check that the fields apply to a model and to the other fields of a request.

    Args:
        request: The request.
        encoding: The encoding of the model.
        others: The fields that do not apply together with these, with their values.

    Raises:
        RequestError: If one does not apply, or the polyphony is negative.
    """
    if request.polyphony < 0:
        raise RequestError.invalid("polyphony", request.polyphony, "1 or more, or 0 for any number of notes")
    for field, value in (("chords", request.chords), ("polyphony", request.polyphony)):
        if value and not isinstance(encoding, ENCODINGS[field]):
            names = listing(f"{kind.__name__.lower()!r}" for kind in ENCODINGS[field])
            reason = f"`{field}` does not apply to the encoding of the model; it applies to the encoding {names}"
            raise RequestError(reason, field=field, value=value, allowed=names)
        for name in (name for name, other in others.items() if value and other):
            reason = f"`{field}` does not apply together with `{name}`; leave out one of them"
            raise RequestError(reason, field=field, value=value)


def with_chords(request: ChordFields, encoding: Encoding, constraint: Constraint, steps: np.ndarray) -> Constraint:
    """Return an automaton with the chords of a request, from the first bar behind the prompt on.

    Args:
        request: The request.
        encoding: The encoding of the model.
        constraint: The automaton of the encoding.
        steps: The tokens of the prompt.

    Raises:
        RequestError: If the text has no chords, the model has drums only, or no instrument can play the bass of one.
    """
    if not request.chords:
        return constraint
    if isinstance(constraint, RepeatAutomaton):
        constraint = constraint.base  # a bar that returns would have its old chord
    assert isinstance(constraint, ScoreAutomaton)
    try:
        progression = parse_progression(request.chords)
    except ValueError as error:
        raise RequestError(
            f"`chords` is {request.chords!r}: {error}; allowed are {ALLOWED}",
            field="chords", value=request.chords, allowed=ALLOWED,
        ) from None  # fmt: skip
    if not constraint.track_mask.any():
        reason = "`chords` does not apply to drums, which have no pitches; choose another instrument or model"
        raise RequestError(reason, field="chords", value=request.chords)
    bars = int(encoding.vocabulary.mask("bar")[steps].sum())
    automaton = ChordAutomaton(constraint, progression, bars)
    chord = automaton.unplayable_chord()
    if chord is not None:
        raise RequestError(
            f"`chords` has {chord}, and no instrument of the song has its bass {TONIC_NAMES[chord.bass]} within its"
            " range; choose another bass, such as C/G, or another `program`",
            field="chords", value=request.chords,
        )  # fmt: skip
    return automaton
