"""Deliberately wrong plugins: each is caught by the check of its rule, and a right one by none."""

import re
import sys
from pathlib import Path

import pytest

from seqforge.testing import CHECKS, check_plugin

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]

SLOW = {"import_is_light", "same_in_another_process", "model_trains"}
"""They start processes or train; each is tried on its own wrong plugin and on the right one."""
CHANGES = (Path(__file__).parent / "wrong_plugins.diff").read_text(encoding="utf-8")


def wrong() -> dict[str, tuple[list[tuple[str, str]], set[str]]]:
    """Return what is wrong: to the changes that make it so, and the names of the checks that catch it."""
    found: dict[str, tuple[list[tuple[str, str]], set[str]]] = {}
    for title, body in re.findall(r"^# (.+)\n((?:[-+].*\n)+)", CHANGES, re.MULTILINE):
        name, _, checks = title.rpartition(": ")
        changes = [
            tuple("\n".join(line[1:] for line in part.splitlines()) for part in change)
            for change in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", body, re.MULTILINE)
        ]
        found[name] = changes, set(checks.split(", "))
    return found


WRONG = wrong()


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    from pairs import write_samples

    return write_samples(tmp_path / "samples")


@pytest.fixture
def bulky(site: Path) -> None:
    """A library of many modules that is installed."""
    (site / "bulky").mkdir()
    for number in range(120):
        (site / "bulky" / f"part{number}.py").touch()
    lines = "".join(f"import bulky.part{number}\n" for number in range(120))
    (site / "bulky" / "__init__.py").write_text(lines)


def test_a_right_plugin_passes_every_check(site: Path, samples: Path) -> None:
    from fakekit import install
    from pairs import PAIRS

    install(site, PAIRS)
    report = check_plugin("good", samples=samples, isolated=False)
    assert report.ok, report.failed
    assert [result.outcome for result in report.results] == ["passed"] * len(CHECKS)


def test_every_check_has_a_wrong_plugin_that_it_alone_catches() -> None:
    assert len(WRONG) == CHANGES.count("\n# ")
    assert set(CHECKS) == {name for _, caught in WRONG.values() for name in caught}
    alone = {name for _, caught in WRONG.values() if len(caught) == 1 for name in caught}
    assert set(CHECKS) - alone == {"random_steps_decode"}  # what it finds, a walk under the constraint finds too


@pytest.mark.usefixtures("bulky")
@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_plugin_is_caught_by_the_check_of_its_rule(site: Path, samples: Path, fault: str) -> None:
    from fakekit import install
    from pairs import changed

    changes, caught = WRONG[fault]
    install(site, changed(*changes))
    only = [name for name in CHECKS if name not in SLOW or name in caught]
    report = check_plugin("good", samples=samples, only=only, isolated=False)
    failed = {result.check: result.message for result in report.failed}
    assert set(failed) == caught, failed
    for check, message in failed.items():
        assert "fake-good 2.5" in message or check in SLOW
        assert "Traceback" not in message
