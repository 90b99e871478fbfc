"""Every package that development needs is pinned in constraints.txt, within the range that the packages declare."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = [ROOT, ROOT / "corpora", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


def pyproject(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def pins() -> dict[str, str]:
    """Return the pinned version of each package, by its canonical name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs)
    versions = {canonicalize_name(name): version for name, version in pairs}
    assert len(versions) == len(pairs)
    return versions


def requirements(folder: Path) -> list[Requirement]:
    """Return what a distribution depends on, with its extras and dependency groups, but not the parts of seqforge."""
    content = pyproject(folder)
    project = content["project"]
    groups = [*content.get("dependency-groups", {}).values(), *project.get("optional-dependencies", {}).values()]
    lines = [*project.get("dependencies", []), *(item for group in groups for item in group if isinstance(item, str))]
    parsed = [Requirement(line) for line in lines]
    return [requirement for requirement in parsed if not requirement.name.startswith("seqforge")]


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: pyproject(folder)["project"]["name"])
def test_every_requirement_is_pinned_within_its_range(folder: Path) -> None:
    versions = pins()
    for requirement in requirements(folder):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"add {requirement.name} to constraints.txt"
        assert version in requirement.specifier, f"{requirement}, pinned to {version}"


def test_dev_includes_every_other_group() -> None:
    groups = pyproject(ROOT)["dependency-groups"]
    assert [item["include-group"] for item in groups["dev"]] == [name for name in groups if name != "dev"]


def test_pre_commit_uses_the_pinned_versions() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    revisions = {repo["repo"].rsplit("/", 1)[-1]: repo["rev"] for repo in config["repos"]}
    versions = pins()
    assert revisions["ruff-pre-commit"] == f"v{versions['ruff']}"
    assert revisions["codespell"] == f"v{versions['codespell']}"


def test_pre_commit_config_is_valid() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(ROOT / ".pre-commit-config.yaml")]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr


def test_pre_commit_leaves_shipped_models_and_corpora_alone() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    excluded = re.compile(config["exclude"])
    models = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("plugins/*/src/*/models/*.safetensors")]
    assert models and all(excluded.search(model) for model in models)
    assert excluded.search("corpora/src/seqforge_corpora/cre/cre.abc")
    assert not excluded.search("seqforge/errors.py")


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: pyproject(folder)["project"]["name"])
def test_every_distribution_names_the_same_project(folder: Path) -> None:
    urls = pyproject(folder)["project"]["urls"]
    assert set(urls) == {"Homepage", "Source", "Issues", "Changelog"}
    assert all(url.startswith("https://github.com/seqforge/seqforge") for url in urls.values())
