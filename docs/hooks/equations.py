"""A hook of MkDocs that converts equations to MathML, which browsers render without a script.

The arithmatex extension marks the equations and leaves code alone. This hook converts the marked ones with latex2mathml
and corrects three things that the converter lacks: `aligned`, function names, and the spacing of long arrows.
"""

import html
import re
from typing import Any

from latex2mathml.converter import convert

EQUATION = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\s*\\(?P<open>[(\[])(?P<tex>.*?)\\[)\]]\s*</(?P=tag)>', re.DOTALL
)
FUNCTION_NAME = re.compile(r"<m[io]>([a-z]{2,})</m[io]>(?P<bracket>(?=<mo[^>]*>(?:&#x00028;|\()))?")
ARROW = re.compile(r"<mi>(&#x027F[9A];|&#x02203;)</mi>")


def on_page_content(content: str, **_: Any) -> str:
    """Return the HTML of a page with its equations as MathML."""
    return EQUATION.sub(lambda match: mathml(html.unescape(match["tex"]), block=match["open"] == "["), content)


def mathml(tex: str, *, block: bool) -> str:
    """Return an equation as MathML.

    Args:
        tex: Equation in TeX, without its delimiters.
        block: Whether the equation stands on a line of its own.
    """
    markup = convert(tex.strip().replace("{aligned}", "{align*}"), display="block" if block else "inline")
    return ARROW.sub(r"<mo>\1</mo>", FUNCTION_NAME.sub(_function_name, markup))


def _function_name(match: re.Match[str]) -> str:
    """Return the markup of a function name, followed by a thin space unless a bracket follows."""
    space = "" if match["bracket"] is not None else '<mspace width="0.17em" />'
    return f"<mi>{match[1]}</mi>{space}"
