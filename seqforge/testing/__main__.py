"""The process that `_worker` starts: it reads names of checks, and answers with JSON lines. For this package alone."""

import json
import os
import sys
from typing import Any, TextIO


def main(spec: dict[str, Any], what: str) -> None:
    """Do what is asked for: "checks" until the input ends, or tell the "fingerprint" of a plugin once."""
    sys.path[:] = spec["path"]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a plugin prints is no answer
    from seqforge.errors import SeqforgeError
    from seqforge.testing._checks import CHECKS
    from seqforge.testing._codec import fingerprint
    from seqforge.testing._results import run_check
    from seqforge.testing._subject import Subject

    try:
        subject = Subject(
            spec["plugin"],
            samples=spec["samples"],
            options=spec["options"],
            requests=spec.get("requests", ()),
            note=(lambda text: tell(answers, note=text)) if what == "checks" else (lambda _: None),
        )
    except SeqforgeError as error:
        tell(answers, error=str(error), kind=type(error).__name__)
        return
    if what == "fingerprint":
        tell(answers, **fingerprint(subject))
        return
    subject.lost(spec.get("failed", ()))
    tell(answers, samples=subject.described())
    for line in sys.stdin:
        result = run_check(CHECKS[line.strip()], subject)
        tell(answers, outcome=result.outcome, message=result.message)


def tell(answers: TextIO, **told: Any) -> None:
    """Write one line."""
    answers.write(json.dumps(told) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2])
