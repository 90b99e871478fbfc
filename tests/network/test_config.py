import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.errors import DamagedFileError, OptionsError
from seqforge.network import NetworkConfig

VALUES = st.fixed_dictionaries(
    {
        "cell": st.sampled_from(["lstm", "gru", "rnn"]),
        "layers": st.integers(1, 64),
        "hidden": st.integers(1, 65_536),
        "embedding": st.integers(1, 65_536),
        "tie_embeddings": st.booleans(),
        "labels": st.lists(st.integers(0, 1_000_000), max_size=64).map(tuple),
        "features": st.integers(0, 65_536),
    }
)


@given(VALUES)
def test_json_round_trip(values: dict[str, Any]) -> None:
    config = NetworkConfig(**values)
    assert NetworkConfig.from_json(config.to_json()) == config
    assert NetworkConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


RANGES: list[dict[str, Any]] = [
    {"layers": 0}, {"layers": 65}, {"hidden": 0}, {"hidden": 65_537}, {"hidden": True}, {"embedding": -1},
    {"features": -1}, {"labels": (-1,)}, {"labels": (1,) * 65}, {"labels": (1_000_001,)}, {"labels": (True,)},
]  # fmt: skip


@pytest.mark.parametrize("values", RANGES, ids=repr)
def test_value_out_of_range_is_named(values: dict[str, Any]) -> None:
    with pytest.raises(OptionsError) as caught:
        NetworkConfig(**values)
    assert caught.value.field == next(iter(values))


@pytest.mark.parametrize("values", [*RANGES, {"cell": "lstm2"}, {"hidden": 8.0}, {"tie_embeddings": 1}], ids=repr)
def test_json_with_value_out_of_range_is_rejected(values: dict[str, Any]) -> None:
    with pytest.raises(DamagedFileError):
        NetworkConfig.from_json({**NetworkConfig().to_json(), **values})


@pytest.mark.parametrize("data", [None, 3, "lstm", [], {}, {"labels": None}, {"labels": [], "more": 1}], ids=repr)
def test_other_json_is_rejected(data: Any) -> None:
    with pytest.raises(DamagedFileError):
        NetworkConfig.from_json(data)
