"""Write the reference of the plugin contract from docstrings.

python -m tools.contract_reference > docs/plugins/contract.md
"""

import inspect
import re
import sys
import textwrap
from abc import ABC
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin

import seqforge
import seqforge.testing

HEAD = """# The contract

This page is the reference of the interface between a plugin and the core. It is generated from docstrings with
`python -m tools.contract_reference`. The [tutorial](tutorial.md) builds a plugin; the [concepts](concepts.md) explain
the design. All names are imported from `seqforge`, those of the last two sections from `seqforge.testing`.

`ContentT`, `OptionsT` and `RequestT` stand for the types of a plugin's content, options and request:
`class Chess(Plugin[str, ChessOptions, ChessRequest])`.
"""

SECTIONS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("Plugin and codec", (seqforge.Plugin, seqforge.Codec, seqforge.TokenCodec, seqforge.PairCodec, seqforge.Task)),
    ("Helpers of codecs", (seqforge.LabelValues, seqforge.FeatureScales, seqforge.JoinedTask)),
    (
        "Options and requests",
        (seqforge.flag, seqforge.NoOptions, seqforge.NoRequest, seqforge.input_file, seqforge.FileSelection),
    ),
    ("Data", (seqforge.Piece, seqforge.Origin, seqforge.Example, seqforge.Prompt)),
    ("Constraints", (seqforge.Constraint, seqforge.Free, seqforge.StateNumbers)),
    (
        "Constraints from parts",
        (
            seqforge.Automaton,
            seqforge.TableConstraint,
            seqforge.Expression,
            seqforge.Count,
            seqforge.Total,
            seqforge.FilledBars,
            seqforge.Brackets,
            seqforge.Prefixes,
            seqforge.Product,
        ),
    ),
    ("Places", (seqforge.Places, seqforge.RepeatPlaces)),
    ("Spaces", (seqforge.Categorical, seqforge.Mixture)),
    (
        "Capabilities",
        (
            seqforge.Aligns,
            seqforge.Augments,
            seqforge.CarriesProvenance,
            seqforge.Checks,
            seqforge.Classifies,
            seqforge.Describes,
            seqforge.Divides,
            seqforge.Edits,
            seqforge.Fingerprints,
            seqforge.FromText,
            seqforge.Illustrates,
            seqforge.LaysOut,
            seqforge.Loops,
            seqforge.Paginates,
            seqforge.Predicts,
            seqforge.Prepares,
            seqforge.Preview,
            seqforge.Previews,
            seqforge.Region,
            seqforge.Streams,
        ),
    ),
    (
        "Errors",
        (
            seqforge.ReadError,
            seqforge.DecodeError,
            seqforge.UsageError,
            seqforge.RequestError,
            seqforge.OptionsError,
            seqforge.did_you_mean,
            seqforge.listing,
        ),
    ),
    ("Native libraries", (seqforge.ChildProcess, seqforge.ChildError)),
    ("The conformance kit", (seqforge.testing.check_plugin, seqforge.testing.parametrize_with_checks)),
)


def contract_page() -> str:
    """Return the reference as Markdown."""
    parts = [HEAD]
    for title, members in SECTIONS:
        parts.append(f"## {title}\n")
        parts += [member_entry(member) for member in members]
    rows = "".join(f"\n| `{check.name}` | {check.rule} |" for check in seqforge.testing.CHECKS.values())
    parts.append(f"## The checks\n\n| check | rule |\n| --- | --- |{rows}\n")
    names = ", ".join(f"`{name}`" for name in sorted(seqforge.RESERVED))
    parts.append(f"## Reserved names\n\nNo field of Options or Request may have the name of a core flag: {names}.\n")
    return "\n".join(parts)


def member_entry(member: Any) -> str:
    """Return the entry of a class or function: its signature, its docstring, and the methods of a class."""
    is_class = inspect.isclass(member)
    code = class_signature(member) if is_class else format_call(member.__name__, member)
    parts = [f"### `{member.__name__}`", textwrap.indent(code, "    "), format_doc(member)]
    items = [method_item(*method) for method in documented_methods(member)] if is_class else []
    if items:
        parts += ["Methods:", "\n".join(items)]
    return "\n\n".join(part for part in parts if part).rstrip() + "\n"


def method_item(name: str, function: Callable[..., Any], note: str) -> str:
    """Return the list item of a method; an item with several paragraphs ends with an empty line."""
    signature = format_call(name, function, width=1000)
    if "property" in note:
        signature = signature.replace("()", "")
    item = f"- `{signature}`{note}: {format_doc(function, indent=4)}"
    return item + "\n" if "\n" in item else item


