"""The log-probability of an example by the engine, beside the exact evaluation by torch."""

import pytest

import seqforge
from seqforge.core.sequences import Example
from seqforge.evaluation import score_examples


@pytest.mark.parametrize("name", ["text", "chorales", "handwriting"])
def test_the_engine_agrees_with_torch(name: str) -> None:
    model = seqforge.load(name)
    example = _example(model)
    labels = model.label_numbers(example.labels)
    ((nats, _),) = score_examples(model.network, [example], [labels], rows=1)
    assert -model.log_probability(example, labels) == pytest.approx(nats, rel=1e-5)


def _example(model: seqforge.Model) -> Example:
    """Return a generated piece as the network read it."""
    from seqforge.api.generation import Generation, GenerationRequest

    request = {"text": "Hello there"} if model.plugin.name == "handwriting" else {}
    (generated,) = Generation(model, GenerationRequest(request=request, max_steps=300)).run()
    return generated.examples[0]
