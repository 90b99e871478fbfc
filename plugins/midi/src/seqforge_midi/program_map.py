"""Maps programs that a model has not heard to those that it has."""

from collections.abc import Iterable, Mapping

from seqforge import RequestError, listing
from seqforge_midi.instruments import program_name, program_number
from seqforge_midi.song import DRUMS

FAMILY_SIZE = 8
"""General MIDI has sixteen families of this many programs."""
STRUCK_FAMILIES = {0, 1, 3, 4, 13, 14}
"""Families whose tones decay: piano, chromatic percussion, guitar, bass, ethnic, percussive."""

MAX_NAMED = 6
"""The number of programs that a message names."""


def nearest_program(program: int, known: Iterable[int]) -> int | None:
    """Return the known program that is most like another: of the same family, else of the same kind of tone.

    >>> nearest_program(40, (0, 24, 52)), nearest_program(33, (0, 24, 52)), nearest_program(DRUMS, (0,))
    (52, 24, None)

    Args:
        program: The program; DRUMS is like no other.
        known: The programs to choose from.

    Returns:
        The program, None if there is none like it.
    """
    programs = set(known)
    if program in programs:
        return program
    pitched = sorted(programs - {DRUMS})
    if program == DRUMS or not pitched:
        return None
    family = program // FAMILY_SIZE

    def distance(other: int) -> tuple[bool, bool, int]:
        same_tone = (other // FAMILY_SIZE in STRUCK_FAMILIES) == (family in STRUCK_FAMILIES)
        return other // FAMILY_SIZE != family, not same_tone, abs(other - program)

    return min(pitched, key=distance)


def parse_map(text: str, known: Iterable[int], field: str) -> dict[int, int]:
    """Return the programs that a text such as "81=0, violin=choir" maps.

    >>> parse_map("81=0, violin=choir aahs", (0, 52), "map")
    {81: 0, 40: 52}

    Args:
        text: The pairs, separated by commas; programs by number or name.
        known: The programs of the model's corpus.
        field: The field of the request, for messages.

    Raises:
        RequestError: If a pair is malformed, or its second program does not occur in the corpus.
    """
    result: dict[int, int] = {}
    programs = sorted(set(known))
    for pair in filter(None, (word.strip() for word in text.split(","))):
        first, equals, second = pair.partition("=")
        source, target = program_number(first), program_number(second)
        if not equals or source is None or target is None:
            allowed = "pairs of programs by number or name, such as 81=0 or violin=choir aahs, separated by commas"
            raise RequestError.invalid(field, text, allowed)
        if target not in programs or (source == DRUMS) != (target == DRUMS):
            names = ", ".join(f"{program_name(program)} ({program})" for program in programs)
            raise RequestError(
                f"`{field}` is {text!r}: {program_name(source)} cannot be mapped to {program_name(target)}; the model's"
                f" corpus has {names}",
                field=field, value=text, allowed=names,
            )  # fmt: skip
        result[source] = target
    return result


class ProgramMap:
    """The program of a model for each program of a file.

    >>> ProgramMap((0, 52), {81: 0})[81], ProgramMap((0, 52))[81]
    (0, 52)

    Args:
        known: The programs of the model's corpus.
        choices: Programs that the user mapped.
    """

    def __init__(self, known: Iterable[int], choices: Mapping[int, int] | None = None) -> None:
        self.known, self.choices = tuple(known), choices or {}

    def __getitem__(self, program: int) -> int | None:
        return self.choices.get(program, nearest_program(program, self.known))

    def notice(self, programs: Iterable[int]) -> str:
        """Return a sentence about the programs that the model has not heard; empty if it has heard all.

        >>> ProgramMap((0, 52)).notice([0, 40])
        'programs that the model has not heard are read as the nearest ones: Violin as Choir Aahs'
        """
        replaced, unheard = [], []
        for program in sorted(set(programs)):
            target = self[program]
            if target is None:
                unheard.append(program_name(program))
            elif target != program and program not in self.choices:
                replaced.append(f"{program_name(program)} as {program_name(target)}")
        parts = []
        if replaced:
            names = listing(replaced, most=MAX_NAMED)
            parts.append(f"programs that the model has not heard are read as the nearest ones: {names}")
        if unheard:
            names = listing(unheard, most=MAX_NAMED)
            parts.append(f"the model has nothing like {names}; these tracks are not read and stay as they are")
        return "; ".join(parts)
