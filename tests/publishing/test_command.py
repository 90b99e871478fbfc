"""The command `seqforge plugins publish`."""

import json
import sys
from pathlib import Path

import pytest

from seqforge.publishing import RULES
from seqforge.scaffold import new_plugin

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))
from fakekit import Run, in_process


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: in_process(capsys, *arguments)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    new_plugin("toy", suffix=".toy", folder=tmp_path / "package")
    return tmp_path / "package"


def test_publish_writes_the_files_and_then_checks_the_wheel(run: Run, package: Path) -> None:
    result = run("plugins", "publish", package)
    dist = package / "dist"
    assert result.code == 0, result
    assert [line.split() for line in result.out.splitlines()] == [["ok", rule] for rule in RULES]
    assert {path.name for path in dist.iterdir()} == {
        "seqforge_toy-0.1.0.tar.gz",
        "seqforge_toy-0.1.0-py3-none-any.whl",
    }
    assert "next: twine upload" in result.err
    wheel = dist / "seqforge_toy-0.1.0-py3-none-any.whl"
    before = wheel.read_bytes()
    report = json.loads(run("plugins", "publish", wheel, "--json").out)
    assert report["ok"] and report["size"] == len(before) and report["faults"] == []
    assert run("plugins", "publish", wheel, "-o", package).code == 2
    again = run("plugins", "publish", package)
    assert again.code == 2 and "--force" in again.error_message() and wheel.read_bytes() == before


def test_check_of_a_faulty_package_writes_nothing_and_exits_with_1(run: Run, package: Path) -> None:
    project = package / "pyproject.toml"
    project.write_text(project.read_text().replace('requires-python = ">=3.11"\n', ""))
    before = sorted(package.rglob("*"))
    result = run("plugins", "publish", "--check", package)
    assert result.code == 1 and sorted(package.rglob("*")) == before
    (line,) = [line for line in result.out.splitlines() if not line.startswith("ok")]
    assert line.split()[:2] == ["FAILED", "python_has_a_lower_bound"] and "`requires-python` is missing" in line
    assert "12 rules, 1 fault" in result.err


def test_folder_without_a_package_is_an_error(run: Run, tmp_path: Path) -> None:
    result = run("plugins", "publish", "--check", tmp_path)
    assert result.code == 2 and "contains no pyproject.toml" in result.error_message()
