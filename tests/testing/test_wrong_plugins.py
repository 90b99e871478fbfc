"""Invalid plugins: each is detected by the check of the rule that it breaks, and a valid one by no check."""

import re
import sys
from pathlib import Path

import pytest

from seqforge.testing import CHECKS, check_plugin

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from fakekit import install  # noqa: E402
from pairs import PAIRS, mutate, write_samples  # noqa: E402
from sentences import assert_recorded  # noqa: E402

SLOW = {"import_is_light", "encoding_is_deterministic", "model_trains"}
"""Checks that start processes or train; each runs on its own invalid plugins and on the valid one only."""
CHANGES = (Path(__file__).parent / "wrong_plugins.diff").read_text(encoding="utf-8")


def parse_changes() -> dict[str, tuple[list[tuple[str, str]], set[str]]]:
    """Return the title of each invalid plugin with its replacements and the names of the checks that detect it."""
    plugins: dict[str, tuple[list[tuple[str, str]], set[str]]] = {}
    for title, body in re.findall(r"^# (.+)\n((?:[-+].*\n)+)", CHANGES, re.MULTILINE):
        name, _, checks = title.rpartition(": ")
        replacements = []
        for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", body, re.MULTILINE):
            replacements.append((_without_marks(old), _without_marks(new)))
        plugins[name] = replacements, set(checks.split(", "))
    return plugins


def _without_marks(lines: str) -> str:
    return "\n".join(line[1:] for line in lines.splitlines())


WRONG = parse_changes()


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    return write_samples(tmp_path / "samples")


@pytest.fixture
def bulky(site: Path) -> None:
    """An installed library of many modules."""
    (site / "bulky").mkdir()
    for number in range(120):
        (site / "bulky" / f"part{number}.py").touch()
    lines = "".join(f"import bulky.part{number}\n" for number in range(120))
    (site / "bulky" / "__init__.py").write_text(lines)


def test_valid_plugin_passes_every_check(site: Path, samples: Path) -> None:
    install(site, PAIRS)
    report = check_plugin("good", samples=samples, isolated=False)
    assert report.ok, report.failed
    assert [result.outcome for result in report.results] == ["passed"] * len(CHECKS)


def test_every_check_alone_detects_some_invalid_plugin() -> None:
    assert len(WRONG) == CHANGES.count("\n# ")
    assert set(CHECKS) == {name for _, checks in WRONG.values() for name in checks}
    alone = {name for _, checks in WRONG.values() if len(checks) == 1 for name in checks}
    assert set(CHECKS) - alone == {"random_steps_decode"}  # a walk under the constraint detects the same faults


@pytest.mark.usefixtures("bulky")
@pytest.mark.parametrize("fault", WRONG)
def test_invalid_plugin_is_detected_by_the_check_of_its_rule(site: Path, samples: Path, fault: str) -> None:
    replacements, checks = WRONG[fault]
    install(site, mutate(*replacements))
    only = [name for name in CHECKS if name not in SLOW or name in checks]
    report = check_plugin("good", samples=samples, only=only, isolated=False)
    failed = {result.check: result.message for result in report.failed}
    assert set(failed) == checks, failed
    for message in failed.values():
        assert "the plugin 'good'" in message and "fake-good" in message
        assert "Traceback" not in message and "seqforge plugins check" not in message
    assert_recorded(fault, failed)
