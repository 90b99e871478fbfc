"""The capability of a plugin whose pieces have a source and a target: targets are predicted and compared."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic

from seqforge.plugin.piece import ContentT, Piece

__all__ = ["Predicts"]


class Predicts(ABC, Generic[ContentT]):
    """Capability of a plugin: the target of a piece is predicted from its source, and compared with the real target.

    `seqforge evaluate MODEL --metrics` generates the target of every source of the held-out split. The real targets of
    pieces with an equal request are alternative references of one prediction.

    Example:
        class Pronunciations(Plugin[Entry, NoOptions, WordRequest], Predicts[Entry]):
            metrics = ("per", "ser")

            def prediction_request(self, piece):
                return {"word": piece.content.word}

            def target_text(self, piece):
                return " ".join(piece.content.phonemes)

    Attributes:
        metrics: The metrics of the domain: "bleu", "chrf", "cer" (characters), "wer" (words), "per" (phonemes; both
            divide the text at spaces) and "ser" (the share of targets that equal no reference).
    """

    metrics: ClassVar[tuple[str, ...]]

    @abstractmethod
    def prediction_request(self, piece: Piece[ContentT]) -> Mapping[str, Any] | None:
        """Return the fields of the request that predicts a piece from its source; None for a piece without a source.

        Args:
            piece: A piece as `decode` returns it.
        """

    @abstractmethod
    def target_text(self, piece: Piece[ContentT]) -> str:
        """Return what the metrics compare: the target of a piece, real or generated, as a text.

        Args:
            piece: A real piece, or the result of a request.
        """
