import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakekit import TINY_FLAGS, Run, in_child, in_process, number_rows, prose

from seqforge.core.tensorfile import TensorFile


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    (tmp_path / "a.txt").write_text(prose())
    (tmp_path / "a.num").write_text(number_rows())
    return lambda *arguments: in_process(capsys, "train", *arguments)


TRAIN = ["--plugin", "text", "--corpus", "a.txt", *TINY_FLAGS]
NUMBERS = ["--plugin", "numbers", "--corpus", "a.num", *TINY_FLAGS]


def trainer_state(folder: Path) -> dict[str, object]:
    state: dict[str, object] = TensorFile(folder / "state.safetensors", "state").metadata["trainer"]
    return state


def tensors_of(path: Path) -> dict[str, bytes]:
    file = TensorFile(path, "state")
    return {name: file.array(name).tobytes() for name in file.tensors}


def test_progress_goes_to_stderr(run: Run) -> None:
    result = run(*TRAIN, "--steps", "5")
    assert result.code == 0 and result.out == ""
    for fragment in (
        "1 file; pieces: 1 train, 1 valid, 1 test",
        "note: fewer than 20 pieces: each is divided",
        "lstm 1 x 16",
        "float32 on cpu, 1 thread; writing to runs/text/0001",
        "nats per character (best so far, saved)",
        "done after 5 steps",
        "seqforge generate --model runs/text/0001/model.safetensors",
    ):
        assert fragment in result.err


def test_last_line_is_a_command_that_works(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    last = run(*TRAIN, "--steps", "2").err.splitlines()[-1].split()
    assert last[0] == "seqforge"
    assert in_process(capsys, *last[1:], "--length", "5").code == 0


def test_quiet_prints_the_folder_only(run: Run) -> None:
    result = run(*TRAIN, "--steps", "2", "--quiet")
    assert result.out == "runs/text/0001\n" and result.err == ""


def test_skipped_files_are_listed_with_reasons(run: Run, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.num").write_text(number_rows())
    (tmp_path / "d" / "b.num").write_text("x\n" * 12)
    (tmp_path / "d" / "c.pdf").write_text("")
    result = run(*NUMBERS[:2], "--corpus", "d", *TINY_FLAGS, "--steps", "1")
    assert result.code == 0 and "skipped 12:" in result.err
    assert "b.num:1: 'x' is not a row of integers" in result.err
    assert "2 more, listed in runs/numbers/0001/skipped.txt" in result.err
    assert "b.num:12: " in (tmp_path / "runs/numbers/0001/skipped.txt").read_text()
    assert "ignoring files that numbers does not read: .pdf 1x" in result.err


def test_dropped_tokens_are_listed(run: Run, tmp_path: Path) -> None:
    for split, rows in (("train", number_rows()), ("valid", "1 777\n")):
        (tmp_path / "d" / split).mkdir(parents=True)
        (tmp_path / "d" / split / "a.num").write_text(rows)
    result = run(*NUMBERS[:2], "--corpus", "d", *TINY_FLAGS, "--steps", "1")
    assert "dropped by the encoding: 777 1x" in result.err


def test_flags_of_the_plugin(run: Run, tmp_path: Path) -> None:
    run(*NUMBERS, "--steps", "1", "--order", "up", "--largest", "500")
    metadata = TensorFile(tmp_path / "runs/numbers/0001/model.safetensors", "model").metadata
    assert metadata["options"] == {"order": "up", "largest": 500}


def test_stop_at_saves_and_prints_how_to_resume(run: Run, tmp_path: Path) -> None:
    result = run(*TRAIN, "--steps", "20", "--stop-at", "12")
    assert result.code == 0 and "stopped after 12 steps" in result.err and "everything is saved" in result.err
    last = result.err.splitlines()[-1].split()
    assert last == ["seqforge", "train", "--plugin", "text", "--resume", "runs/text/0001"]
    assert run(*last[2:]).code == 0
    run(*TRAIN, "--steps", "20")
    complete, part = (tmp_path / "runs/text" / name / "state.safetensors" for name in ("0002", "0001"))
    assert tensors_of(complete) == tensors_of(part)


@pytest.mark.parametrize(
    "resume", [["--plugin", "text", "--resume"], ["--resume", "--quiet"], ["--resume", "runs/text/0001"]]
)
def test_resume_continues_a_run_and_its_plugin(run: Run, tmp_path: Path, resume: list[str]) -> None:
    run(*TRAIN, "--steps", "6", "--stop-at", "3")
    result = run(*resume)
    assert result.code == 0
    assert trainer_state(tmp_path / "runs/text/0001")["finished"] is True
    if "--quiet" not in resume:
        assert "resuming after step 3" in result.err


@pytest.mark.parametrize("resume", [["--resume"], ["--resume", "runs/text/0009"]])
def test_resume_without_a_run_is_an_error(run: Run, resume: list[str]) -> None:
    result = run(*resume)
    assert result.code == 1 and "\n" not in result.err.strip() and "run" in result.err


def test_resume_with_changed_options_is_an_error(run: Run) -> None:
    run(*TRAIN, "--steps", "6", "--stop-at", "3")
    result = run("--plugin", "text", "--resume", "--hidden", "32", "--level", "byte")
    assert result.code == 1
    assert (
        "--hidden is 32 and was 16" in result.error_message()
        and "--level is byte and was char" in result.error_message()
    )


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (getattr(signal, name), code)
        for name, code in (("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGQUIT", 131))
        if hasattr(signal, name)
    ],
)
def test_signal_saves_and_resume_continues(run: Run, tmp_path: Path, number: int, code: int) -> None:
    flags = ["--hidden=96", "--layers=2", "--embedding=8", "--batch-size=16", "--bptt=32", "--threads=1",
             "--precision=float32", "--steps=300"]  # fmt: skip
    command = [sys.executable, "-m", "seqforge", "train", "--plugin", "text", "--corpus", "a.txt", *flags]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert child.stderr is not None
    output = ""
    while "writing to" not in output:
        line = child.stderr.readline()
        assert line, output
        output += line
    metrics = tmp_path / "runs/text/0001/metrics.jsonl"
    while not metrics.exists() and child.poll() is None:
        time.sleep(0.005)
    child.send_signal(number)
    out, rest = child.communicate(timeout=120)
    assert child.returncode == code, rest
    assert out == "" and "Traceback" not in rest
    assert "interrupted after" in rest and "everything is saved" in rest
    stopped = trainer_state(tmp_path / "runs/text/0001")
    assert stopped["finished"] is False and 0 < int(str(stopped["t"])) < 300
    end = [] if number == signal.SIGINT else ["--stop-at", int(str(stopped["t"])) + 1]
    again = run("--plugin", "text", "--resume", *end)
    assert again.code == 0 and f"resuming after step {stopped['t']}" in again.err
    if number == signal.SIGINT:  # the other signals save in the same way
        run("--plugin", "text", "--corpus", "a.txt", *flags)
        complete, part = (tmp_path / "runs/text" / name / "state.safetensors" for name in ("0002", "0001"))
        assert tensors_of(complete) == tensors_of(part)


