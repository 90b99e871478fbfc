"""The workflows are valid, and agree with the Makefile, the declared versions of Python and the distributions."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import seqforge

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def workflow(name: str) -> dict[str, Any]:
    # BaseLoader keeps strings as they are written: 3.10 stays "3.10" and the key `on` is no boolean.
    content: dict[str, Any] = yaml.load((ROOT / ".github" / "workflows" / name).read_text(), Loader=yaml.BaseLoader)
    return content


def steps(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in content["jobs"].values() for step in job["steps"]]


def validate(path: Path, schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_follows_the_schema(path: Path) -> None:
    validate(path, "vendor.github-workflows")
    validate(path, "custom.github-workflows-require-timeout")


def test_citation_follows_the_schema_and_names_the_current_version() -> None:
    validate(ROOT / "CITATION.cff", "vendor.citation-file-format")
    citation = yaml.load((ROOT / "CITATION.cff").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    assert citation["version"] == seqforge.__version__
    assert citation["repository-code"] == PROJECT["urls"]["Source"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_make_target_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.MULTILINE))
    commands = "\n".join(step.get("run", "") for step in steps(workflow(path.name)))
    lines = re.sub(r"\$\{\{.*?\}\}", "", commands).splitlines()
    arguments = [word for line in lines if line.startswith("make ") for word in line.split()[1:]]
    names = [word for word in arguments if "=" not in word]
    assert names and targets.issuperset(names)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_major_version(path: Path) -> None:
    actions = [step["uses"] for step in steps(workflow(path.name)) if "uses" in step]
    assert actions
    assert not [action for action in actions if not re.fullmatch(r"[\w-]+/[\w-]+@(release/)?v\d+", action)]


def test_tested_versions_of_python_are_the_declared_ones() -> None:
    tested = workflow("test.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    prefix = "Programming Language :: Python :: 3."
    assert [f"Programming Language :: Python :: {version}" for version in tested] == [
        classifier for classifier in PROJECT["classifiers"] if classifier.startswith(prefix)
    ]
    assert PROJECT["requires-python"] == f">={tested[0]}"


def test_linux_installs_the_same_programs_as_local_ci() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    packages = re.findall(r"apt-get install -y -qq (.*)", script)[0].split()
    commands = "\n".join(step.get("run", "") for step in steps(workflow("test.yml")))
    installed = re.findall(r"apt-get install -y -qq (.*)", commands)[0].split()
    assert installed == [package for package in packages if package != "chromium"]


def test_smoke_test_runs_on_macos_and_windows() -> None:
    job = workflow("test.yml")["jobs"]["smoke"]
    assert job["strategy"]["matrix"]["os"] == ["macos-latest", "windows-latest"]
    commands = "\n".join(step.get("run", "") for step in job["steps"])
    assert "seqforge plugins" in commands and "seqforge generate --plugin text" in commands


def test_release_publishes_from_its_environment_without_a_token() -> None:
    content = workflow("release.yml")
    assert content["on"] == {"push": {"tags": ["v*"]}}
    publish = content["jobs"]["publish"]
    assert publish["environment"] == "release" and publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    wheels = re.findall(r"^wheels:.*\n\t(.*)", MAKEFILE, re.MULTILINE)[0]
    assert "corpora $(PLUGINS)" in wheels
