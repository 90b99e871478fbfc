"""Writes the reference of the contract out of its docstrings.

python -m tools.contract_reference > docs/plugins/contract.md
"""

import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Iterator
from typing import Any, get_origin

import seqforge.core.sequences
import seqforge.plugin
import seqforge.testing
from seqforge import errors
from seqforge.core import spaces
from seqforge.plugin import RESERVED, tokens

HEAD = """# The contract

What a plugin and seqforge hand each other, written by `python -m tools.contract_reference` from the docstrings.
The [tutorial](tutorial.md) builds a plugin with it; the [concepts](concepts.md) say why it is as it is.
All names are imported from `seqforge`, those of the checks from `seqforge.testing`.
"""

PARTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (
        "What you write",
        (seqforge.plugin.Plugin, seqforge.plugin.Codec, tokens.TokenCodec, seqforge.plugin.flag),
    ),
    (
        "What is handed over",
        (
            seqforge.plugin.Piece,
            seqforge.plugin.Origin,
            seqforge.core.sequences.Example,
            seqforge.core.sequences.Prompt,
        ),
    ),
    ("What may come next", (seqforge.core.sequences.Constraint, seqforge.core.sequences.Free)),
    ("What a step is", tuple(spaces.Space.kinds[kind] for kind in sorted(spaces.Space.kinds))),
    (
        "Capabilities",
        (
            seqforge.plugin.Augments,
            seqforge.plugin.Divides,
            seqforge.plugin.Fingerprints,
            seqforge.plugin.Illustrates,
            seqforge.plugin.Describes,
            seqforge.plugin.Streams,
            seqforge.plugin.Checks,
        ),
    ),
    (
        "What you raise",
        (errors.ReadError, errors.DecodeError, errors.RequestError, errors.OptionsError),
    ),
    ("How it is checked", (seqforge.testing.check_plugin, seqforge.testing.parametrize_with_checks)),
)


def page() -> str:
    """Return the reference as Markdown."""
    parts = [HEAD]
    for title, things in PARTS:
        parts.append(f"## {title}\n")
        parts += [entry(thing) for thing in things]
    parts.append("## The checks\n")
    parts += ["| check | rule |\n| --- | --- |"]
    parts[-1] += "".join(f"\n| `{check.name}` | {check.rule} |" for check in seqforge.testing.CHECKS.values()) + "\n"
    names = ", ".join(f"`{name}`" for name in sorted(RESERVED))
    parts.append(
        f"## Flags that belong to seqforge\n\nNo field of Options or Request may bear one of these: {names}.\n"
    )
    return "\n".join(parts)


def entry(thing: Any) -> str:
    """Return what a class or function says of itself, and of its own methods."""
    if not inspect.isclass(thing):
        return f"### `{thing.__name__}`\n\n`{thing.__name__}{signature(thing)}`\n\n{doc(thing)}\n"
    bases = [base.__name__ for base in thing.__bases__ if base.__name__ not in ("object", "ABC", "Protocol")]
    lines = [f"### `{thing.__name__}{'(' + ', '.join(bases) + ')' if bases else ''}`\n\n{doc(thing)}\n"]
    told = [f"- `{name}{signature(method)}`{mark}: {doc(method, indent=4)}" for name, method, mark in methods(thing)]
    told = [
        item + "\n" * ("\n" in item) for item in told
    ]  # else what follows a list inside an item is taken for its own
    return "\n".join([*lines, "Methods:\n", *told] if told else lines).rstrip() + "\n"


def methods(kind: type) -> Iterator[tuple[str, Any, str]]:
    """Yield the public methods that a class itself defines and says something of, in their order."""
    for name, found in vars(kind).items():
        function = getattr(found, "__func__", found)
        if name.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        must = " **(you write it)**" if getattr(found, "__isabstractmethod__", False) else ""
        yield name, function, must


def signature(function: Any) -> str:
    """Return the parameters of a function with their types, as a reader knows them."""
    found = inspect.signature(function)
    parameters = [each for name, each in found.parameters.items() if name not in ("self", "cls", "_")]
    words = []
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        default = "" if each.default is each.empty else f" = {shown(each.default)}"
        words.append(f"{each.name}{': ' + hint(each.annotation) if each.annotation is not each.empty else ''}{default}")
    back = "" if found.return_annotation is inspect.Signature.empty else f" -> {hint(found.return_annotation)}"
    return f"({', '.join(words)}){back}"


def hint(annotation: Any) -> str:
    """Return a type as it is written, without its modules."""
    if annotation is None:
        return "None"
    if isinstance(annotation, typing.TypeVar):
        return str(getattr(annotation.__bound__, "__forward_arg__", annotation))
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    bare = get_origin(annotation) is None and inspect.isclass(annotation)
    return annotation.__name__ if bare else re.sub(r"\b(?:[a-z_]+\.)+(?=\w)", "", text).replace("~", "")


def shown(value: Any) -> str:
    """Return a default; of a function its name would be noise."""
    return "..." if callable(value) else repr(value)


def doc(thing: Any, *, indent: int = 0) -> str:
    """Return a docstring as Markdown: its sections become lists."""
    text = inspect.getdoc(thing) or ""
    parts = re.split(r"^(Args|Attributes|Raises):\n", text, flags=re.MULTILINE)
    lines = [parts[0].strip()]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        items = re.findall(r"^    (\S.*?): (.*(?:\n {8,}.*)*)", body, re.MULTILINE)
        lines.append(f"\n{title}:\n\n" + "\n".join(f"- `{name}`: {' '.join(told.split())}" for name, told in items))
        rest = re.sub(r"^(    .*\n?)+", "", body).strip()
        lines += [f"\n{rest}"] if rest else []
    return textwrap.indent("\n".join(lines), " " * indent).strip()


if __name__ == "__main__":
    sys.stdout.write(page())
