"""Fine-tuning: a few gradient steps of a trained network on a few pieces."""

import copy
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical
from seqforge.dataset import Dataset, open_datasets, write_manifest, write_shard
from seqforge.network import AnyNetwork
from seqforge.training.config import TrainingConfig
from seqforge.training.loop import Trainer

__all__ = ["examples_dataset", "fine_tuned"]

MAX_ROWS = 16
"""Largest number of rows of a batch."""
POSITIONS = 64
"""Positions per row and batch."""


def fine_tuned(
    network: AnyNetwork,
    examples: Sequence[Example],
    labels: Mapping[str, Sequence[str]],
    source: Categorical | None,
    *,
    steps: int,
    rate: float,
    seed: int = 0,
) -> AnyNetwork:
    """Return a copy of a network after gradient steps on examples, by AdamW without dropout and weight decay.

    The learning rate falls to zero over the last part of the steps, as in every training.

    Example:
        adapted = fine_tuned(network, [codec.encode(piece)], codec.labels, codec.source, steps=50, rate=1e-3)

    Args:
        network: The network, which is not changed.
        examples: The examples; there must be one at least.
        labels: Label name to its values.
        source: The type of a step of the source; None without a source.
        steps: The number of gradient steps.
        rate: The largest learning rate.
        seed: The seed of the order in which the examples are read.
    """
    config = TrainingConfig(
        steps=steps, learning_rate=rate, batch_size=MAX_ROWS, bptt=POSITIONS, warmup=max(1, steps // 10), ema=0,
        dropout=0.0, output_dropout=0.0, recurrent_dropout=0.0, label_dropout=0.0, weight_decay=0.0,
        precision="float32", seed=seed,
    )  # fmt: skip
    adapted = copy.deepcopy(network)
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        dataset = examples_dataset(Path(folder), network, examples, labels, source)
        trainer = Trainer(adapted, dataset, None, config)
        for _ in range(steps):
            trainer.step()
    for parameter in adapted.parameters():
        parameter.grad = None
    return adapted.eval()


def examples_dataset(
    folder: Path,
    network: AnyNetwork,
    examples: Sequence[Example],
    labels: Mapping[str, Sequence[str]],
    source: Categorical | None,
) -> Dataset:
    """Return a dataset of examples, whose shard is written to a folder."""
    values = {name: tuple(texts) for name, texts in labels.items()}
    units = [float(len(example.steps)) for example in examples]
    write_shard(folder / "0.safetensors", network.space, source, values, examples, [0] * len(examples), units)
    write_manifest(folder, ["0.safetensors"], {})
    return open_datasets(folder, network.space, source, values)["train"]
