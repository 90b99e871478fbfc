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

TUTORIAL = Path(__file__).parents[2] / "docs" / "plugins" / "tutorial.md"
TEXT = TUTORIAL.read_text(encoding="utf-8")
BLOCKS = re.findall(r'^```(\w+)(?: title="([^"]+)"( append)?)?\n(.*?)^```', TEXT, re.MULTILINE | re.DOTALL)
INSTALL = "pip install --quiet --no-deps --no-build-isolation --no-index --upgrade --disable-pip-version-check --target"
TINY = "--steps 30 --hidden 32 --layers 1 --embedding 8 --batch-size 8 --window 32 --precision float32 --threads 1"


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
        line = re.sub(r"--minutes \d+", TINY, line)
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
    for language, title, append, body in BLOCKS:
        if title:
            path = tmp_path / "knit" / title
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text(encoding="utf-8") + "\n" if append else ""
            path.write_text(before + body, encoding="utf-8")
        elif language == "console":
            for line in body.splitlines():
                said[line.removeprefix("$ ")] = shell(line.removeprefix("$ "))
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


def test_every_link_inside_the_plugin_docs_leads_somewhere() -> None:
    for page in TUTORIAL.parent.glob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                name, _, anchor = target.partition("#")
                other = (page.parent / name) if name else page
                assert other.exists(), (page.name, target)
                headings = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), re.MULTILINE)
                slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
                assert not anchor or anchor in slugs, (page.name, target)
