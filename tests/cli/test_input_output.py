"""Inputs are read once, and `-o -` writes the bytes of `-o FILE`."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakekit import CommandResult, Run, in_process

from seqforge import Model, Piece, Task
from seqforge.core import files
from seqforge.plugin import registry
from seqforge.plugin.records import extract_record


@pytest.fixture
def generate(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., tuple[int, bytes, str]]:
    """Run `seqforge generate` in this process and return its exit code, stdout as bytes, and stderr."""
    from seqforge.cli.main import main

    def run(*arguments: object) -> tuple[int, bytes, str]:
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as caught:
            main(["generate", *map(str, arguments)])
        out, err = capfdbinary.readouterr()
        return int(caught.value.code or 0), out, err.decode()

    return run


@pytest.fixture
def calls(trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests with which the codecs of the models were asked for a task."""
    requests: list[Any] = []

    def count(kind: Any) -> None:
        original = kind.task

        def task(self: Any, request: Any) -> Task[Any]:
            requests.append(request)
            return original(self, request)

        monkeypatch.setattr(kind, "task", task)

    for model in (trained["text"], trained["numbers"]):
        count(type(model.codec))
    return requests


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    """A named pipe to which a thread writes "the lazy " once."""
    files._copy_input.cache_clear()
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"the lazy ",), daemon=True)
    writer.start()
    yield path
    writer.join(timeout=10)
    assert not writer.is_alive()
    files._copy_input.cache_clear()


FORMS = [
    [],  # streamed
    ["-n", "3"],
    ["--json"],
    ["-o", "-"],
    ["-o", "a.txt"],
    ["-o", "folder/", "-n", "3"],
    ["--beams", "2"],
    ["--candidates", "3"],
    ["--quiet"],
]


@pytest.mark.parametrize("flags", FORMS, ids=" ".join)
def test_task_is_called_once(generate: Any, calls: list[Any], text: Path, flags: Sequence[str]) -> None:
    code, _, err = generate("--model", text, "--prompt", "the ", "--length", "20", *flags)
    assert code == 0, err
    assert [request.prompt for request in calls] == ["the "]


@pytest.mark.parametrize("flags", [[], ["-n", "3"], ["-o", "a.num", "-n", "3"], ["-o", "-"]], ids=" ".join)
def test_task_of_numbers_is_called_once(generate: Any, calls: list[Any], numbers: Path, flags: Sequence[str]) -> None:
    code, _, err = generate("--model", numbers, "--first", "7", *flags)
    assert code == 0, err
    assert [request.first for request in calls] == [7]


def test_task_is_called_once_per_replay(generate: Any, calls: list[Any], text: Path) -> None:
    assert generate("--model", text, "--length", "9", "-o", "a.txt")[0] == 0
    calls.clear()
    assert generate("--replay", "a.txt")[0] == 0
    assert len(calls) == 1


@pytest.mark.parametrize("flags", FORMS, ids=" ".join)
def test_pipe_as_prompt_file(generate: Any, pipe: Path, text: Path, flags: Sequence[str]) -> None:
    code, out, err = generate("--model", text, "--prompt-file", pipe, "--length", "20", *flags)
    assert code == 0, err
    written = [path.read_text() for path in [*Path().glob("a.txt"), *Path().glob("folder/*.txt")]]
    assert written or b"the lazy " in out
    assert all(content.startswith("the lazy ") for content in written)


@pytest.mark.parametrize("command", ["inspect", "score"])
def test_pipe_as_file_of_other_commands(run: Run, pipe: Path, text: Path, command: str) -> None:
    result = run(command, pipe, "--model", text)
    assert result.code == 0, result.err
    assert "9 characters" in result.out


def test_inspect_fits_and_encodes_one_reading_of_stdin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    files._copy_input.cache_clear()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"1 2 3\n4 5\n")))
    result = run("inspect", "-", "--plugin", "numbers")
    files._copy_input.cache_clear()
    assert result.code == 0, result.err
    assert result.out.splitlines()[0] == "line 1: 3 steps, 3 numbers"


