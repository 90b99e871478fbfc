"""Runs that start from the weights of a model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from api_kit import folder_of, tensors_of, train

import seqforge
from seqforge import OptionsError, UsageError

pytestmark = pytest.mark.usefixtures("corpora")


def test_init_starts_from_weights_and_codec_of_the_model() -> None:
    base = train(steps=20)
    tuned = seqforge.train("text", corpus="b.txt", init=str(base.path), steps=1, learning_rate=1e-9,
                           precision="float32", threads=1)  # fmt: skip
    assert tuned.codec.state() == base.codec.state()
    assert tuned.network.config == base.network.config
    for name, weight in base.network.state_dict().items():
        assert np.allclose(weight, tuned.network.state_dict()[name], atol=1e-6)
    assert tuned.header.provenance["init"] == "model.safetensors"


@pytest.mark.parametrize(
    ("name", "value", "allowed"), [("hidden", 32, "16"), ("cell", "gru", "lstm"), ("level", "word", "char")]
)
def test_init_with_another_shape_or_option_is_an_error(name: str, value: Any, allowed: str) -> None:
    base = train(steps=2)
    with pytest.raises(OptionsError) as caught:
        seqforge.train("text", corpus="b.txt", init=str(base.path), steps=1, **{name: value})
    assert (caught.value.field, caught.value.value, caught.value.allowed) == (name, value, allowed)


def test_init_with_equal_shape_and_options() -> None:
    base = train(steps=2)
    seqforge.train("text", corpus="b.txt", init=str(base.path), steps=1, hidden=16, level="char", threads=1)


def test_init_with_a_model_of_another_plugin_is_an_error() -> None:
    other = train("numbers", "a.num", steps=2)
    with pytest.raises(OptionsError, match="'numbers', not 'text'") as caught:
        seqforge.train("text", corpus="b.txt", init=str(other.path), steps=1)
    assert (caught.value.field, caught.value.value) == ("init", str(other.path))


def test_init_keeps_the_vocabulary_of_the_model(tmp_path: Path) -> None:
    base = train(steps=2)
    (tmp_path / "c.txt").write_text("aaa bbb \N{SNOWMAN}\n" * 100)
    events: list[Any] = []
    seqforge.train("text", corpus="c.txt", init=str(base.path), steps=1, threads=1, on_event=events.append)
    assert events[0].report["dropped"] == {"\N{SNOWMAN}": 100}


def test_init_shipped_without_shipped_model_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.plugin.registry.shipped_models", lambda plugin: [])
    with pytest.raises(UsageError, match="no model ships with the plugin 'text'"):
        seqforge.train("text", corpus="a.txt", init="shipped", steps=1)


def test_resumed_run_with_init_equals_uninterrupted_run() -> None:
    base = train(steps=2)
    options = {"init": str(base.path), "steps": 10, "threads": 1, "precision": "float32"}
    complete = folder_of(seqforge.train("text", corpus="b.txt", **options))
    part = folder_of(seqforge.train("text", corpus="b.txt", stop_at=4, **options))
    seqforge.train("text", resume=part)
    assert tensors_of(complete / "state.safetensors") == tensors_of(part / "state.safetensors")


def test_resumed_run_takes_no_weights_from_the_model_that_it_started_from() -> None:
    base = train(steps=2)
    options = {"init": str(base.path), "steps": 10, "threads": 1, "precision": "float32"}
    part = folder_of(seqforge.train("text", corpus="b.txt", stop_at=4, **options))
    assert base.path is not None
    larger = train(steps=2, hidden=24)
    assert larger.path is not None
    base.path.write_bytes(larger.path.read_bytes())
    seqforge.train("text", resume=part)


def test_init_with_size_is_an_error() -> None:
    base = train(steps=2)
    with pytest.raises(OptionsError) as caught:
        seqforge.train("text", corpus="b.txt", init=str(base.path), steps=1, size="small")
    assert caught.value.field == "size"


def test_init_with_the_name_of_a_plugin_is_its_newest_run() -> None:
    base = train(steps=2)
    tuned = seqforge.train("text", corpus="b.txt", init="text", steps=1, learning_rate=1e-9, threads=1)
    assert tuned.codec.state() == base.codec.state()


@pytest.mark.parametrize("field", ["init", "distil"])
def test_licences_of_the_model_are_recorded_too(field: str, tmp_path: Path) -> None:
    base = train(corpus=["names"], piece="line", steps=1)
    (tmp_path / "more.txt").write_text("Anna\nBella\nCarla\n" * 40)
    values = {"corpus": [str(tmp_path / "more.txt")], "piece": "line", "steps": 1, field: str(base.path)}
    assert [licence["name"] for licence in train(**values).header.provenance["licences"]] == ["names"]
    both = train(**{**values, "corpus": ["names"]}).header.provenance["licences"]
    assert [licence["licence"] for licence in both] == ["MIT"]
