from collections.abc import Callable

import numpy as np
import pytest

import seqforge
from seqforge.core.sequences import Example, Prompt
from seqforge.core.spaces import Mixture
from seqforge.errors import RequestError
from seqforge.inference import Conditions, Engine, Ensemble, GuidedEngine, NetworkWeights, log_softmax, prompt_batch
from seqforge.network import Network, NetworkConfig

NetworkFactory = Callable[..., Network]
PROMPT = Prompt(Example(np.array([1, 3], np.uint8)))


def weights(make_network: NetworkFactory, seed: int = 0) -> NetworkWeights:
    return NetworkWeights.from_network(make_network(labels=(3,), layers=2, seed=seed))


def outputs_after(engine: Engine | Ensemble | GuidedEngine, label: int, steps: list[int]) -> np.ndarray:
    batch = prompt_batch(engine.network, PROMPT, Conditions(np.array([label]), np.zeros(0)))
    outputs, prompt_state, gates = engine.begin(batch)
    state = engine.state(prompt_state, 1)
    rows = [engine.step(np.array([step]), gates[None], state)[0] for step in steps]
    return log_softmax(np.stack([outputs, *rows]))


@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("members", [1, 2])
def test_logs_lie_on_the_line_through_those_without_and_with_labels(
    make_network: NetworkFactory, guidance: float, members: int
) -> None:
    engines = [Engine(weights(make_network, seed)) for seed in range(members)]
    engine: Engine | Ensemble = engines[0] if members == 1 else Ensemble(engines)
    free, labelled = outputs_after(engine, 0, [2, 0, 4]), outputs_after(engine, 2, [2, 0, 4])
    guided = outputs_after(GuidedEngine(engine, guidance), 2, [2, 0, 4])
    np.testing.assert_allclose(guided, log_softmax(free + guidance * (labelled - free)), atol=1e-5)
    assert not np.allclose(free, labelled, atol=1e-3)


def test_guidance_needs_symbols_and_labels(make_network: NetworkFactory) -> None:
    plain = Engine(NetworkWeights.from_network(make_network()))
    network = Network(
        Mixture(reals=2, bits=1, components=2), NetworkConfig(layers=1, hidden=8, embedding=4, labels=(2,))
    )
    for engine in (plain, Engine(NetworkWeights.from_network(network))):
        with pytest.raises(RequestError) as caught:
            GuidedEngine(engine, 2.0)
        assert caught.value.field == "guidance"


def test_a_shipped_model_is_guided_and_reproducible() -> None:
    model = seqforge.load("drums")
    labels = {name: values[0] for name, values in model.header.labels.items()}
    first, again = (model.generate(labels=labels, guidance=2.0, length=40)[0] for _ in range(2))
    assert first.content == again.content
    assert first.content != model.generate(labels=labels, length=40)[0].content
