"""Which library of kernels is loaded: only the one that was built from the sources beside it."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqforge.inference import instruction_set, kernels

FOLDER = Path(kernels.__file__).parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the sources and the library, from which `load` reads."""
    if kernels.library() is None:
        pytest.skip("the kernels have not been compiled")
    for path in (*(FOLDER / name for name in kernels.SOURCES), *FOLDER.glob("_kernels.*")):
        shutil.copy(path, tmp_path / path.name)
    monkeypatch.setattr(kernels, "__file__", str(tmp_path / "kernels.py"))
    return tmp_path


def load() -> Any:
    return kernels.library.__wrapped__()


def library_in(folder: Path) -> Path:
    (path,) = folder.glob("_kernels.*")
    return path


def test_library_of_these_sources_is_loaded(folder: Path) -> None:
    assert load().kernels_name().decode() == instruction_set()


@pytest.mark.parametrize("name", kernels.SOURCES)
def test_library_of_other_sources_is_not_used(folder: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    with (folder / name).open("a") as file:
        file.write("/* another line */\n")
    with caplog.at_level(logging.WARNING, "seqforge"):
        assert load() is None
    (record,) = caplog.records
    assert str(library_in(folder)) in record.getMessage()


@pytest.mark.parametrize("content", [b"", b"not a library", b"\x7fELF"])
def test_damaged_library_is_not_used(folder: Path, content: bytes) -> None:
    path = library_in(folder)
    path.unlink()  # the loaded library is another file
    path.write_bytes(content)
    assert load() is None


def test_missing_library_is_not_used(folder: Path) -> None:
    library_in(folder).unlink()
    assert load() is None


def test_numpy_is_named_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "library", lambda: None)
    assert instruction_set() == "numpy"


def test_address_of_arrays_of_every_kind() -> None:
    numbers = np.arange(12.0)
    read_only = np.arange(12)
    read_only.flags.writeable = False
    for array in (numbers, numbers[3:], read_only, np.zeros((0, 4), np.float32), np.zeros((2, 3), np.bool_)):
        assert kernels.address(array) == array.__array_interface__["data"][0]
