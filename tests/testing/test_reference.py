"""The reference of the contract is up to date and complete."""

import subprocess
import sys
from pathlib import Path

import seqforge
from seqforge.testing import CHECKS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plugins" / "contract.md"


def test_reference_is_up_to_date() -> None:
    command = [sys.executable, "-m", "tools.contract_reference"]
    process = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8", cwd=ROOT)
    hint = f"run: python -m tools.contract_reference > {PAGE.relative_to(ROOT)}"
    assert PAGE.read_text(encoding="utf-8") == process.stdout, hint


def test_reference_contains_each_abstract_method_and_check() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind in (seqforge.Plugin, seqforge.Codec, seqforge.TokenCodec, seqforge.Constraint):
        for name in kind.__abstractmethods__:
            assert f"- `{name}(" in text, name
    assert all(f"| `{name}` |" in text for name in CHECKS)
    assert not [fragment for fragment in ("ForwardRef", "<class", "seqforge.plugin.") if fragment in text]
