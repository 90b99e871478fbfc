"""The build hook that compiles the inner loops of inference."""

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
def sources(hook: ModuleType, tmp_path: Path) -> Path:
    for name in hook.SOURCES:
        shutil.copy(ROOT / hook.FOLDER / name, tmp_path / name)
    return tmp_path


def test_the_library_has_the_checksum_of_its_sources(hook: ModuleType, sources: Path) -> None:
    library = hook.compile_kernels(sources)
    if library is None:
        pytest.skip("there is no C compiler")
    first = ctypes.CDLL(str(library)).kernels_sources
    (sources / "kernels.c").write_text((sources / "kernels.c").read_text() + "\n")
    second = ctypes.CDLL(str(hook.compile_kernels(sources).rename(sources / "other.so"))).kernels_sources
    first.restype = second.restype = ctypes.c_uint32
    assert first() != second() and first() != 0


def test_a_compiler_that_fails_is_as_good_as_none(
    hook: ModuleType, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "_compilers", lambda: [["false"], ["/no/such/compiler"]])
    assert hook.compile_kernels(sources) is None
    assert sorted(path.name for path in sources.iterdir()) == sorted(hook.SOURCES), "nothing is left behind"


def test_the_next_compiler_is_tried(hook: ModuleType, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compilers = hook._compilers()
    if not compilers:
        pytest.skip("there is no C compiler")
    monkeypatch.setattr(hook, "_compilers", lambda: [["false"], *compilers])
    assert hook.compile_kernels(sources) is not None
