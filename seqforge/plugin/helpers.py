"""What many codecs need: the values of labels, collected in one pass, and a task whose parts are joined."""

from collections.abc import Callable, Mapping, Sequence

from seqforge.core.sequences import Prompt
from seqforge.plugin.codec import Task
from seqforge.plugin.piece import ContentT, Piece

__all__ = ["JoinedTask", "LabelValues"]


class LabelValues:
    """The values of the labels of pieces, collected one piece after the other: for `Codec.fit` and `Codec.labels`.

    >>> values = LabelValues()
    >>> for piece in (Piece("a", {"kind": "reel"}), Piece("b", {"kind": "jig"})):
    ...     values.add(piece.labels)
    >>> values.labels
    {'kind': ('jig', 'reel')}
    """

    def __init__(self) -> None:
        self._values: dict[str, set[str]] = {}

    def add(self, labels: Mapping[str, str]) -> None:
        """Add the labels of a piece."""
        for name, value in labels.items():
            self._values.setdefault(name, set()).add(value)

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Label name to its values; names and values are sorted, so that every process returns the same."""
        return {name: tuple(sorted(values)) for name, values in sorted(self._values.items())}


class JoinedTask(Task[ContentT]):
    """A task with several prompts, such as the words of a sentence, whose parts are joined to one piece.

    >>> task = JoinedTask([], join=" ".join)
    >>> task.finish([Piece("to"), Piece("be")]).content
    'to be'

    Args:
        prompts: A prompt for each part.
        join: A function that returns the content of the result for the contents of the parts.
    """

    def __init__(self, prompts: Sequence[Prompt], join: Callable[[Sequence[ContentT]], ContentT]) -> None:
        super().__init__(prompts)
        self._join = join

    def finish(self, pieces: Sequence[Piece[ContentT]]) -> Piece[ContentT]:
        labels = pieces[0].labels if pieces else {}
        return Piece(self._join([piece.content for piece in pieces]), labels)
