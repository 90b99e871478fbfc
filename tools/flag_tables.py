"""Writes the flags of a plugin into its page: what its Options, Request and settings say today.

python -m tools.flag_tables docs/text.md

The page holds two lines, `<!-- flags of text -->` and `<!-- end of flags -->`; what stands between them is replaced.
"""

import dataclasses
import re
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seqforge.core.files import write_text
from seqforge.errors import SeqforgeError, UsageError
from seqforge.plugin import Plugin, registry, without_none

MARKS = re.compile(r"(<!-- flags of (\S+) -->\n).*?(<!-- end of flags -->\n)", re.DOTALL)
PARTS = (("Options", "train", "how files are read and encoded"), ("Request", "generate", "what is asked for"))


def filled(text: str, name: str) -> str:
    """Return a page with the flags of its plugin between the marks.

    Args:
        text: the page.
        name: what to call it in messages.

    Raises:
        UsageError: the marks are missing.
        PluginError: the plugin that they name is not installed.
    """
    if not MARKS.search(text):
        raise UsageError(f"{name} has no line '<!-- flags of NAME -->' with '<!-- end of flags -->' after it")
    return MARKS.sub(lambda found: f"{found[1]}\n{tables(registry.load(found[2]))}\n{found[3]}", text)


def tables(plugin: Plugin) -> str:
    """Return the flags of a plugin as Markdown: a table for each command, and what it sets of the core's own."""
    parts = []
    for name, command, about in PARTS:
        kind = getattr(plugin, name)
        rows = [_row(field, get_type_hints(kind)[field.name]) for field in dataclasses.fields(kind)]
        if rows:
            head = f"| `seqforge {command}` | default | {about} |\n| --- | --- | --- |\n"
            parts.append(head + "\n".join(rows) + "\n")
    for command, values in (("train", plugin.settings), ("generate", plugin.controls)):
        if values:
            told = ", ".join(f"`--{flag_of(name)} {_shown(value)}`" for name, value in values.items())
            parts.append(f"Where you do not say otherwise, `seqforge {command}` takes {told}.\n")
    return "\n".join(parts)


def flag_of(name: str) -> str:
    """Return a field's name as it is written in a flag."""
    return name.replace("_", "-")


def _row(field: "dataclasses.Field[Any]", hint: Any) -> str:
    bare = without_none(hint)[0]
    words = f"--{flag_of(field.name)}"
    if bare is bool:
        words += f", --no-{flag_of(field.name)}"
    elif field.metadata.get("unit"):
        words += f" {field.metadata['unit']}"
    told = _plain(field.metadata.get("help", ""))
    if get_origin(bare) is Literal:
        told += " (one of " + ", ".join(f"`{choice}`" for choice in get_args(bare)) + ")"
    default = "" if field.default in (None, "", dataclasses.MISSING) else f"`{_shown(field.default)}`"
    return f"| `{words}` | {default} | {told} |"


def _shown(value: Any) -> str:
    """Return a value as it is written after its flag."""
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _plain(text: str) -> str:
    """Return words so that nothing in them is taken for Markdown."""
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", text).replace("<", "&lt;")


if __name__ == "__main__":
    try:
        for argument in sys.argv[1:]:
            write_text(Path(argument), filled(Path(argument).read_text(encoding="utf-8"), argument))
    except SeqforgeError as error:
        sys.exit(str(error))
