"""Update the tables of flags in the page of a plugin from its Options, Request and defaults.

python -m tools.flag_tables docs/text.md

The text between the lines `<!-- flags of text -->` and `<!-- end of flags -->` is replaced.
"""

import dataclasses
import re
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seqforge.cli.console import with_flags
from seqforge.core.files import write_text
from seqforge.core.options import flag_name, without_none
from seqforge.errors import SeqforgeError, UsageError
from seqforge.plugin import AnyPlugin, registry

MARKED = re.compile(r"(<!-- flags of (\S+) -->\n).*?(<!-- end of flags -->\n)", re.DOTALL)


def update_page(text: str, name: str) -> str:
    """Return a page with current tables between its marks.

    Args:
        text: The Markdown of the page.
        name: The name of the page, for messages.

    Raises:
        UsageError: If the page has no marks.
        PluginError: If the plugin that the marks name is not installed.
    """
    if not MARKED.search(text):
        raise UsageError(f"{name} has no line '<!-- flags of NAME -->' followed by a line '<!-- end of flags -->'")
    return MARKED.sub(lambda match: f"{match[1]}\n{flag_tables(registry.load(match[2]))}\n{match[3]}", text)


def flag_tables(plugin: AnyPlugin) -> str:
    """Return Markdown with a table of flags per command, and the plugin's defaults of the core's flags."""
    parts = []
    for command, kind in (("train", plugin.Options), ("generate", plugin.Request)):
        hints = get_type_hints(kind)
        rows = [_row(field, hints[field.name]) for field in dataclasses.fields(kind)]
        if rows:
            header = f"| `seqforge {command}` | default | description |\n| --- | --- | --- |\n"
            parts.append(header + "\n".join(rows) + "\n")
    for command, defaults in (("train", plugin.training_defaults), ("generate", plugin.sampling_defaults)):
        if defaults:
            flags = ", ".join(f"`{flag_name(name)} {_format(value)}`" for name, value in defaults.items())
            parts.append(f"Defaults of other `seqforge {command}` flags for this plugin: {flags}.\n")
    return "\n".join(parts)


def _row(field: "dataclasses.Field[Any]", hint: Any) -> str:
    kind = without_none(hint)[0]
    flag = flag_name(field.name)
    if kind is bool:
        flag += f", {flag_name('no_' + field.name)}"
    elif field.metadata.get("unit"):
        flag += f" {field.metadata['unit']}"
    description = _escape(with_flags(field.metadata.get("help", "")))
    if get_origin(kind) is Literal:
        description += f" One of {', '.join(f'`{choice}`' for choice in get_args(kind))}."
    default = "" if field.default in (None, "", dataclasses.MISSING) else f"`{_format(field.default)}`"
    return f"| `{flag}` | {default} | {description} |"


def _format(value: Any) -> str:
    """Return a value as it is written after its flag."""
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _escape(text: str) -> str:
    """Return text in which no character is interpreted as Markdown."""
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", text).replace("<", "&lt;")


def main(paths: list[str]) -> None:
    """Update pages in place."""
    try:
        for path in map(Path, paths):
            write_text(path, update_page(path.read_text(encoding="utf-8"), str(path)))
    except SeqforgeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
