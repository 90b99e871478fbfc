"""The rule of the README, which an index shows as the page of the package."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from seqforge.publishing.wheel import Wheel

__all__ = ["readme_is_rendered"]

TYPES = ("text/markdown", "text/x-rst", "text/plain")
HIDDEN = ("<script", "<style", "<iframe", "<video", "<form")
"""Elements that an index removes."""


def readme_is_rendered(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """The README is Markdown, reStructuredText or text, and an index can show it as the page of the package.

    Markdown has a heading, no element that an index removes, and no link or picture by a path, which would lead
    nowhere. The syntax of reStructuredText is not examined; `twine check` examines it.
    """
    text = wheel.metadata.get("description", "").strip()
    kind = wheel.metadata.get("description_content_type", "").partition(";")[0].strip()
    if not text:
        yield "`readme`", 'is missing in pyproject.toml or empty; write readme = "README.md", and what the plugin does'
        return
    if kind not in TYPES:
        yield (
            "`readme`",
            f"has the type {kind or 'of an unknown suffix'!r}; use a file with the suffix .md, .rst or .txt",
        )
    if kind != "text/markdown":
        return
    tokens = list(_flat(MarkdownIt("commonmark").parse(text)))
    if not any(token.type == "heading_open" for token in tokens):
        yield "README", "has no heading; start with the name of the package: # seqforge-NAME"
    for token in tokens:
        element = next((name for name in HIDDEN if name in token.content.lower()), "")
        if token.type in ("html_block", "html_inline") and element:
            yield "README", f"contains {element}>, which an index removes; leave it out"
    for address in sorted({str(address) for token in tokens if (address := _address(token))}):
        if not urlsplit(address).scheme and not address.startswith("#"):
            message = f"refers to {address}, a path that leads nowhere on the page of an index; write the whole address"
            yield "README", message


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])


def _address(token: Token) -> str | int | float | None:
    """Return the address of a link or a picture."""
    return (
        token.attrGet("href") if token.type == "link_open" else token.attrGet("src") if token.type == "image" else None
    )
