"""Output of the command line: data on stdout, messages on stderr, one sentence per error."""

import json
import re
import sys
from typing import Any, NoReturn

import typer

from seqforge.core.options import flag_name
from seqforge.errors import ContractError, SeqforgeError

FLAGS = {"n": "-n", "output": "-o", "labels": "--label", "force": "--force-token", "replace": "--force"}
"""Fields whose flag is not the name with dashes."""
FIELD = re.compile(r"`([a-z][a-z0-9_]*)`")
BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Characters that change the direction of the text around them."""
UNSAFE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff{BIDI}\ud800-\udfff]")
"""Control characters, line separators, controls of direction, and bytes of names that are not UTF-8."""


def escape(text: str, *, keep: str = "") -> str:
    r"""Return a text that is safe on a terminal: control characters are shown as escapes, as in a Python string.

    Names, labels and messages can come from files of others. A raw escape sequence could move the cursor, hide text or
    change the title of the window.

    >>> escape("a\x1b[31m\nb\u202e")
    'a\\x1b[31m\\nb\\u202e'

    Args:
        text: The text.
        keep: Characters that are kept, such as a line feed.
    """
    return UNSAFE.sub(lambda match: match[0] if match[0] in keep else ascii(match[0])[1:-1], text)


def message(text: str = "") -> None:
    """Print one line for the user on stderr."""
    typer.echo(escape(text, keep="\t"), err=True)


def data(text: str) -> None:
    """Print data on stdout; the text can have several lines, so values that come from files must be escaped before."""
    typer.echo(escape(text, keep="\n\t"))


def data_json(value: Any) -> None:
    """Print data as JSON on stdout, with control characters as JSON escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    typer.echo(UNSAFE.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", text))


def with_flags(text: str) -> str:
    """Return a message with field names shown as flags.

    >>> with_flags("`top_p` is 2; it must be above 0 and at most 1")
    '--top-p is 2; it must be above 0 and at most 1'
    """
    return FIELD.sub(lambda match: FLAGS.get(match[1], flag_name(match[1])), text)


def fail(text: str, code: int) -> NoReturn:
    """Print an error message and exit."""
    message(f"seqforge: {text}")
    sys.exit(code)


def fail_with(error: SeqforgeError) -> NoReturn:
    """Print the message of an error, with fields shown as flags, and exit with its code."""
    text = str(error)
    fail(text if isinstance(error, ContractError) else with_flags(text), error.exit_code)


def table(rows: list[list[str]]) -> str:
    """Return rows as aligned columns; the last column is not padded, and control characters are escaped.

    >>> print(table([["name", "size"], ["a", "10"]]))
    name  size
    a     10
    """
    if not rows:
        return ""
    rows = [[escape(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count(1, "piece"), count(2500, "piece")
    ('1 piece', '2,500 pieces')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
