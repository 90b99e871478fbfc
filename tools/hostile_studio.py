"""Send hostile requests to a studio: wrong paths, hosts, sites and bodies, and uploads of damaged files.

    python -m tools.hostile_studio --requests 1000

It prints the answers by status, the memory of the server and of its workers after each fifth of the requests, and the
faults: an internal error, a message of several lines or with a traceback, a file outside the session folder. A fault
makes the exit code 1.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import active_children
from pathlib import Path
from random import Random
from typing import Any

from starlette.testclient import TestClient

from seqforge.studio.app import create_app
from tools.fuzz.mutations import mutate_bytes, mutate_value
from tools.fuzz.seeds import build_readable_files
from tools.fuzz.targets import mutant_of

__all__ = ["Report", "attack", "hostile_requests"]

TOKEN = "correct-token"
PORT = 8000
MODELS = {
    "text:default": "read-text",
    "abc:default": "read-abc",
    "midi:songs": "read-midi",
    "handwriting:default": "read-handwriting",
}
"""The models, and the kind of the files that their plugins read."""
PATHS = (
    "/", "/page/main.js", "/page/../app.py", "/page/%2e%2e/app.py", "/page/..%5capp.py", "/api/session", "/api/takes",
    "/api/card?model=../../etc/passwd", "/api/takes/t1/file?format=/../x", "/api/takes/..%2f..%2fx/picture",
    "/api/training/run?run=../..", "/api/training/sample?run=/etc&name=passwd", "/v1/next",
    "/api/files?name=../../x.abc",
)  # fmt: skip
HOSTS = ("evil.example", "127.0.0.1.evil.example", "localhost:9", "", "[::2]:8000", "a" * 999)
ORIGINS = ("https://evil.example", "null", "http://localhost:1")
BODIES: dict[str, Any] = {
    "/api/takes": {"model": "text:default", "seed": 1, "length": 9, "request": {"prompt": "a"}, "n": 1, "labels": {}},
    "/api/session/file": {"format": "seqforge session 1", "takes": [{"id": "t1", "model": "x"}], "files": {}},
    "/api/training/start": {"plugin": "none", "minutes": 1, "size": "small", "options": {}},
    "/api/training/resume": {"run": "text/0001"},
    "/api/training/sample/open": {"run": "text/0001", "name": "1.txt"},
}


@dataclass
class Report:
    """What the server answered.

    Attributes:
        statuses: The number of answers by status.
        faults: What must not happen.
        memory: The memory of the server and of its workers in MB, after each fifth of the requests.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def hostile_requests(seeds: Path, seed: int) -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    """Yield requests without end: method, address, headers and body.

    Args:
        seeds: A folder with the files that `build_readable_files` writes.
        seed: The seed.
    """
    rng = Random(seed)
    trusted = {"authorization": f"Bearer {TOKEN}", "host": f"127.0.0.1:{PORT}"}
    number = 0
    while True:
        number += 1
        path = rng.choice(PATHS)
        match number % 5:
            case 0:
                yield rng.choice(("GET", "POST", "DELETE", "PUT")), path, trusted, rng.randbytes(rng.randrange(99))
            case 1:
                yield "GET", path, {**trusted, "host": rng.choice(HOSTS)}, b""
            case 2:
                yield "POST", path, {**trusted, "origin": rng.choice(ORIGINS), "sec-fetch-site": "cross-site"}, b"{}"
            case 3:
                path, value = rng.choice(list(BODIES.items()))
                body = json.dumps(mutate_value(rng, value)).encode("utf-8", "replace")
                yield "POST", path, trusted, mutate_bytes(rng, body) if rng.random() < 0.3 else body
            case _:
                model, kind = rng.choice(list(MODELS.items()))
                mutant = mutant_of(kind, seed, number, seeds)
                yield "POST", f"/api/files?model={model}&name={mutant.name}", trusted, mutant.data


def attack(
    count: int, seed: int = 0, *, measured: bool = False, damaged: Iterable[tuple[str, str, bytes]] = ()
) -> Report:
    """Return what a studio answers to hostile requests.

    Args:
        count: The number of requests.
        seed: The seed of the requests.
        measured: Whether to measure the memory; Linux only.
        damaged: Damaged files that are uploaded first and must be refused: model, name and content.
    """
    report = Report()
    with tempfile.TemporaryDirectory() as outer:
        folder, seeds = Path(outer) / "session", Path(outer) / "seeds"
        folder.mkdir()
        seeds.mkdir()
        build_readable_files(seeds)
        before = set(Path(outer).iterdir())
        app = create_app(TOKEN, port=PORT, folder=folder)
        with TestClient(app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False) as client:
            for model, name, data in damaged:
                address = f"/api/files?model={model}&name={name}"
                response = client.post(address, headers={"authorization": f"Bearer {TOKEN}"}, content=data)
                report.statuses[response.status_code] += 1
                _check(report, f"{name} ({data[:60]!r})", response)
                if response.status_code < 400:
                    report.faults.append(f"{name} ({data[:60]!r}) is accepted")
            for number, (method, path, headers, body) in enumerate(hostile_requests(seeds, seed), 1):
                response = client.request(method, path, headers=headers, content=body)
                report.statuses[response.status_code] += 1
                _check(report, f"{method} {path}", response)
                for take in _takes(response):
                    client.delete(f"/api/takes/{take}", headers={"authorization": f"Bearer {TOKEN}"})
                if measured and number % max(1, count // 5) == 0:
                    report.memory.append(_memory())
                if number == count:
                    break
        report.faults += [f"a file outside the session: {path}" for path in set(Path(outer).iterdir()) - before]
    return report


def _check(report: Report, name: str, response: Any) -> None:
    if response.headers.get("content-type", "").startswith("application/json"):
        error = response.json().get("error", "")
        if response.status_code >= 500 or "Traceback" in error or "\n" in error.strip() or len(error) > 2000:
            report.faults.append(f"{name}: {response.status_code} {error[:200]}")
    elif response.status_code >= 500:
        report.faults.append(f"{name}: {response.status_code}")


def _takes(response: Any) -> list[str]:
    """Return the ids of the takes that a request made."""
    return [take["id"] for take in response.json()["takes"]] if response.status_code == 201 else []


def _memory() -> float:
    """Return the memory of this process and of the workers, in MB."""
    numbers = [0, *(child.pid for child in active_children())]
    statuses = [Path(f"/proc/{number or 'self'}/status").read_text() for number in numbers]
    return sum(int(text.partition("VmRSS:")[2].split()[0]) for text in statuses) / 1000


def main(arguments: list[str] | None = None) -> int:
    """Print the report, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    values = parser.parse_args(arguments)
    report = attack(values.requests, values.seed, measured=sys.platform == "linux")
    memory = ", ".join(f"{value:.0f}" for value in report.memory)
    lines = [f"answers by status: {dict(sorted(report.statuses.items()))}", f"memory, MB: {memory}"]
    sys.stdout.write("\n".join([*lines, *(f"fault: {fault}" for fault in report.faults)]) + "\n")
    return bool(report.faults)


if __name__ == "__main__":
    sys.exit(main())
