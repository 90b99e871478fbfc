"""The limits of a worker: exceptions, time and memory are noticed, and a fault is saved with the mutant."""

import signal
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from seqforge.errors import ReadError
from tools.fuzz import targets
from tools.fuzz.campaign import KindResult, _Campaign
from tools.fuzz.targets import Target
from tools.fuzz.worker import check_mutant


def check_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, check: Any) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    target = Target(lambda rng, data, other: data, check)
    monkeypatch.setitem(targets.TARGETS, "x", target)
    return check_mutant("x", "a.bin", b"data", tmp_path)


def fail(error: BaseException) -> Any:
    def check(path: Path, seeds: Path) -> bool:
        raise error

    return check


@pytest.mark.parametrize(
    ("check", "result"),
    [
        (lambda path, seeds: path.read_bytes() == b"data", "accepted"),
        (lambda path, seeds: False, "refused"),
        (fail(ReadError("it is damaged")), "refused"),
    ],
)
def test_files_are_accepted_or_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, check: Any, result: str
) -> None:
    assert check_with(monkeypatch, tmp_path, check) == {"result": result}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [ValueError("x"), MemoryError(), RecursionError(), SystemExit(1), KeyError("x")])
def test_other_exceptions_are_faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException) -> None:
    result = check_with(monkeypatch, tmp_path, fail(error))
    assert result["fault"].startswith(f"{type(error).__name__} at ") and "Traceback" in result["detail"]


def test_message_with_several_lines_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "lines" in check_with(monkeypatch, tmp_path, fail(ReadError("a\nb")))["fault"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPROF")
def test_endless_loop_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tools.fuzz import worker

    def loop(path: Path, seeds: Path) -> bool:
        while True:
            try:
                sum(range(1000))
            except Exception:  # no handler of this kind may catch the limit
                continue

    monkeypatch.setattr(worker, "LIMIT_SECONDS", -0.3)
    before = signal.signal(signal.SIGPROF, worker._too_slow)
    try:
        assert check_with(monkeypatch, tmp_path, loop)["fault"].startswith("TooSlow")
    finally:
        signal.signal(signal.SIGPROF, before)


def test_faults_are_saved_with_the_mutant_and_a_command(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    (seeds / "metrics").mkdir(parents=True)
    (seeds / "metrics" / "metrics.jsonl").write_text('{"t": 1}\n')
    campaign = _Campaign(seeds, 5, tmp_path / "faults")
    campaign.results["metrics"] = KindResult()
    campaign.record("metrics", 3, {"fault": "ValueError at x.py:1", "detail": "Traceback"})
    expected = targets.TARGETS["metrics"].mutate(Random("5 metrics 3"), b'{"t": 1}\n', b'{"t": 1}\n')
    mutant, report = sorted((tmp_path / "faults").iterdir())
    assert campaign.results["metrics"].faults == {"ValueError at x.py:1": [3]}
    assert mutant.name == "metrics-5-3-metrics.jsonl" and len(expected) > 0
    assert "--kind metrics --seed 5 --first 3 --count 1" in report.read_text()
