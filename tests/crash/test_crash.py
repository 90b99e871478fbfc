"""A few kills of each command; `make crash` kills at every file operation and at 100 random moments."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="the trials fork")
def test_killed_commands_continue_and_give_the_same_files(tmp_path: Path) -> None:
    flags = ["--operations", "4", "--moments", "3", "--workers", "1", "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "tools.crash", *flags]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    rows = [line.split() for line in process.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == ["train", "prepare", "generate"]
    assert all(int(row[2]) == 4 for row in rows)
