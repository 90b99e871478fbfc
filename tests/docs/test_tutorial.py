"""The tutorial of docs/plugins is followed to the letter: its files are written, its commands run.

What is changed: pip takes nothing from the net and installs into a folder of the test's own, and training takes a few
steps instead of minutes.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from blocks import TUTORIAL, blocks_of, shrunk

INSTALL = "pip install --quiet --no-deps --no-build-isolation --no-index --upgrade --disable-pip-version-check --target"


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], str]:
    """A shell in which `seqforge`, `python`, `pip` and `pytest` are those of this test."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words in {
        "python": "",
        "pip": "-m pip",
        "pytest": "-m pytest -p no:cacheprovider",
        "seqforge": "-m seqforge",
    }.items():
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (tools / name).chmod(0o755)
    (tmp_path / "knit").mkdir()
    environment = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path / "site"),
        "SEQFORGE_CACHE": str(tmp_path / "cache"),
        "PIP_NO_INPUT": "1",
        "OMP_NUM_THREADS": "1",
    }

    def run(line: str) -> str:
        line = line.replace("pip install -e", f"{INSTALL} {tmp_path / 'site'}")
        line = shrunk(line)
        done = subprocess.run(
            line,
            shell=True,
            cwd=tmp_path / "knit",
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        assert done.returncode == 0, (line, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    return run


@pytest.mark.skipif(sys.platform == "win32", reason="its commands are written for a Unix shell")
def test_the_tutorial_works_from_an_empty_folder(tmp_path: Path, shell: Callable[[str], str]) -> None:
    said: dict[str, str] = {}
    for block in blocks_of(TUTORIAL):
        if block.title:
            path = tmp_path / "knit" / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text(encoding="utf-8") + "\n" if block.append else ""
            path.write_text(before + block.body, encoding="utf-8")
        elif block.language == "console":
            for command, _ in block.commands():
                said[command] = shell(command)
    checked = said["seqforge plugins check knit --samples samples"].splitlines()
    assert [line for line in checked if line.startswith("FAILED")] == []
    assert any(
        re.search(r"constraint_allows_real_pieces +(\d+) of \1 samples are allowed, \1 of them right", each)
        for each in checked
    )
    pattern = said["seqforge generate --plugin knit --cast-on 12 --seed 1"]
    assert pattern.startswith("cast on 12\n")
    assert "22 passed" in said["pytest -q"]
    assert (tmp_path / "knit" / "new.knit").read_text().count("cast on") == 5
    assert said["seqforge generate --plugin knit --model shipped --cast-on 18"].startswith("cast on 18\n")
    for words in ("check", "format --check"):
        shell(f"python -m ruff {words} --isolated --line-length 120 src make_samples.py")