@pytest.mark.parametrize("name", ["text", "numbers"])
@pytest.mark.parametrize("n", [1, 3])
def test_stdout_has_the_bytes_of_a_file(
    generate: Any, trained: dict[str, Model], tmp_path: Path, name: str, n: int
) -> None:
    suffix = trained[name].plugin.writes[0]
    flags = ["--model", trained[name].path, "--length", "20", "-n", n, "--seed", "3"]
    assert generate(*flags, "-o", f"a{suffix}")[0] == 0
    code, out, err = generate(*flags, "-o", "-")
    assert code == 0 and out == (tmp_path / f"a{suffix}").read_bytes()
    assert err.startswith("model: ") and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("model", "flags", "name", "start"),
    [
        ("midi:songs", ["--length", "40"], "a.mid", b"MThd"),
        ("abc:default", ["--bars", "2"], "a.abc", b"%abc"),
        ("handwriting:default", ["--text", "a"], "a.svg", b"<?xml"),
    ],
)
def test_stdout_has_the_bytes_of_a_file_of_each_plugin(
    generate: Any, tmp_path: Path, model: str, flags: list[str], name: str, start: bytes
) -> None:
    command = ["--model", model, "--seed", "3", *flags]
    assert generate(*command, "-o", name)[0] == 0
    code, out, err = generate(*command, "-o", "-")
    assert code == 0, err
    assert out == without_record(tmp_path / name) and out.startswith(start)


def without_record(path: Path) -> bytes:
    """Return the content of a generated file without its provenance record."""
    for name in ("abc", "midi", "handwriting"):
        embedded = extract_record(registry.load(name), path.read_bytes(), path.suffix)
        if embedded is not None:
            return embedded[1]
    raise AssertionError(f"{path} has no record")


def test_binary_stdin_and_stdout_in_a_pipeline(tmp_path: Path) -> None:
    command = f"{sys.executable} -m seqforge generate --model midi:songs --seed 3"
    pipeline = f"{command} --length 20 -o - | {command} --prompt-file - --length 40 -o -"
    result = subprocess.run(pipeline, shell=True, capture_output=True, check=False)
    assert result.returncode == 0 and result.stdout.startswith(b"MThd")
    (tmp_path / "sh").write_text(
        f"{command} --length 20 -o p.mid && {command} --prompt-file p.mid --length 40 -o a.mid"
    )
    assert subprocess.run(["sh", "sh"], capture_output=True, check=False).returncode == 0
    assert result.stdout == without_record(tmp_path / "a.mid")


def test_stdout_has_binary_bytes_unchanged(
    generate: Any, trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(range(256)) + b"\r\n\xff"

    def write(self: Any, pieces: Sequence[Piece[Any]], path: Path) -> None:
        path.write_bytes(content)

    monkeypatch.setattr(type(trained["numbers"].plugin), "write", write)
    code, out, err = generate("--model", trained["numbers"].path, "-o", "-", "--quiet")
    assert (code, out, err) == (0, content, "")


def test_stdout_writes_no_provenance_and_no_report(generate: Any, text: Path, tmp_path: Path) -> None:
    code, out, _ = generate("--model", text, "--length", "9", "-o", "-", "--json")
    assert code == 0 and not out.startswith(b"{") and list(tmp_path.glob("*.json")) == []


def test_several_pieces_need_a_format_for_several(
    generate: Any, numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fake_numbers.Numbers.multi_piece", ())
    code, out, err = generate("--model", numbers, "-n", "2", "-o", "-")
    assert (code, out) == (2, b"") and "-n is 2" in err


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("output", ["-", "a.txt"])
def test_piped_prompt_in_another_process(text: Path, tmp_path: Path, name: str, output: str) -> None:
    command = f"printf 'the lazy ' | {sys.executable} -m seqforge generate --model {text} --length 20"
    result = subprocess.run(
        f"{command} --prompt-file {name} -o {output}", shell=True, capture_output=True, check=False
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    content = result.stdout if output == "-" else (tmp_path / output).read_bytes()
    assert content.startswith(b"the lazy ") and len(content.decode()) <= 20


def test_piped_prompt_with_the_shipped_model() -> None:
    command = f"{sys.executable} -m seqforge generate --plugin text --prompt-file - -o - --length 40"
    result = subprocess.run(f"printf 'ROMEO:' | {command}", shell=True, capture_output=True, check=False)
    assert result.returncode == 0 and result.stdout.startswith(b"ROMEO:")


def test_record_of_stdin_cannot_be_replayed(
    capsys: pytest.CaptureFixture[str], text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files._copy_input.cache_clear()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"the ")))
    flags = ["--model", text, "--prompt-file", "-", "--length", "20", "-o", "a.txt"]
    result: CommandResult = in_process(capsys, "generate", *flags)
    files._copy_input.cache_clear()
    assert result.code == 0, result.err
    replayed = in_process(capsys, "generate", "--replay", "a.txt")
    assert replayed.code == 2 and "standard input" in replayed.error_message()
