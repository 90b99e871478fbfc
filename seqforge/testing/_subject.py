"""The subject of the checks: one plugin with its options, samples, codec and tasks."""

import itertools
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.options import build_options
from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.corpus import SourceFile, Sources, find_sources, readable_corpora
from seqforge.errors import ContractError, UsageError, listing
from seqforge.plugin import AnyCodec, Divides, Piece, Task, registry
from seqforge.plugin.fitting import fit_codec
from seqforge.plugin.validation import (
    ValidatedConstraint,
    validate_example,
    validate_items,
    validate_parts,
    validate_task,
)
from seqforge.testing._results import CheckFailed, CheckSkipped, without_advice

MAX_FILES, MAX_PIECES = 12, 40
MAX_SHORT = 20_000
"""Largest number of steps of a piece that is encoded and decoded many times."""
PARTS = 400
"""A large file of a plugin that can divide is checked in this number of parts."""


class Subject:
    """One plugin under test. If a value cannot be built, such as a codec, the checks that need it are skipped.

    Example:
        subject = Subject("text", samples="my/texts")
        subject.codec.decode(subject.examples[0])

    Args:
        name: The name of the installed plugin.
        samples: A folder or file to check with; None for the corpora that are installed for the plugin.
        options: Fields of the plugin's Options that differ from the defaults.
        requests: Requests beside the default one, as fields of the plugin's Request.
        on_call: Called with a description of every call of the plugin before it is made.

    Raises:
        PluginError: If the plugin is not installed.
        ContractError: If it cannot be loaded.
        UsageError, CorpusError: If there are no samples.
    """

    def __init__(
        self,
        name: str,
        *,
        samples: str | Path | None = None,
        options: Mapping[str, Any] | None = None,
        requests: Sequence[Mapping[str, Any]] = (),
        on_call: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.plugin = registry.load(name)
        self.owner_text = f"the plugin {name!r} ({self.plugin.distribution()})"
        self.entry = registry.find_entry(name)
        self.on_call, self.samples = on_call, None if samples is None else str(Path(samples).absolute())
        self.sources = sample_sources(name, self.plugin.reads, samples)
        self.option_values = {**self.sources.options, **(options or {})}
        self.request_values = [{}, *(dict(request) for request in requests)]
        if options:  # an error in the caller's options is the caller's, not the plugin's
            build_options(self.plugin.Options, self.option_values, owner=f"the plugin {name!r}")
        for values in self.request_values if requests else []:
            build_options(self.plugin.Request, values, owner=f"the plugin {name!r}")
        self.failed: set[str] = set()
        self.reads_books = False
        """Whether a file of the samples that were read contains several pieces."""
        self.masks: dict[Any, tuple[np.ndarray, bool]] = {}
        """The mask and the end of each key of a constraint that the checks have met."""

    # -- values that are built from the samples -------------------------------------------------

    def require(self, check: str) -> None:
        """Skip the current check if an earlier one has failed, so that a fault is reported once."""
        if check in self.failed:
            raise CheckSkipped(f"see {check}")

    @property
    def files(self) -> list[SourceFile]:
        """The files to check with, evenly spread over all files."""
        return spread(self.sources.files, MAX_FILES)

    @cached_property
    def options(self) -> Any:
        """The options to read and encode with."""
        self.require("options_survive_json")
        with self.calling("Options", str(self.option_values or "the defaults")):
            return build_options(self.plugin.Options, self.option_values, owner=f"the plugin {self.plugin.name!r}")

    @cached_property
    def requests(self) -> list[Any]:
        """The default request and the caller's requests."""
        self.require("request_survives_json")
        with self.calling("Request", "the defaults and `requests`"):
            owner = f"the plugin {self.plugin.name!r}"
            return [build_options(self.plugin.Request, values, owner=owner) for values in self.request_values]

    @property
    def items(self) -> list[Any]:
        """The first pieces and read errors of each file."""
        self.require("samples_are_read")
        return self._items

    @property
    def pieces(self) -> list[Piece[Any]]:
        """The pieces among the items."""
        pieces = [item for item in self.items if isinstance(item, Piece)]
        if not pieces:
            raise CheckSkipped("the samples contain no piece; see samples_are_read")
        return pieces

    @property
    def codec(self) -> AnyCodec:
        """The codec, fitted on four of five pieces, so that the others may contain values that it does not know."""
        self.require("codec_is_fitted")
        return self._codec

    @property
    def examples(self) -> list[Example]:
        """The encoded pieces, in order."""
        self.require("pieces_are_encoded")
        return self._examples

    @property
    def short_examples(self) -> list[Example]:
        """The examples that are short enough to be used many times, without empty ones."""
        return [example for _, example in self.short_samples]

    @property
    def short_samples(self) -> list[tuple[str, Example]]:
        """The short examples with the names of their samples."""
        samples = [
            (self.sample_name(number), example)
            for number, example in enumerate(self.examples)
            if 0 < len(example.steps) <= MAX_SHORT
        ]
        if not samples:
            raise CheckSkipped(f"no sample has 1 to {MAX_SHORT:,} steps")
        return samples

    @property
    def tasks(self) -> list[Task[Any]]:
        """The tasks of the default request and of the caller's requests."""
        self.require("task_has_prompts")
        return self._tasks

    @property
    def constraints(self) -> list[tuple[Constraint, Prompt]]:
        """The constraints of all prompts that have one, with the prompt."""
        prompts = [prompt for task in self.tasks for prompt in task.prompts]
        constraints = [(prompt.constraint, prompt) for prompt in prompts if prompt.constraint is not None]
        if not constraints:
            raise CheckSkipped("the codec sets no constraint")
        return constraints

    def description(self) -> str:
        """Return in words which files and options the plugin is checked with."""
        files = f"{len(self.files)} of {len(self.sources.files)} files of {listing(self.sources.names)}"
        return files + (f", options {self.option_values}" if self.option_values else "")

    def mark_failed(self, checks: Iterable[str]) -> None:
        """Mark checks as failed; what they would build is not built again."""
        self.failed.update(checks)

    def read_items(self) -> list[Any]:
        """Read the first pieces and read errors of each file."""
        items: list[Any] = []
        share = max(1, MAX_PIECES // len(self.files))
        for file in self.files:
            with self.calling("read", file.path.name):
                items += itertools.islice(self._read(file), share)
        return items

    def task(self, request: Any, *, allowed: tuple[type[Exception], ...] = ()) -> Task[Any]:
        """Return the validated task of a request."""
        with self.calling("task", str(request), allowed=allowed):
            return validate_task(self.plugin, self.codec, self.codec.task(request))

    # -- calls of the plugin and their failures -------------------------------------------------

    def rng(self, name: str) -> np.random.Generator:
        """Return a random number generator that is seeded by a name, so that a check always draws the same numbers."""
        return np.random.default_rng([*name.encode()])

    def sample_name(self, number: int) -> str:
        """Return the name of a sample in messages: "sample 3 (tunes.abc, line 12)"."""
        origin = self.pieces[number].origin
        place = f"{Path(origin.file).name}, {origin.place}".rstrip(", ") if origin else ""
        return f"sample {number + 1}" + (f" ({place})" if place else "")

    @contextmanager
    def calling(
        self, method: str, argument: str, *, allowed: tuple[type[Exception], ...] = (), owner: object = None
    ) -> Iterator[None]:
        """Turn every error of a call of the plugin, except those that are allowed, into CheckFailed.

        Args:
            method: The name of the method.
            argument: The argument in words.
            allowed: The errors that the method may raise.
            owner: The object that has the method, if it is neither the plugin nor the codec.
        """
        self.on_call(f"{method} of {argument}")
        try:
            yield
        except ContractError as error:
            raise CheckFailed(f"{without_advice(error)} ({argument})") from error
        except BaseException as error:
            if isinstance(error, (CheckFailed, CheckSkipped, KeyboardInterrupt, *allowed)):
                raise
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            rule = f"; it may raise {' or '.join(kind.__name__ for kind in allowed)}" if allowed else ""
            problem = f"of {argument} raises {reason}{self.place(error)}{rule}"
            raise self.failure(method, problem, owner=owner) from error

    def failure(self, method: str, problem: str, rule: str = "", *, owner: object = None) -> CheckFailed:
        """Return the failure of a method.

        Args:
            method: The name of the method.
            problem: What the method does, as half a sentence.
            rule: What it must return; "" if the problem says it.
            owner: The object that has the method, if it is neither the plugin nor the codec.
        """
        must = f"; it must return {rule}" if rule else ""
        return CheckFailed(f"{self.owner_text}: {self.method_name(method, owner)} {problem}{must}")

    def method_name(self, method: str, owner: object = None) -> str:
        """Return the name of a method with its class, "Codec.decode"."""
        constraints = [prompt.constraint for task in vars(self).get("_tasks", []) for prompt in task.prompts]
        owners = [self.plugin, self.plugin.codec, *filter(None, constraints)] if owner is None else [owner]
        for candidate in owners:
            if hasattr(candidate, method):
                candidate = candidate.inner if isinstance(candidate, ValidatedConstraint) else candidate
                kind = candidate if isinstance(candidate, type) else type(candidate)
                return f"{kind.__qualname__}.{method}"
        return method

    def place(self, error: BaseException) -> str:
        """Return the last line of the plugin's code in the traceback of an error: " at codec.py:12"."""
        package = type(self.plugin).__module__.partition(".")[0]
        places = [
            (frame.f_code.co_filename, line)
            for frame, line in traceback.walk_tb(error.__traceback__)
            if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package
        ]
        return f" at {Path(places[-1][0]).name}:{places[-1][1]}" if places else ""

    # -- values behind the properties -----------------------------------------------------------

    @cached_property
    def _items(self) -> list[Any]:
        return self.read_items()

    @cached_property
    def _codec(self) -> AnyCodec:
        training_pieces = [piece for number, piece in enumerate(self.pieces) if is_fitted(number)]
        with self.calling("fit", f"{len(training_pieces)} pieces"):
            return fit_codec(self.plugin, training_pieces, self.options)

    @cached_property
    def _examples(self) -> list[Example]:
        examples = []
        for number, piece in enumerate(self.pieces):
            with self.calling("encode", self.sample_name(number)):
                examples.append(validate_example(self.plugin, self.codec, self.codec.encode(piece)))
        return examples

    @cached_property
    def _tasks(self) -> list[Task[Any]]:
        return [self.task(request) for request in self.requests]

    def _read(self, file: SourceFile) -> Iterator[Any]:
        count = 0
        for item in validate_items(self.plugin, file.path, self.options):
            if not isinstance(item, Piece):
                yield item
                continue
            count += 1
            self.reads_books = self.reads_books or count > 1
            piece = Piece(item.content, {**file.labels, **item.labels}, item.origin)
            if isinstance(self.plugin, Divides) and file.path.stat().st_size > MAX_SHORT:
                fractions = [1 / PARTS] * PARTS
                yield from validate_parts(self.plugin, self.plugin.divide(piece, fractions), fractions)
            else:
                yield piece


def is_fitted(number: int) -> bool:
    """Return whether the codec is fitted on the sample with this number: on four of five.

    >>> [number for number in range(10) if not is_fitted(number)]
    [3, 8]
    """
    return number % 5 != 3


def sample_sources(name: str, reads: Sequence[str], samples: str | Path | None) -> Sources:
    """Return the files to check a plugin with.

    Args:
        name: The name of the plugin.
        reads: The suffixes that it reads.
        samples: A folder or file; None for the installed corpora of the plugin, if possible its default ones.

    Raises:
        UsageError: If no corpus is installed for the plugin.
    """
    if samples is not None:
        return find_sources([str(samples)], reads=reads, domain=name)
    corpora = [corpus for corpus in readable_corpora()[0] if corpus.domain == name]
    if not corpora:
        raise UsageError(
            f"no corpus is installed for the plugin {name!r}; set `samples` to a folder of its files", field="samples"
        )
    defaults = [corpus for corpus in corpora if corpus.default]
    return find_sources([corpus.name for corpus in defaults or corpora], reads=reads, domain=name)


def spread(files: Sequence[SourceFile], count: int) -> list[SourceFile]:
    """Return at most `count` files, evenly spread."""
    if len(files) <= count:
        return list(files)
    return [files[round(number * (len(files) - 1) / (count - 1))] for number in range(count)]
