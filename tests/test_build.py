"""The build hook that compiles the inner loops of inference and training."""

import ctypes
import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def library(hook: ModuleType, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, tuple[str, ...]]:
    """Return the path of a library without its suffix, beside copies of its sources, and their names."""
    original = getattr(request, "param", "seqforge/network/_lstm")
    path, names = tmp_path / Path(original).name, hook.LIBRARIES[original]
    for name in names:
        shutil.copy(ROOT / Path(original).parent / name, tmp_path / name)
    return path, names


@pytest.mark.parametrize("library", ["seqforge/inference/_kernels", "seqforge/network/_lstm"], indirect=True)
def test_library_has_the_checksum_of_its_sources(hook: ModuleType, library: tuple[Path, tuple[str, ...]]) -> None:
    path, names = library
    compiled = hook.compile_library(path, names)
    if compiled is None:
        pytest.skip("there is no C compiler")
    first = ctypes.CDLL(str(compiled)).library_sources
    source = path.parent / names[0]
    source.write_text(source.read_text() + "\n")
    second = ctypes.CDLL(str(hook.compile_library(path, names).rename(path.parent / "other.so"))).library_sources
    first.restype = second.restype = ctypes.c_uint32
    assert first() != second() and first() != 0


def test_a_compiler_that_fails_is_as_good_as_none(
    hook: ModuleType, library: tuple[Path, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, names = library
    monkeypatch.setattr(hook, "_compilers", lambda: [["false"], ["/no/such/compiler"]])
    assert hook.compile_library(path, names) is None
    assert sorted(file.name for file in path.parent.iterdir()) == sorted(names), "nothing is left behind"


def test_the_next_compiler_is_tried(
    hook: ModuleType, library: tuple[Path, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    compilers = hook._compilers()
    if not compilers:
        pytest.skip("there is no C compiler")
    monkeypatch.setattr(hook, "_compilers", lambda: [["false"], *compilers])
    assert hook.compile_library(*library) is not None
