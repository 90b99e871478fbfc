"""The examples in docstrings are run: every module of seqforge and of the four plugins."""

import doctest
import importlib
import importlib.util
import pkgutil

import pytest

PACKAGES = ("seqforge", "seqforge_text", "seqforge_abc", "seqforge_midi", "seqforge_handwriting")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PROGRAMS = ("__main__",)
"""Modules that run a program when they are imported; they have no examples."""
LIBRARIES = ("_kernels", "_lstm")
"""Compiled libraries, which look like extension modules but are not."""


def modules_of(package: str) -> list[str]:
    """Return the names of a package and of all its modules."""
    path = importlib.import_module(package).__path__

    def fail(name: str) -> None:
        raise ImportError(name)

    names = [info.name for info in pkgutil.walk_packages(path, f"{package}.", onerror=fail)]
    return [package, *(name for name in names if name.rpartition(".")[2] not in PROGRAMS + LIBRARIES)]


@pytest.mark.parametrize("package", PACKAGES)
def test_examples_of_package(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    finder = doctest.DocTestFinder(exclude_empty=True)
    output: list[str] = []
    examples = 0
    for name in modules_of(package):
        module = importlib.import_module(name)
        for test in finder.find(module, name):
            result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=output.append)
            examples += result.attempted
    assert not output, "".join(output)
    assert examples > 3


@pytest.mark.parametrize("package", PACKAGES)
def test_programs_have_no_examples(package: str) -> None:
    path = importlib.import_module(package).__path__
    for info in pkgutil.walk_packages(path, f"{package}."):
        if info.name.rpartition(".")[2] in PROGRAMS:
            spec = importlib.util.find_spec(info.name)
            assert spec is not None and spec.loader is not None
            source = spec.loader.get_source(info.name)  # type: ignore[attr-defined]
            assert ">>>" not in source
