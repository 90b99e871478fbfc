"""The child process of the conformance kit: it reads names of checks and answers in JSON lines. For internal use."""

import json
import os
import sys
from typing import Any, TextIO


def main(spec: dict[str, Any], command: str) -> None:
    """Run checks until the input ends ("checks"), or send the digests of a plugin's codec and steps ("digests")."""
    sys.path[:] = spec["path"]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a plugin prints must not mix with the answers
    from seqforge.errors import SeqforgeError
    from seqforge.testing._checks import CHECKS
    from seqforge.testing._compare import codec_digests
    from seqforge.testing._results import run_check
    from seqforge.testing._subject import Subject

    try:
        subject = Subject(
            spec["plugin"],
            samples=spec["samples"],
            options=spec["options"],
            requests=spec.get("requests", ()),
            on_call=(lambda text: send(answers, call=text)) if command == "checks" else (lambda _: None),
        )
    except SeqforgeError as error:
        send(answers, error=str(error), kind=type(error).__name__)
        return
    if command == "digests":
        send(answers, **codec_digests(subject))
        return
    subject.mark_failed(spec.get("failed", ()))
    send(answers, samples=subject.description())
    for line in sys.stdin:
        result = run_check(CHECKS[line.strip()], subject)
        send(answers, outcome=result.outcome, message=result.message)


def send(answers: TextIO, **message: Any) -> None:
    """Write one line of JSON."""
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2])
