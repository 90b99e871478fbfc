"""Generated pieces compared with held-out real ones: distances between distributions, figures, and what was copied."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqforge.core.shared_runs import mutual_runs
from seqforge.evaluation.novelty import longest_runs
from seqforge.plugin import Describes, Piece

HALVINGS = 20
"""Number of random halvings of the held-out pieces over which their distance is averaged."""
MIN_PARTS, DRAWN_PIECES = 8, 12
"""The number of parts that a piece needs for a picture of its self-similarity, and the largest number of pictures."""
MAX_TRAINING = 400
"""The largest number of training pieces of which the figures are computed, evenly spaced."""
DISTANCE_COLUMNS = ("generated", "training", "halves")
"""What a distance from the held-out pieces is that of."""
MEASURE_COLUMNS = ("generated", "held out", "training", "halves")
"""What a figure is that of; that of halves is a difference."""
COPIED_COLUMNS = ("median", "percentile_99", "most")
"""The lengths of copied runs."""
MEASURED_HALVINGS = 5
"""Number of random halvings over which the difference of a figure is averaged."""


@dataclass(frozen=True)
class Comparison:
    """Generated pieces compared with held-out ones.

    Attributes:
        pieces: Number of generated pieces.
        real: Number of held-out pieces.
        distances: For each quantity, the total variation distance of the generated pieces from the held-out ones, that
            of training pieces from the held-out ones, and that between two halves of the held-out ones. 0 means equal,
            1 means disjoint.
        measures: Figures of the generated, the held-out and the training pieces, and the mean difference between two
            halves of the held-out ones; None for a figure that the pieces do not have.
        copied: The longest run in common with a training piece for "generated", "held out" and "training" pieces:
            median, 99th percentile and maximum over pieces. A training piece is compared with the other ones. Pieces
            with long common runs are in one split, so the runs of held-out pieces are short.
        matrices: The self-similarity of some "generated" and some "held out" pieces, each of shape (parts, parts).
    """

    pieces: int
    real: int
    distances: Mapping[str, tuple[float, float, float]]
    measures: Mapping[str, tuple[float | None, ...]]
    copied: Mapping[str, tuple[int, int, int]]
    matrices: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)

    @property
    def measured(self) -> list[tuple[str, tuple[float | None, ...]]]:
        """The figures that any of the pieces have, by name."""
        return [(name, values) for name, values in self.measures.items() if any(value is not None for value in values)]

    def to_json(self) -> dict[str, Any]:
        """Return what `seqforge evaluate --samples N --json` prints."""
        return {
            "pieces": self.pieces,
            "real": self.real,
            "distances": {
                name: dict(zip(DISTANCE_COLUMNS, map(_rounded, values), strict=True))
                for name, values in self.distances.items()
            },
            "measures": {
                name: dict(zip(MEASURE_COLUMNS, map(_rounded, values), strict=True))
                for name, values in self.measures.items()
            },
            "copied": {name: dict(zip(COPIED_COLUMNS, values, strict=True)) for name, values in self.copied.items()},
        }


def compare(
    plugin: Describes[Any],
    generated: Sequence[Piece[Any]],
    held_out: Sequence[Piece[Any]],
    training: Iterable[Piece[Any]],
) -> Comparison:
    """Compare generated pieces with real ones that were not trained on.

    Example:
        comparison = compare(plugin, model.generate(200), held_out, training)
        print(comparison.distances["pitch"], comparison.copied["generated"])

    Args:
        plugin: Computes the statistics of a piece.
        generated: The generated pieces.
        held_out: The real pieces.
        training: The pieces that the model was trained on, in which copied runs are searched.
    """
    sample, training_traces = _training_pieces(plugin, training)
    sides = {"generated": generated, "held out": held_out, "training": sample}
    statistics = {name: [plugin.describe(piece) for piece in pieces] for name, pieces in sides.items()}
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(held_out)) for _ in range(HALVINGS)] if len(held_out) > 1 else []
    distances = {}
    for name in statistics["held out"][0]:
        values = {side: [quantities[name] for quantities in rows] for side, rows in statistics.items()}
        real = values["held out"]
        halves = [distance([real[n] for n in order[::2]], [real[n] for n in order[1::2]]) for order in orders]
        distances[name] = (
            distance(values["generated"], real), distance(values["training"], real), float(np.mean(halves or [0.0]))
        )  # fmt: skip
    measures = _measures(plugin, sides, orders[:MEASURED_HALVINGS])
    traces = (plugin.trace(piece) for piece in (*generated, *held_out))
    copied = _copied(list(traces), len(generated), training_traces)
    matrices = {name: list(_matrices(plugin, pieces)) for name, pieces in sides.items() if name != "training"}
    return Comparison(len(generated), len(held_out), distances, measures, copied, matrices)


def _training_pieces(
    plugin: Describes[Any], training: Iterable[Piece[Any]]
) -> tuple[list[Piece[Any]], list[np.ndarray]]:
    """Return evenly spaced training pieces, at most MAX_TRAINING, and the traces of all."""
    sample: list[Piece[Any]] = []
    traces: list[np.ndarray] = []
    interval = 1
    for number, piece in enumerate(training):
        traces.append(np.asarray(plugin.trace(piece)))
        if number % interval == 0:
            sample.append(piece)
        if len(sample) > MAX_TRAINING:
            sample, interval = sample[::2], 2 * interval
    return sample, traces


def _copied(
    traces: Sequence[Sequence[int]], generated: int, training: Sequence[np.ndarray]
) -> dict[str, tuple[int, int, int]]:
    """Return median, 99th percentile and maximum of the longest runs that pieces of each kind share with training.

    Args:
        traces: The traces of the generated pieces, followed by those of the held-out ones.
        generated: The number of the generated pieces.
        training: The traces of the training pieces.
    """
    longest = longest_runs(training, traces)
    lengths = {"generated": longest[:generated], "held out": longest[generated:]}
    lengths["training"] = [int(runs.max(initial=0)) for runs in mutual_runs(training)]
    result = {}
    for name, values in lengths.items():
        median, percentile, most = np.percentile(values or [0], (50, 99, 100), method="higher").tolist()
        result[name] = (median, percentile, most)
    return result


def _matrices(plugin: Describes[Any], pieces: Sequence[Piece[Any]]) -> Iterator[np.ndarray]:
    """Yield the self-similarity of the first pieces with enough parts."""
    drawn = 0
    for piece in pieces:
        matrix = plugin.similarity(piece)
        if matrix is not None and len(matrix) >= MIN_PARTS:
            drawn += 1
            yield matrix
        if drawn == DRAWN_PIECES:
            return


def _measures(
    plugin: Describes[Any], sides: Mapping[str, Sequence[Piece[Any]]], orders: Sequence[np.ndarray]
) -> dict[str, tuple[float | None, ...]]:
    """Return the figures of the pieces of each kind, and the mean difference between halves of the held-out ones."""
    columns = {side: plugin.measure(pieces) for side, pieces in sides.items()}
    held_out = sides["held out"]
    halves = [
        [plugin.measure([held_out[number] for number in half]) for half in (order[::2], order[1::2])]
        for order in orders
    ]
    result = {}
    for name in columns["held out"]:
        differences = [abs(first[name] - second[name]) for first, second in halves]
        mean = float(np.mean(differences)) if differences else float("nan")
        result[name] = (*(_number(column.get(name, float("nan"))) for column in columns.values()), _number(mean))
    return result


def _number(value: float) -> float | None:
    """Return a figure, None for NaN."""
    return None if np.isnan(value) else float(value)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def figure_text(value: float | None) -> str:
    """Return a figure of `Comparison.measures` as text, "-" for None."""
    return "-" if value is None else f"{value:.2f}"


def distance(left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> float:
    """Return the total variation distance between two collections of integers.

    >>> distance([np.array([1, 1])], [np.array([1, 2])])
    0.5
    """
    pair = [np.concatenate([np.asarray(values, np.int64) for values in side]) for side in (left, right)]
    if not len(pair[0]) or not len(pair[1]):
        return 0.0 if len(pair[0]) == len(pair[1]) else 1.0
    values = np.unique(np.concatenate(pair))
    shares = [np.bincount(np.searchsorted(values, side), minlength=len(values)) / len(side) for side in pair]
    return min(1.0, float(np.abs(shares[0] - shares[1]).sum() / 2))
