"""A hook of MkDocs that keeps a flag in inline code on one line: browsers break lines after a hyphen otherwise."""

import re
from typing import Any

INLINE_CODE = re.compile(r"(?<=<code>)[^<]*(?=</code>)")
FLAG = re.compile(r"(?<![\w-])--?[a-z][\w-]*")


def on_page_content(content: str, **_: Any) -> str:
    """Return the HTML of a page with a span around each flag in inline code."""
    return INLINE_CODE.sub(lambda code: FLAG.sub(r'<span class="flag">\g<0></span>', code[0]), content)
