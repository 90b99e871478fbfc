import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakekit import TINY_FLAGS, Run, Said, in_child, in_process, number_rows, prose

from seqforge.core.tensorfile import TensorFile


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    (tmp_path / "a.txt").write_text(prose())
    (tmp_path / "a.num").write_text(number_rows())
    return lambda *arguments: in_process(capsys, "train", *arguments)


TRAIN = ["--plugin", "text", "--corpus", "a.txt", *TINY_FLAGS]
NUMBERS = ["--plugin", "numbers", "--corpus", "a.num", *TINY_FLAGS]


def standing(folder: Path) -> dict[str, object]:
    told: dict[str, object] = TensorFile(folder / "state.safetensors", "state").metadata["trainer"]
    return told


def tensors(path: Path) -> dict[str, bytes]:
    file = TensorFile(path, "state")
    return {name: file.array(name).tobytes() for name in file.tensors}


def test_training_says_what_it_does_on_stderr_and_nothing_on_stdout(run: Run) -> None:
    said: Said = run(*TRAIN, "--steps", "5")
    assert said.code == 0 and said.out == ""
    for words in (
        "1 file; pieces: 1 train, 1 valid, 1 test",
        "note: fewer than 20 pieces: each is divided",
        "lstm 1 x 16",
        "nats per character (best so far: saved)",
        "done after 5 steps",
        "seqforge generate --model runs/text/0001/model.safetensors",
    ):
        assert words in said.err


