"""Runs whose process dies, whose disk is full, whose folder is in use, or whose corpus moves."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from api_kit import folder_of, metrics_of, tensors_of, train

from seqforge import RunError
from seqforge.api.run_writer import RunWriter
from seqforge.api.runs import Run
from seqforge.training import CheckpointDue, Progress, Validated, loop

pytestmark = pytest.mark.usefixtures("corpora")
FILES = ("model.safetensors", "state.safetensors")


class KilledError(BaseException):
    """The process dies here."""


def kill_at_operation(patch: pytest.MonkeyPatch, number: int) -> list[int]:
    """Raise `KilledError` at the given file operation; return a list whose length counts the operations."""
    operations: list[int] = []

    def killing(function: Any) -> Any:
        def run(*arguments: Any, **options: Any) -> Any:
            operations.append(len(operations))
            if len(operations) == number:
                raise KilledError
            return function(*arguments, **options)

        return run

    patch.setattr(Path, "replace", killing(Path.replace))
    patch.setattr(os, "fsync", killing(os.fsync))
    patch.setattr(Run, "append_metrics", killing(Run.append_metrics))
    patch.setattr(RunWriter, "sample", lambda _: None)
    return operations


def continue_run(folder: Path) -> None:
    """Resume a run if it has a state, else start it again in the same folder."""
    if (folder / "state.safetensors").exists():
        train(corpus=None, resume=folder)
    else:
        train(steps=2, run=folder)


def test_run_continues_after_death_at_every_file_operation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    complete = folder_of(train(steps=2, run=tmp_path / "complete"))
    expected = {name: tensors_of(complete / name) for name in FILES}
    number, killed = 0, True
    while killed:
        number += 1
        folder = tmp_path / str(number)
        with monkeypatch.context() as patch:
            operations = kill_at_operation(patch, number)
            try:
                train(steps=2, run=folder)
                killed = False
            except KilledError:
                pass
        continue_run(folder)
        assert {name: tensors_of(folder / name) for name in FILES} == expected, operations
        rows = metrics_of(folder)
        assert len({(row["event"], row["t"], row.get("kind")) for row in rows}) == len(rows)
    assert number > 15


def test_state_is_saved_before_the_first_steps_and_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    train(steps=5, on_event=events.append)
    assert [event.t for event in events if isinstance(event, CheckpointDue)] == [0, 1]
    monkeypatch.setattr(loop.Trainer, "_checkpoint_seconds", lambda _: 0.0)
    train(steps=5, on_event=(events := []).append)
    assert [event.t for event in events if isinstance(event, CheckpointDue)] == [0, 1, 2, 3, 4]
    assert loop.CHECKPOINT_SECONDS <= 60


@pytest.mark.parametrize("last", range(7))
def test_run_that_dies_between_validations_resumes_exactly(monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    monkeypatch.setattr(loop.Trainer, "_checkpoint_seconds", lambda _: 0.0)
    monkeypatch.setattr(loop.Trainer, "_validation_interval", lambda _: 3)
    complete = folder_of(train(steps=8))

    def die(event: Any) -> None:
        if isinstance(event, CheckpointDue) and event.t == last:
            raise KilledError

    folder = complete.parent / f"{int(complete.name) + 1:04d}"
    with pytest.raises(KilledError):
        train(steps=8, on_event=die)
    train(corpus=None, resume=folder)
    for name in FILES:
        assert tensors_of(folder / name) == tensors_of(complete / name)
    rows = metrics_of(folder)
    assert [row["t"] for row in rows if row["event"] == "valid"] == [3, 6, 8]
    assert len({(row["event"], row["t"], row.get("kind")) for row in rows}) == len(rows)


def test_decay_by_patience_stands_once_after_a_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.Trainer, "_validation_interval", lambda _: 1)
    options: dict[str, Any] = {"steps": 400, "patience": 2, "learning_rate": 1e-30}
    folder = folder_of(train(stop_at=4, **options))
    train(corpus=None, resume=folder)
    rows = metrics_of(folder)
    assert [row["event"] for row in rows].count("decay") == 1
    assert len({(row["event"], row["t"], row.get("kind")) for row in rows}) == len(rows)


def test_folder_of_a_running_training_is_refused() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    errors: list[str] = []

    def start_another(event: Any) -> None:
        if isinstance(event, Progress) and not errors:
            for options in ({"resume": part}, {"run": part, "steps": 1}):
                with pytest.raises(RunError) as caught:
                    train(corpus=None if "resume" in options else "a.txt", **options)
                errors.append(str(caught.value))

    train(corpus=None, resume=part, on_event=start_another)
    assert "is in use by another training" in errors[0] and str(part) in errors[0]
    assert metrics_of(part)[-1]["finished"] is True
    assert not (part / ".lock").exists()


def test_lock_of_a_killed_process_is_released(tmp_path: Path) -> None:
    part = folder_of(train(steps=10, stop_at=4))
    code = f"""
import time
from pathlib import Path
from seqforge.api.runs import Run
with Run(Path({str(part)!r})).lock():
    print("locked", flush=True)
    time.sleep(100)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "locked\n"
    with pytest.raises(RunError, match="is in use by another training"):
        train(corpus=None, resume=part)
    process.kill()
    process.communicate()
    assert (part / ".lock").exists()
    train(corpus=None, resume=part)
    assert not (part / ".lock").exists()


