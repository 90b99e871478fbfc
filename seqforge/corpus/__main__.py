"""A worker process of the preparation: it reads tasks and writes results, one JSON line each, until its input ends."""

import json
import signal
import sys
from typing import Any

from seqforge.corpus.worker import worker_from_json
from seqforge.errors import SeqforgeError


def main() -> None:
    """Read the description of the work, then run one task after the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process handles Ctrl-C
    results = sys.stdout
    sys.stdout = sys.stderr  # what a plugin prints must not mix with the results
    result: dict[str, Any]

    def send(message: dict[str, Any]) -> None:
        results.write(json.dumps(message) + "\n")
        results.flush()

    try:
        worker = worker_from_json(json.loads(sys.stdin.readline()))
    except SeqforgeError as error:
        send({"error": str(error), "class": type(error).__name__})
        return
    send({"ready": True})
    worker.on_file = lambda number: send({"reading": number})
    for line in sys.stdin:
        try:
            result = worker.run(json.loads(line))
        except SeqforgeError as error:
            result = {"error": str(error), "class": type(error).__name__}
        except MemoryError:
            result = {"error": "there is not enough memory to prepare the corpus", "class": "CorpusError"}
        except OSError as error:
            result = {"error": f"the corpus cannot be prepared: {error}", "class": "CorpusError"}
        send(result)


if __name__ == "__main__":
    main()
