"""What the tests of the lower half share: tiny networks, datasets on disk, windows, batches by hand.

seqforge is imported inside the fixtures, never at the top: this file is read before the shapes are enforced.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from seqforge.dataset import Dataset
    from seqforge.network import Batch, Network

hypothesis.settings.register_profile("seqforge", deadline=None, max_examples=40, database=None)
hypothesis.settings.load_profile("seqforge")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small are fastest on one thread, and the sum of a product depends on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def make_network() -> Callable[..., "Network"]:
    """Return a maker of tiny networks: `make_network(size=5, seed=0, weight_scale=1.0, **config)`.

    Weights and biases are far from where they begin, so that a part left out is seen.
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
                    if parameter.ndim == 1 or name == "start_weight":
                        parameter.normal_(0, 0.5 * weight_scale)
                    else:
                        parameter.mul_(weight_scale)
        return network.eval()

    return make


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., "Batch"]:
    """Return a maker of random windows for a network; `starts` and `ends` are lists of (time, lane)."""
    from seqforge.network import Batch

    def make(
        network: "Network",
        *,
        time: int = 12,
        lanes: int = 3,
        seed: int = 0,
        starts: Sequence[tuple[int, int]] = (),
        ends: Sequence[tuple[int, int]] = (),
    ) -> "Batch":
        generator = torch.Generator().manual_seed(seed)
        size, config = int(network.head.size), network.config  # type: ignore[call-overload]
        flags = torch.zeros(2, time, lanes, dtype=torch.bool)
        for number, places in enumerate((starts, ends)):
            for at, lane in places:
                flags[number, at, lane] = True
        values = [torch.randint(0, n + 1, (1, lanes), generator=generator) for n in config.labels]
        labels = torch.stack(values, -1) if values else torch.zeros(1, lanes, 0, dtype=torch.int64)
        return Batch(
            inputs=torch.randint(0, size, (time, lanes), generator=generator),
            targets=torch.randint(0, size, (time, lanes), generator=generator),
            starts=flags[0],
            ends=flags[1],
            weights=torch.ones(time, lanes),
            labels=labels.expand(time, lanes, -1),
            features=torch.randn(1, lanes, config.features, generator=generator).expand(time, lanes, -1),
        )

    return make


@pytest.fixture(scope="session")
def part_of() -> Callable[..., "Batch"]:
    """Return a cutter of windows: `part_of(window, first, end)` holds the rows from first to before end."""

    def cut(window: "Batch", first: int, end: int | None = None) -> "Batch":
        return window.slice_time(first, len(window.starts) if end is None else end)

    return cut


@pytest.fixture(scope="session")
def make_dataset(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., "Dataset"]:
    """Return a maker of datasets on disk: `make_dataset(pieces, size=5, labels=..., chosen=..., ...)`.

    Each piece is a list of symbols; `chosen` holds the labels of each, `shards` among how many files
    they are shared out.
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
        chosen: Sequence[Mapping[str, str]] | None = None,
        features: np.ndarray | None = None,
        units: Sequence[float] | None = None,
        shards: int = 1,
    ) -> "Dataset":
        folder = root / str(next(numbers))
        folder.mkdir()
        space, known = Categorical(size), dict(labels or {})
        examples = [
            Example(
                np.array(piece, space.dtype),
                labels=dict(chosen[row]) if chosen else {},
                features=None if features is None else features[row],
            )
            for row, piece in enumerate(pieces)
        ]
        counts = [float(len(piece)) for piece in pieces] if units is None else list(units)
        names = []
        for number, rows in enumerate(np.array_split(np.arange(len(pieces)), shards)):
            names.append(f"{number}.safetensors")
            mine = [examples[row] for row in rows]
            sides, some = [0] * len(mine), [counts[row] for row in rows]
            write_shard(folder / names[-1], space, None, known, mine, sides, some)
        write_manifest(folder, names, {})
        return open_datasets(folder, space, None, known)["train"]

    return make
