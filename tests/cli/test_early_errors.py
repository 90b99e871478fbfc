"""Errors that are found before torch is imported and the weights are read; and generations that end early."""

import json
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from fakekit import Run, isolate, number_rows

from seqforge import Model
from seqforge.cli import generate_progress

SCRIPT = """
import contextlib, io, json, sys
from seqforge.cli.main import main
for words in json.loads(sys.argv[1]):
    out, err, code, before = io.StringIO(), io.StringIO(), None, "torch" in sys.modules
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, out.getvalue(), err.getvalue(), "torch" in sys.modules and not before]))
"""
"""Runs command lines one after the other, and prints whether a command has imported torch."""
LINES = (
    "generate --model NUMBERS -o o.mid",
    "generate --model NUMBERS -o gone/o.num",
    "generate --model NUMBERS -n 3 -o o.one",
    "generate --model NUMBERS --label party=odd",
    "generate --model NUMBERS --label parity=evn",
    "generate --model NUMBERS --top-p 2",
    "generate --model NUMBERS --length 0",
    "generate --model NUMBERS --candidates 5000",
    "generate --model NUMBERS --beams 2 -n 3",
    "generate --model NUMBERS --beams 64",
    "generate --model NUMBERS --beams 2 --length-penalty 11",
    "generate --model NUMBERS --beams 2 --top-k 3",
    "generate --model NUMBERS --show-attention a.svg",
    "generate --model gone.safetensors",
    "generate --model a.num",
    "generate --plugin text --model NUMBERS",
    "generate --model TEXT --prompt-file gone.txt",
    "train --plugin numbers --corpus gone.num",
    "train --plugin numbers --corpus a.num --dropout 1",
    "train --plugin numbers --corpus a.num --steps 1 --minutes 5",
    "train --plugin numbers --corpus a.num --split 1,1,1",
    "train --plugin numbers --corpus a.num --valid gone.num",
    "score gone.num --model NUMBERS",
    "evaluate gone",
)


@pytest.fixture(scope="module")
def ends(trained: dict[str, Model], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, str, bool]]:
    """The exit code, the output, the errors and the import of torch of each command line."""
    folder = tmp_path_factory.mktemp("early")
    (folder / "a.num").write_text(number_rows())
    models = {"NUMBERS": str(trained["numbers"].path), "TEXT": str(trained["text"].path)}
    commands = [[models.get(word, word) for word in line.split()] for line in LINES]
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, folder)
        child = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(commands)], capture_output=True, text=True, check=True
        )
    return dict(zip(LINES, map(json.loads, child.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("line", LINES)
def test_error_is_raised_before_torch_is_imported(ends: dict[str, tuple[int, str, str, bool]], line: str) -> None:
    code, out, err, imports_torch = ends[line]
    assert code in (1, 2)
    assert err.startswith("seqforge: ") and len(err.splitlines()) == 1, err
    assert out == "" and not imports_torch


def interrupt_after(monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    """Press Ctrl-C while the file of a piece is being written."""
    from seqforge.cli.output import Output

    add = Output.add

    def interrupting(self: Any, *arguments: Any, **options: Any) -> Any:
        if self.files.count == pieces - 1:
            signal.raise_signal(signal.SIGINT)
        return add(self, *arguments, **options)

    monkeypatch.setattr(Output, "add", interrupting)


@pytest.mark.parametrize(("output", "last"), [("out/", "out/0003.num"), ("out.num", "out.num")])
def test_interrupted_generation_leaves_complete_files_with_their_record(
    run: Run, numbers: Path, monkeypatch: pytest.MonkeyPatch, output: str, last: str
) -> None:
    command = ["generate", "--model", numbers, "-o"]
    run(*command, "all/", "-n", "9")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 3)
        result = run(*command, output, "-n", "9")
    assert result.code == 130 and "interrupted; 3 of 9 pieces are written" in result.err
    assert not Path("out/0004.num").exists()
    files = [Path(f"all/{k:04d}.num").read_text() for k in (1, 2, 3)]
    assert Path(last).read_text() == (files[2] if output == "out/" else "".join(files))
    replayed = run("generate", "--replay", output)
    assert replayed.code == 0 and "the same bytes again" in replayed.err


def test_interruption_before_the_first_piece(run: Run, numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("seqforge.api.generation.Generation.run", interrupt)
    result = run("generate", "--model", numbers, "-o", "out/", "-n", "9")
    assert result.code == 130 and result.err.endswith("interrupted; nothing was written\n")
    assert not Path("out").exists()


@pytest.mark.parametrize("output", ["out/", "out.num"])
def test_disk_that_is_too_small_is_noticed_after_five_pieces(
    run: Run, numbers: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(generate_progress.shutil, "disk_usage", lambda path: usage(10**6, 10**6 - 10, 10))
    monkeypatch.setattr("seqforge.cli.generate_progress._content_size", lambda content: 100)
    command = ["generate", "--model", numbers, "-n", "300", "-o", output]
    result = run(*command)
    assert result.code == 1
    assert "300 pieces need about " in result.error_message() and "--no-disk-check" in result.error_message()
    if output == "out/":
        (record,) = json.loads(Path("out/provenance.json").read_text())["records"]
        assert len(record["files"]) == len(list(Path("out").glob("*.num"))) == 5
    assert run(*command[:3], "-n", "12", "-o", output, "--no-disk-check").code == 0


def test_progress_is_shown_on_a_terminal_only(run: Run, numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["generate", "--model", numbers, "-n", "3", "-o", "out/"]
    assert "generating" not in run(*command).err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "generating" in run(*command).err
    assert run(*command, "--quiet").err == ""
