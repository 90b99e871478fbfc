"""A worker process of the preparation: answers tasks, one JSON line each, until its input ends."""

import json
import sys
from typing import Any

from seqforge.corpus.worker import chunks_from_json
from seqforge.errors import SeqforgeError


def main() -> None:
    """Read what the work is, then do one task after the other."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever a plugin prints must not mix with the answers
    told: dict[str, Any]

    def tell(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        work = chunks_from_json(json.loads(sys.stdin.readline()))
    except SeqforgeError as error:
        tell({"error": str(error), "class": type(error).__name__})
        return
    work.reading = lambda number: tell({"reading": number})
    for line in sys.stdin:
        try:
            told = work.do(json.loads(line))
        except SeqforgeError as error:
            told = {"error": str(error), "class": type(error).__name__}
        tell(told)


if __name__ == "__main__":
    main()
