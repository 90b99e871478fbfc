"""The adaptive softmax: exact probabilities in training, scoring, sampling and export."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqforge.core.sequences import Example, Prompt
from seqforge.core.spaces import Categorical, Mixture
from seqforge.errors import DamagedFileError, OptionsError
from seqforge.inference import Conditions, Engine, NetworkWeights, inputs, prompt_batch
from seqforge.network import Network, NetworkConfig
from seqforge.network.heads import head_for
from seqforge.network.heads.adaptive import AdaptiveHead
from seqforge.sampling import step_log_probabilities
from seqforge.training.config import ADAPTIVE_SYMBOLS, TrainingConfig

SIZE, CUTOFFS = 23, (4, 5, 17)
SHAPES: list[dict[str, Any]] = [{}, {"embedding": 5}, {"embedding": 5, "tie_embeddings": False}, {"layers": 2}]
NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


def random_network(shape: dict[str, Any], cutoffs: tuple[int, ...] = CUTOFFS) -> Network:
    config = NetworkConfig(**{"layers": 1, "hidden": 8, "embedding": 8, "cutoffs": cutoffs, **shape})
    network = Network(Categorical(SIZE), config, seed=2)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.7, generator=generator)
    return network.eval()


@pytest.mark.parametrize("shape", SHAPES)
def test_losses_are_those_of_the_log_probabilities(shape: dict[str, Any]) -> None:
    head = random_network(shape).head
    hidden = torch.randn(6, 5, 8, generator=torch.Generator().manual_seed(1))
    targets = torch.arange(30).reshape(6, 5) % SIZE
    ends = torch.zeros(6, 5, dtype=torch.bool)
    ends[2, 3] = ends[5, 4] = True
    outputs = head.predict(hidden)
    logs = head.log_probabilities(outputs)
    torch.testing.assert_close(logs.exp().sum(-1), torch.ones(6, 5))
    picked = -logs.gather(-1, targets.masked_fill(ends, SIZE).unsqueeze(-1)).squeeze(-1)
    losses = head.loss(outputs, targets, ends)
    torch.testing.assert_close(losses, picked)
    # The gradients are those of the whole distribution, too.
    parameters = list(head.parameters())
    gradients, expected = (
        torch.autograd.grad(value.sum(), parameters, retain_graph=True, allow_unused=True) for value in (losses, picked)
    )
    for gradient, other in zip(gradients, expected, strict=True):
        assert (gradient is None) == (other is None)  # the input table is not a part of an untied head
        if gradient is not None:
            torch.testing.assert_close(gradient, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("table_numbers", [1 << 25, 0])
def test_engine_computes_the_same_probabilities(
    shape: dict[str, Any], table_numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MAX_TABLE_NUMBERS", table_numbers)
    network = random_network(shape)
    engine = Engine(NetworkWeights.from_network(network))
    examples = [Example(np.arange(n, dtype=np.uint8) * 7 % SIZE) for n in (0, 9, 31)]
    logs = step_log_probabilities(engine, examples, [NO_CONDITIONS] * 3)
    from seqforge.evaluation import score_examples

    nats = score_examples(network, examples, [np.zeros(0, np.int64)] * 3)
    assert [-values.sum() for values in logs] == pytest.approx([value for value, _ in nats], rel=1e-5)
    # Step by step, and for several rows at once, the outputs of a row are the same bit by bit.
    outputs, state, gates = engine.begin(prompt_batch(engine.network, Prompt(examples[0]), NO_CONDITIONS))
    assert np.exp(outputs.astype(float)).sum() == pytest.approx(1, abs=1e-5)
    steps = np.array([3, 22, 9])
    together = engine.step(steps, np.repeat(gates[None], 3, 0), engine.state(state, 3))
    for row in range(3):
        alone = engine.step(steps[row : row + 1], gates[None], engine.state(state, 1))
        np.testing.assert_array_equal(alone[0], together[row])


@pytest.mark.parametrize("to", ["pytorch", "onnx"])
def test_exported_probabilities_are_the_same(to: str, tmp_path: Any) -> None:
    from types import SimpleNamespace

    from seqforge.api.export import export_model

    network = random_network({"embedding": 5})
    header = SimpleNamespace(space=network.space, network=network.config, labels={}, plugin="none", members=1)
    model: Any = SimpleNamespace(header=header, network=network, codec=None)
    assert export_model(model, tmp_path, to=to)


def test_architecture_says_which_softmax() -> None:
    small, large = Categorical(500), Categorical(ADAPTIVE_SYMBOLS)
    assert TrainingConfig().network(small).softmax == "full" and TrainingConfig().network(large).softmax == "adaptive"
    assert TrainingConfig(softmax="full").network(large).cutoffs == ()
    config = TrainingConfig(softmax="adaptive").network(small)
    assert config.cutoffs == (12, 125) and isinstance(head_for(small, config), AdaptiveHead)
    assert NetworkConfig.from_json(config.to_json()) == config
    for space in (Categorical(5), Mixture(2, 0)):
        with pytest.raises(OptionsError) as error:
            TrainingConfig(softmax="adaptive").network(space)
        assert error.value.field == "softmax"


@pytest.mark.parametrize("cutoffs", [[3, 3], [0, 4], [5, 4], [True], ["3"], list(range(1, 30))])
def test_damaged_cutoffs(cutoffs: list[Any]) -> None:
    with pytest.raises(DamagedFileError):
        NetworkConfig.from_json({**NetworkConfig().to_json(), "cutoffs": cutoffs})


def test_loss_falls_in_training(make_dataset: Callable[..., Any]) -> None:
    from seqforge.training import Trainer

    dataset = make_dataset([list(range(20)) * 3, [22] * 30], size=SIZE)
    config = TrainingConfig(
        steps=40, learning_rate=0.02, batch_size=2, bptt=16, ema=0, precision="float32", warmup=1, label_dropout=0.0
    )
    network = Network(Categorical(SIZE), NetworkConfig(layers=1, hidden=16, embedding=8, cutoffs=CUTOFFS))
    trainer = Trainer(network, dataset, None, config)
    losses = [nats / positions for nats, positions in (trainer.step() for _ in range(40))]
    assert losses[-1] < 0.3 * losses[0]