def class_signature(kind: type) -> str:
    """Return the type parameters and bases of a class, and its constructor if it has parameters."""
    bases = getattr(kind, "__orig_bases__", kind.__bases__)
    names = [format_type(base) for base in bases if get_origin(base) is not Generic and base not in (object, ABC)]
    type_parameters = "".join(format_type(base)[len("Generic") :] for base in bases if get_origin(base) is Generic)
    header = kind.__name__ + type_parameters + (f"({', '.join(names)})" if names else "")
    lines = [f"class {header}"] if header != kind.__name__ else []
    if "__init__" in vars(kind) and not inspect.isabstract(kind) and inspect.signature(kind).parameters:
        lines.append(format_call(kind.__name__, kind))
    return "\n".join(lines)


def documented_methods(kind: type) -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Yield name, function and a note of the public methods that a class itself defines and documents."""
    for name, member in vars(kind).items():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if name.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        notes = ["abstract"] if getattr(member, "__isabstractmethod__", False) else []
        notes += ["class method"] if isinstance(member, classmethod) else []
        notes += ["property"] if isinstance(member, property) else []
        yield name, function, f" *({' '.join(notes)})*" if notes else ""


def format_call(name: str, function: Callable[..., Any], *, width: int = 112) -> str:
    """Return the signature of a function or constructor; one that is wider than `width` has a line per parameter."""
    signature = inspect.signature(function)
    parameters = []
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parameters:
            parameters.append("*")
        hint = "" if parameter.annotation is parameter.empty else f": {format_type(parameter.annotation)}"
        parameters.append(f"{parameter.name}{hint}{format_default(parameter.default)}")
    has_result = not inspect.isclass(function) and signature.return_annotation is not signature.empty
    result = f" -> {format_type(signature.return_annotation)}" if has_result else ""
    line = f"{name}({', '.join(parameters)}){result}"
    if len(line) <= width:
        return line
    return f"{name}(\n" + "".join(f"    {parameter},\n" for parameter in parameters) + f"){result}"


def format_default(value: Any) -> str:
    """Return the default of a parameter; a function or factory is shown as `...`."""
    if value is inspect.Parameter.empty:
        return ""
    return f" = {'...' if callable(value) or 'factory' in repr(value) else repr(value)}"


def format_type(hint: Any) -> str:
    """Return a type as it is written in code, without its modules.

    >>> from collections.abc import Iterator
    >>> format_type(Iterator[seqforge.Piece[str] | None])
    'Iterator[Piece[str] | None]'
    """
    if hint is None or hint is type(None):
        return "None"
    if isinstance(hint, str):
        return hint.strip("'\"")
    if isinstance(hint, TypeVar):
        return hint.__name__
    if hint is Ellipsis:
        return "..."
    if isinstance(hint, list):
        return f"[{', '.join(map(format_type, hint))}]"
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None:
        return str(getattr(hint, "__name__", hint))
    if origin in (Union, UnionType):
        return " | ".join(map(format_type, arguments))
    words = map(repr, arguments) if origin is Literal else map(format_type, arguments)
    return f"{getattr(origin, '__name__', origin)}[{', '.join(words)}]"


def format_doc(member: Any, *, indent: int = 0) -> str:
    """Return a docstring as Markdown, in which sections are lists and examples are indented code."""
    text = inspect.getdoc(member) or ""
    parts = re.split(r"^(Args|Attributes|Raises|Returns|Example):\n", text, flags=re.MULTILINE)
    paragraphs = [format_paragraphs(parts[0])]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        section, rest = split_section(body)
        if title in ("Returns", "Example"):
            paragraphs.append(f"{title}:\n\n{textwrap.indent(section, '    ' * (title == 'Example'))}")
        else:
            items = re.findall(r"^(\S.*?): (.*(?:\n {4,}.*)*)", section, re.MULTILINE)
            paragraphs.append(
                f"{title}:\n\n" + "\n".join(f"- `{name}`: {' '.join(text.split())}" for name, text in items)
            )
        paragraphs += [format_paragraphs(rest)] if rest else []
    return textwrap.indent("\n\n".join(paragraphs), " " * indent).strip()


def split_section(body: str) -> tuple[str, str]:
    """Return the indented lines at the start of a section, without their indentation, and the text after them."""
    match = re.match(r"(?:    .*\n?|\n)*", body)
    length = match.end() if match else 0
    return textwrap.dedent(body[:length]).strip("\n"), body[length:].strip()


def format_paragraphs(text: str) -> str:
    """Return paragraphs as Markdown; doctests become indented code."""
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(textwrap.indent(p, "    ") if p.startswith(">>>") else p for p in paragraphs)


if __name__ == "__main__":
    sys.stdout.write(contract_page())