PREPARING = """
import os, sys
import seqforge.corpus.prepare
from seqforge.corpus import pool
from seqforge.cli.main import main
sys.modules["seqforge.corpus.chunks"].CHUNK_BYTES = 1000
pool.SMALL_BYTES = 0
main(["train", "--plugin", "numbers", "--corpus", "d", "--workers", sys.argv[1], "--quiet", *sys.argv[2:]])
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupted_preparation_has_code_130_without_traceback(tmp_path: Path, workers: int) -> None:
    (tmp_path / "d").mkdir()
    for number in range(6):
        (tmp_path / "d" / f"{number}.num").write_text(number_rows(seed=number) + "CTRL-C\n" * (number == 2))
    child = subprocess.run(
        [sys.executable, "-c", PREPARING, str(workers), *TINY_FLAGS, "--steps=100000"],
        capture_output=True, text=True, check=False, cwd=tmp_path, start_new_session=True, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in child.stderr
    assert child.returncode == 130
    assert "died" not in child.stderr


def test_train_generate_and_evaluate_in_other_processes(tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text(number_rows())
    trained = in_child("train", *NUMBERS, "--steps", "3")
    assert trained.code == 0 and trained.out == "", trained.err
    generated = in_child("generate", "--plugin", "numbers", "-n", "2", "-o", "out/")
    assert generated.code == 0 and "the newest finished run" in generated.err
    assert [path.name for path in sorted(Path("out").iterdir())] == ["0001.num", "0002.num", "provenance.json"]
    evaluated = in_child("evaluate", "numbers")
    assert evaluated.code == 0 and "nats per number" in evaluated.out


@pytest.mark.parametrize(
    "flag", ["--threads=100000", "--learning-rate=inf", "--minutes=nan", "--grad-clip=nan", "--weight-decay=inf"]
)
def test_option_that_is_not_allowed_is_one_sentence(run: Run, flag: str) -> None:
    result = run("--plugin", "text", "--corpus", "a.txt", flag)
    assert result.code == 2 and result.error_message().startswith(flag.partition("=")[0] + " is ")
    assert not Path("runs").exists()


def test_interruption_during_the_imports_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise KeyboardInterrupt")
    (tmp_path / "numpy.py").write_text("raise KeyboardInterrupt")
    for module in ("torch", "numpy"):
        (tmp_path / module).mkdir()
        (tmp_path / f"{module}.py").rename(tmp_path / module / f"{module}.py")
        path = os.pathsep.join([str(tmp_path / module), os.environ["PYTHONPATH"]])
        result = in_child("train", *TRAIN, "--steps", "1", PYTHONPATH=path)
        assert "Traceback" not in result.err and "interrupted" in result.err
        assert result.code in (130, -signal.SIGINT)
