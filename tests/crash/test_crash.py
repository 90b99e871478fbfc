"""A few kills of train, prepare and generate; `make crash` kills at every file operation and at 100 random moments."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="the trials fork")
@pytest.mark.parametrize("scenario", ["prepare", "generate"])
def test_killed_command_continues_and_gives_the_same_files(scenario: str, tmp_path: Path) -> None:
    flags = ["--scenario", scenario, "--operations", "5", "--moments", "1", "--workers", "1", "--out", tmp_path / "out"]
    command = [sys.executable, "-m", "tools.crash", *map(str, flags)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    row = process.stdout.splitlines()[1].split()
    assert row[0] == scenario and int(row[2]) == 5
