import json
from pathlib import Path
from typing import Any

import pytest

from seqforge import CorpusError, OptionsError, Plugin, RunError, UsageError
from seqforge.api.run_config import RunConfig, check_unchanged, new_run, run_config_from_json
from seqforge.plugin import registry

pytestmark = pytest.mark.usefixtures("corpora")


@pytest.fixture
def numbers() -> Plugin:
    return registry.load("numbers")


def config_of(plugin: Plugin, **values: Any) -> RunConfig:
    return new_run(plugin, corpus="a.num", init=None, values=values).config


def test_paths_are_absolute_and_names_are_kept(numbers: Plugin) -> None:
    run = new_run(numbers, corpus=["a.num", str(Path("a.num").absolute())], init=None, values={})
    assert run.config.corpus == (str(Path("a.num").absolute()),) * 2
    assert run.base is None and run.config.init is None and len(run.sources.files) == 2
    text = registry.load("text")
    assert new_run(text, corpus="names", init=None, values={}).config.corpus == ("names",)


def test_values_are_separated_and_resolved(numbers: Plugin) -> None:
    config = config_of(numbers, hidden=32, order="up", minutes=2)
    assert (config.training.hidden, config.training.minutes, config.training.steps) == (32, 2.0, None)
    assert config.training == config.training.resolved()
    assert (config.options.order, config.options.largest) == ("up", 9999)


def test_training_defaults_of_the_plugin(numbers: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(numbers), "training_defaults", {"minutes": 3.0, "hidden": 48})
    assert (config_of(numbers).training.minutes, config_of(numbers).training.hidden) == (3.0, 48)
    config = config_of(numbers, steps=7, hidden=16)
    assert (config.training.minutes, config.training.steps, config.training.hidden) == (None, 7, 16)


def test_default_corpora_are_used_if_none_is_named() -> None:
    assert new_run(registry.load("text"), corpus=None, init=None, values={}).config.corpus == ("tinyshakespeare",)


@pytest.mark.parametrize(
    ("corpus", "error"), [(None, UsageError), ("gone", UsageError), ("names", CorpusError), ("runs", CorpusError)]
)
def test_corpus_that_cannot_be_used_is_an_error(numbers: Plugin, corpus: str | None, error: type[Exception]) -> None:
    Path("runs").mkdir()
    with pytest.raises(error):
        new_run(numbers, corpus=corpus, init=None, values={})


def test_config_round_trips_through_json(numbers: Plugin) -> None:
    config = config_of(numbers, steps=5, order="up")
    assert run_config_from_json(numbers, json.loads(json.dumps(config.to_json()))) == config


def test_config_of_another_plugin_is_an_error(numbers: Plugin) -> None:
    with pytest.raises(RunError, match="of the plugin 'numbers', not 'text'"):
        run_config_from_json(registry.load("text"), config_of(numbers).to_json())


@pytest.mark.parametrize("part", ["plugin", "corpus", "init", "training", "options"])
def test_config_with_missing_part_is_an_error(numbers: Plugin, part: str) -> None:
    values = config_of(numbers).to_json()
    del values[part]
    with pytest.raises(RunError, match="start a new run"):
        run_config_from_json(numbers, values)


@pytest.mark.parametrize("part", ["corpus", "training", "options"])
@pytest.mark.parametrize("value", [None, 3, ["x"], [[1]]], ids=str)
def test_config_with_part_of_wrong_type_is_an_error(numbers: Plugin, part: str, value: Any) -> None:
    if part == "corpus" and isinstance(value, list):
        return
    with pytest.raises(RunError, match="start a new run"):
        run_config_from_json(numbers, {**config_of(numbers).to_json(), part: value})


def test_config_with_unknown_option_is_an_error(numbers: Plugin) -> None:
    values = config_of(numbers).to_json()
    values["training"]["flavour"] = "sweet"
    with pytest.raises(RunError, match="flavour"):
        run_config_from_json(numbers, values)


def test_equal_options_are_unchanged(numbers: Plugin) -> None:
    config = config_of(numbers, steps=5, hidden=16)
    check_unchanged(config, init=None, values={"hidden": 16, "order": "kept", "precision": "auto"})
    check_unchanged(config, init=None, values={})


def test_all_changes_are_listed(numbers: Plugin) -> None:
    Path("m.safetensors").touch()
    config = config_of(numbers, steps=5, hidden=16)
    with pytest.raises(RunError) as caught:
        check_unchanged(config, init="m.safetensors", values={"hidden": 32, "order": "up"})
    for name in (
        "`hidden` is 32 and was 16",
        "`order` is up and was kept",
        "`init` is m.safetensors and was not set",
    ):
        assert name in str(caught.value)


def test_unknown_option_is_an_options_error(numbers: Plugin) -> None:
    with pytest.raises(OptionsError) as caught:
        check_unchanged(config_of(numbers), init=None, values={"flavour": "sweet"})
    assert caught.value.field == "flavour"
