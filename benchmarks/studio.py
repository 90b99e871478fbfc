"""Measure how long a person waits in the studio: from the request to the first growth, and to the complete take.

    python benchmarks/studio.py
    python benchmarks/studio.py --rounds 9

The server is warm: the model is loaded, and one take was generated. The command line for the same take runs in turn,
and the medians of both are printed. A take is complete when its picture and its sound are written.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from seqforge.studio.app import create_app

TAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "abc:default": ({"request": {"bars": 16}}, ["--bars", "16", "-o", "a.svg"]),
    "midi:songs": ({"request": {"bars": 8}}, ["--bars", "8", "-o", "a.mid"]),
    "handwriting:default": ({"request": {"text": "Hello there"}}, ["--text", "Hello there", "-o", "a.svg"]),
    "text:default": ({"length": 300}, ["--length", "300", "-o", "a.txt"]),
}


def main() -> None:
    """Print a row per model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"{'model':22}{'complete take, s':>18}{'command line, s':>18}")
    headers = {"authorization": "Bearer token"}
    with TestClient(create_app("token"), base_url="http://127.0.0.1", headers=headers) as client:
        for model, (values, flags) in TAKES.items():
            _take(client, model, values, 0)
            pairs = [(_take(client, model, values, n), _command(model, flags, n)) for n in range(1, rounds + 1)]
            studio, command = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(f"{model:22}{studio:18.2f}{command:18.2f}", flush=True)


def _take(client: TestClient, model: str, values: dict[str, Any], seed: int) -> float:
    """Return the seconds from a request to the complete take."""
    start = time.perf_counter()
    body = {"model": model, "seed": seed, "candidates": 0 if "handwriting" in model else 1, **values}
    take = client.post("/api/takes", content=json.dumps(body)).json()["takes"][0]["id"]
    while True:
        takes = {item["id"]: item for item in client.get("/api/session").json()["takes"]}
        if takes[take]["state"] == "done":
            return time.perf_counter() - start
        assert takes[take]["state"] != "failed", takes[take]
        time.sleep(0.01)


def _command(model: str, flags: list[str], seed: int) -> float:
    """Return the seconds of the command for the same take."""
    candidates = [] if "handwriting" in model else ["--candidates", "1"]
    command = [sys.executable, "-m", "seqforge", "generate", "--model", model, "--seed", str(seed), "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run([*command, *candidates, *flags], cwd=Path(folder), check=True, capture_output=True)
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
