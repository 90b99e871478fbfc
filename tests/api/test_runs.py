import json
import tomllib
from pathlib import Path

import pytest

from seqforge import RunError, WriteError
from seqforge.api.runs import (
    Run,
    create_run,
    create_run_at,
    newest_model,
    newest_unfinished_run,
    runs_of,
)
from seqforge.core.tensorfile import write_tensors


def write_run(folder: Path, *, finished: bool, model: bool = True) -> Run:
    """Write a run folder with a state, and an empty model."""
    folder.mkdir(parents=True)
    run = Run(folder)
    write_tensors(run.state, {}, {"trainer": {"finished": finished}})
    if model:
        run.model.touch()
    return run


def test_runs_are_numbered_after_the_highest(tmp_path: Path) -> None:
    assert create_run("text", tmp_path).folder == tmp_path / "text" / "0001"
    (tmp_path / "text" / "0012").mkdir()
    (tmp_path / "text" / "notes").mkdir()
    assert create_run("text", tmp_path).folder.name == "0013"
    assert [run.folder.name for run in runs_of("text", tmp_path)] == ["0013", "0012", "0001"]


def test_runs_of_unknown_plugin_are_empty(tmp_path: Path) -> None:
    assert runs_of("nothing", tmp_path) == []


def test_create_run_at_checks_the_folder(tmp_path: Path) -> None:
    run = create_run_at(tmp_path / "a" / "b")
    assert run.folder.is_dir() and list(run.folder.iterdir()) == []
    assert create_run_at(run.folder).folder == run.folder
    run.model.touch()
    with pytest.raises(RunError, match="contains a model already"):
        create_run_at(run.folder)
    run.state.touch()
    with pytest.raises(RunError, match="contains a run already; set `resume`"):
        create_run_at(run.folder)
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="is a file, not a folder"):
        create_run_at(tmp_path / "file" / "run")


def test_newest_finished_and_unfinished_runs() -> None:
    for number, (finished, model) in enumerate([(True, True), (False, True), (True, True), (True, False)], 1):
        write_run(Path(f"runs/text/{number:04d}"), finished=finished, model=model)
    assert newest_model("text") == Path("runs/text/0003/model.safetensors")
    assert newest_unfinished_run("text").folder == Path("runs/text/0002")
    assert newest_model("numbers") is None
    with pytest.raises(RunError, match="no unfinished run of 'numbers'"):
        newest_unfinished_run("numbers")


def test_missing_or_damaged_state_is_unfinished(tmp_path: Path) -> None:
    assert not Run(tmp_path).is_finished()
    Run(tmp_path).state.write_bytes(b"junk")
    assert not Run(tmp_path).is_finished()
    assert write_run(tmp_path / "r", finished=True).is_finished()


def test_config_is_toml(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.plugin() == ""
    options = {"path": Path("a b"), "quote": '"\\\n', "none": None, "flag": True, "list": ["é", "b"]}
    run.write_config({"plugin": "text", "options": options, "steps": 3})
    assert tomllib.loads(run.config.read_text(encoding="utf-8")) == {
        "plugin": "text",
        "steps": 3,
        "options": {"path": "a b", "quote": '"\\\n', "flag": True, "list": ["é", "b"]},
    }
    assert run.plugin() == "text"


def test_skipped_files_are_listed_if_there_are_any(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_skipped([])
    assert list(tmp_path.iterdir()) == []
    run.write_skipped(["a.txt: empty", "b.txt: empty"])
    assert (tmp_path / "skipped.txt").read_text() == "a.txt: empty\nb.txt: empty\n"


def test_metrics_are_truncated_to_a_step(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.truncate_metrics(3)
    assert not run.metrics.exists()
    for t, event in [(1, "train"), (3, "valid"), (3, "end"), (4, "train")]:
        run.append_metrics({"event": event, "t": t})
    with run.metrics.open("a") as file:
        file.write('{"event": "tra')
    run.truncate_metrics(3)
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert [(row["event"], row["t"]) for row in rows] == [("train", 1), ("valid", 3)]


@pytest.mark.parametrize("line", [b"\xff\xfe", b"[" * 100_000, b'{"t": "x"}', b"3"], ids=lambda line: repr(line[:9]))
def test_damaged_lines_of_metrics_are_removed(tmp_path: Path, line: bytes) -> None:
    run = Run(tmp_path)
    intact = b'{"event": "train", "t": 1}\n'
    run.metrics.write_bytes(intact + line + b"\n" + intact)
    run.truncate_metrics(5)
    assert run.metrics.read_bytes() == 2 * intact


def test_metrics_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"metrics\.jsonl"):
        Run(tmp_path / "gone").append_metrics({"t": 1})
