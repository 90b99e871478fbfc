"""Write the page "What the check checks": the rules of the kit, and the faults of its tests.

    python -m tools.check_page > docs/plugins/checks.md

The faults are those of tests/testing/wrong_plugins.diff and tests/testing/test_wrong_vectors.py: each is one change to
a valid plugin, for which a test names the checks that fail.
"""

import ast
import inspect
import re
from pathlib import Path

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
FAULTS = """
## Faults that the check finds

Each fault is one change to a valid plugin that the tests of seqforge make. The second column names the checks
that fail.

| fault | check |
| --- | --- |
"""


def page() -> str:
    """Return the page in Markdown."""
    lines = ["| check | rule |", "| --- | --- |"]
    lines += [f"| `{name}` | {_rule(name)} |" for name in CHECKS]
    faults = [f"| {fault} | {', '.join(f'`{check}`' for check in checks)} |" for fault, checks in faults_and_checks()]
    return INTRODUCTION + "\n".join(lines) + "\n" + FAULTS + "\n".join(faults) + "\n"


def faults_and_checks() -> list[tuple[str, list[str]]]:
    """Return each fault with the checks that detect it."""
    titles = re.findall(r"^# (.+): ([a-z_, ]+)$", (TESTS / "wrong_plugins.diff").read_text(encoding="utf-8"), re.M)
    faults = [(title, checks.split(", ")) for title, checks in titles]
    tree = ast.parse((TESTS / "test_wrong_vectors.py").read_text(encoding="utf-8"))
    values = {
        statement.targets[0].id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    laws, vectors = ast.literal_eval(values["LAWS"]), values["FAULTS"]
    assert isinstance(vectors, ast.Dict)
    for key, value in zip(vectors.keys, vectors.values, strict=True):
        assert isinstance(value, ast.Tuple) and key is not None
        check = value.elts[-1]
        name = laws if isinstance(check, ast.Name) else ast.literal_eval(check)
        faults.append((f"vectors: {ast.literal_eval(key)}", [name]))
    return faults


def _rule(name: str) -> str:
    """Return the rule of a check with the sentences that explain it, in one line."""
    text = inspect.getdoc(CHECKS[name].function) or ""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the result
