"""How the command line speaks: data on stdout, words on stderr, one sentence for an error."""

import json
import sys
from typing import Any, NoReturn

import typer


def say(text: str = "") -> None:
    """Print words for the person."""
    typer.echo(text, err=True)


def put(text: str) -> None:
    """Print data."""
    typer.echo(text)


def put_json(data: Any) -> None:
    """Print data as JSON."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def fail(message: str, code: int) -> NoReturn:
    """Print an error's sentence and leave."""
    say(f"seqforge: {message}")
    sys.exit(code)


def table(rows: list[list[str]]) -> str:
    """Return rows as columns, the last as long as it likes."""
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def count(number: int, noun: str) -> str:
    """Return "1 piece", "2,500 pieces"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
