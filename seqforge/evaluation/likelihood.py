"""Nats and bits per natural unit: the number by which models of a domain are compared."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from seqforge.core.sequences import Example
from seqforge.dataset import Dataset
from seqforge.evaluation.result import Evaluation, check_finite_loss
from seqforge.network import AnyNetwork, Batch, Network, example_batch
from seqforge.training.likelihood import evaluation_mode, exact_likelihood


def evaluate_dataset(network: AnyNetwork, dataset: Dataset, unit: str) -> Evaluation:
    """Return the negative log-likelihood of a dataset, in float32, with the hidden state carried through every piece.

    Example:
        print(evaluate_dataset(model.network, datasets["valid"], "note").nats_per_unit)

    Args:
        network: The model.
        dataset: The dataset.
        unit: The name of the natural unit.

    Raises:
        RunError: If the loss is not finite.
    """
    likelihood = exact_likelihood(network, dataset)
    check_finite_loss(likelihood.nats)
    return Evaluation(unit, float(dataset.units.sum()), len(dataset), likelihood.positions, likelihood.nats)


def score_example(
    network: Network, example: Example, labels: np.ndarray, units: float, unit: str, *, bptt: int = 512
) -> Evaluation:
    """Return the negative log-likelihood of one piece.

    Example:
        example = codec.encode(Piece("To be, or not to be"))
        labels = LabelIndex(codec.labels).numbers({})
        print(score_example(network, example, labels, 19.0, "character").nats_per_unit)

    Args:
        network: The model.
        example: The encoded piece.
        labels: The number of each label's value, shape (labels,).
        units: Natural units of the piece.
        unit: The name of the natural unit.
        bptt: Number of positions that are read at a time; the result does not depend on it.

    Raises:
        RunError: If the loss is not finite.
    """
    [(nats, steps)] = score_examples(network, [example], [labels], bptt=bptt)
    return Evaluation(unit, units, 1, steps, nats)


@torch.no_grad()
def score_examples(
    network: Network, examples: Sequence[Example], labels: Sequence[np.ndarray], *, rows: int = 32, bptt: int = 512
) -> list[tuple[float, int]]:
    """Return the negative log-likelihood in nats and the number of predicted steps of each piece.

    Pieces of similar length are read in parallel. The hidden state of a piece is carried from its start to its end.

    Args:
        network: The model.
        examples: The encoded pieces.
        labels: The number of each label's value of each piece, shape (labels,).
        rows: Maximal number of pieces that are read in parallel; the results differ by rounding only.
        bptt: Number of positions that are read at a time; the results do not depend on it.
    """
    nats = [0.0] * len(examples)
    with evaluation_mode(network):
        for numbers in _groups([len(example.steps) for example in examples], rows):
            batch = _padded_batch(network, [examples[number] for number in numbers], [labels[n] for n in numbers])
            state = network.zero_state(len(numbers))
            totals = torch.zeros(len(numbers), dtype=torch.float64)
            for first in range(0, len(batch.starts), bptt):
                losses, state = network.loss(batch.slice_time(first, first + bptt), state)
                totals += losses.double().sum(0)
            for number, total in zip(numbers, totals.tolist(), strict=True):
                check_finite_loss(total)
                nats[number] = total
    return [(value, len(example.steps) + 1) for value, example in zip(nats, examples, strict=True)]


def _groups(lengths: Sequence[int], rows: int) -> Iterator[list[int]]:
    """Yield the indices of at most `rows` pieces whose lengths differ so little that padding costs little."""
    group: list[int] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (len(group) == rows or lengths[number] > 1.5 * lengths[group[0]] + 64):
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def _padded_batch(network: Network, examples: Sequence[Example], labels: Sequence[np.ndarray]) -> Batch:
    """Return one row per piece, padded to the longest by positions of weight 0."""
    none = np.zeros(network.config.features, np.float32)
    batches = [
        example_batch(
            example,
            numbers,
            none if example.features is None else example.features,
            network.config.source_symbols,
            network.history,
        )
        for example, numbers in zip(examples, labels, strict=True)
    ]
    if len(batches) == 1:
        return batches[0]
    return Batch(
        inputs=_joined([batch.inputs for batch in batches]),
        targets=_joined([batch.targets for batch in batches]),
        starts=_joined([batch.starts for batch in batches]),
        ends=_joined([batch.ends for batch in batches]),
        weights=_joined([batch.weights for batch in batches]),
        labels=_joined([batch.labels for batch in batches]),
        features=_joined([batch.features for batch in batches]),
        sources=_joined_sources([batch.sources for batch in batches if batch.sources is not None]),
        references=None
        if network.history is None
        else _joined([batch.references for batch in batches if batch.references is not None]),
    )


def _joined(rows: Sequence[Tensor]) -> Tensor:
    """Return tensors of shape (time, 1, ...) side by side, padded with zeros at their ends."""
    return pad_sequence([row.squeeze(1) for row in rows])


def _joined_sources(sources: Sequence[Tensor]) -> Tensor | None:
    """Return sources of shape (time, 1, symbols) side by side, padded with zeros; None without sources."""
    if not sources:
        return None
    width = max(source.shape[2] for source in sources)
    return _joined([functional.pad(source, (0, width - source.shape[2])) for source in sources])
