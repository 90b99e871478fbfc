"""The page of checks names every check with its rule, and every fault that the tests put into plugins."""

import sys
from pathlib import Path

from seqforge.testing import CHECKS
from tools.check_page import faults_and_checks, page

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "testing"))


def test_page_of_checks_is_up_to_date() -> None:
    text = (ROOT / "docs" / "plugins" / "checks.md").read_text(encoding="utf-8")
    assert text == page(), "run: python -m tools.check_page > docs/plugins/checks.md"


def test_every_check_detects_a_fault() -> None:
    faults = faults_and_checks()
    assert {check for _, checks in faults for check in checks} == set(CHECKS)
    assert len({fault for fault, _ in faults}) == len(faults) > 100
