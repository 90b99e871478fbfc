"""The style sheets of a drawing: their rules become `style` attributes, which svgelements reads.

svgelements applies rules for single names, classes and identifiers only. Drawing programs also write lists of selectors
and descendants, such as `.page g.ink > path`. The selectors here are those of CSS 2.1, sections 5.2 to 5.9, without
attributes and pseudo-classes.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seqforge_handwriting.safe_xml import local_name

__all__ = ["apply_style_sheets", "declared_value"]

IMPORTANT = re.compile(r"!\s*important")
COMPOUND = re.compile(r"(\*|[A-Za-z][\w-]*)?((?:[.#][\w-]+)*)")
MAX_COMPARISONS = 5_000_000
"""Largest number of rules, multiplied by the number of elements."""


@dataclass(frozen=True)
class Compound:
    """The part of a selector that describes one element, such as `g.ink`.

    Attributes:
        name: The name of the element; "" for any.
        classes: The classes that it must have.
        identifiers: The identifiers that it must have.
        is_child: Whether the part before it describes its parent, and not any ancestor.
    """

    name: str
    classes: frozenset[str]
    identifiers: frozenset[str]
    is_child: bool = False

    def matches(self, element: ET.Element) -> bool:
        """Return whether an element is described."""
        return (
            self.name in ("", local_name(element))
            and self.classes <= set(element.get("class", "").split())
            and self.identifiers <= {element.get("id", "")}
        )


@dataclass(frozen=True)
class Rule:
    """A selector with its declarations.

    Attributes:
        compounds: The parts of the selector, the outermost element first.
        declarations: The declarations, such as "fill:none".
        number: The position of the rule in the drawing.
    """

    compounds: tuple[Compound, ...]
    declarations: str
    number: int

    @property
    def weight(self) -> tuple[int, int, int, int]:
        """The specificity, then the position (CSS 2.1, section 6.4.1)."""
        identifiers = sum(len(compound.identifiers) for compound in self.compounds)
        classes = sum(len(compound.classes) for compound in self.compounds)
        return identifiers, classes, sum(compound.name != "" for compound in self.compounds), self.number

    def matches(self, element: ET.Element, parents: Mapping[ET.Element, ET.Element]) -> bool:
        """Return whether the selector describes an element."""
        return self.compounds[-1].matches(element) and _matches_above(element, self.compounds, parents)


def _matches_above(
    element: ET.Element, compounds: tuple[Compound, ...], parents: Mapping[ET.Element, ET.Element]
) -> bool:
    """Return whether the ancestors of an element fit the parts of a selector before the last one."""
    if len(compounds) == 1:
        return True
    ancestor = parents.get(element)
    while ancestor is not None:
        if compounds[-2].matches(ancestor) and _matches_above(ancestor, compounds[:-1], parents):
            return True
        if compounds[-1].is_child:
            return False
        ancestor = parents.get(ancestor)
    return False


def apply_style_sheets(root: ET.Element) -> None:
    """Add the declarations of the style sheets to the `style` attributes of the elements that they select.

    >>> root = ET.fromstring(
    ...     '<svg><style>.ink path, line { stroke: red }</style><g class="ink"><path style="fill:none"/></g></svg>'
    ... )
    >>> apply_style_sheets(root)
    >>> root[1][0].get("style")
    'stroke: red;fill:none'

    Declarations of a rule with a higher specificity follow those of other rules, and the attribute's own follow all of
    them, so that the last declaration of a property holds. The style sheets are emptied. Rules inside
    `@media` and selectors with attributes or pseudo-classes, are ignored, and so is `!important`.

    Args:
        root: The root of the drawing; it is changed in place.

    Raises:
        ValueError: If there are too many rules for so many elements.
    """
    sheets = [element for element in root.iter() if local_name(element) == "style"]
    rules = sorted(_rules("\n".join(sheet.text or "" for sheet in sheets)), key=lambda rule: rule.weight)
    if len(rules) * sum(1 for _ in root.iter()) > MAX_COMPARISONS:
        raise ValueError(f"has {len(rules):,} style rules, too many for its elements; save it as plain SVG")
    for sheet in sheets:
        sheet.text = ""
    parents = {child: parent for parent in root.iter() for child in parent} if rules else {}
    for element in root.iter() if rules else ():
        declarations = [rule.declarations for rule in rules if rule.matches(element, parents)]
        if declarations:
            inline = element.get("style")
            element.set("style", ";".join([*declarations, inline] if inline else declarations))


def declared_value(element: ET.Element, name: str) -> str:
    """Return the value of a property that an element specifies itself, "" if it specifies none.

    >>> declared_value(ET.fromstring('<g opacity="1" style="opacity: 0.5; opacity: 0"/>'), "opacity")
    '0'
    """
    declarations = [part.partition(":") for part in element.get("style", "").split(";")]
    values = [value.strip() for key, _, value in declarations if key.strip() == name]
    return values[-1] if values else element.get(name, "").strip()


def _rules(sheet: str) -> Iterator[Rule]:
    """Yield the rules of a style sheet, one per selector."""
    number = 0
    for selectors, declarations in _blocks(_without_comments(sheet)):
        for selector in selectors.split(","):
            compounds = _compounds(selector)
            if compounds:
                yield Rule(compounds, IMPORTANT.sub("", declarations).strip().rstrip(";"), number)
                number += 1


def _without_comments(sheet: str) -> str:
    """Return a style sheet without its comments."""
    before, *parts = sheet.replace("<!--", "").replace("-->", "").split("/*")
    return before + " ".join(part.partition("*/")[2] for part in parts)


def _blocks(sheet: str) -> Iterator[tuple[str, str]]:
    """Yield the selectors and the declarations of each rule that is not inside an at-rule such as `@media`."""
    heads: list[str] = []
    text = ""
    for part in re.split(r"([{}])", sheet):
        if part == "{":
            heads.append(text.rpartition(";")[2].strip())
        elif part == "}":
            head = heads.pop() if heads else "@"
            if not heads and not head.startswith("@"):
                yield head, text
            text = ""
        else:
            text = part


def _compounds(selector: str) -> tuple[Compound, ...]:
    """Return the parts of a selector, () if it has a form that is not supported."""
    compounds: list[Compound] = []
    is_child = False
    for word in selector.replace(">", " > ").split():
        if word == ">":
            is_child = True
            continue
        match = COMPOUND.fullmatch(word)
        if match is None:
            return ()
        marks = re.findall(r"[.#][\w-]+", match[2])
        classes, identifiers = (frozenset(mark[1:] for mark in marks if mark[0] == kind) for kind in ".#")
        compounds.append(Compound((match[1] or "").replace("*", ""), classes, identifiers, is_child))
        is_child = False
    return tuple(compounds)
