"""The import graph has no cycles, and light commands import neither torch nor a plugin."""

import ast
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

import seqforge

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "seqforge": ROOT / "seqforge",
    "seqforge_text": ROOT / "plugins/text/src/seqforge_text",
    "seqforge_abc": ROOT / "plugins/abc/src/seqforge_abc",
    "seqforge_midi": ROOT / "plugins/midi/src/seqforge_midi",
    "seqforge_handwriting": ROOT / "plugins/handwriting/src/seqforge_handwriting",
    "seqforge_phonemes": ROOT / "examples/phonemes/src/seqforge_phonemes",
    "seqforge_sound": ROOT / "examples/sound/src/seqforge_sound",
}
PLUGINS = ("seqforge_text", "seqforge_abc", "seqforge_midi", "seqforge_handwriting", "seqforge_corpora")


def modules_of(name: str, folder: Path) -> dict[str, Path]:
    """Return the modules of a package with their files."""
    modules = {}
    for path in sorted(folder.rglob("*.py")):
        parts = (name, *path.relative_to(folder).with_suffix("").parts)
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def imports_of(module: str, path: Path, modules: Collection[str]) -> Iterator[str]:
    """Yield the modules that a module imports anywhere: at the top, in a function or below `if TYPE_CHECKING`.

    `from package import name` imports the module `package.name` if there is one, and else `package`.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
                parents = package[: len(package) - node.level + 1]
                source = ".".join([*parents, source]).rstrip(".")
            for alias in node.names:
                name = f"{source}.{alias.name}"
                yield from [candidate for candidate in (name, source) if candidate in modules][:1]


def import_graph(name: str, folder: Path) -> dict[str, set[str]]:
    """Return the modules that each module of a package imports from the package."""
    modules = modules_of(name, folder)
    return {module: set(imports_of(module, path, modules)) - {module} for module, path in modules.items()}


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components with more than one module (R. Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    result: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            component = stack[at:]
            del stack[at:]
            if len(component) > 1:
                result.append(sorted(component))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return result


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_have_no_cycle(package: str) -> None:
    graph = import_graph(package, PACKAGES[package])
    assert package in graph
    assert cycles(graph) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("from package import second", "from package.first import name"),
        ("import package.second", "def function():\n    from package import first"),
        ("from . import second", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .first import name"),
        ("from package.deep.third import name", "from package import first"),
    ],
)
def test_cycle_is_found_wherever_its_imports_are(tmp_path: Path, first: str, second: str) -> None:
    (tmp_path / "deep").mkdir()
    files = {"__init__": "", "deep/__init__": "", "deep/third": "from ..second import name", "first": first}
    for name, text in {**files, "second": second}.items():
        (tmp_path / f"{name}.py").write_text(text)
    (component,) = cycles(import_graph("package", tmp_path))
    assert {"package.first", "package.second"} <= set(component)


def test_chain_of_imports_is_no_cycle(tmp_path: Path) -> None:
    texts = {
        "__init__": "from package.a import x",
        "a": "from package import b, c",
        "b": "from package.c import x",
        "c": "",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    graph = import_graph("package", tmp_path)
    assert graph["package.a"] == {"package.b", "package.c"} and cycles(graph) == []


def loaded_after(code: str, names: Collection[str]) -> list[str]:
    """Return which of these modules are loaded after some code has run in a new process."""
    script = f"{code}\nimport sys\nprint([name for name in {list(names)!r} if name in sys.modules])"
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded: list[str] = ast.literal_eval(child.stdout.splitlines()[-1])
    return loaded


LIBRARIES = ("torch", "music21", "symusic", "mido", "typer", "rich")


@pytest.mark.parametrize("module", ["seqforge", "seqforge.errors", "seqforge.plugin", "seqforge.plugin.registry"])
def test_light_module_imports_no_library_and_no_plugin(module: str) -> None:
    heavy = (*LIBRARIES, *PLUGINS, "seqforge.network", "seqforge.training")
    assert loaded_after(f"import {module}", heavy) == []


@pytest.mark.parametrize(
    "module",
    ["sampling", "inference", "evaluation", "modelfile", "training", "training.config", "network", "network.config",
     "network.precision", "network.shapes", "api.model", "api.model_loading", "api.model_paths", "api.runs",
     "core.files", "core.options", "core.spaces", "corpus", "dataset", "scaffold", "testing", "cli", "cli.main"],
)  # fmt: skip
def test_module_imports_no_torch_and_no_plugin(module: str) -> None:
    assert loaded_after(f"import seqforge.{module}", ("torch", *PLUGINS)) == []


def test_torch_is_imported_with_the_first_use_of_the_network_of_a_model() -> None:
    assert loaded_after("import seqforge; seqforge.Model; seqforge.load('text')", ["torch"]) == []
    assert loaded_after("import seqforge; seqforge.load('text').network", ["torch"]) == ["torch"]


_REPORTER = """
import sys

class Reporter:
    def find_spec(name, path=None, target=None):
        if name in {names!r}:
            report(name)

def report(text):
    with open({path!r}, "a") as file:
        file.write(text + "\\n")

report("process")
sys.meta_path.insert(0, Reporter)
"""
"""A `sitecustomize` that writes a line for a process and for the import of a module, in child processes too."""


@pytest.mark.parametrize(
    ("arguments", "processes"),
    [
        (["--plugin", "text", "--prompt", "ROMEO:", "--length", "40", "-o", "a.txt"], 1),
        (["--plugin", "abc", "--rhythm", "jig", "--bars", "8", "-o", "a.abc"], 1),
        (["--plugin", "abc", "--rhythm", "jig", "--bars", "4", "-o", "tune.svg"], 2),
        (["--plugin", "midi", "--bars", "2", "-o", "a.mid"], 1),
        (["--plugin", "handwriting", "--text", "hello", "-o", "a.svg"], 1),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_generation_and_its_child_import_no_library_that_they_do_not_need(
    tmp_path: Path, arguments: list[str], processes: int
) -> None:
    report, customized = tmp_path / "report", tmp_path / "site"
    customized.mkdir()
    names = {"torch", "pandas", "music21", "pydantic"}
    (customized / "sitecustomize.py").write_text(_REPORTER.format(names=names, path=str(report)))
    paths = os.pathsep.join([str(customized), *(path for path in sys.path if path)])
    command = [sys.executable, "-m", "seqforge", "generate", *arguments]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, check=True, capture_output=True)
    assert report.read_text().splitlines() == ["process"] * processes
    assert (tmp_path / arguments[-1]).stat().st_size > 0


@pytest.mark.parametrize("name", seqforge.__all__)
def test_public_name_exists(name: str) -> None:
    assert getattr(seqforge, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        seqforge.nonsense  # noqa: B018
