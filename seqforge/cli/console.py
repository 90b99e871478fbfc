"""Output of the command line: data on stdout, messages on stderr, one sentence per error."""

import json
import re
import sys
from typing import Any, NoReturn

import typer

from seqforge.errors import ContractError, SeqforgeError

FLAGS = {"n": "-n", "output": "-o", "labels": "--label", "force": "--force-token", "replace": "--force"}
"""Fields whose flag is not the name with dashes."""
FIELD = re.compile(r"`([a-z][a-z0-9_]*)`")


def message(text: str = "") -> None:
    """Print a message for the user on stderr."""
    typer.echo(text, err=True)


def data(text: str) -> None:
    """Print data on stdout."""
    typer.echo(text)


def data_json(value: Any) -> None:
    """Print data as JSON on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def with_flags(text: str) -> str:
    """Return a message with field names shown as flags.

    >>> with_flags("`top_p` is 2; it must be above 0 and at most 1")
    '--top-p is 2; it must be above 0 and at most 1'
    """
    return FIELD.sub(lambda match: FLAGS.get(match[1], "--" + match[1].replace("_", "-")), text)


def fail(text: str, code: int) -> NoReturn:
    """Print an error message and exit."""
    message(f"seqforge: {text}")
    sys.exit(code)


def fail_with(error: SeqforgeError) -> NoReturn:
    """Print the message of an error, with fields shown as flags, and exit with its code."""
    text = str(error)
    fail(text if isinstance(error, ContractError) else with_flags(text), error.exit_code)


def table(rows: list[list[str]]) -> str:
    """Return rows as aligned columns; the last column is not padded.

    >>> print(table([["name", "size"], ["a", "10"]]))
    name  size
    a     10
    """
    if not rows:
        return ""
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
