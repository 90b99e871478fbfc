"""The tutorials work: the test writes its files and runs its commands.

Two things differ: pip installs offline into a temporary folder, and training takes a few steps instead of minutes.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from seqforge.testing import CHECKS

sys.path.insert(0, str(Path(__file__).parent))
from blocks import PAIRS, TUTORIAL, VECTORS, blocks_of, shorten

INSTALL = "pip install --quiet --no-deps --no-build-isolation --no-index --upgrade --disable-pip-version-check --target"


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], str]:
    """A shell whose `seqforge`, `python`, `pip` and `pytest` use the Python that runs this test."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, arguments in {
        "python": "",
        "pip": "-m pip",
        "pytest": "-m pytest -p no:cacheprovider",
        "seqforge": "-m seqforge",
    }.items():
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (commands / name).chmod(0o755)
    (tmp_path / "package").mkdir()
    environment = {
        **os.environ,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]),
        "SEQFORGE_CACHE": str(tmp_path / "cache"),
        "PIP_NO_INPUT": "1",
        "OMP_NUM_THREADS": "1",
    }

    def run(command: str) -> str:
        command = shorten(command.replace("pip install -e", f"{INSTALL} {tmp_path / 'site'}"))
        process = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path / "package",
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        assert process.returncode == 0, (command, process.stdout[-3000:], process.stderr[-3000:])
        return process.stdout

    return run


Follow = Callable[[Path], Mapping[str, str]]


@pytest.fixture
def follow(tmp_path: Path, shell: Callable[[str], str]) -> Follow:
    """Return a function that does what a page says from an empty folder, and returns what each command prints."""

    def run(page: Path) -> Mapping[str, str]:
        outputs: dict[str, str] = {}
        for block in blocks_of(page):
            if block.title:
                path = tmp_path / "package" / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                existing = path.read_text(encoding="utf-8") + "\n" if block.append else ""
                path.write_text(existing + block.body, encoding="utf-8")
            elif block.language == "console":
                for command, _ in block.commands():
                    outputs[command] = shell(command)
        for subcommand in ("check", "format --check"):
            shell(f"python -m ruff {subcommand} --isolated --line-length 120 src make_samples.py")
        return outputs

    return run


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a Unix shell")


def test_tutorial_works_from_an_empty_folder(tmp_path: Path, follow: Follow) -> None:
    outputs = follow(TUTORIAL)
    report = outputs["seqforge plugins check knit --samples samples"]
    assert [line for line in report.splitlines() if line.startswith("FAILED")] == []
    assert re.search(r"constraint_allows_real_pieces +(\d+) of \1 samples are allowed, \1 have no violations", report)
    pattern = outputs["seqforge generate --plugin knit --cast-on 12 --seed 1"]
    assert pattern.startswith("cast on 12\n")
    counts = {outcome: int(number) for number, outcome in re.findall(r"(\d+) (passed|skipped)", outputs["pytest -q"])}
    assert counts["passed"] + counts["skipped"] == len(CHECKS) and counts["passed"] >= 22
    assert (tmp_path / "package" / "new.knit").read_text().count("cast on") == 5
    assert outputs["seqforge generate --plugin knit --model shipped --cast-on 18"].startswith("cast on 18\n")
    assert {path.suffix for path in (tmp_path / "package" / "dist").iterdir()} == {".gz", ".whl"}


def test_tutorial_of_vectors_draws_on_the_paper_that_is_requested(tmp_path: Path, follow: Follow) -> None:
    outputs = follow(VECTORS)
    report = outputs["seqforge plugins check plotter --samples samples --request 'width=50 height=40'"]
    assert not re.search(r"^FAILED", report, re.MULTILINE) and "Mixture(reals=2, bits=1" in report
    text = (tmp_path / "package" / "new.plt").read_text()
    positions = [(int(x), int(y)) for x, y in re.findall(r"P[UD](-?\d+),(-?\d+);", text)]
    assert "PD" in text and all(0 <= x <= 120 * 40 and 0 <= y <= 120 * 40 for x, y in positions)


def test_tutorial_of_pairs_writes_a_target_for_the_requested_source(tmp_path: Path, follow: Follow) -> None:
    outputs = follow(PAIRS)
    report = outputs["seqforge plugins check roman --samples samples --request 'number=1987'"]
    assert not re.search(r"^FAILED", report, re.MULTILINE)
    line = (tmp_path / "package" / "new.roman").read_text()
    assert re.fullmatch(r"1987 M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})\n", line)
    assert "1115 MCXV\n" in (tmp_path / "package" / "samples" / "numbers.roman").read_text()
