import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqforge.core.places import AlignedHistory, Places
from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical, Mixture
from seqforge.errors import DamagedFileError, OptionsError
from seqforge.network import Network, NetworkConfig, example_batch
from seqforge.network.references import CopyLogits, ReferenceEmbedding

Maker = Callable[..., Network]
NO_LABELS, NO_FEATURES = np.zeros(0, np.int64), np.zeros(0, np.float32)


def embedding(size: int = 6, width: int = 5, distances: int = 3) -> ReferenceEmbedding:
    result = ReferenceEmbedding(size, width, distances)
    result.initialise(torch.Generator().manual_seed(0))
    return result


def test_no_step_and_no_agreement_are_embedded_as_zeros() -> None:
    layer = embedding()
    assert not layer(torch.zeros(4, 6, dtype=torch.long)).any()
    assert layer(torch.tensor([[0, 0, 1, 0, 0, 0]]))[:, :10].eq(0).all()
    assert layer(torch.tensor([[0, 0, 0, 5, 0, 0]]))[:, 5:].eq(0).all()


def test_outputs_depend_on_the_references_and_the_batch_may_be_cut(make_network: Maker, period_of_four: Places) -> None:
    network = make_network(layers=2, lookback=6, distances=(1, 3), copy_logits=True, weight_scale=2.0)
    steps = np.random.default_rng(0).integers(0, 5, 30)
    outputs = []
    for history in (AlignedHistory(period_of_four, (1, 3)), AlignedHistory(period_of_four, (2, 3))):
        batch = example_batch(Example(steps), NO_LABELS, NO_FEATURES, 0, history)
        state, parts = network.zero_state(1), []
        with torch.no_grad():
            whole = network(batch, state)[0]
            for first, end in itertools.pairwise([0, 1, 7, 20, 31]):
                part, state = network(batch.slice_time(first, end), state)
                parts.append(part)
        torch.testing.assert_close(torch.cat(parts), whole, atol=2e-6, rtol=0)
        outputs.append(whole)
    assert (outputs[0] - outputs[1]).abs().max() > 0.01


def test_network_that_looks_back_refuses_a_batch_without_references(make_network: Maker) -> None:
    network = make_network(lookback=4, distances=(1,))
    with pytest.raises(ValueError, match="no references"):
        network(example_batch(Example(np.array([1, 2])), NO_LABELS, NO_FEATURES, 0), network.zero_state(1))


def test_other_weights_do_not_depend_on_the_references() -> None:
    config = NetworkConfig(layers=2, hidden=8, embedding=8)
    plain = Network(Categorical(5), config, seed=3)
    looking = Network(Categorical(5), dataclasses.replace(config, lookback=4, distances=(1, 2)), seed=3)
    weights = dict(looking.named_parameters())
    assert torch.equal(weights["head.embedding"], plain.head.embedding)
    assert weights["layers.0.input_weight"].shape == (32, 8 + 2 * 4)


def test_copy_scores_are_added_to_the_logits_of_the_references() -> None:
    layer, hidden = CopyLogits(hidden=3, distances=2), torch.tensor([[1.0, 2.0, 3.0]])
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.0]]))
        layer.agreements.copy_(torch.arange(12.0).view(6, 2) / 10)
    cases = {  # symbol plus one and agreement of both distances, and the scores of symbols 0 to 2
        (0, 0, 0, 0): [0.0, 0.0, 0.0],
        (1, 0, 4, 0): [1.8, 0.0, 0.0],  # 1 * 1 + agreements[4][0]
        (1, 3, 0, 5): [1.0, 0.0, 2.1],  # 0.5 * 2 + agreements[5][1]
        (2, 2, 1, 2): [0.0, 1.2 + 1.5, 0.0],  # both distances refer to one symbol
    }
    for references, expected in cases.items():
        logits = layer(torch.zeros(1, 3), hidden, torch.tensor([references]))
        torch.testing.assert_close(logits, torch.tensor([expected]))


def test_copy_scores_start_without_effect(period_of_four: Places) -> None:
    config = NetworkConfig(layers=1, hidden=8, embedding=8, lookback=4, distances=(1, 2))
    steps = np.random.default_rng(0).integers(0, 5, 30)
    batch = example_batch(Example(steps), NO_LABELS, NO_FEATURES, 0, AlignedHistory(period_of_four, (1, 2)))
    outputs = []
    for copies in (False, True):
        network = Network(Categorical(5), dataclasses.replace(config, copy_logits=copies), seed=3)
        with torch.no_grad():
            outputs.append(network(batch, network.zero_state(1))[0])
    assert torch.equal(*outputs)


@pytest.mark.parametrize("values", [{}, {"lookback": 4, "distances": (1,), "cutoffs": (2,)}])
def test_copy_scores_need_references_and_a_full_softmax(values: dict[str, Any]) -> None:
    with pytest.raises(OptionsError) as caught:
        NetworkConfig(copy_logits=True, **values)
    assert (caught.value.field, caught.value.value) == ("copy_logits", True)


def test_real_valued_steps_are_refused() -> None:
    with pytest.raises(OptionsError) as caught:
        Network(Mixture(2, 1), NetworkConfig(lookback=4, distances=(1,)))
    assert (caught.value.field, caught.value.value) == ("lookback", 4)


def test_config_of_an_older_model_reads_as_a_network_that_does_not_look_back() -> None:
    config = NetworkConfig(layers=1, hidden=16)
    stored = config.to_json()
    del stored["lookback"], stored["distances"], stored["copy_logits"]
    assert NetworkConfig.from_json(stored) == config
    looking = NetworkConfig(lookback=8, distances=(1, 2, 4))
    assert NetworkConfig.from_json(looking.to_json()) == looking
    assert looking.lookback_width == 24


@pytest.mark.parametrize("values", [(8, []), (0, [1]), (8, [-6]), (8, [1.5]), (8, [True]), (8, 3), (-1, [1])])
def test_damaged_distances_are_refused(values: tuple[int, object]) -> None:
    lookback, distances = values
    with pytest.raises(DamagedFileError):
        NetworkConfig.from_json({**NetworkConfig().to_json(), "lookback": lookback, "distances": distances})
