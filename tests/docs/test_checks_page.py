"""The page of checks names every check with its rule, and every fault that the tests put into plugins."""

import sys
from pathlib import Path

from seqforge.publishing import RULES
from seqforge.testing import CHECKS
from tools.check_page import page, recorded_sentences

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plugins" / "checks.md"
sys.path[:0] = [str(ROOT / "tests" / "testing"), str(ROOT / "tests" / "publishing")]
from test_wrong_plugins import WRONG  # noqa: E402
from test_wrong_vectors import FAULTS as VECTORS  # noqa: E402
from wheels import FAULTS as WHEELS  # noqa: E402


def test_page_of_checks_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tools.check_page > docs/plugins/checks.md"


def test_page_names_the_sentence_of_each_fault_of_the_tests() -> None:
    sentences = recorded_sentences()
    faults = [*WRONG, *(f"vectors: {fault}" for fault in VECTORS), *(f"wheel: {fault}" for fault in WHEELS)]
    assert sorted(sentences) == sorted(faults)
    assert {check for by_check in sentences.values() for check in by_check} == {*CHECKS, *RULES}
    assert all(sentence for by_check in sentences.values() for sentence in by_check.values())
    plugins = [fault for fault in sentences if not fault.startswith("wheel: ")]
    assert len(plugins) > 100 and len(sentences) - len(plugins) > 40
    rows = PAGE.read_text(encoding="utf-8").count("\n| ")
    assert rows >= len(CHECKS) + len(RULES) + len(sentences)
    assert f"finds\nall {len(sentences)} faults" in PAGE.read_text(encoding="utf-8")
