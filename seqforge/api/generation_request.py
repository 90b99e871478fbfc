"""A request for generated pieces, and the checks that need only the header of the model file. No torch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqforge.api import arguments
from seqforge.api.adaptation_arguments import ADAPT_RATE, ADAPT_STEPS, check_adaptation
from seqforge.api.arguments import real_number, whole_number
from seqforge.api.feature_rows import FeatureRows, feature_rows
from seqforge.core.files import STDIN
from seqforge.core.options import build_options
from seqforge.errors import RequestError, did_you_mean, listing
from seqforge.network.precision import Precision
from seqforge.plugin import AnyPlugin
from seqforge.sampling.controls import MAX_CANDIDATES, Controls, check_beam_controls, check_beams

MAX_ALTERNATIVES = 1000
"""The largest number of alternatives per step."""
MAX_COPY = 1000
"""The largest limit of copied runs, in steps."""
MAX_GUIDANCE = 100
"""The largest factor of the effect of the labels."""

__all__ = ["GenerationRequest", "check_labels", "check_request"]


@dataclass(frozen=True)
class GenerationRequest:
    """Everything that generated pieces follow from, as the user gave it. It is stored in the provenance.

    >>> GenerationRequest(n=2, seed=1, request={"prompt": "ROMEO:"}).n
    2

    Attributes:
        models: Paths of the model files; several form an ensemble.
        n: Number of pieces.
        seed: Seed of the random numbers; piece k depends on it and k.
        length: Length in natural units, prompt included, after which a piece is led to its end; None for the default.
        max_steps: Largest number of steps, prompt included; None for no limit.
        max_seconds: Time limit for all pieces together; such pieces cannot be reproduced. None for no limit.
        max_copy: Length of the longest run of the training corpus that may be written, in steps; 0 for no limit.
        beams: Width of a beam search; 0 samples.
        length_penalty: Length penalty of the beam search.
        coverage_penalty: Weight of its penalty on parts of the source that attention by content has not read.
        beam_groups: Number of groups of beams, which avoid each other's choices; it divides `beams`.
        beam_diversity: Cost in nats of a choice per hypothesis of an earlier group that has just chosen it.
        precision: Precision of the matrix products.
        device: The device of the matrix products: "cpu", or a device of torch.
        candidates: Number of candidates per piece, of which one is kept; 0 for the plugin's choice.
        best_of: Number of candidates per piece, of which the one with the highest mean log-probability of a step is
            kept; 0 keeps one by the constraint, or as the plugin chooses.
        alternatives: Number of most probable tokens that are recorded at each step.
        guidance: Factor of the effect of the labels; 1 leaves it as it is.
        labels: Label name to value.
        features: The path of a file with the features of each piece, or the numbers of each row; piece k has those of
            row k, and after the last row the first follows. "" or () for none.
        adapt: Paths of files and folders with pieces to which the models are adapted before they generate.
        adapt_steps: The number of gradient steps of the adaptation.
        adapt_rate: Its largest learning rate.
        controls: Fields of `seqforge.sampling.Controls`; `ban` and `force` as tokens, `logit_bias` as texts
            TOKEN=VALUE.
        request: Fields of the plugin's Request, paths as strings.
    """

    models: tuple[str, ...] = ()
    n: int = 1
    seed: int = 0
    length: float | None = None
    max_steps: int | None = None
    max_seconds: float | None = None
    max_copy: int = 0
    beams: int = 0
    length_penalty: float = 0.0
    coverage_penalty: float = 0.0
    beam_groups: int = 1
    beam_diversity: float = 0.5
    precision: Precision = "float32"
    device: str = "cpu"
    candidates: int = 0
    best_of: int = 0
    guidance: float = 1.0
    alternatives: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    features: FeatureRows = ()
    adapt: tuple[str, ...] = ()
    adapt_steps: int = ADAPT_STEPS
    adapt_rate: float = ADAPT_RATE
    controls: Mapping[str, Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("n", "seed", "max_copy", "beams", "beam_groups", "candidates", "best_of", "alternatives"):
            object.__setattr__(self, name, whole_number(name, getattr(self, name)))
        for name in ("length_penalty", "coverage_penalty", "beam_diversity", "guidance"):
            object.__setattr__(self, name, real_number(name, getattr(self, name)))
        if not 0 <= self.guidance <= MAX_GUIDANCE:
            raise RequestError.invalid("guidance", self.guidance, f"from 0 to {MAX_GUIDANCE}")
        for name, convert in (("length", real_number), ("max_steps", whole_number), ("max_seconds", real_number)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, convert(name, getattr(self, name)))
        arguments.check_labels(self.labels)
        check_adaptation(self.adapt_steps, self.adapt_rate)
        if self.n < 1:
            raise RequestError.invalid("n", self.n, "at least 1")
        if not 0 <= self.seed < 2**63:
            raise RequestError.invalid("seed", self.seed, "from 0 to 2^63 - 1")
        if not 0 <= self.max_copy <= MAX_COPY:
            raise RequestError.invalid("max_copy", self.max_copy, f"from 1 to {MAX_COPY}, or 0 for no limit")
        for name in ("length", "max_steps", "max_seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise RequestError.invalid(name, value, "above 0")
        if self.length == math.inf:
            raise RequestError.invalid("length", self.length, "finite")
        if self.max_seconds == math.inf:
            object.__setattr__(self, "max_seconds", None)
        if not math.isfinite(self.length_penalty):
            raise RequestError.invalid("length_penalty", self.length_penalty, "a finite number")
        for name in ("candidates", "best_of"):
            if not 0 <= getattr(self, name) <= MAX_CANDIDATES:
                raise RequestError.invalid(name, getattr(self, name), f"from 0 to {MAX_CANDIDATES}")
        for name in ("candidates", "beams"):
            if self.best_of and getattr(self, name):
                raise RequestError(
                    f"`best_of` and `{name}` are both set, and each says how a piece is chosen; leave one of them out",
                    field="best_of", value=self.best_of, allowed=f"0 beside `{name}`",
                )  # fmt: skip
        if not 0 <= self.alternatives <= MAX_ALTERNATIVES:
            raise RequestError.invalid("alternatives", self.alternatives, f"from 0 to {MAX_ALTERNATIVES}")
        check_beams(
            self.beams, self.length_penalty, coverage_penalty=self.coverage_penalty, groups=self.beam_groups,
            diversity=self.beam_diversity,
        )  # fmt: skip
        if 0 < self.beams < self.n:
            raise RequestError(
                f"`n` is {self.n} and `beams` is {self.beams}; a beam search returns at most as many pieces as it has"
                " beams",
                field="beams", value=self.beams, allowed=f"at least {self.n}",
            )  # fmt: skip


def check_request(request: GenerationRequest, plugin: AnyPlugin, metadata: Mapping[str, Any]) -> None:
    """Check all of a request that can be checked without the weights of the model.

    Example:
        metadata = TensorFile(Path("model.safetensors"), "model").metadata
        check_request(GenerationRequest(labels={"key": "D"}), registry.load(metadata["plugin"]), metadata)

    Args:
        request: The request.
        plugin: The plugin of the model.
        metadata: The header of the model file as plain JSON; parts that are missing or damaged are not used.

    Raises:
        OptionsError: If a control or a field of the request is unknown or has a wrong type.
        RequestError: If a value is not allowed, a label is unknown, or a file is missing.
    """
    values = {**plugin.sampling_defaults, **request.controls}
    others = {name: value for name, value in values.items() if name not in ("ban", "force", "logit_bias")}
    controls = build_options(Controls, others, owner="the sampler")
    space = metadata.get("space")
    if request.beams and isinstance(space, dict):
        check_beam_controls(controls, request.beams, str(space.get("kind", "")))
    if request.beams and request.controls.get("force"):
        raise RequestError(
            "`beams` accepts only the control `ban`, and `force` is set, too; leave one of them out",
            field="force",
            value=request.controls["force"],
        )
    labels = metadata.get("labels")
    if isinstance(labels, list) and all(isinstance(item, list) and len(item) == 2 for item in labels):
        check_labels(request.labels, {str(name): list(map(str, values)) for name, values in labels})
    network = metadata.get("network")
    width = network.get("features") if isinstance(network, dict) else None
    if isinstance(width, int) and not plugin.codec.features and request.features:
        feature_rows(request.features, width)
    fields = build_options(plugin.Request, request.request, owner=f"the plugin {plugin.name!r}")
    files = [*vars(fields).items(), *(("adapt", Path(file)) for file in request.adapt)]
    for name, value in files:
        if isinstance(value, Path) and value != STDIN and not value.exists():
            raise RequestError(f"`{name}` is {value}; there is no such file", field=name, value=str(value))


def check_labels(labels: Mapping[str, str], known: Mapping[str, Sequence[str]]) -> None:
    """Check that a model knows these labels.

    >>> check_labels({"kind": "reel"}, {"kind": ["jig", "reel"]})

    Args:
        labels: Label name to value.
        known: The labels of the model: name to values.

    Raises:
        RequestError: If it does not know a label or value.
    """
    for name, value in labels.items():
        if name not in known:
            offer = f"it has {listing(known)}" if known else "it has none"
            raise RequestError(
                f"the model has no label {name!r}; {offer}{did_you_mean(name, known)}",
                field="labels", value=name, allowed=listing(known),
            )  # fmt: skip
        if value not in known[name]:
            allowed = listing(known[name], most=40)
            raise RequestError(
                f"the label {name!r} has no value {value!r}; allowed are {allowed}{did_you_mean(value, known[name])}",
                field="labels", value=value, allowed=allowed,
            )  # fmt: skip
