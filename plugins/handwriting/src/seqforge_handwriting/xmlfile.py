"""XML from strangers: no document type of its own, no entities, no depth, nothing fetched."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

from seqforge import ReadError
from seqforge_handwriting.reading import read_bytes

MOST_BYTES = 32 << 20
DEEPEST = 100
MOST_ELEMENTS = 200_000


@dataclass(frozen=True)
class Document:
    """A parsed file.

    Attributes:
        root: its first element.
        lines: the line of every element, in the order of `root.iter()`.
    """

    root: ET.Element
    lines: tuple[int, ...]


def name_of(element: ET.Element) -> str:
    """Return an element's name without its namespace; comments and instructions have none."""
    tag: Any = element.tag  # a function, of a comment
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def read_xml(path: Path, *, root: str) -> Document:
    """Return an XML file whose first element has the name `root`.

    Raises:
        ReadError: it cannot be read, is no XML, declares entities, or is too large or too deep.
    """
    data = read_bytes(path, MOST_BYTES)
    try:
        lines = _checked(data)
        tree = ET.fromstring(data)
    except expat.ExpatError as error:
        raise ReadError(
            f"is no XML: {expat.errors.messages[error.code]} at column {error.offset + 1}; save it again",
            file=str(path),
            line=error.lineno,
        ) from error
    except (ET.ParseError, ValueError, LookupError) as error:  # an encoding that nobody knows
        raise ReadError(f"is no XML that can be read: {error}", file=str(path)) from error
    except _RefusedError as error:
        raise ReadError(error.reason, file=str(path), line=error.line) from error
    if name_of(tree) != root:
        raise ReadError(f"begins with <{name_of(tree)}>; a file of this suffix begins with <{root}>", file=str(path))
    return Document(tree, tuple(lines))


class _RefusedError(Exception):
    def __init__(self, reason: str, line: int) -> None:
        self.reason, self.line = reason, line


def _checked(data: bytes) -> list[int]:
    """Return the line of every element after a first pass that builds nothing."""
    parser = expat.ParserCreate()
    lines: list[int] = []
    depth = 0

    def refuse(reason: str) -> NoReturn:
        raise _RefusedError(reason, parser.CurrentLineNumber)

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        lines.append(parser.CurrentLineNumber)
        if depth > DEEPEST:
            refuse(f"is nested deeper than {DEEPEST} elements; ungroup it and save it again")
        if len(lines) > MOST_ELEMENTS:
            refuse(f"has more than {MOST_ELEMENTS:,} elements; give a few lines of the hand")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def entity(*told: Any) -> None:
        refuse(f"declares the entity {str(told[0])[:40]!r}, which is not allowed; save it as plain SVG or InkML")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.Parse(data, True)
    return lines
