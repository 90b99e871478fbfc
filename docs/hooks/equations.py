"""A hook of mkdocs: equations become MathML, which browsers draw themselves, without a script or the net.

arithmatex finds the dollars and leaves code alone; what it marks is converted here, and mended where the converter
knows less than TeX: `aligned`, names of functions, and the space around long arrows.
"""

import html
import re
from typing import Any

from latex2mathml.converter import convert

MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\s*\\(?P<open>[(\[])(?P<tex>.*?)\\[)\]]\s*</(?P=tag)>', re.DOTALL
)
NAMED = re.compile(r"<m[io]>([a-z]{2,})</m[io]>(?P<bracket>(?=<mo[^>]*>(?:&#x00028;|\()))?")
ARROW = re.compile(r"<mi>(&#x027F[9A];|&#x02203;)</mi>")


def on_page_content(content: str, **_: Any) -> str:
    """Return a page with its equations as MathML."""
    return MARKED.sub(lambda found: mathml(html.unescape(found["tex"]), block=found["open"] == "["), content)


def mathml(tex: str, *, block: bool) -> str:
    """Return an equation as MathML."""
    drawn = convert(tex.strip().replace("{aligned}", "{align*}"), display="block" if block else "inline")
    return ARROW.sub(r"<mo>\1</mo>", NAMED.sub(_function, drawn))


def _function(found: re.Match[str]) -> str:
    """Return the name of a function, with a little space after it where no bracket follows."""
    space = "" if found["bracket"] is not None else '<mspace width="0.17em" />'
    return f"<mi>{found[1]}</mi>{space}"
