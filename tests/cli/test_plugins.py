import json
import sys
from pathlib import Path

import pytest
from fakekit import CommandResult, Run, in_child, install

sys.path.insert(0, str(Path(__file__).parents[1] / "plugin"))
from broken_plugins import BROKEN

NAMES = {"abc", "handwriting", "midi", "numbers", "text"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder for packages, which `in_site` puts on the path of a child process."""
    return tmp_path / "site"


def in_site(site: Path, *arguments: str) -> CommandResult:
    return in_child(*arguments, PYTHONPATH=str(site), COLUMNS="200")


def test_list_has_names_and_distributions(run: Run) -> None:
    rows = {line.split()[0]: line for line in run("plugins").out.splitlines()}
    assert "seqforge-text" in rows["text"] and "fake-numbers 1.0" in rows["numbers"]
    entries = json.loads(run("plugins", "--json").out)
    assert entries == json.loads(run("plugins", "list", "--json").out)
    assert {entry["name"] for entry in entries} == NAMES


def test_list_has_broken_and_clashing_plugins(site: Path) -> None:
    install(site, "import os\nos._exit(5)", name="killer")
    install(site, distribution="first-good")
    install(site, distribution="second-good")
    result = in_site(site, "plugins")
    assert result.code == 0
    assert {"killer", "good", "text"} <= {line.split()[0] for line in result.out.splitlines() if line}
    assert "note: 'good' is also announced by" in result.err and "uninstall" in result.err


def test_show_has_flags_and_formats(run: Run) -> None:
    out = run("plugins", "show", "text").out
    for fragment in ("prose, verse", "character", ".txt", "--level", "--prompt-file", "default char"):
        assert fragment in out
    description = json.loads(run("plugins", "show", "numbers", "--json").out)
    assert description["reads"] == [".num"]
    assert [field["name"] for field in description["options"]] == ["order", "largest"]


def test_show_without_choices_draws_nothing(run: Run, tmp_path: Path) -> None:
    result = run("plugins", "show", "text", "-o", "a.txt")
    assert result.code == 2 and "no choices that can be drawn" in result.err
    assert not (tmp_path / "a.txt").exists()


def test_show_of_a_broken_plugin_is_an_error(site: Path) -> None:
    install(site, BROKEN["exit"][0])
    result = in_site(site, "plugins", "show", "good")
    assert result.code == 1 and result.out == ""
    assert "the plugin 'good' of fake-good 2.5 does not import: SystemExit: 3" in result.error_message()


@pytest.mark.parametrize("fault", ["reserved", "field"])
@pytest.mark.parametrize("flags", [[], ["--help"]])
def test_train_with_a_broken_plugin_is_an_error(site: Path, fault: str, flags: list[str]) -> None:
    install(site, BROKEN[fault][0])
    result = in_site(site, "train", "--plugin", "good", *flags)
    assert result.code == 1
    assert "fake-good 2.5" in result.error_message() and BROKEN[fault][1] in result.error_message()
