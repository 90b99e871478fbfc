"""Pages of a piece that are files of their own: calls of the capability `Paginates`, with their results checked."""

from collections.abc import Sequence
from typing import Any

from seqforge.plugin.capabilities import Paginates
from seqforge.plugin.piece import Piece
from seqforge.plugin.plugin import AnyPlugin
from seqforge.plugin.validation import contract_error

__all__ = ["has_page_files", "pages_of"]


def has_page_files(plugin: AnyPlugin, suffix: str) -> bool:
    """Return whether the pages of a piece are separate files in the format of a suffix."""
    return isinstance(plugin, Paginates) and suffix.lower() in plugin.page_suffixes


def pages_of(plugin: AnyPlugin, pieces: Sequence[Piece[Any]], suffix: str) -> list[list[Piece[Any]]]:
    """Return the pieces of each file: one list per page, or all pieces in one list if they belong into one file.

    Args:
        plugin: The plugin.
        pieces: The pieces that are written under one name.
        suffix: The suffix of the format.

    Raises:
        ContractError: If `pages` does not return pieces, or returns none.
    """
    if not isinstance(plugin, Paginates) or not has_page_files(plugin, suffix) or len(pieces) != 1:
        return [list(pieces)]
    pages = list(plugin.pages(pieces[0]))
    if not pages or not all(isinstance(page, Piece) for page in pages):
        raise contract_error(plugin, "pages", "returns no page, or a page that is no Piece", "at least one Piece")
    return [[page] for page in pages]
