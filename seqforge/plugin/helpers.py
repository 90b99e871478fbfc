"""What many codecs need: the values of labels and the scales of features, collected in one pass, and a joined task."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from seqforge.core.sequences import Prompt
from seqforge.plugin.codec import Task
from seqforge.plugin.piece import ContentT, Piece

__all__ = ["FeatureScales", "JoinedTask", "LabelValues"]


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


class FeatureScales:
    """The mean and the standard deviation of numbers of pieces, collected one piece after the other.

    A network reads features as they are, so a codec that computes them (`Codec.features`) scales them: it collects them
    in `fit`, stores `to_json()` in `state`, and returns `scaled(numbers)` as `Example.features`. Real numbers of steps
    need no scales, since the core standardises them.

    >>> scales = FeatureScales()
    >>> for tempo, bars in ((60, 8), (120, 8), (180, 8)):
    ...     scales.add([tempo, bars])
    >>> scales.scaled([120, 8]).tolist()
    [0.0, 0.0]
    >>> FeatureScales.from_json(scales.to_json()).scaled([120, 9]).tolist()
    [0.0, 1.0]

    Source: B. Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products", Technometrics 4(3),
    1962.
    """

    def __init__(self) -> None:
        self._count = 0
        self._means = np.zeros(0)
        self._squares = np.zeros(0)
        """The sum of the squared differences from the mean."""

    def add(self, numbers: Sequence[float]) -> None:
        """Add the numbers of a piece, which has as many as the pieces before.

        Raises:
            ValueError: If it has another number of them, or one is not finite.
        """
        values = np.asarray(numbers, np.float64)
        if (self._count and values.shape != self._means.shape) or not np.isfinite(values).all():
            raise ValueError(f"the numbers are {values.tolist()}; they must be {len(self._means)} finite numbers")
        if not self._count:
            self._means, self._squares = np.zeros(len(values)), np.zeros(len(values))
        self._count += 1
        differences = values - self._means
        self._means = self._means + differences / self._count
        self._squares = self._squares + differences * (values - self._means)

    def scaled(self, numbers: Sequence[float]) -> np.ndarray:
        """Return numbers minus the mean, divided by the standard deviation, float32; a constant is divided by 1."""
        deviations = np.sqrt(self._squares / max(self._count, 1))
        scales = np.where(deviations > 0, deviations, 1.0)
        return ((np.asarray(numbers, np.float64) - self._means) / scales).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return the scales as plain JSON."""
        return {"count": self._count, "means": self._means.tolist(), "squares": self._squares.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the scales that `to_json` described.

        Raises:
            ValueError, KeyError, TypeError: If the data describe none.
        """
        scales = cls()
        scales._count = int(data["count"])
        scales._means, scales._squares = (np.array(data[name], np.float64) for name in ("means", "squares"))
        values = np.concatenate([scales._means.ravel(), scales._squares.ravel()])
        has_shape = scales._means.ndim == 1 and scales._means.shape == scales._squares.shape
        if not has_shape or not np.isfinite(values).all() or (scales._squares < 0).any():
            raise ValueError("the scales are not two lists of finite numbers")
        return scales


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
