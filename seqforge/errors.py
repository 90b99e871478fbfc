"""Every error that seqforge raises on purpose, as one tree.

    SeqforgeError                  exit code 1: the command failed
    ├── UsageError                 exit code 2: the request cannot be carried out as it stands
    │   ├── RequestError           a generation request is impossible (unknown label, prompt that nothing can continue)
    │   ├── OptionsError           an option has a value that is not allowed
    │   └── PluginError            a plugin is not installed, or two plugins have one name
    ├── ContractError              a plugin breaks the contract: it does not import, or a method returns a wrong value
    ├── CorpusError                a corpus is empty, unreadable or of another domain
    ├── ReadError                  one file or piece cannot be read; plugins yield it and continue
    ├── DecodeError                steps do not represent a piece
    ├── DamagedFileError           a model, state, shard or manifest is truncated, altered or of another format
    ├── RunError                   a run cannot be started, resumed or found, or its numbers are not finite
    └── WriteError                 a file could not be written; the previous file is unchanged

A message says what happened, where, what is allowed and what to do next. Names of fields stand in backquotes, as Python
users know them (`top_p`); the command line shows them as flags (--top-p).
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, ClassVar, Self

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
    """The base class of all errors that a user of seqforge can cause or meet.

    Example:
        try:
            model = seqforge.load("chorales")
        except seqforge.SeqforgeError as error:
            print(error)

    Attributes:
        exit_code: The exit code of the command line.
    """

    exit_code: ClassVar[int] = 1


class UsageError(SeqforgeError):
    """A request cannot be carried out as it stands.

    >>> error = UsageError.invalid("top_p", 1.5, "above 0 and at most 1")
    >>> str(error)
    '`top_p` is 1.5; it must be above 0 and at most 1'
    >>> error.field, error.value, error.allowed
    ('top_p', 1.5, 'above 0 and at most 1')

    Args:
        message: The sentence to show, with field names in backquotes.
        field: The name of the field that has the wrong value, "" if no single field has.
        value: The value of that field.
        allowed: The allowed values in words.
    """

    exit_code = 2

    def __init__(self, message: str, *, field: str = "", value: Any = None, allowed: str = "") -> None:
        super().__init__(message)
        self.field, self.value, self.allowed = field, value, allowed

    @classmethod
    def invalid(cls, field: str, value: Any, allowed: str, *, advice: str = "") -> Self:
        """Return the error of a field whose value is not allowed.

        Args:
            field: The name of the field.
            value: Its value.
            allowed: The allowed values, as the end of a sentence: "from 0 to 1", "one of mm, px".
            advice: What to do next, as half a sentence.
        """
        shown = f"{value:g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)
        message = f"`{field}` is {shown}; it must be {allowed}" + (f"; {advice}" if advice else "")
        return cls(message, field=field, value=value, allowed=allowed)


class RequestError(UsageError):
    """A generation request is impossible: an unknown label, a prompt that nothing can continue."""


class OptionsError(UsageError):
    """An option has a value that is not allowed."""


class PluginError(UsageError):
    """A plugin is not installed, or two installed plugins have one name."""


class ContractError(SeqforgeError):
    """A plugin breaks the contract: it does not import, has another api, or a method returns a wrong value."""


class CorpusError(SeqforgeError):
    """A corpus is empty, unreadable or of another domain."""


class ReadError(SeqforgeError):
    """One file, or one piece of it, cannot be read.

    A plugin yields it from `read` and continues with the next piece.

    >>> str(ReadError("bar 3 has 7 eighths", file="tunes.abc", line=12))
    'tunes.abc:12: bar 3 has 7 eighths'

    Args:
        reason: What is wrong, as half a sentence.
        file: The path of the file.
        line: The line number from 1, None if the file has no lines.

    Attributes:
        place: The place in the file, such as "line 12"; "" if it is the whole file.
    """

    def __init__(self, reason: str, *, file: str = "", line: int | None = None) -> None:
        self.reason, self.file, self.line = reason, file, line
        self.place = "" if line is None else f"line {line}"
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {reason}" if place else reason)


class DecodeError(SeqforgeError):
    """Steps do not represent a piece."""


class DamagedFileError(SeqforgeError):
    """A file of seqforge (model, state, shard, manifest) is truncated, altered or hostile."""


class RunError(SeqforgeError):
    """A run cannot be started, resumed or found, or the numbers that a network computes are not finite."""


class WriteError(SeqforgeError):
    """A file could not be written; the previous file is unchanged."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a suggestion, as the continuation of a sentence, if a known word is close to this one, else "".

    >>> did_you_mean("tempature", ["temperature", "top_k"])
    ". Did you mean 'temperature'?"
    """
    close = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f". Did you mean {close[0]!r}?" if close else ""


def listing(words: Iterable[str], *, most: int = 20) -> str:
    """Join words for a message and count those that are left out.

    >>> listing(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    items = list(words)
    shown = ", ".join(items[:most])
    return f"{shown} and {len(items) - most} more" if len(items) > most else shown