def test_the_last_line_is_a_command_that_works(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    last = run(*TRAIN, "--steps", "2").err.splitlines()[-1].split()
    assert last[0] == "seqforge"
    assert in_process(capsys, *last[1:], "--length", "5").code == 0


def test_quiet_says_only_where_the_model_is(run: Run) -> None:
    said = run(*TRAIN, "--steps", "2", "--quiet")
    assert said.out == "runs/text/0001\n" and said.err == ""


def test_skipped_files_are_told_with_their_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.num").write_text(number_rows())
    (tmp_path / "d" / "b.num").write_text("x\n" * 12)
    (tmp_path / "d" / "c.pdf").write_text("")
    said = run(*NUMBERS[:2], "--corpus", "d", *TINY_FLAGS, "--steps", "1")
    assert said.code == 0 and "skipped, 12 in all:" in said.err
    assert "b.num:1: 'x' is no row of numbers" in said.err
    assert "2 more, which runs/numbers/0001/skipped.txt lists" in said.err
    assert "b.num:12: " in (tmp_path / "runs/numbers/0001/skipped.txt").read_text()
    assert "passing over what numbers does not read: .pdf 1x" in said.err


def test_what_valid_has_and_train_has_not_is_told(run: Run, tmp_path: Path) -> None:
    for side, rows in (("train", number_rows()), ("valid", "1 777\n")):
        (tmp_path / "d" / side).mkdir(parents=True)
        (tmp_path / "d" / side / "a.num").write_text(rows)
    said = run(*NUMBERS[:2], "--corpus", "d", *TINY_FLAGS, "--steps", "1")
    assert "not kept by the encoding: 777 1x" in said.err


def test_a_plugin_s_flags_reach_it(run: Run, tmp_path: Path) -> None:
    run(*NUMBERS, "--steps", "1", "--order", "up", "--largest", "500")
    told = TensorFile(tmp_path / "runs/numbers/0001/model.safetensors", "model").metadata
    assert told["options"] == {"order": "up", "largest": 500}


def test_stop_at_saves_and_says_how_to_go_on(run: Run, tmp_path: Path) -> None:
    said = run(*TRAIN, "--steps", "20", "--stop-at", "12")
    assert said.code == 0 and "stopped after 12 steps" in said.err and "everything is saved" in said.err
    last = said.err.splitlines()[-1].split()
    assert last == ["seqforge", "train", "--plugin", "text", "--resume", "runs/text/0001"]
    assert run(*last[2:]).code == 0
    run(*TRAIN, "--steps", "20")
    whole, part = (tmp_path / "runs/text" / name / "state.safetensors" for name in ("0002", "0001"))
    assert tensors(whole) == tensors(part)


@pytest.mark.parametrize("resume", [["--resume"], ["--resume", "--quiet"], ["--resume", "runs/text/0001"]])
def test_a_bare_resume_takes_the_newest_unfinished_run(run: Run, tmp_path: Path, resume: list[str]) -> None:
    run(*TRAIN, "--steps", "6", "--stop-at", "3")
    said = run("--plugin", "text", *resume)
    assert said.code == 0
    assert standing(tmp_path / "runs/text/0001")["finished"] is True
    if "--quiet" not in resume:
        assert "going on after step 3" in said.err


def test_resume_with_changed_options_is_one_sentence_and_code_1(run: Run) -> None:
    run(*TRAIN, "--steps", "6", "--stop-at", "3")
    said = run("--plugin", "text", "--resume", "--hidden", "32", "--level", "byte")
    assert said.code == 1
    assert "--hidden 32 (the run has 16)" in said.sentence() and "--level byte (the run has char)" in said.sentence()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_first_and_resume_finishes(run: Run, tmp_path: Path, number: int, code: int) -> None:
    flags = ["--hidden=96", "--layers=2", "--embedding=8", "--batch-size=16", "--bptt=32", "--threads=1",
             "--precision=float32", "--steps=300"]  # fmt: skip
    command = [sys.executable, "-m", "seqforge", "train", "--plugin", "text", "--corpus", "a.txt", *flags]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert child.stderr is not None
    said = ""
    while "writing to" not in said:
        line = child.stderr.readline()
        assert line, said
        said += line
    metrics = tmp_path / "runs/text/0001/metrics.jsonl"
    while not metrics.exists() and child.poll() is None:
        os.sched_yield()
    child.send_signal(number)
    out, rest = child.communicate(timeout=120)
    assert child.returncode == code, rest
    assert out == "" and "Traceback" not in rest
    assert "interrupted after" in rest and "everything is saved" in rest
    stopped = standing(tmp_path / "runs/text/0001")
    assert stopped["finished"] is False and 0 < int(str(stopped["t"])) < 300
    again = run("--plugin", "text", "--resume")
    assert again.code == 0 and f"going on after step {stopped['t']}" in again.err
    if number == signal.SIGINT:
        run("--plugin", "text", "--corpus", "a.txt", *flags)
        whole, part = (tmp_path / "runs/text" / name / "state.safetensors" for name in ("0002", "0001"))
        assert tensors(whole) == tensors(part)


PREPARING = """
import os, sys
import seqforge.corpus.prepare
from seqforge.corpus import pool
from seqforge.cli.main import main
sys.modules["seqforge.corpus.prepare"].CHUNK_BYTES = 1000
pool.SMALL = 0
main(["train", "--plugin", "numbers", "--corpus", "d", "--workers", sys.argv[1], "--quiet", *sys.argv[2:]])
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_while_preparing_is_code_130_without_a_traceback(tmp_path: Path, workers: int) -> None:
    (tmp_path / "d").mkdir()
    for number in range(6):
        (tmp_path / "d" / f"{number}.num").write_text(number_rows(seed=number) + "CTRL-C\n" * (number == 2))
    done = subprocess.run(
        [sys.executable, "-c", PREPARING, str(workers), *TINY_FLAGS, "--steps=100000"],
        capture_output=True, text=True, check=False, cwd=tmp_path, start_new_session=True, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.returncode == 130
    assert "died" not in done.stderr


def test_the_whole_way_in_other_processes(tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text(number_rows())
    trained = in_child("train", *NUMBERS, "--steps", "3")
    assert trained.code == 0 and trained.out == "", trained.err
    made = in_child("generate", "--plugin", "numbers", "-n", "2", "-o", "out/")
    assert made.code == 0 and "the newest finished run" in made.err
    assert [path.name for path in sorted(Path("out").iterdir())] == ["0001.num", "0002.num", "provenance.json"]
    measured = in_child("evaluate", "numbers")
    assert measured.code == 0 and "nats per number" in measured.out
