"""The reference of the contract is what the docstrings say today."""

import subprocess
import sys
from pathlib import Path

import seqforge
from seqforge.testing import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "plugins" / "contract.md"


def test_the_reference_is_up_to_date() -> None:
    words = [sys.executable, "-m", "tools.contract_reference"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, encoding="utf-8")
    told = f"run: python -m tools.contract_reference > {PAGE.relative_to(PAGE.parents[2])}"
    assert PAGE.read_text(encoding="utf-8") == done.stdout, told


def test_the_reference_names_everything_an_author_overrides_and_every_check() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind in (seqforge.Plugin, seqforge.Codec, seqforge.TokenCodec, seqforge.Constraint):
        for name in kind.__abstractmethods__:
            assert f"- `{name}(" in text, name
    assert all(f"| `{name}` |" in text for name in CHECKS)
    assert not [name for name in ("ForwardRef", "<class", "seqforge.plugin.") if name in text]
