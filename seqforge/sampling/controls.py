"""What people can ask of the sampler, and the order in which it is applied."""

from dataclasses import dataclass, field
from typing import Any, Literal

from seqforge.errors import RequestError

Precision = Literal["float32", "bfloat16", "int8"]
"""Of the engine's matrix products."""


def _control(default: Any, help: str, unit: str = "") -> Any:  # noqa: A002 - the word users know
    return field(default=default, metadata={"help": help, "unit": unit})


@dataclass(frozen=True)
class Controls:
    """How a step is chosen from the network's distribution. Every field is a flag of `seqforge generate`.

    Applied in this order: the constraint's mask; `force`; `ban`; what looks back (repetition, presence and frequency
    penalty, DRY, no-repeat-ngram); temperature; top-k; typical; top-p; min-p; mirostat; then a step is drawn, or with
    `greedy` (or temperature 0) the most probable taken: what looks back counts for that too, what comes after does
    not. A filter or ban that would leave nothing is passed over for that step. See `filters` for sources.
    """

    greedy: bool = _control(False, "always the most probable step")
    temperature: float = _control(1.0, "below 1: more probable, above: bolder")
    top_k: int = _control(0, "draw among the k most probable; 0: all")
    typical: float = _control(1.0, "draw among the most typical whose probabilities sum to this; 1: all")
    top_p: float = _control(1.0, "draw among the fewest whose probabilities sum to p; 1: all")
    min_p: float = _control(0.0, "draw among those at least so probable as this share of the most probable; 0: all")
    mirostat: float = _control(0.0, "hold the surprise of each step near so many bits; 0: off", "BITS")
    mirostat_rate: float = _control(0.1, "how fast mirostat learns")
    repetition_penalty: float = _control(1.0, "make less probable what has come already; 1: off")
    presence_penalty: float = _control(0.0, "take so much from the logit of what has come already")
    frequency_penalty: float = _control(0.0, "take so much from a logit for every time it has come")
    no_repeat_ngram: int = _control(0, "no run of so many steps comes twice; 0: off", "STEPS")
    dry: float = _control(0.0, "penalty of a step that goes on repeating a run; 0: off")
    dry_base: float = _control(1.75, "by what that grows with every step of the run")
    dry_length: int = _control(2, "runs up to so long may be repeated", "STEPS")
    penalty_window: int = _control(0, "penalties count so many last steps; 0: all", "STEPS")
    bias: float = _control(0.0, "of real numbers: 0 as the network has them, 1 and more: neater")
    ban: tuple[int, ...] = field(default=(), metadata={"list": True})
    force: tuple[int, ...] = field(default=(), metadata={"list": True})

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 100:
            raise RequestError(f"--temperature is {self.temperature:g}; it must be from 0 (greedy) to 100")
        if self.top_k < 0:
            raise RequestError(f"--top-k is {self.top_k}; it must be 1 or more, or 0 for all")
        for name in ("top_p", "typical"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise RequestError(f"--{name.replace('_', '-')} is {value:g}; it must be above 0 and at most 1")
        if not 0 <= self.min_p <= 1:
            raise RequestError(f"--min-p is {self.min_p:g}; it must be from 0 to 1")
        if not 0 < self.repetition_penalty <= 100:
            raise RequestError(
                f"--repetition-penalty is {self.repetition_penalty:g}; it must be above 0 and at most 100"
            )
        bounds = {
            "mirostat": (0, 100), "mirostat_rate": (0, 1), "presence_penalty": (-100, 100),
            "frequency_penalty": (-100, 100), "no_repeat_ngram": (0, 1000), "dry": (0, 100), "dry_base": (1, 100),
            "bias": (0, 100), "dry_length": (0, 1000), "penalty_window": (0, 10**9),
        }  # fmt: skip
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise RequestError(f"--{name.replace('_', '-')} is {value:g}; it must be from {least} to {most}")

    @property
    def looks_back(self) -> bool:
        """Whether what has come already matters for what comes next."""
        return (
            self.repetition_penalty != 1
            or self.presence_penalty != 0
            or self.frequency_penalty != 0
            or self.no_repeat_ngram > 0
            or self.dry > 0
            or self.mirostat > 0
            or bool(self.force)
        )


@dataclass(frozen=True)
class Limits:
    """Where a piece is brought to an end if it does not end by itself.

    Attributes:
        units: natural units, prompt included; the piece is then led to the nearest end.
        steps: steps, prompt included; never exceeded unless the nearest end is farther.
        seconds: of the clock on the wall, for all pieces together; each is then led to the nearest end.
    """

    units: float = float("inf")
    steps: int = 1_000_000
    seconds: float = float("inf")
