"""Fixtures for the tests of training: random datasets and short training configs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from seqforge.dataset import Dataset
    from seqforge.training import TrainingConfig


@pytest.fixture
def random_dataset(make_dataset: Callable[..., "Dataset"]) -> Callable[..., "Dataset"]:
    """Return a function that makes a dataset of short random pieces with one label, and one piece of 50 steps."""

    def make(*, seed: int = 0, count: int = 16) -> "Dataset":
        rng = np.random.default_rng(seed)
        pieces = [rng.integers(0, 5, n).tolist() for n in [*rng.integers(0, 9, count).tolist(), 50]]
        piece_labels = [{"key": "CD"[n]} for n in rng.integers(0, 2, len(pieces))]
        return make_dataset(pieces, labels={"key": ("C", "D")}, piece_labels=piece_labels)

    return make


@pytest.fixture
def make_config() -> Callable[..., "TrainingConfig"]:
    """Return a function that makes the config of a short training: 20 steps without dropout, unless given otherwise."""
    from seqforge.training import TrainingConfig

    def make(**values: Any) -> TrainingConfig:
        budget = {} if values.keys() & {"epochs", "minutes"} else {"steps": 20}
        defaults = {"batch_size": 3, "bptt": 8, "warmup": 3, "ema": 5, "precision": "float32", "label_dropout": 0.0}
        return TrainingConfig(**{**budget, **defaults, **values})

    return make


@pytest.fixture
def validate_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validate every four steps."""
    from seqforge.training import Trainer

    monkeypatch.setattr(Trainer, "_validation_interval", lambda _: 4)
