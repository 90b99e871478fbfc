"""Fitting a codec: the pieces are given to `Codec.fit` one by one, and once."""

from collections.abc import Iterable, Iterator
from typing import Any

from seqforge.plugin.codec import AnyCodec
from seqforge.plugin.contract_errors import contract_error
from seqforge.plugin.piece import Piece
from seqforge.plugin.plugin import AnyPlugin
from seqforge.plugin.validation import validate_codec

__all__ = ["OnePass", "fit_codec"]


class OnePass(Iterable[Piece[Any]]):
    """The training pieces of a corpus, which may not fit into memory and can be iterated over once.

    A loop that is left early can be continued. A second loop over all pieces would see none of them, and a codec
    without labels or tokens would be the result; it is an error instead.

    Args:
        plugin: The plugin whose codec is fitted.
        pieces: The pieces.
        method: The method of the codec that receives them.

    Raises:
        ContractError: By `iter`, after the last piece.
    """

    def __init__(self, plugin: AnyPlugin, pieces: Iterable[Piece[Any]], method: str = "fit") -> None:
        self._plugin, self._method = plugin, method
        self._iterator = self._iterate(pieces)
        self._is_exhausted = False

    def __iter__(self) -> Iterator[Piece[Any]]:
        if self._is_exhausted:
            problem = "iterates over the training pieces a second time, which yields none of them"
            rule = "a codec after one pass: collect in one loop whatever it needs"
            raise contract_error(self._plugin, self._method, problem, rule, owner=self._plugin.codec)
        return self._iterator

    def _iterate(self, pieces: Iterable[Piece[Any]]) -> Iterator[Piece[Any]]:
        yield from pieces
        self._is_exhausted = True


def fit_codec(plugin: AnyPlugin, pieces: Iterable[Piece[Any]], options: Any) -> AnyCodec:
    """Return the codec of a plugin, fitted on pieces in one pass.

    Example:
        codec = fit_codec(plugin, file.pieces, plugin.Options())

    Args:
        plugin: The plugin.
        pieces: The training pieces.
        options: The plugin's options.

    Raises:
        ContractError: If `fit` iterates twice, or returns no valid codec.
    """
    return validate_codec(plugin, plugin.codec.fit(OnePass(plugin, pieces), options))
