"""The controls and limits of generation, with their defaults and allowed values."""

from dataclasses import dataclass, field, fields
from typing import Any

from seqforge.core.options import flag
from seqforge.errors import RequestError

MAX_CANDIDATES = 1000
"""The largest number of candidates per piece that a request may ask for."""
MAX_BEAMS = 63
"""The largest beam width: one less than the rows that the engine computes at once."""

PANEL = "Sampling"
"""The heading in `seqforge generate --help`."""


def _flag(default: Any, help: str, unit: str = "") -> Any:  # noqa: A002 - the usual word
    return flag(default, help=help, unit=unit, panel=PANEL)


@dataclass(frozen=True)
class Controls:
    """How a step is chosen from the distribution that the network predicts. Every field is a flag of the command line.

    >>> controls = Controls(temperature=0.8, top_p=0.9)
    >>> controls.top_k
    0

    The controls are applied in this order:

    1. the mask of the constraint;
    2. `ban` and `logit_bias`, then `force`;
    3. the penalties, which depend on earlier steps: repetition, presence and frequency penalty, DRY, no-repeat n-gram;
    4. temperature, top-n-sigma, top-k, typical, epsilon, eta, top-p, min-p, XTC, mirostat;
    5. a random draw.

    With `greedy` or temperature 0, the most probable step after 1 to 3 is chosen, and 4 and 5 are skipped. A filter
    or a ban that would leave no step is skipped for that step. `seqforge.sampling.filters` gives the sources.

    Raises:
        RequestError: If a value is not allowed.
    """

    greedy: bool = _flag(False, "Always choose the most probable step.")
    temperature: float = _flag(
        1.0, "Sampling temperature: below 1 favours probable steps, above 1 is more random, 0 is greedy."
    )
    temperature_range: float = _flag(
        0.0,
        "Dynamic temperature: from this much below --temperature where the network is sure to this much above it where"
        " it is not; 0 turns it off.",
    )
    temperature_exponent: float = _flag(1.0, "Exponent of the normalised entropy that dynamic temperature follows.")
    top_n_sigma: float = _flag(
        0.0, "Keep the steps whose logit is within this many standard deviations of the largest one; 0 keeps all."
    )
    top_k: int = _flag(0, "Sample among the k most probable steps; 0 keeps all.")
    typical: float = _flag(
        1.0,
        "Locally typical sampling: keep the steps whose surprisal is closest to the entropy, up to this total"
        " probability; 1 keeps all.",
    )
    top_p: float = _flag(
        1.0, "Nucleus sampling: keep the most probable steps up to this total probability; 1 keeps all."
    )
    min_p: float = _flag(0.0, "Keep steps that have at least this fraction of the highest probability; 0 keeps all.")
    epsilon: float = _flag(
        0.0, "Epsilon sampling: remove the steps whose probability is below this value; 0 keeps all."
    )
    eta: float = _flag(
        0.0,
        "Eta sampling: as epsilon, with a lower bound where the distribution is flat; 0 keeps all.",
    )
    xtc_probability: float = _flag(
        0.0,
        "XTC: the probability per step that all steps above --xtc-threshold but the least probable of them are removed;"
        " 0 turns it off.",
    )
    xtc_threshold: float = _flag(0.1, "The probability from which a step counts as a top choice for XTC.")
    mirostat: float = _flag(0.0, "Target surprisal of mirostat sampling; 0 turns it off.", "BITS")
    mirostat_rate: float = _flag(0.1, "Learning rate of mirostat sampling.")
    repetition_penalty: float = _flag(
        1.0, "Divide positive logits of earlier steps by this value and multiply negative ones; 1 turns it off."
    )
    presence_penalty: float = _flag(0.0, "Subtract this value from the logit of every step that has occurred.")
    frequency_penalty: float = _flag(0.0, "Subtract this value from the logit of a step once per earlier occurrence.")
    no_repeat_ngram: int = _flag(0, "Never repeat a run of this many steps; 0 turns it off.", "STEPS")
    dry: float = _flag(0.0, "Strength of the DRY penalty on steps that would continue a repeated run; 0 turns it off.")
    dry_base: float = _flag(1.75, "Growth of the DRY penalty per step of the repeated run.")
    dry_length: int = _flag(2, "Length of a repeated run from which the DRY penalty applies.", "STEPS")
    penalty_window: int = _flag(0, "Number of last steps that the penalties count; 0 counts all.", "STEPS")
    bias: float = _flag(
        0.0, "Bias of real-valued steps such as pen points: 0 samples the network as it is, 1 or more is neater."
    )
    ban: tuple[int, ...] = field(default=(), metadata={"list": True})
    logit_bias: tuple[tuple[int, float], ...] = field(default=(), metadata={"list": True})
    force: tuple[int, ...] = field(default=(), metadata={"list": True})

    def __post_init__(self) -> None:
        for name, (lowest, highest, allowed) in _RANGES.items():
            value = getattr(self, name)
            above = value > lowest if name in _ABOVE_ZERO else value >= lowest
            if not (above and value <= highest):  # also refuses NaN
                raise RequestError.invalid(name, value, allowed)

    @property
    def uses_history(self) -> bool:
        """Whether the choice of a step depends on earlier steps."""
        return (
            self.repetition_penalty != 1
            or self.presence_penalty != 0
            or self.frequency_penalty != 0
            or self.no_repeat_ngram > 0
            or self.dry > 0
            or self.mirostat > 0
            or bool(self.force)
        )


