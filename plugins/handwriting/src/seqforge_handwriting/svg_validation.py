"""Validation of SVG before svgelements parses it: what it would skip silently, or draw although it is invisible."""

import re
import xml.etree.ElementTree as ET

from seqforge import ReadError
from seqforge_handwriting.safe_xml import MAX_ELEMENTS, Document, local_name
from seqforge_handwriting.svg_style import apply_style_sheets, declared_value

__all__ = ["prepare"]

INDIRECT = ("clipPath", "marker", "mask", "pattern", "filter", "symbol", "script", "foreignObject")
"""Elements whose children are not drawn, or only through <use>."""
NUMBERS = ("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height", "viewBox", "transform")
PAINT = ("fill", "stroke", "style", "class")
NOT_A_NUMBER = re.compile(r"(?i)nan|inf")
NOT_IN_POINTS = re.compile(r"[^\s0-9eE+.,-]\S*")
NOT_IN_A_PATH = re.compile(r"[^\sMmZzLlHhVvCcSsQqTtAa0-9eE+.,-]\S*|(?i:nan|inf)")


def prepare(document: Document, file: str) -> None:
    """Check the numbers and references of a drawing, and add attributes that svgelements carries along.

    >>> root = ET.fromstring('<svg><path d="M0 0L1 1"/></svg>')
    >>> prepare(Document(root, (1, 1)), "fox.svg")
    >>> root[0].get("data-unpainted")
    '1'

    Every element gets its line number as `data-line`, and `data-unpainted="1"` if neither it nor its ancestors specify
    any paint. Elements that are not drawn are moved into <defs>.

    Args:
        document: The drawing; it is changed in place.
        file: The path of the file, for messages.

    Raises:
        ReadError: If a coordinate is not a number.
        ValueError: If <use> elements multiply without bounds.
    """
    for element, line in zip(document.root.iter(), document.lines, strict=True):
        _validate_numbers(element, file, line)
        element.set("data-line", str(line))
        if local_name(element) == "path" and "d" not in element.attrib:
            element.set("d", "")  # svgelements fails without it
    apply_style_sheets(document.root)
    _mark_unpainted(document.root)
    _mark_invisible(document.root)
    _validate_uses(document.root)
    _hide_indirect(document.root)


def _validate_numbers(element: ET.Element, file: str, line: int) -> None:
    """Check the numbers of an element; svgelements would skip invalid ones silently.

    Raises:
        ReadError: If a coordinate is not a number.
    """
    for name in ("d", "points", *NUMBERS):
        if name not in element.attrib:
            continue
        pattern = {"d": NOT_IN_A_PATH, "points": NOT_IN_POINTS}.get(name, NOT_A_NUMBER)
        wrong = pattern.search(element.attrib[name])
        if wrong:
            raise ReadError(
                f"<{local_name(element)}> has {wrong[0][:20]!r} in {name!r}, which must contain numbers; correct it, or"
                " delete the element",
                file=file,
                line=line,
            )


def _mark_unpainted(root: ET.Element) -> None:
    """Mark the elements for which neither they nor their ancestors specify any paint."""
    stack = [(root, True)]
    while stack:
        element, unpainted = stack.pop()
        unpainted = unpainted and not any(name in element.attrib for name in PAINT)
        element.set("data-unpainted", "1" if unpainted else "0")
        stack += [(child, unpainted) for child in element]


def _mark_invisible(root: ET.Element) -> None:
    """Mark the elements that are transparent or not displayed as `data-invisible`, which svgelements lets inherit."""
    for element in root.iter():
        opacity = re.fullmatch(r"\s*[+-]?0*\.?0*%?\s*", declared_value(element, "opacity") or "1")
        if opacity or declared_value(element, "display") == "none":
            element.set("data-invisible", "1")


def _validate_uses(root: ET.Element) -> None:
    """Check that <use> elements do not refer to themselves or multiply beyond the limit.

    Raises:
        ValueError: If they do.
    """
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    sizes: dict[ET.Element, int] = {}
    ancestors: set[ET.Element] = set()

    def size(element: ET.Element) -> int:
        if element in sizes:
            return sizes[element]
        if element in ancestors:
            raise ValueError("has a <use> that refers to itself; delete it")
        ancestors.add(element)
        total = 1 + sum(size(child) for child in element)
        if local_name(element) == "use":
            href = element.get("href") or element.get("{http://www.w3.org/1999/xlink}href") or ""
            target = by_id.get(href.removeprefix("#"))
            total += size(target) if target is not None else 0
        if total > MAX_ELEMENTS:
            raise ValueError(f"grows to more than {MAX_ELEMENTS:,} elements through <use>; ungroup what is repeated")
        ancestors.discard(element)
        sizes[element] = total
        return total

    try:
        size(root)
    except RecursionError:
        raise ValueError("has <use> elements that refer to each other in a loop; delete them") from None


def _hide_indirect(root: ET.Element) -> None:
    """Move elements that are not drawn directly into <defs>, where they are reached only by reference."""
    for parent in [*root.iter()]:
        for index, child in enumerate(list(parent)):
            if local_name(child) in INDIRECT:
                definitions = ET.Element("{http://www.w3.org/2000/svg}defs")
                parent[index] = definitions
                definitions.append(child)
