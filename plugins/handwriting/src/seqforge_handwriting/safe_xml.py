"""Parsing XML from untrusted sources: no entities, limited depth and size, nothing is fetched."""

import gzip
import io
import xml.etree.ElementTree as ET
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

from seqforge import ReadError
from seqforge_handwriting.samples import read_bytes

__all__ = ["MAX_ELEMENTS", "Document", "local_name", "read_xml"]

MAX_BYTES = 32 << 20
MAX_DEPTH = 100
MAX_ELEMENTS = 200_000


@dataclass(frozen=True)
class Document:
    """A parsed XML file.

    Attributes:
        root: The root element.
        lines: The line number of every element, in the order of `root.iter()`.
    """

    root: ET.Element
    lines: tuple[int, ...]


def local_name(element: ET.Element) -> str:
    """Return the name of an element without its namespace, "" for comments and processing instructions.

    >>> local_name(ET.Element("{http://www.w3.org/2000/svg}path"))
    'path'
    """
    tag: Any = element.tag  # a function if the element is a comment
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def read_xml(path: Path, *, root: str) -> Document:
    """Return a parsed XML file.

    Example:
        document = read_xml(Path("fox.svg"), root="svg")

    Args:
        path: The path of the file.
        root: The required local name of the root element.

    Raises:
        ReadError: If the file cannot be read, is not XML, declares entities, or is too large or too deeply nested.
    """
    data = _unpacked(read_bytes(path, MAX_BYTES), path)
    try:
        lines = _element_lines(data)
        tree = ET.fromstring(data)
    except expat.ExpatError as error:
        raise ReadError(
            f"is not XML: {expat.errors.messages[error.code]} at column {error.offset + 1}; save it again",
            file=str(path),
            line=error.lineno,
        ) from error
    except (ET.ParseError, ValueError, LookupError) as error:  # for example an unknown encoding
        raise ReadError(f"cannot be parsed as XML: {error}", file=str(path)) from error
    except _ForbiddenError as error:
        raise ReadError(error.reason, file=str(path), line=error.line) from error
    if local_name(tree) != root:
        raise ReadError(f"starts with <{local_name(tree)}>; a file with this suffix must start with <{root}>",
                        file=str(path))  # fmt: skip
    return Document(tree, tuple(lines))


def _unpacked(data: bytes, path: Path) -> bytes:
    """Return the content of a file that may be compressed with gzip, such as .svgz and .xopp.

    Raises:
        ReadError: If it is damaged, or larger than allowed.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(f"is damaged gzip data: {error}; save it again", file=str(path)) from error
    if len(content) > MAX_BYTES:
        raise ReadError(f"contains more than {MAX_BYTES >> 20} MB; split it", file=str(path))
    return content


class _ForbiddenError(Exception):
    """An XML file contains something that is not allowed."""

    def __init__(self, reason: str, line: int) -> None:
        self.reason, self.line = reason, line


def _element_lines(data: bytes) -> list[int]:
    """Return the line number of every element, and check the limits, in a first pass that builds no tree."""
    parser = expat.ParserCreate()
    lines: list[int] = []
    depth = 0

    def refuse(reason: str) -> NoReturn:
        raise _ForbiddenError(reason, parser.CurrentLineNumber)

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        lines.append(parser.CurrentLineNumber)
        if depth > MAX_DEPTH:
            refuse(f"is nested deeper than {MAX_DEPTH} elements; ungroup it and save it again")
        if len(lines) > MAX_ELEMENTS:
            refuse(f"has more than {MAX_ELEMENTS:,} elements; give fewer lines of writing")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def entity(*declaration: Any) -> None:
        refuse(f"declares the entity {str(declaration[0])[:40]!r}, which is not allowed; save it as plain SVG or InkML")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.Parse(data, True)
    return lines
