"""What the checks look at: one plugin with its options, and the pieces, codec and steps that follow from them."""

import itertools
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.api.settings import build
from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.core.spaces import Categorical
from seqforge.corpus import SourceFile, Sources, find_sources, sound_corpora
from seqforge.errors import UsageError, listing
from seqforge.plugin import Codec, Divides, Piece, registry
from seqforge.testing._results import CheckFailed, Skip

MOST_FILES, MOST_PIECES = 12, 40
LONGEST = 20_000
"""Steps: a longer piece is encoded and decoded once, and left out of what is done many times."""
DIVIDED_INTO = 400
"""A piece that a plugin can divide is tried in parts so small."""


class Subject:
    """One plugin under test. What cannot be built (a codec that does not fit) skips the checks that need it.

    Args:
        name: of the installed plugin.
        samples: a folder or file to try it on; None: the corpora that are installed for it.
        options: fields of its Options, where not the defaults.
        requests: what to ask for beside the default request: fields of its Request.
        note: is told every call into the plugin before it is made.

    Raises:
        PluginError: it cannot be loaded.
        UsageError, CorpusError: there is nothing to try it on.
    """

    def __init__(
        self,
        name: str,
        *,
        samples: str | Path | None = None,
        options: Mapping[str, Any] | None = None,
        requests: Sequence[Mapping[str, Any]] = (),
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.plugin = registry.load(name)
        self.entry = next(entry for entry in registry.installed() if entry.name == name)
        self.note, self.samples = note, None if samples is None else str(Path(samples).absolute())
        self.sources = sources_of(name, self.plugin.reads, samples)
        fitting: dict[str, Any] = {}
        for corpus in self.sources.corpora:
            fitting.update(corpus.options)
        self.given = {**fitting, **(options or {})}
        self.requests = [dict(request) for request in requests]
        if options:  # whoever gave them is told, where they are wrong
            build(self.plugin.Options, self.given, what=f"the plugin {name!r}")
        self.failed: set[str] = set()

    # -- what follows -------------------------------------------------------------------------

    def needs(self, check: str) -> None:
        """Skip where what a check looks at has failed before: it is told once, by the check it belongs to."""
        if check in self.failed:
            raise Skip(f"see {check}")

    @property
    def files(self) -> list[SourceFile]:
        """The files that are tried, spread over all that there are."""
        return spread(self.sources.files, MOST_FILES)

    @cached_property
    def options(self) -> Any:
        """The options to read and encode with."""
        self.needs("options_survive_json")
        with self.calling("Options", "the defaults" if not self.given else str(self.given)):
            return build(self.plugin.Options, self.given, what=f"the plugin {self.plugin.name!r}")

    @cached_property
    def asked(self) -> list[Any]:
        """The default request, and those that were named."""
        self.needs("request_survives_json")
        with self.calling("Request", "the defaults"):
            return [build(self.plugin.Request, each, what="the plugin") for each in ({}, *self.requests)]

    @property
    def readings(self) -> list[Any]:
        """The first pieces of each file and what could not be read."""
        self.needs("samples_are_read")
        return self._readings

    @property
    def pieces(self) -> list[Piece]:
        """The pieces among them."""
        found = [item for item in self.readings if isinstance(item, Piece)]
        if not found:
            raise Skip("there is no piece to try; see samples_are_read")
        return found

    @property
    def codec(self) -> Codec:
        """The codec fitted on four of five pieces, so that the others hold what it has never seen."""
        self.needs("codec_is_fitted")
        return self._codec

    @property
    def examples(self) -> list[Example]:
        """The encoded pieces, in order."""
        self.needs("pieces_are_encoded")
        return self._examples

    @property
    def prompts(self) -> list[Prompt]:
        """The prompts of the default request and of those that were named."""
        self.needs("prompts_are_given")
        return self._prompts

    @property
    def short(self) -> list[Example]:
        """The examples that are short enough to be tried many times."""
        found = [example for example in self.examples if 0 < len(example.steps) <= LONGEST]
        if not found:
            raise Skip(f"no sample has 1 to {LONGEST:,} steps")
        return found

    @property
    def constraints(self) -> list[tuple[Constraint, Prompt]]:
        """The constraints of the prompts that have one."""
        found = [(prompt.constraint, prompt) for prompt in self.prompts if prompt.constraint is not None]
        if not found:
            raise Skip("the codec sets no constraint")
        if not isinstance(self.codec.space, Categorical):
            raise Skip("a constraint on vectors is not walked through: its masks cover their bits only")
        return found

    def described(self) -> str:
        """Return in words what the plugin is tried on."""
        files = f"{len(self.files)} of {len(self.sources.files)} files of {listing(self.sources.names)}"
        return files + (f", options {self.given}" if self.given else "")

    def lost(self, checks: Iterable[str]) -> None:
        """Tell that checks have failed before: what they would build is not tried again."""
        self.failed.update(checks)

    # -- how it is looked at ------------------------------------------------------------------

    def rng(self, check: str) -> np.random.Generator:
        """Return random numbers that are the same at every run of a check."""
        return np.random.default_rng([*check.encode()])

    def named(self, number: int) -> str:
        """Return what to call a sample."""
        origin = self.pieces[number].origin
        place = f"{Path(origin.file).name}, {origin.place}".rstrip(", ") if origin else ""
        return f"sample {number + 1}" + (f" ({place})" if place else "")

    @contextmanager
    def calling(self, method: str, on: str, *, allowed: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        """Call into the plugin; whatever it raises but what is allowed becomes a failed check, in a sentence."""
        self.note(f"{method} of {on}")
        try:
            yield
        except BaseException as error:
            if isinstance(error, (CheckFailed, Skip, KeyboardInterrupt, *allowed)):
                raise
            told = f"{type(error).__name__}: {error}".rstrip(": ")
            offer = f"; it may raise {' or '.join(kind.__name__ for kind in allowed)}" if allowed else ""
            raise CheckFailed(f"{self.whose(method)} of {on} raises {told}{self.place(error)}{offer}") from error

    def whose(self, method: str) -> str:
        """Return a method as an author knows it, with the class and the package it is in."""
        for owner in (self.plugin, self.__dict__.get("_codec"), self.plugin.codec):
            if hasattr(owner, method):
                kind = owner if isinstance(owner, type) else type(owner)
                return f"{kind.__name__}.{method} ({self.entry.distribution})"
        return f"{method} ({self.entry.distribution})"

    def automaton(self, constraint: Constraint) -> str:
        """Return a constraint as an author knows it."""
        return f"{type(constraint).__name__} ({self.entry.distribution})"

    def broken(self, method: str, does: str, must: str) -> CheckFailed:
        """Return the failure of a method: what it does, and what it must give."""
        return CheckFailed(f"{self.whose(method)} {does}" + (f"; it must give {must}" if must else ""))

    def place(self, error: BaseException) -> str:
        """Return the last line of the plugin's own code that an error went through."""
        package = type(self.plugin).__module__.partition(".")[0]
        frames = [f for f, _ in traceback.walk_tb(error.__traceback__)]
        own = [
            (frame.f_code.co_filename, line)
            for frame, line in zip(frames, [n for _, n in traceback.walk_tb(error.__traceback__)], strict=True)
            if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package
        ]
        return f" at {Path(own[-1][0]).name}:{own[-1][1]}" if own else ""

    @cached_property
    def _readings(self) -> list[Any]:
        found: list[Any] = []
        share = max(1, MOST_PIECES // len(self.files))
        for file in self.files:
            with self.calling("read", file.path.name):
                found += itertools.islice(self._read(file), share)
        return found

    @cached_property
    def _codec(self) -> Codec:
        train = [piece for number, piece in enumerate(self.pieces) if number % 5 != 3]
        with self.calling("fit", f"{len(train)} pieces"):
            return self.plugin.fit(iter(train), self.options)

    @cached_property
    def _examples(self) -> list[Example]:
        found = []
        for number, piece in enumerate(self.pieces):
            with self.calling("encode", self.named(number)):
                example = self.codec.encode(piece)
            if not isinstance(example, Example) or not isinstance(example.steps, np.ndarray):
                raise self.broken("encode", f"gives {type(example).__name__}", "an Example with an array of steps")
            try:
                self.codec.space.check(example.steps)
            except ValueError as error:
                raise self.broken("encode", f"of {self.named(number)} leaves the space: {error}", "") from error
            found.append(example)
        return found

    @cached_property
    def _prompts(self) -> list[Prompt]:
        found: list[Prompt] = []
        for request in self.asked:
            with self.calling("prompts", str(request)):
                found += self.codec.prompts(request)
        return found

    def _read(self, file: SourceFile) -> Iterator[Any]:
        for item in self.plugin.read(file.path, self.options):
            if isinstance(item, Piece):
                whole = Piece(item.content, {**file.labels, **item.labels}, item.origin)
                if isinstance(self.plugin, Divides) and file.path.stat().st_size > LONGEST:
                    yield from self.plugin.divide(whole, [1 / DIVIDED_INTO] * DIVIDED_INTO)
                else:
                    yield whole
            else:
                yield item


def sources_of(name: str, reads: Sequence[str], samples: str | Path | None) -> Sources:
    """Return the files to try a plugin on.

    Raises:
        UsageError: there are none.
    """
    if samples is not None:
        return find_sources([str(samples)], reads=reads, domain=name)
    own = [corpus.name for corpus in sound_corpora()[0] if corpus.domain == name]
    if not own:
        raise UsageError(
            f"no corpus is installed for the plugin {name!r} to be tried on; name a folder of its files with --samples"
        )
    chosen = [corpus.name for corpus in sound_corpora()[0] if corpus.domain == name and corpus.default] or own
    return find_sources(chosen, reads=reads, domain=name)


def spread(files: Sequence[SourceFile], most: int) -> list[SourceFile]:
    """Return at most so many files, evenly spread."""
    if len(files) <= most:
        return list(files)
    return [files[round(number * (len(files) - 1) / (most - 1))] for number in range(most)]
