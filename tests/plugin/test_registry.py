import sys
from pathlib import Path

import pytest

from seqforge.errors import PluginError
from seqforge.plugin import registry

sys.path.insert(0, str(Path(__file__).parent / "fakes"))
from fakekit import PLUGIN, SITE, Said, in_child, install

OPTIONS = "from dataclasses import dataclass\n"


def with_fields(kind: str, *fields: str, frozen: bool = True) -> str:
    """Return the code of a plugin whose Options or Request have these fields."""
    head = f"    @dataclass(frozen={frozen})\n    class {kind}:\n"
    return OPTIONS + PLUGIN + head + "".join(f"        {field} = 3\n" for field in fields)


def changed(old: str, new: str) -> str:
    """Return the code of a plugin with a line replaced."""
    assert old in PLUGIN
    return PLUGIN.replace(old, new)


BROKEN = {
    "import": (
        "import no_such_library\n" + PLUGIN,
        "does not import: ModuleNotFoundError: No module named 'no_such_library'",
    ),
    "syntax": ("def (", "does not import: SyntaxError"),
    "exit": ("raise SystemExit(3)\n" + PLUGIN, "does not import: SystemExit: 3"),
    "no such class": (changed("class Good", "class Other"), "does not import: AttributeError"),
    "no plugin": ("class Good: pass\n", "which is no subclass of seqforge.Plugin"),
    "an instance": (PLUGIN + "\nGood = Good()\n", "which is no subclass of seqforge.Plugin"),
    "api": (
        changed('name = "good"', 'name = "good"; api = 7'),
        "is built for api 7, and this seqforge has api 1",
    ),
    "method": (changed("def fit(", "def fitt("), "lacks fit, which every plugin must have"),
    "writes": (changed('writes = (".good",)', ""), "lacks writes, which every plugin must have"),
    "codec": (changed("codec = Codec", "codec = dict"), "a `codec` that is no subclass of seqforge.Codec"),
    "name": (changed('name = "good"', 'name = "bad"'), "calls itself 'bad'; its `name` must equal"),
    "reserved": (
        with_fields("Options", "hidden: int", "tempo: int", "seed: int"),
        "has Options with hidden, seed, which the core uses for flags of its own; rename them",
    ),
    "request": (with_fields("Request", "length: int"), "has Request with length, which the core uses"),
    "not frozen": (
        with_fields("Options", "tempo: int", frozen=False),
        "has Options that is no frozen dataclass",
    ),
    "no dataclass": (PLUGIN + "    class Request:\n        tempo = 3\n", "has Request that is no frozen dataclass"),
    "init": (
        PLUGIN + "    def __init__(self): raise RuntimeError('no')\n",
        "cannot be constructed: RuntimeError: no",
    ),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path, as site-packages is; the modules imported from it are forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(folder) in str(sys.modules[name].__file__):
            del sys.modules[name]


def refused(name: str = "good") -> str:
    with pytest.raises(PluginError) as caught:
        registry.load(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_plugin_is_found_in_metadata_without_being_imported(site: Path) -> None:
    install(site, "raise RuntimeError('imported')")
    entry = next(entry for entry in registry.installed() if entry.name == "good")
    assert (entry.target, entry.distribution, entry.clash) == ("fake_good:Good", "fake-good 2.5", ())
    assert "fake_good" not in sys.modules


def test_only_the_chosen_plugin_is_imported(site: Path) -> None:
    install(site)
    install(site, "raise RuntimeError('imported')", name="bad")
    assert registry.load("good").name == "good"
    assert "fake_good" in sys.modules and "fake_bad" not in sys.modules


def test_entries_are_sorted_by_name(site: Path) -> None:
    for name in ("zebra", "ant"):
        install(site, name=name)
    names = [entry.name for entry in registry.installed()]
    assert names == sorted(names) and {"ant", "zebra", "text"} <= set(names)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_one_sentence_that_names_its_distribution(site: Path, fault: str) -> None:
    code, reason = BROKEN[fault]
    install(site, code)
    told = refused()
    assert "'good' of fake-good 2.5" in told
    assert reason in told


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_harms_no_other(site: Path, fault: str) -> None:
    install(site, BROKEN[fault][0])
    install(site, PLUGIN.replace('"good"', '"fine"'), name="fine")
    refused()
    assert registry.load("fine").name == "fine"
    assert registry.load("text").name == "text"
    assert {"good", "fine", "text"} <= {entry.name for entry in registry.installed()}


def test_an_entry_point_without_a_class_is_one_sentence(site: Path) -> None:
    install(site, target="fake_good")
    assert "'good' of fake-good 2.5" in refused()


def test_a_nested_attribute_is_followed(site: Path) -> None:
    install(site, PLUGIN + "\nclass Box:\n    Inner = Good\n", target="fake_good:Box.Inner")
    assert registry.load("good").name == "good"


def test_two_distributions_of_one_name_are_both_named_and_neither_is_loaded(site: Path) -> None:
    install(site, distribution="first-good")
    install(site, distribution="second-good")
    told = refused()
    assert "announced by first-good 2.5, second-good 2.5; uninstall all but one" in told
    assert "first_good" not in sys.modules and "second_good" not in sys.modules
    clashes = {entry.distribution: entry.clash for entry in registry.installed() if entry.name == "good"}
    assert clashes == {"first-good 2.5": ("second-good 2.5",), "second-good 2.5": ("first-good 2.5",)}


def test_a_distribution_seen_twice_on_the_path_is_no_clash(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site), f"{site}/."])
    assert registry.load("good").name == "good"


