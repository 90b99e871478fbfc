"""What the tests of the upper half share: fake distributions, a tiny training, a command line in-process."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SITE = Path(__file__).parent / "site"
"""Holds the fake plugin `numbers` with its dist-info, as site-packages would."""

TINY: Mapping[str, Any] = {
    "hidden": 16,
    "layers": 1,
    "embedding": 8,
    "batch_size": 4,
    "window": 16,
    "precision": "float32",
    "threads": 1,
}
TINY_FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]

PLUGIN = """
from seqforge import NoOptions, Piece, Plugin, TokenCodec

class Codec(TokenCodec):
    def tokenise(self, content): return list(content)
    def detokenise(self, tokens): return "".join(tokens)

class Good(Plugin):
    name = "good"
    writes = (".good",)
    codec = Codec
    def read(self, path, options): yield Piece(path.read_text())
    def fit(self, pieces, options): return Codec.fit(pieces, options)
    def write(self, pieces, path): path.write_text("".join(piece.content for piece in pieces))
"""
"""The least plugin there is; broken ones are made from it by replacing a line."""


def install(
    folder: Path,
    code: str = PLUGIN,
    *,
    name: str = "good",
    target: str | None = None,
    distribution: str | None = None,
    group: str = "seqforge.plugins",
) -> Path:
    """Write a distribution by hand: a module, and the dist-info folder that announces it."""
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
    """Give a test its own cache, working folder and the fake plugin."""
    monkeypatch.setenv("SEQFORGE_CACHE", str(folder / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SITE), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(SITE)
    monkeypatch.chdir(folder)


def prose(characters: int = 6000, *, seed: int = 0) -> str:
    """Return words in random order: nothing in it is a near duplicate of the rest."""
    words = "the quick brown fox jumps over a lazy dog while seven green bottles hang on that wall"
    rng, text = random.Random(seed), ""
    while len(text) < characters:
        text += " ".join(rng.choices(words.split(), k=9)) + ".\n"
    return text


def number_rows(count: int = 200, *, seed: int = 0) -> str:
    """Return a .num file: rows of numbers that count up from a random start."""
    rng = random.Random(seed)
    starts = [(rng.randrange(40), rng.randrange(3, 12)) for _ in range(count)]
    return "".join(" ".join(str(start + at) for at in range(length)) + "\n" for start, length in starts)


@dataclass(frozen=True)
class Said:
    """What a command line left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    def sentence(self) -> str:
        """Return the one line of words that an error is."""
        lines = [line for line in self.err.splitlines() if line.startswith("seqforge: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        assert self.err.splitlines()[-1] == lines[0], self.err
        return lines[0].removeprefix("seqforge: ")


Run = Callable[..., Said]
"""What the fixture `run` of the command line's tests gives: arguments to what was said."""


def in_process(capsys: pytest.CaptureFixture[str], *arguments: object) -> Said:
    """Run a command line in this process."""
    from seqforge.cli.main import main

    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    code = left.value.code
    return Said(code if isinstance(code, int) else int(code is not None), out, err)


def in_child(*arguments: object, **environment: str) -> Said:
    """Run a command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "seqforge", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )
    return Said(done.returncode, done.stdout, done.stderr)
