"""Fixtures for the tests of the lower half: tiny networks, datasets on disk, random batches.

seqforge is imported inside the fixtures, because this file is imported before the shape checks are installed.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from seqforge.core.places import Places
    from seqforge.dataset import Dataset
    from seqforge.network import Batch, Network

hypothesis.settings.register_profile("seqforge", deadline=None, max_examples=40, database=None)
hypothesis.settings.load_profile("seqforge")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Run with one thread: it is fastest for small matrices, and sums depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of mypy's cache, which the workers of pytest-xdist share where files can be locked."""
    folder = tmp_path_factory.getbasetemp()
    shared = "PYTEST_XDIST_WORKER" in os.environ and sys.platform != "win32"
    return (folder.parent if shared else folder) / "mypy"


@pytest.fixture(scope="session")
def make_network() -> Callable[..., "Network"]:
    """Return a function that makes tiny networks: `make_network(size=5, seed=0, weight_scale=1.0, **config)`.

    Weights and biases differ much from their initial values, so that a test notices if one of them is not used.
    """
    from seqforge.core.spaces import Categorical
    from seqforge.network import Network, NetworkConfig

    def make(*, size: int = 5, seed: int = 0, weight_scale: float = 1.0, **shape: Any) -> "Network":
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            config = NetworkConfig(**{"layers": 1, "hidden": 8, "embedding": 8, **shape})
            network = Network(Categorical(size), config, seed=seed)
            with torch.no_grad():
                for name, parameter in network.named_parameters():
                    if parameter.ndim == 1 or name.startswith(("start_weight", "copy_logits")):
                        parameter.normal_(0, 0.5 * weight_scale)
                    else:
                        parameter.mul_(weight_scale)
        return network.eval()

    return make


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., "Batch"]:
    """Return a function that makes random batches for a network; `starts` and `ends` are lists of (time, row)."""
    from seqforge.network import Batch

    def make(
        network: "Network",
        *,
        time: int = 12,
        rows: int = 3,
        seed: int = 0,
        starts: Sequence[tuple[int, int]] = (),
        ends: Sequence[tuple[int, int]] = (),
    ) -> "Batch":
        generator = torch.Generator().manual_seed(seed)
        size, config = int(network.head.size), network.config  # type: ignore[call-overload]
        flags = torch.zeros(2, time, rows, dtype=torch.bool)
        for number, positions in enumerate((starts, ends)):
            for t, row in positions:
                flags[number, t, row] = True
        values = [torch.randint(0, n + 1, (1, rows), generator=generator) for n in config.labels]
        labels = torch.stack(values, -1) if values else torch.zeros(1, rows, 0, dtype=torch.int64)
        return Batch(
            inputs=torch.randint(0, size, (time, rows), generator=generator),
            targets=torch.randint(0, size, (time, rows), generator=generator),
            starts=flags[0],
            ends=flags[1],
            weights=torch.ones(time, rows),
            labels=labels.expand(time, rows, -1),
            features=torch.randn(1, rows, config.features, generator=generator).expand(time, rows, -1),
        )

    return make


@pytest.fixture(scope="session")
def make_dataset(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., "Dataset"]:
    """Return a function that makes datasets on disk: `make_dataset(pieces, size=5, labels=..., piece_labels=..., ...)`.

    Each piece is a list of symbols; `piece_labels` holds the labels of each piece, `shards` is the number of files.
    """
    from seqforge.core.sequences import Example
    from seqforge.core.spaces import Categorical
    from seqforge.dataset import open_datasets, write_manifest, write_shard

    numbers = itertools.count()
    root: Path = tmp_path_factory.mktemp("datasets")

    def make(
        pieces: Sequence[Sequence[int]],
        *,
        size: int = 5,
        labels: Mapping[str, tuple[str, ...]] | None = None,
        piece_labels: Sequence[Mapping[str, str]] | None = None,
        features: np.ndarray | None = None,
        units: Sequence[float] | None = None,
        shards: int = 1,
    ) -> "Dataset":
        folder = root / str(next(numbers))
        folder.mkdir()
        space, label_values = Categorical(size), dict(labels or {})
        examples = [
            Example(
                np.array(piece, space.dtype),
                labels=dict(piece_labels[number]) if piece_labels else {},
                features=None if features is None else features[number],
            )
            for number, piece in enumerate(pieces)
        ]
        piece_units = [float(len(piece)) for piece in pieces] if units is None else list(units)
        names = []
        for shard, indices in enumerate(np.array_split(np.arange(len(pieces)), shards)):
            names.append(f"{shard}.safetensors")
            shard_examples = [examples[index] for index in indices]
            splits, shard_units = [0] * len(indices), [piece_units[index] for index in indices]
            write_shard(folder / names[-1], space, None, label_values, shard_examples, splits, shard_units)
        write_manifest(folder, names, {})
        return open_datasets(folder, space, None, label_values)["train"]

    return make


@pytest.fixture(scope="session")
def period_of_four() -> "Places":
    """Return places whose period ends after every fourth step and at each step 0."""
    from seqforge.core.places import Places

    class PeriodOfFour(Places):
        def start(self) -> tuple[int, int]:
            return 0, 0

        def place(self, state: Any) -> tuple[int, int]:
            period, offset = state
            return period, offset

        def advance(self, state: Any, step: int) -> tuple[int, int]:
            period, offset = state
            return (period + 1, 0) if step == 0 or offset == 3 else (period, offset + 1)

    return PeriodOfFour()