_RANGES: dict[str, tuple[float, float, str]] = {
    "temperature": (0, 100, "from 0 (greedy) to 100"),
    "temperature_range": (0, 100, "from 0 to 100"),
    "temperature_exponent": (0, 100, "from 0 to 100"),
    "top_n_sigma": (0, 1000, "from 0 (off) to 1000"),
    "epsilon": (0, 1, "from 0 to 1"),
    "eta": (0, 1, "from 0 to 1"),
    "xtc_probability": (0, 1, "from 0 to 1"),
    "xtc_threshold": (0, 1, "from 0 to 1"),
    "top_k": (0, float("inf"), "1 or more, or 0 for all"),
    "top_p": (0, 1, "above 0 and at most 1"),
    "typical": (0, 1, "above 0 and at most 1"),
    "min_p": (0, 1, "from 0 to 1"),
    "repetition_penalty": (0, 100, "above 0 and at most 100"),
    "mirostat": (0, 100, "from 0 to 100"),
    "mirostat_rate": (0, 1, "from 0 to 1"),
    "presence_penalty": (-100, 100, "from -100 to 100"),
    "frequency_penalty": (-100, 100, "from -100 to 100"),
    "no_repeat_ngram": (0, 1000, "from 0 to 1000"),
    "dry": (0, 100, "from 0 to 100"),
    "dry_base": (1, 100, "from 1 to 100"),
    "bias": (0, 100, "from 0 to 100"),
    "dry_length": (0, 1000, "from 0 to 1000"),
    "penalty_window": (0, 10**9, f"from 0 to {10**9}"),
}
"""Lowest and highest value of each control, and the allowed values in words."""
_ABOVE_ZERO = ("top_p", "typical", "repetition_penalty")
"""Controls that must be greater than their lowest value."""


def check_beams(
    beams: int, length_penalty: float, *, coverage_penalty: float = 0.0, groups: int = 1, diversity: float = 0.0
) -> None:
    """Check the width, the penalties, the groups and the diversity of a beam search.

    >>> check_beams(8, 0.6)

    Raises:
        RequestError: If one is not allowed.
    """
    if not 0 <= beams <= MAX_BEAMS:
        raise RequestError.invalid("beams", beams, f"from 1 to {MAX_BEAMS}")
    if not 0 <= length_penalty <= 10:
        raise RequestError.invalid("length_penalty", length_penalty, "from 0 to 10")
    if not 0 <= coverage_penalty <= (10 if beams else 0):
        allowed = "from 0 to 10" if beams else "0 without `beams`"
        raise RequestError.invalid("coverage_penalty", coverage_penalty, allowed)
    if groups < 1 or (groups > 1 and (not beams or beams % groups)):
        allowed = f"a divisor of `beams`, which is {beams}" if beams else "1 without `beams`"
        raise RequestError.invalid("beam_groups", groups, allowed)
    if not 0 <= diversity <= 100:
        raise RequestError.invalid("beam_diversity", diversity, "from 0 to 100")


def check_beam_controls(controls: Controls, beams: int, kind: str) -> None:
    """Check that a beam search is possible with these controls.

    >>> check_beam_controls(Controls(ban=(3,)), beams=4, kind="categorical")

    Args:
        controls: The controls; only `ban` has an effect, and all others must have their defaults.
        beams: The beam width, for messages.
        kind: The kind of the steps: "categorical".

    Raises:
        RequestError: If the steps are not symbols, or another control is set.
    """
    if kind != "categorical":
        raise RequestError(
            f"`beams` does not apply to {kind} steps, because beam search needs steps that are symbols; leave it out",
            field="beams", value=beams,
        )  # fmt: skip
    expected = Controls(greedy=controls.greedy, ban=controls.ban)
    for item in fields(Controls):
        value = getattr(controls, item.name)
        if value != getattr(expected, item.name):
            raise RequestError(
                f"`beams` accepts only the control `ban`, and `{item.name}` is set, too; leave one of them out",
                field=item.name, value=value,
            )  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """Where a piece is ended if the network does not end it.

    >>> limits = Limits(units=500.0, seconds=10.0)

    Attributes:
        units: Length in natural units, prompt included. A piece that reaches it continues to the nearest end.
        steps: Number of steps, prompt included. It is exceeded only if the nearest end is farther away.
        seconds: Wall-clock time for all pieces together. After it, every piece continues to its nearest end.
    """

    units: float = float("inf")
    steps: int = 1_000_000
    seconds: float = float("inf")
