import pytest
import torch

from seqforge.core.spaces import Categorical
from seqforge.network import Network, NetworkConfig


@pytest.fixture
def network() -> Network:
    torch.manual_seed(3)
    return Network(Categorical(7), NetworkConfig(layers=2, hidden=12, embedding=6, labels=(3,)))
