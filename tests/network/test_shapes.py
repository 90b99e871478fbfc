"""The names and shapes of the parameters, which are known without torch."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.spaces import Categorical, Mixture, Space
from seqforge.network import Network, NetworkConfig
from seqforge.network.shapes import mixture_sizes, parameter_shapes

SIZES = st.tuples(st.integers(2, 9)) | st.tuples(st.integers(1, 2), st.integers(0, 3), st.integers(1, 5))
"""The size of a categorical space, or the sizes of a mixture. The test makes the space: the check of the arguments of
`Mixture` uses random numbers, which a strategy must not."""
SHAPES = st.fixed_dictionaries(
    {
        "cell": st.sampled_from(["lstm", "gru", "rnn"]),
        "layers": st.integers(1, 4),
        "hidden": st.integers(1, 9),
        "embedding": st.integers(1, 9),
        "tie_embeddings": st.booleans(),
        "residual": st.booleans(),
        "labels": st.lists(st.integers(0, 30), max_size=3).map(tuple),
        "features": st.integers(0, 3),
        "features_at": st.sampled_from(["state", "steps", "both"]),
        "source_symbols": st.integers(0, 5),
        "gaussians": st.integers(1, 4),
        "encoder_units": st.integers(0, 4),
    }
)
ATTENTIONS = st.sampled_from(
    [{}, {"attention": "content", "encoder_units": 3}, {"attention": "none", "encoder_units": 0}]
)
LOOKBACKS = st.none() | st.tuples(st.integers(1, 4), st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple))


@given(sizes=SIZES, shape=SHAPES, attention=ATTENTIONS, lookback=LOOKBACKS, copy_logits=st.booleans())
def test_shapes_equal_those_of_the_network(
    sizes: tuple[int, ...],
    shape: dict[str, Any],
    attention: dict[str, Any],
    lookback: tuple[int, tuple[int, ...]] | None,
    copy_logits: bool,
) -> None:
    shape = {**shape, **attention}
    space: Space = Categorical(*sizes) if len(sizes) == 1 else Mixture(*sizes)
    if lookback is not None and isinstance(space, Categorical):
        shape = {**shape, "lookback": lookback[0], "distances": lookback[1], "copy_logits": copy_logits}
    config = NetworkConfig(**shape)
    network = Network(space, config)
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert parameter_shapes(space, config) == expected
    assert {name: array.shape for name, array in network.arrays().items()} == expected


@given(reals=st.integers(1, 2), bits=st.integers(0, 4), components=st.integers(1, 7))
def test_sizes_of_a_mixture_are_its_outputs(reals: int, bits: int, components: int) -> None:
    sizes = mixture_sizes(Mixture(reals, bits, components))
    assert sizes[1:4] == [bits, components, components * reals]
    assert sum(sizes) == 1 + bits + components * (1 + 2 * reals + (reals == 2))
