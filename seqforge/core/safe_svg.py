"""SVG documents from plugins, made safe for a web page: nothing in them runs, and nothing is loaded."""

import re
from xml.dom import Node, minidom
from xml.parsers.expat import ExpatError

__all__ = ["safe_svg"]

ELEMENTS = frozenset(
    """circle clipPath defs desc ellipse g image line linearGradient marker mask path pattern polygon polyline
    radialGradient rect stop style svg symbol text title tspan use""".split()  # noqa: SIM905 - readable as prose
)
"""The elements that stay."""
_REFERENCES = ("href", "src")
_SAFE_REFERENCE = re.compile(r"#|data:image/(png|jpeg|gif);base64,", re.IGNORECASE)
_UNSAFE_STYLE = re.compile(r"@import|expression|javascript:|url\(\s*[\"']?(?!#)|\\", re.IGNORECASE)
_DECLARATION = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def safe_svg(text: str) -> str:
    """Return an SVG document without scripts, event handlers, foreign content and references to other files.

    >>> safe_svg('<svg xmlns="http://www.w3.org/2000/svg" onload="go()"><script>go()</script><g/></svg>')
    '<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>'

    Args:
        text: The document.

    Returns:
        The document; "" if it is not well-formed, is no SVG, or declares entities.
    """
    if _DECLARATION.search(text):
        return ""
    try:
        document = minidom.parseString(text.encode("utf-8"))
    except (ExpatError, ValueError):
        return ""
    root = document.documentElement
    if root is None or _local_name(root.tagName) != "svg":
        return ""
    _clean(root)
    return str(root.toxml())


def _clean(element: minidom.Element) -> None:
    for name, value in list(element.attributes.items()):
        if not _is_safe_attribute(name, value):
            element.removeAttribute(name)
    for child in list(element.childNodes):
        if isinstance(child, minidom.Element) and _local_name(child.tagName) in ELEMENTS:
            _clean(child)
        elif child.nodeType not in (Node.TEXT_NODE, Node.CDATA_SECTION_NODE):
            element.removeChild(child)
    if _local_name(element.tagName) == "style":
        css = "".join(child.data for child in element.childNodes if isinstance(child, minidom.Text))
        if _UNSAFE_STYLE.search(css) and element.parentNode is not None:
            element.parentNode.removeChild(element)


def _is_safe_attribute(name: str, value: str) -> bool:
    local = _local_name(name).lower()
    if local.startswith("on") or local == "base":
        return False
    if local in _REFERENCES:
        return _SAFE_REFERENCE.match(value.strip()) is not None
    return not _UNSAFE_STYLE.search(value)


def _local_name(name: str) -> str:
    return name.rpartition(":")[2]
