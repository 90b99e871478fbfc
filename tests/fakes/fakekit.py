"""Helpers that many tests share: fake distributions, settings for fast training, and running the command line."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.fuzz.seeds import TINY, prose

if TYPE_CHECKING:
    from seqforge import Model

SITE = Path(__file__).parent / "site"
"""A folder like site-packages that contains the fake plugin `numbers` and its dist-info."""

TINY_FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
"""The options of `TINY` as flags of the command line."""

PLUGIN = """
from seqforge import NoOptions, NoRequest, Piece, Plugin, TokenCodec

class Codec(TokenCodec[str, NoOptions, NoRequest]):
    def tokenise(self, content): return list(content)
    def detokenise(self, tokens): return "".join(tokens)

class Good(Plugin[str, NoOptions, NoRequest]):
    name = "good"
    writes = (".good",)
    codec = Codec
    native = False
    def read(self, path, options): yield Piece(path.read_text())
    def write(self, pieces, path): path.write_text("".join(piece.content for piece in pieces))
"""
"""A minimal plugin; tests replace a line of it to get a broken one."""


VERSES = """
from seqforge import Aligns, NoOptions, NoRequest, Piece, Places, Plugin, TokenCodec

class Lines(Places):
    distances = (1, 2)
    def __init__(self, newline): self.newline = newline
    def start(self): return (0, 0)
    def place(self, state): return state
    def advance(self, state, step):
        return (state[0] + 1, 0) if step == self.newline else (state[0], state[1] + 1)

class Codec(TokenCodec[str, NoOptions, NoRequest], Aligns):
    def tokenise(self, content): return list(content)
    def detokenise(self, tokens): return "".join(tokens)
    def places(self): return Lines(self.index.get("\\n", -1))

class Good(Plugin[str, NoOptions, NoRequest]):
    name = "verses"
    reads = (".verses",)
    writes = (".verses",)
    codec = Codec
    native = False
    def read(self, path, options): yield Piece(path.read_text())
    def write(self, pieces, path): path.write_text("".join(piece.content for piece in pieces))
"""
"""A plugin whose codec names places: the line, and the character in the line."""


def install(
    folder: Path,
    code: str = PLUGIN,
    *,
    name: str = "good",
    target: str | None = None,
    distribution: str | None = None,
    group: str = "seqforge.plugins",
) -> Path:
    """Write a distribution to a folder: a module, and the dist-info folder that announces it."""
    folder.mkdir(parents=True, exist_ok=True)
    distribution = distribution or f"fake-{name}"
    module = distribution.replace("-", "_")
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    info = folder / f"{module}-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {target or module + ':Good'}\n")
    return folder


def isolate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Give a test an empty cache, its own working folder, and the fake plugin `numbers`."""
    monkeypatch.setenv("SEQFORGE_CACHE", str(folder / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SITE), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(SITE)
    monkeypatch.chdir(folder)


def number_rows(count: int = 200, *, seed: int = 0) -> str:
    """Return the text of a .num file: rows of consecutive numbers, each with a random start and length."""
    rng = random.Random(seed)
    rows = [(rng.randrange(40), rng.randrange(3, 12)) for _ in range(count)]
    return "".join(" ".join(map(str, range(start, start + length))) + "\n" for start, length in rows)


def write_corpora(folder: Path) -> None:
    """Write small corpora to a folder: two texts, and rows of numbers."""
    (folder / "a.txt").write_text(prose())
    (folder / "b.txt").write_text(prose(seed=7))
    (folder / "a.num").write_text(number_rows())


def train_models(folder: Path) -> dict[str, "Model"]:
    """Return tiny models in a folder that tests only read: text, text as bytes, and rows of numbers with labels."""
    import seqforge

    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, folder)
        write_corpora(folder)
        return {
            "text": seqforge.train("text", corpus="a.txt", steps=30, run=folder / "t", **TINY),
            "numbers": seqforge.train("numbers", corpus="a.num", steps=30, run=folder / "n", label_dropout=0.5, **TINY),
            "byte": seqforge.train("text", corpus="a.txt", level="byte", steps=5, run=folder / "b", **TINY),
        }


@dataclass(frozen=True)
class CommandResult:
    """The result of a command: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    def error_message(self) -> str:
        """Return the error message, which must be one line and the last one."""
        lines = [line for line in self.err.splitlines() if line.startswith("seqforge: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        assert self.err.splitlines()[-1] == lines[0], self.err
        return lines[0].removeprefix("seqforge: ")


Run = Callable[..., CommandResult]
"""The type of the fixture `run`, which runs a command with the arguments that it receives."""


def in_process(capsys: pytest.CaptureFixture[str], *arguments: object) -> CommandResult:
    """Run the command line with these arguments in this process."""
    from seqforge.cli.main import main

    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    code = caught.value.code
    return CommandResult(code if isinstance(code, int) else int(code is not None), out, err)


def in_child(*arguments: object, **environment: str) -> CommandResult:
    """Run the command line with these arguments in a child process."""
    process = subprocess.run(
        [sys.executable, "-m", "seqforge", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )
    return CommandResult(process.returncode, process.stdout, process.stderr)
