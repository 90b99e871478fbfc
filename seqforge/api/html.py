"""What Jupyter shows: HTML without scripts, and plain text beside it."""

import base64
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Display", "image", "preformatted"]


@dataclass(frozen=True, repr=False)
class Display:
    """Something that Jupyter shows: HTML, and plain text for programs that show no HTML.

    >>> Display("<pre>a</pre>", "a")._repr_mimebundle_()
    {'text/plain': 'a', 'text/html': '<pre>a</pre>'}

    Attributes:
        html: The HTML. It contains no scripts and loads nothing.
        text: The plain text.
    """

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": self.html}


def image(svg: str, description: str) -> str:
    """Return a picture as an HTML image, inside of which browsers run no scripts and load no files.

    Args:
        svg: The picture.
        description: The text for readers who cannot see it.
    """
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    picture = f'<img alt="{escape(description)}" src="data:image/svg+xml;base64,{data}" style="max-width: none">'
    return f'<div style="max-height: 60em; overflow: auto">{picture}</div>'


def preformatted(text: str) -> str:
    """Return plain text as HTML.

    >>> preformatted("a < b").endswith("a &lt; b</pre>")
    True
    """
    return f'<pre style="white-space: pre-wrap; max-height: 40em; overflow: auto">{escape(text)}</pre>'
