import sys
from pathlib import Path

import pytest
from fakekit import SITE, install

from seqforge.plugin import registry
from seqforge.plugin.entry_points import distribution_of, installed


def test_plugin_is_found_in_metadata_without_import(site: Path) -> None:
    install(site, "raise RuntimeError('imported')")
    entry = next(entry for entry in installed() if entry.name == "good")
    assert (entry.target, entry.distribution, entry.clash) == ("fake_good:Good", "fake-good 2.5", ())
    assert entry.package == "fake_good"
    assert "fake_good" not in sys.modules


def test_entries_are_sorted_by_name(site: Path) -> None:
    for name in ("zebra", "ant"):
        install(site, name=name)
    names = [entry.name for entry in installed()]
    assert names == sorted(names) and {"ant", "zebra", "text"} <= set(names)


def test_distributions_that_announce_one_name_clash(site: Path) -> None:
    install(site, distribution="first-good")
    install(site, distribution="second-good")
    clashes = {entry.distribution: entry.clash for entry in installed() if entry.name == "good"}
    assert clashes == {"first-good 2.5": ("second-good 2.5",), "second-good 2.5": ("first-good 2.5",)}


def test_distribution_that_is_twice_on_the_path_does_not_clash(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site), f"{site}/."])
    assert registry.load("good").name == "good"


def test_no_plugin_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.plugin.entry_points._points", lambda search_path: ())
    assert installed() == []


def test_distribution_of_a_package(site: Path) -> None:
    install(site)
    assert distribution_of("fake_good") == "fake-good"
    assert distribution_of("seqforge_text") == "seqforge-text"
    assert distribution_of("no_such_package") == "no_such_package"


def test_fake_plugin_is_installed_by_its_dist_info() -> None:
    assert (SITE / "fake_numbers-1.0.dist-info" / "entry_points.txt").is_file()
