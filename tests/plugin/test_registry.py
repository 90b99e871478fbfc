import sys
from pathlib import Path

import pytest
from broken_plugins import BROKEN
from fakekit import PLUGIN, SITE, install

from seqforge.errors import ContractError, PluginError
from seqforge.plugin import registry


def error_of_load(name: str = "good") -> PluginError | ContractError:
    with pytest.raises((PluginError, ContractError)) as caught:
        registry.load(name)
    assert "\n" not in str(caught.value)
    return caught.value


def test_only_the_chosen_plugin_is_imported(site: Path) -> None:
    install(site)
    install(site, "raise RuntimeError('imported')", name="bad")
    assert registry.load("good").name == "good"
    assert "fake_good" in sys.modules and "fake_bad" not in sys.modules


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_plugin_is_a_contract_error_that_names_its_distribution(site: Path, fault: str) -> None:
    code, reason = BROKEN[fault]
    install(site, code)
    error = error_of_load()
    assert isinstance(error, ContractError)
    assert "'good' of fake-good 2.5" in str(error)
    assert reason in str(error)


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_plugin_does_not_affect_others(site: Path, fault: str) -> None:
    install(site, BROKEN[fault][0])
    install(site, PLUGIN.replace('"good"', '"fine"'), name="fine")
    error_of_load()
    assert registry.load("fine").name == "fine"
    assert registry.load("text").name == "text"
    assert {"good", "fine", "text"} <= {entry.name for entry in registry.installed()}


def test_entry_point_without_class_is_an_error(site: Path) -> None:
    install(site, target="fake_good")
    assert "'good' of fake-good 2.5" in str(error_of_load())


def test_nested_attribute_of_entry_point(site: Path) -> None:
    install(site, PLUGIN + "\nclass Box:\n    Inner = Good\n", target="fake_good:Box.Inner")
    assert registry.load("good").name == "good"


def test_plugin_announced_by_two_distributions_is_not_loaded(site: Path) -> None:
    install(site, distribution="first-good")
    install(site, distribution="second-good")
    error = error_of_load()
    assert isinstance(error, PluginError)
    assert "first-good 2.5, second-good 2.5" in str(error)
    assert "first_good" not in sys.modules and "second_good" not in sys.modules


def test_unknown_name_lists_installed_plugins_and_suggests_one(site: Path) -> None:
    install(site)
    error = error_of_load("goood")
    assert isinstance(error, PluginError)
    assert (error.field, error.value) == ("plugin", "goood")
    assert "good" in error.allowed and "text" in error.allowed and "Did you mean 'good'?" in str(error)


def test_error_without_installed_plugins_names_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.plugin.entry_points._points", lambda search_path: ())
    assert "pip install seqforge-text" in str(error_of_load("text"))


def test_describe_imports_nothing_in_this_process(site: Path) -> None:
    fields = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Fields:\n    tempo: float = 3.5\n"
    install(site, fields + PLUGIN + "    Options = Fields\n")
    description = registry.describe("good")
    assert description["distribution"] == "fake-good 2.5" and description["api"] == 2
    assert description["writes"] == [".good"] and description["reads"] == [] and description["models"] == []
    assert description["options"] == [{"name": "tempo", "type": "float", "default": 3.5, "help": "", "unit": ""}]
    assert "fake_good" not in sys.modules


def test_describe_returns_help_and_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SITE)
    description = registry.describe("numbers")
    assert description["request"][0]["help"] == "Number to start with."
    assert description["request"][0]["unit"] == "NUMBER"
    assert description["multi_piece"] == [".num"] and description["unit"] == "number"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (BROKEN["import"][0], "no_such_library"),
        ("import os\nos._exit(5)", "ends the process that imports it: exit code 5"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ends the process that imports it"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_describe_of_plugin_that_ends_the_process_is_an_error(site: Path, code: str, reason: str) -> None:
    install(site, code)
    with pytest.raises(ContractError, match=r"'good'") as caught:
        registry.describe("good")
    assert reason in str(caught.value)


def test_describe_of_unknown_plugin_is_a_plugin_error() -> None:
    with pytest.raises(PluginError, match="Did you mean 'text'"):
        registry.describe("texxt")


def test_output_of_plugin_at_import_does_not_disturb_describe(site: Path) -> None:
    install(site, "print('hello {')\n" + PLUGIN)
    assert registry.describe("good")["name"] == "good"


def test_shipped_models_start_with_the_default(site: Path) -> None:
    install(site, target="pack:Good")
    package = site / "pack"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text(PLUGIN)
    for name in ("a", "default", "b"):
        (package / "models" / f"{name}.safetensors").touch()
    (package / "models" / "notes.txt").touch()
    models = registry.shipped_models(registry.load("good"))
    assert [path.stem for path in models] == ["default", "a", "b"]
