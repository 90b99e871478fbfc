"""What svgelements would pass over in silence, or draw though nobody sees it, found before it reads a drawing."""

import re
import xml.etree.ElementTree as ET

from seqforge import ReadError
from seqforge_handwriting.xmlfile import MOST_ELEMENTS, Document, name_of

UNSEEN = ("clipPath", "marker", "mask", "pattern", "filter", "symbol", "script", "foreignObject")
"""Elements whose children are no part of the drawing, or only through <use>."""
NUMBERS = ("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height", "viewBox", "transform")
PAINT = ("fill", "stroke", "style", "class")
NOT_A_NUMBER = re.compile(r"(?i)nan|inf")
NOT_IN_POINTS = re.compile(r"[^\s0-9eE+.,-]\S*")
NOT_IN_A_PATH = re.compile(r"[^\sMmZzLlHhVvCcSsQqTtAa0-9eE+.,-]\S*|(?i:nan|inf)")


def prepare(document: Document, file: str) -> None:
    """Check a drawing's numbers and references, and mark its elements for svgelements to carry along.

    Every element gets its line as `data-line`, and `data-bare="1"` where nothing is said of its paint. What is no part
    of the drawing is moved out of sight.

    Raises:
        ReadError: a coordinate is no number.
        ValueError: <use> elements multiply without bounds.
    """
    for element, line in zip(document.root.iter(), document.lines, strict=True):
        _check_numbers(element, file, line)
        element.set("data-line", str(line))
        if name_of(element) == "path" and "d" not in element.attrib:
            element.set("d", "")  # svgelements stumbles over its absence
    _mark_bare(document.root)
    _check_uses(document.root)
    _hide(document.root)


def _check_numbers(element: ET.Element, file: str, line: int) -> None:
    """Refuse what svgelements would pass over in silence.

    Raises:
        ReadError: a coordinate is no number.
    """
    for name in ("d", "points", *NUMBERS):
        if name not in element.attrib:
            continue
        pattern = {"d": NOT_IN_A_PATH, "points": NOT_IN_POINTS}.get(name, NOT_A_NUMBER)
        wrong = pattern.search(element.attrib[name])
        if wrong:
            raise ReadError(
                f"<{name_of(element)}> has {wrong[0][:20]!r} in {name!r}, where numbers are allowed; correct it, or"
                " delete the element",
                file=file,
                line=line,
            )


def _mark_bare(root: ET.Element) -> None:
    """Mark the elements of which nothing is said about paint, by themselves or by what they stand in."""
    todo = [(root, True)]
    while todo:
        element, bare = todo.pop()
        bare = bare and not any(name in element.attrib for name in PAINT)
        element.set("data-bare", "1" if bare else "0")
        todo += [(child, bare) for child in element]


def _check_uses(root: ET.Element) -> None:
    """Refuse drawings whose <use> elements multiply beyond bounds, or refer to themselves.

    Raises:
        ValueError: they do.
    """
    named = {element.get("id"): element for element in root.iter() if element.get("id")}
    sizes: dict[ET.Element, int] = {}
    open_: set[ET.Element] = set()

    def size(element: ET.Element) -> int:
        if element in sizes:
            return sizes[element]
        if element in open_:
            raise ValueError("has a <use> that refers to itself; delete it")
        open_.add(element)
        found = 1 + sum(size(child) for child in element)
        if name_of(element) == "use":
            href = element.get("href") or element.get("{http://www.w3.org/1999/xlink}href") or ""
            target = named.get(href.removeprefix("#"))
            found += size(target) if target is not None else 0
        if found > MOST_ELEMENTS:
            raise ValueError(f"grows to more than {MOST_ELEMENTS:,} elements through <use>; ungroup what it repeats")
        open_.discard(element)
        sizes[element] = found
        return found

    try:
        size(root)
    except RecursionError:
        raise ValueError("has <use> elements that refer to each other without end; delete them") from None


def _hide(root: ET.Element) -> None:
    """Put what is no part of the drawing among the definitions, where it is found only by reference."""
    for parent in [*root.iter()]:
        for place, child in enumerate(list(parent)):
            if name_of(child) in UNSEEN:
                hidden = ET.Element("{http://www.w3.org/2000/svg}defs")
                parent[place] = hidden
                hidden.append(child)
