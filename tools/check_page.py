"""Write the page "What the check checks": the rules of the kit and of wheels, and the faults of their tests.

    python -m tools.check_page > docs/plugins/checks.md

The faults are those of tests/testing/wrong_plugins.diff, tests/testing/test_wrong_vectors.py and
tests/publishing/wheels.py. Their sentences are in tests/testing/sentences.json; `SEQFORGE_RECORD=1 pytest` on these
tests records what the checks say now.
"""

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path

from seqforge.publishing import RULES
from seqforge.testing import CHECKS

TESTS = Path(__file__).parents[1] / "tests" / "testing"
INTRODUCTION = """# What the check checks

`seqforge plugins check NAME` runs the checks of this page in a process and a temporary folder of their own. Each check
has one rule; a failure names the method, the sample with its file, and the line of your code.

```text
seqforge plugins check knit --samples samples           # every check
seqforge plugins check knit --only round_trip           # one check
seqforge plugins check knit --request 'cast_on=12'      # with this request, too
seqforge plugins check knit --option piece=line         # with this option of the plugin
seqforge plugins check knit --known 'round_trip=cables are not supported yet'
```

The check reads up to 12 files and 40 pieces. The codec is fitted on four of five pieces, so that the others may contain
what it does not know. Pieces are handed to `fit` once: a second loop over them is an error.

If the plugin has the capability `Checks`, its own rules are asked both ways. A sample without violations must be
allowed by the constraint, and must have none after `augment`, after `encode` and `decode`, and after `write` and
`read`; most random walks under the constraint must have none either. A rule of taste may be broken by some walks, which
are counted.

Constraints are timed: one that takes more than 5 ms per state is reported as slow. After 20 s no further walk
starts.

The check does not see whether the encoding suits the domain, whether a rule that nothing states is kept, or whether the
model is good: look at generated files, and use `seqforge evaluate`.

## The rules

"""
PUBLISHING = """
## Before a package is published

`seqforge plugins publish --check` builds the package of the current folder as `python -m build` does and checks the
wheel. It imports no code of the package. A fault is one sentence, and the exit code is 1. Without `--check` the built
files are then written to `dist/`. It needs `pip install 'seqforge-core[publish]'`.

```text
seqforge plugins publish --check                        # the package in this folder
seqforge plugins publish --check dist/NAME.whl --json   # a wheel, with JSON for programs
```

"""
FAULTS = """
## Faults that the check finds

A fault is one change to a valid plugin, or to the wheel of one. The tests of seqforge make each change and assert that
the check finds it, and that it says the sentence of the third column, without the name of the plugin. The check finds
all {number} faults that the tests know.

| fault | check or rule | sentence |
| --- | --- | --- |
"""


def page() -> str:
    """Return the page in Markdown."""
    checks = [f"| `{name}` | {_rule(check.function)} |" for name, check in CHECKS.items()]
    rules = [f"| `{name}` | {_rule(rule)} |" for name, rule in RULES.items()]
    sentences = recorded_sentences()
    order = sorted(sentences, key=lambda fault: [fault.startswith(kind) for kind in ("wheel: ", "vectors: ")])
    faults = [
        f"| {fault} | `{check}` | {_cell(sentence)} |"
        for fault in order
        for check, sentence in sentences[fault].items()
    ]
    parts = [INTRODUCTION, *_table(["check", "rule"], checks), PUBLISHING, *_table(["rule", "what it demands"], rules)]
    return "".join([*parts, FAULTS.format(number=len(sentences)), *(f"{line}\n" for line in faults)])


def recorded_sentences() -> dict[str, dict[str, str]]:
    """Return the sentence of each check that finds a fault, by fault. The tests compare them with what checks say."""
    sentences: dict[str, dict[str, str]] = json.loads((TESTS / "sentences.json").read_text(encoding="utf-8"))
    return sentences


def _table(columns: list[str], rows: list[str]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}", *rows]
    return [f"{line}\n" for line in lines]


def _cell(text: str) -> str:
    """Return a text as a cell of a table, in which nothing but code has a meaning in Markdown."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_<\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts).replace("|", "\\|")


def _rule(function: Callable[..., object]) -> str:
    """Return the rule of a check with the sentences that explain it, in one line."""
    return " ".join((inspect.getdoc(function) or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the result
