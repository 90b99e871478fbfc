"""Rules of the files: the plugin's package is there, what it imports is declared, and nothing else is in the wheel."""

import ast
import fnmatch
import functools
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from seqforge.errors import listing
from seqforge.publishing.wheel import Wheel

__all__ = ["content_belongs_to_the_plugin", "imports_are_declared", "plugin_is_announced"]

TEST = "a test"
STRAY = {
    TEST: ("tests/*", "test/*", "test_*.py", "*_test.py", "conftest.py"),
    "a cache": (
        "__pycache__/*", "*.pyc", ".pytest_cache/*", ".mypy_cache/*", ".ruff_cache/*", ".hypothesis/*",
        ".ipynb_checkpoints/*", ".DS_Store", "Thumbs.db",
    ),
    "a file of an editor or of version control": ("*~", "*.swp", "*.orig", "*.rej", ".git/*", ".idea/*", ".vscode/*"),
    "a file with credentials": (".env", ".pypirc", ".netrc", "id_rsa*", "id_ed25519*", "*.pem", "*.key"),
    "a file of a training run": ("runs/*",),
}  # fmt: skip
"""Kinds of files that do not belong into a wheel, with their patterns; `NAME/*` is a folder at any depth."""


def plugin_is_announced(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """An entry point in the group `seqforge.plugins` names a class that a module of the wheel defines or imports."""
    if not wheel.plugins():
        message = 'has no entry point of a plugin; add [project.entry-points."seqforge.plugins"] to pyproject.toml'
        yield "entry_points.txt", message
    for point in wheel.plugins():
        file = wheel.module_file(point.module)
        name = (point.attr or "").partition(".")[0]
        if not name:
            yield "entry_points.txt", f"names {point.value!r} for {point.name}; write MODULE:CLASS"
        elif file is None:
            message = f"names the module {point.module} for {point.name}, which is not in the wheel; correct the name, "
            yield "entry_points.txt", message + "or the `packages` of the build backend"
        elif name not in _names(wheel.folder / file):
            message = f"names the class {name} for {point.name}, which {file} does not define; correct the name"
            yield "entry_points.txt", message


def imports_are_declared(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """What the modules import is part of the standard library, of the wheel, or of a distribution in `dependencies`.

    Imports inside `try` are not examined, since they may fail, nor are those below `if TYPE_CHECKING`.
    """
    inside = {path.parts[0].removesuffix(".py") for path in wheel.content()}
    missing: dict[str, str] = {}
    for path in wheel.content():
        if path.suffix == ".py":
            for module in sorted(_imports(wheel.folder / path) - inside - sys.stdlib_module_names):
                if not _is_declared(wheel, module):
                    missing.setdefault(module, str(path))
    for module, name in sorted(missing.items()):
        offer = " or ".join(_providers().get(module, [module]))
        yield name, f"imports {module}, which no dependency provides; add {offer} to `dependencies` in pyproject.toml"


def content_belongs_to_the_plugin(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """The wheel contains the packages that its entry points name, and nothing else.

    Tests, caches, credentials, files of editors or of training runs, and other folders at the top are faults.
    """
    packages = wheel.packages()
    strangers = sorted({path.parts[0] for path in wheel.content()} - packages - {f"{name}.py" for name in packages})
    for name in strangers if packages else ():
        if not name.endswith(".data"):
            message = f"is at the top of the wheel beside {listing(sorted(packages))}, so pip would install it beside "
            yield name, message + "all other packages; leave it out, or move it into the package"
    stray: dict[tuple[str, str], int] = {}
    for path in wheel.content():
        kind, place = _stray_kind(path)
        is_split = kind == TEST and wheel.corpus_folders().intersection(path.parents)  # the test split of a corpus
        if kind and not is_split and path.parts[0] not in strangers:
            stray[place, kind] = stray.get((place, kind), 0) + 1
    for (place, kind), files in stray.items():
        number = f" ({files} files)" if files > 1 else ""
        yield place, f"is {kind}{number}, which users do not need; exclude it in the settings of the build backend"


def _stray_kind(path: PurePosixPath) -> tuple[str, str]:
    """Return what kind of stray file a path is, and its folder or itself; "" if it belongs to a wheel."""
    for kind, patterns in STRAY.items():
        for pattern in patterns:
            if not pattern.endswith("/*") and fnmatch.fnmatchcase(path.name, pattern):
                return kind, str(path)
            for folder in path.parents:
                if pattern.endswith("/*") and fnmatch.fnmatchcase(folder.name, pattern.removesuffix("/*")):
                    return kind, f"{folder}/"
    return "", ""


@functools.cache
def _providers() -> Mapping[str, list[str]]:
    """Return the installed distributions that provide each top-level module, without repetition."""
    return {module: sorted(set(names)) for module, names in packages_distributions().items()}


def _is_declared(wheel: Wheel, module: str) -> bool:
    """Return whether a dependency provides a module. `seqforge` is provided by seqforge-core."""
    declared = {canonicalize_name(requirement.name) for requirement in wheel.requirements}
    if module == "seqforge":
        return "seqforge-core" in declared
    return canonicalize_name(module) in declared or not declared.isdisjoint(
        map(canonicalize_name, _providers().get(module, []))
    )


def _tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file; an empty one if it does not parse, as a template may not."""
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _imports(path: Path) -> set[str]:
    """Return the top-level packages that a file imports."""
    modules: set[str] = set()
    pending: list[ast.AST] = [_tree(path)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            modules.add(node.module.partition(".")[0])
        is_optional = isinstance(node, ast.Try) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        pending += [] if is_optional else ast.iter_child_nodes(node)
    return modules - {"__future__"}


def _names(path: Path) -> set[str]:
    """Return the names that a module defines or imports at its top level."""
    names: set[str] = set()
    for node in _tree(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names
