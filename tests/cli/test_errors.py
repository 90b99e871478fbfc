"""One test for each error sentence of the issue that built the house (number 2, point 9)."""

import errno
import os
from pathlib import Path

import pytest
from fakekit import TINY_FLAGS, Run, in_process, number_rows, prose

from seqforge import Model


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: in_process(capsys, *arguments)


def train(corpus: object, *flags: str, plugin: str = "numbers") -> list[str]:
    return ["train", "--plugin", plugin, "--corpus", str(corpus), *TINY_FLAGS, *flags]


def test_unknown_plugin(run: Run) -> None:
    said = run(*train("a.num", plugin="nmbers"))
    assert said.code == 2
    assert said.sentence() == (
        "there is no plugin 'nmbers'; installed are abc, handwriting, midi, numbers, text. Did you mean 'numbers'?"
    )


def test_empty_corpus_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    said = run(*train("mine"))
    assert said.code == 1
    assert said.sentence() == "the folder mine is empty; put .num files into it"


def test_no_file_of_that_domain_in_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("1 2\n")
    said = run(*train("mine"))
    assert said.code == 1
    assert said.sentence() == (
        "the folder mine holds no file that the plugin 'numbers' reads (.num); it holds files with .txt"
    )


def test_every_file_unreadable(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for name in ("a", "b"):
        (tmp_path / "mine" / f"{name}.txt").write_bytes(b"\xff\xfe\x00\x80")
    said = run(*train("mine", plugin="text"))
    assert said.code == 1
    told = said.sentence()
    assert told.startswith("nothing could be read: ")
    assert "a.txt" in told and "b.txt" in told and "UTF-8" in told


def test_disk_full_while_saving(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.num").write_text(number_rows())
    run(*train("a.num", "--steps", "6", "--stop-at", "3"))
    folder = tmp_path / "runs/numbers/0001"
    before = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    said = run("train", "--plugin", "numbers", "--resume")
    assert said.code == 1
    told = said.err.splitlines()[-1]
    assert "cannot write" in told and ": the disk is full; free some space" in told
    assert "Nothing that was there has changed" in told and "Traceback" not in said.err
    assert {path.name: path.read_bytes() for path in folder.glob("*.safetensors")} == before
    assert not list(folder.glob(".*"))


def test_run_folder_not_writable(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text(number_rows())
    said = run(*train("a.num", "--run", "a.num/run", "--steps", "1"))
    assert said.code == 1
    assert "cannot write a.num/run" in said.sentence() and "a file, not a folder" in said.sentence()


def test_runs_is_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text(number_rows())
    (tmp_path / "runs").write_text("")
    said = run(*train("a.num", "--steps", "1"))
    assert said.code == 1 and "cannot write runs/numbers" in said.sentence()


def test_model_of_another_plugin(run: Run, trained: dict[str, Model]) -> None:
    path = trained["text"].path
    said = run("generate", "--plugin", "numbers", "--model", path)
    assert said.code == 2
    assert said.sentence() == (
        f"{path} is a model of the plugin 'text', not 'numbers'; leave --plugin out, or name another"
    )


def test_init_with_a_model_of_another_plugin(run: Run, trained: dict[str, Model], tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text(number_rows())
    said = run("train", "--plugin", "numbers", "--corpus", "a.num", "--init", trained["text"].path, "--steps", "1")
    assert said.code in (1, 2)
    assert "is a model of the plugin 'text', not 'numbers'" in said.sentence()


@pytest.mark.parametrize("harm", ["cut", "empty", "text", "header", "zip"])
@pytest.mark.parametrize("verb", ["generate", "info", "evaluate"])
def test_corrupt_model(run: Run, trained: dict[str, Model], tmp_path: Path, harm: str, verb: str) -> None:
    path = trained["text"].path
    assert path is not None
    whole = path.read_bytes()
    data = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"this is no model at all, but a text\n" * 9,
        "header": (1 << 60).to_bytes(8, "little") + whole[8:],
        "zip": b"PK\x03\x04" + whole[4:],
    }[harm]
    (tmp_path / "m.safetensors").write_bytes(data)
    flag = ["--model"] if verb == "generate" else []
    said = run(verb, *flag, tmp_path / "m.safetensors")
    assert said.code == 1 and said.out == ""
    assert "m.safetensors" in said.sentence() and "cannot be used" in said.sentence()


def test_unknown_label_value(run: Run, trained: dict[str, Model]) -> None:
    said = run("generate", "--model", trained["numbers"].path, "--label", "parity=evn", "--quiet")
    assert said.code == 2
    assert said.sentence() == ("the label 'parity' has no value 'evn'; allowed are even, odd. Did you mean 'even'?")


def test_resume_with_changed_options(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(prose())
    run(*train("a.txt", "--steps", "6", "--stop-at", "3", plugin="text"))
    said = run("train", "--plugin", "text", "--resume", "--learning-rate", "0.1")
    assert said.code == 1
    told = said.sentence()
    assert "--learning-rate 0.1 (the run has 0.005)" in told and "start a new run" in told
