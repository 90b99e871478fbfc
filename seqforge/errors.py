"""Everything that can go wrong, as one tree.

    SeqforgeError                  exit code 1: it failed
    ├── UsageError                 exit code 2: what was asked cannot be done as asked
    │   ├── RequestError           what to generate is impossible (an unknown label, a prompt nothing continues)
    │   ├── OptionsError           an option has a value that is not allowed
    │   └── PluginError            a plugin is missing, or clashes with another
    │       └── ContractError      exit code 1: a plugin is broken: what it is, returns or raises breaks the contract
    ├── CorpusError                files were found wanting: none there, none readable, none of this domain
    ├── ReadError                  one file or piece cannot be read; plugins yield it and go on
    ├── DecodeError                steps that stand for no piece
    ├── DamagedFileError           a model, state, shard or manifest is not what it should be
    ├── RunError                   a run cannot be started, resumed or found
    └── WriteError                 a file could not be written; what was there before is still there

A message says what happened, where, what is allowed and what to do next, in one sentence or two.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

__all__ = [
    "ContractError",
    "CorpusError",
    "DamagedFileError",
    "DecodeError",
    "OptionsError",
    "PluginError",
    "ReadError",
    "RequestError",
    "RunError",
    "SeqforgeError",
    "UsageError",
    "WriteError",
    "did_you_mean",
    "listing",
]


class SeqforgeError(Exception):
    """The root of the tree: every error that a user of seqforge can cause or meet."""

    exit_code: ClassVar[int] = 1


class UsageError(SeqforgeError):
    """What was asked cannot be done as it was asked."""

    exit_code = 2


class RequestError(UsageError):
    """What to generate is impossible: an unknown label, a prompt that no piece continues."""


class OptionsError(UsageError):
    """An option has a value that is not allowed."""


class PluginError(UsageError):
    """A plugin is missing, or clashes with another."""


class ContractError(PluginError):
    """A plugin is broken: it does not import, is built for another api, or a method of its breaks the contract."""

    exit_code = 1


class CorpusError(SeqforgeError):
    """A corpus is empty, unreadable, or of another domain."""


class ReadError(SeqforgeError):
    """One file, or one piece of it, that cannot be read.

    A plugin yields it from `read` and goes on with the next piece.

    Args:
        reason: what is wrong, as half a sentence ("bar 3 has 7 eighths").
        file: the file, as the person named it.
        line: the line in it, counted from 1, where there are lines.
    """

    def __init__(self, reason: str, *, file: str = "", line: int | None = None) -> None:
        self.reason, self.file, self.line = reason, file, line
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {reason}" if place else reason)


class DecodeError(SeqforgeError):
    """Steps that stand for no piece."""


class DamagedFileError(SeqforgeError):
    """A file of ours (model, state, shard, manifest) is truncated, altered or hostile."""


class RunError(SeqforgeError):
    """A run cannot be started, resumed or found."""


class WriteError(SeqforgeError):
    """A file could not be written; whatever stood in its place is untouched."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean X?" where some known word is close, else the empty string."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def listing(words: Iterable[str], *, most: int = 20) -> str:
    """Join words for a message, and say how many are left out: "a, b, c and 7 more"."""
    known = list(words)
    shown = ", ".join(known[:most])
    return f"{shown} and {len(known) - most} more" if len(known) > most else shown