def test_temporary_files_of_a_killed_run_are_removed() -> None:
    part = folder_of(train(steps=10, stop_at=4))
    stale = [
        part / ".model-abcd_123.safetensors",
        part / ".config-abcdefgh.toml",
        part / "samples/.0000002-0a0a0a0a.txt",
    ]
    others = [part / ".notes", part / ".mine-abcdefgh.txt"]
    for path in (*stale, *others):
        path.touch()
    train(corpus=None, resume=part)
    assert not any(path.exists() for path in stale) and all(path.exists() for path in others)


def test_equal_trainings_give_equal_files_of_models() -> None:
    first, second = (folder_of(train(steps=20)) / "model.safetensors" for _ in range(2))
    assert first.read_bytes() == second.read_bytes()


def test_precision_auto_gives_equal_files_of_models() -> None:
    first, second = (folder_of(train(steps=2, precision="auto")) / "model.safetensors" for _ in range(2))
    assert first.read_bytes() == second.read_bytes()


def test_duration_is_recorded_in_the_files_of_the_run() -> None:
    folder = folder_of(train(steps=6, stop_at=3))
    started = tomllib.loads((folder / "config.toml").read_text())["started"]
    assert metrics_of(folder)[-1]["minutes"] >= 0
    (folder / "config.toml").write_text((folder / "config.toml").read_text().replace(started, "2001-02-03"))
    model = train(corpus=None, resume=folder)
    assert tomllib.loads((folder / "config.toml").read_text())["started"] == "2001-02-03"
    assert not {"minutes", "started"} & model.header.provenance.keys()


def test_number_of_threads_is_stored_and_used_again() -> None:
    part = folder_of(train(steps=6, stop_at=3, threads=None))
    assert tomllib.loads((part / "config.toml").read_text())["training"]["threads"] == torch.get_num_threads()
    other = folder_of(train(steps=6, stop_at=3, threads=2))
    torch.set_num_threads(1)
    train(corpus=None, resume=other)
    assert torch.get_num_threads() == 2
    with pytest.raises(RunError, match="`threads` is 3 and was 1"):
        train(corpus=None, resume=part, threads=3)


def test_infinite_gradient_clipping_is_stored_as_zero() -> None:
    part = folder_of(train(steps=6, stop_at=3, grad_clip=float("inf")))
    assert tomllib.loads((part / "config.toml").read_text())["training"]["grad_clip"] == 0.0
    train(resume=part, grad_clip=float("inf"))
    json.dumps(metrics_of(part), allow_nan=False)
    huge = folder_of(train(steps=6, grad_clip=1e30))
    assert tensors_of(part / "model.safetensors") == tensors_of(huge / "model.safetensors")


def test_corpus_that_has_moved_is_resumed_at_its_new_place(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "b").mkdir()
    for name, target in (("a.txt", "old/a.txt"), ("b.txt", "old/b/b.txt")):
        Path(name).rename(tmp_path / target)
    complete = folder_of(train(corpus="old", steps=20))
    part = folder_of(train(corpus="old", steps=20, stop_at=12))
    (tmp_path / "old").rename(tmp_path / "new")
    with pytest.raises(RunError, match=r"old', is missing; name its new place with `corpus`"):
        train(corpus=None, resume=part)
    train(corpus="new", resume=part)
    assert tensors_of(complete / "state.safetensors") == tensors_of(part / "state.safetensors")
    assert tomllib.loads((part / "config.toml").read_text())["corpus"] == [str(tmp_path / "new")]


def test_corpus_with_another_order_or_names_is_refused(tmp_path: Path) -> None:
    part = folder_of(train(corpus=["a.txt", "b.txt"], steps=10, stop_at=4))
    with pytest.raises(RunError, match="the contents differ"):
        train(corpus=["b.txt", "a.txt"], resume=part)
    Path("a.txt").rename("c.txt")
    with pytest.raises(RunError, match="the contents differ"):
        train(corpus=["c.txt", "b.txt"], resume=part)


def test_reasons_of_a_corpus_that_has_moved_name_its_new_place(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    Path("a.num").rename(tmp_path / "old" / "a.num")
    (tmp_path / "old" / "b.num").write_text("x\n")
    train("numbers", "old", steps=1)
    (tmp_path / "old").rename(tmp_path / "new")
    folder = folder_of(train("numbers", "new", steps=1))
    assert (folder / "skipped.txt").read_text().startswith(f"{tmp_path / 'new' / 'b.num'}:1: ")
    assert len(list((tmp_path / "cache" / "datasets").iterdir())) == 1


def test_events_of_a_validation_are_in_order() -> None:
    events: list[Any] = []
    train(steps=3, on_event=events.append)
    assert [type(event) for event in events if isinstance(event, CheckpointDue | Validated)] == [
        CheckpointDue, CheckpointDue, Validated,
    ]  # fmt: skip


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no SIGHUP")
def test_closed_terminal_saves_the_run(tmp_path: Path) -> None:
    import pty

    master, slave = pty.openpty()
    flags = ["--hidden=96", "--batch-size=16", "--threads=1", "--precision=float32", "--steps=100000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "seqforge", "train", "--plugin", "text", "--corpus", "a.txt", *flags],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    output = b""
    while b"writing to" not in output:
        output += os.read(master, 4096)
    while not (tmp_path / "runs/text/0001/metrics.jsonl").exists():
        os.read(master, 4096)
    os.close(master)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 129
    assert metrics_of(tmp_path / "runs/text/0001")[-1]["event"] == "end"
    assert train(corpus=None, resume=True, stop_at=1).path is not None
