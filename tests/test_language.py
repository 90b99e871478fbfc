"""Identifiers say what a thing is: participles that name nothing do not occur as names."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "seqforge": ROOT / "seqforge",
    "seqforge_text": ROOT / "plugins/text",
    "seqforge_abc": ROOT / "plugins/abc",
    "seqforge_midi": ROOT / "plugins/midi",
    "seqforge_handwriting": ROOT / "plugins/handwriting",
    "examples": ROOT / "examples",
    "tests": ROOT / "tests",
    "tools": ROOT / "tools",
}
WORDS = {"asked", "found", "given", "made", "said", "told"}
ALLOWED: dict[str, set[str]] = {"plugins/midi/src/seqforge_midi/harmony_request.py": {"given"}}
"""Names that are allowed in a file, by its path: the API of a library may demand one."""


def names_in(source: str) -> Iterator[tuple[str, int]]:
    """Yield every name that a module binds or uses, with its line."""
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield node.id, line
        elif isinstance(node, ast.arg):
            yield node.arg, line
        elif isinstance(node, ast.Attribute):
            yield node.attr, line
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg, line
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, line
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, line


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_are_no_bare_participles(folder: str) -> None:
    places = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted(FOLDERS[folder].rglob("*.py"))
        for name, line in names_in(path.read_text(encoding="utf-8"))
        if name in WORDS - ALLOWED.get(path.relative_to(ROOT).as_posix(), set()) and not is_hypothesis(path, name)
    ]
    assert places == []


def is_hypothesis(path: Path, name: str) -> bool:
    """Return whether a name is the decorator `given` of hypothesis."""
    return name == "given" and "from hypothesis import" in path.read_text(encoding="utf-8")


def test_names_are_found_in_all_places() -> None:
    source = "import a as told\ndef found(given): asked.made(said=given)"
    assert {name for name, _ in names_in(source)} == WORDS