def test_an_unknown_name_lists_what_is_installed_and_guesses(site: Path) -> None:
    install(site)
    told = refused("goood")
    assert "there is no plugin 'goood'; installed are" in told
    assert "good" in told and "text" in told and "Did you mean 'good'?" in told


def test_without_any_plugin_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: ())
    assert registry.installed() == []
    assert "none is installed (try pip install seqforge-text)" in refused("text")


def test_describe_tells_everything_and_imports_nothing(site: Path) -> None:
    install(
        site,
        OPTIONS + PLUGIN + "    @dataclass(frozen=True)\n    class Options:\n        tempo: float = 3.5\n",
    )
    told = registry.describe("good")
    assert told["distribution"] == "fake-good 2.5" and told["writes"] == [".good"] and told["reads"] == []
    assert told["options"] == [{"name": "tempo", "type": "float", "default": 3.5, "help": "", "unit": ""}]
    assert told["models"] == [] and told["api"] == 1
    assert "fake_good" not in sys.modules


def test_describe_of_the_fake_plugin_tells_help_and_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SITE)
    told = registry.describe("numbers")
    assert told["request"][0]["help"] == "the number to begin with" and told["request"][0]["unit"] == "NUMBER"
    assert told["books"] == [".num"] and told["unit"] == "number"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (BROKEN["import"][0], "no_such_library"),
        ("import os\nos._exit(5)", "breaks the process that imports it: exit code 5"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "breaks the process that imports it"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_a_plugin_that_kills_the_process_is_described_as_broken(site: Path, code: str, reason: str) -> None:
    install(site, code)
    with pytest.raises(PluginError, match=r"'good'") as caught:
        registry.describe("good")
    assert reason in str(caught.value)


def test_what_a_plugin_prints_at_import_does_not_disturb_its_description(site: Path) -> None:
    install(site, "print('hello {')\n" + PLUGIN)
    assert registry.describe("good")["name"] == "good"


def test_shipped_models_are_those_of_the_package_with_the_default_first(site: Path) -> None:
    install(site, target="pack:Good")
    package = site / "pack"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text(PLUGIN)
    for name in ("a", "default", "b"):
        (package / "models" / f"{name}.safetensors").touch()
    (package / "models" / "notes.txt").touch()
    found = registry.shipped(registry.load("good"))
    assert [path.stem for path in found] == ["default", "a", "b"]


def listed(site: Path) -> Said:
    return in_child("plugins", PYTHONPATH=str(site), COLUMNS="200")


def test_plugins_lists_broken_and_clashing_plugins_with_the_others(site: Path) -> None:
    install(site, "import os\nos._exit(5)", name="killer")
    install(site, distribution="first-good")
    install(site, distribution="second-good")
    said = listed(site)
    assert said.code == 0
    assert {"killer", "good", "text"} <= {line.split()[0] for line in said.out.splitlines() if line}
    assert "note: 'good' is also announced by" in said.err and "uninstall" in said.err


def test_plugins_show_of_a_broken_one_is_one_sentence_and_code_1(site: Path) -> None:
    install(site, BROKEN["exit"][0])
    said = in_child("plugins", "show", "good", PYTHONPATH=str(site))
    assert said.code == 1 and said.out == ""
    assert "the plugin 'good' of fake-good 2.5 does not import: SystemExit: 3" in said.sentence()


def test_train_with_a_broken_plugin_is_one_sentence_and_code_1(site: Path) -> None:
    install(site, BROKEN["reserved"][0])
    said = in_child("train", "--plugin", "good", PYTHONPATH=str(site))
    assert said.code == 1
    assert "which the core uses for flags of its own" in said.sentence()


def test_a_field_that_makes_no_flag_is_one_sentence_that_names_the_distribution(site: Path) -> None:
    code = OPTIONS + PLUGIN + "    @dataclass(frozen=True)\n    class Options:\n        scale: dict = None\n"
    install(site, code)
    said = in_child("train", "--plugin", "good", "--help", PYTHONPATH=str(site))
    assert said.code == 1
    assert "scale has type" in said.sentence() and "fake-good 2.5" in said.sentence()
