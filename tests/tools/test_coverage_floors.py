"""tools/coverage_floors.py compares the coverage of packages with their floors, on a small made-up report."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "coverage_floors.py"
CONFIG = """[project]
name = "a"

[tool.seqforge.coverage]
"seqforge" = 50
"seqforge.network" = 75
"seqforge_abc" = 100

[tool.ruff]
line-length = 120
"""


def summary(covered: int, total: int, branches: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    counts = {"covered_lines": covered, "num_statements": total}
    return {"summary": {**counts, "covered_branches": branches[0], "num_branches": branches[1]}}


REPORT = {
    "files": {
        "seqforge/errors.py": summary(5, 10),
        "seqforge/network/layers.py": summary(4, 4, branches=(1, 2)),
        "seqforge/network/heads/mixture.py": summary(1, 2),
        "plugins/abc/src/seqforge_abc/theory.py": summary(3, 3),
        "plugins/abc/src/seqforge_abc/__init__.py": summary(0, 0),
    }
}


def run(folder: Path, config: str, *flags: str) -> "subprocess.CompletedProcess[str]":
    (folder / "coverage.json").write_text(json.dumps(REPORT))
    (folder / "pyproject.toml").write_text(config)
    command = [sys.executable, str(SCRIPT), "coverage.json", *flags]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_coverage_at_the_floors_passes(tmp_path: Path) -> None:
    process = run(tmp_path, CONFIG)
    assert process.returncode == 0 and not process.stderr
    rows = [line.split() for line in process.stdout.splitlines()]
    assert rows == [
        ["package", "total", "missed", "cover", "floor"],
        ["seqforge", "10", "5", "50.00%", "50"],
        ["seqforge.network", "8", "2", "75.00%", "75"],
        ["seqforge_abc", "3", "0", "100.00%", "100"],
    ]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"seqforge.network" = 75', '"seqforge.network" = 76', "seqforge.network is covered to 75.00 %"),
        ('"seqforge.network" = 75', "", "seqforge.network has no floor"),
        ('"seqforge_abc" = 100', '"seqforge_abc" = 100\n"seqforge_gone" = 1', "seqforge_gone has a floor but no"),
    ],
)
def test_each_violation_fails_with_one_message(tmp_path: Path, before: str, after: str, message: str) -> None:
    process = run(tmp_path, CONFIG.replace(before, after))
    assert process.returncode == 1
    assert process.stderr.startswith(message) and process.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "config", [CONFIG, CONFIG[: CONFIG.index("[tool.seqforge")], CONFIG[: CONFIG.index("[tool.r")]]
)
def test_write_records_measured_coverage_and_keeps_the_rest(tmp_path: Path, config: str) -> None:
    assert run(tmp_path, config.replace("= 75", "= 99"), "--write").returncode == 0
    written = (tmp_path / "pyproject.toml").read_text()
    floors = {"seqforge": 50, "seqforge.network": 75, "seqforge_abc": 100}
    before, after = tomllib.loads(config), tomllib.loads(written)
    assert after["tool"].pop("seqforge") == {"coverage": floors}
    before.setdefault("tool", {}).pop("seqforge", None)
    assert after == before
    assert written.endswith("\n") and not written.endswith("\n\n") and "\n\n\n" not in written
    assert run(tmp_path, written, "--write").returncode == 0
    assert (tmp_path / "pyproject.toml").read_text() == written


def test_write_rounds_down(tmp_path: Path) -> None:
    report = {"files": {"seqforge/errors.py": summary(2, 3)}}
    (tmp_path / "coverage.json").write_text(json.dumps(report))
    (tmp_path / "pyproject.toml").write_text("")
    command = [sys.executable, str(SCRIPT), "coverage.json", "--write"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    floors = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    assert floors == {"tool": {"seqforge": {"coverage": {"seqforge": 66}}}}
