from collections.abc import Callable

import pytest
import torch

from seqforge.dataset import Dataset
from seqforge.network import Network
from seqforge.training import Trainer, TrainingConfig

Maker, Datasets, Configs = Callable[..., Network], Callable[..., Dataset], Callable[..., TrainingConfig]


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_parts_of_the_rows_give_the_gradient_of_all(
    make_network: Maker, random_dataset: Datasets, make_config: Configs, parts: int
) -> None:
    values = {"steps": 8, "batch_size": 5, "dropout": 0.3, "recurrent_dropout": 0.2, "label_dropout": 0.2}
    data = random_dataset()
    whole = Trainer(make_network(labels=(2,), layers=2), data, None, make_config(**values))
    divided = Trainer(make_network(labels=(2,), layers=2), data, None, make_config(**values, accumulate=parts))
    for _ in range(8):
        assert divided.step() == pytest.approx(whole.step(), rel=1e-4)
    expected = whole.tensors()
    for name, value in divided.tensors().items():
        assert torch.allclose(value, expected[name], atol=2e-4), name
