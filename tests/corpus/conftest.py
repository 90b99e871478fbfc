import sys
from pathlib import Path

import pytest

from seqforge.plugin import Plugin, registry

sys.path[:0] = [str(Path(__file__).parents[1] / "fakes"), str(Path(__file__).parent)]


@pytest.fixture(autouse=True)
def working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    from fakekit import isolate

    isolate(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture
def numbers() -> Plugin:
    """The fake plugin whose pieces are tuples of integers."""
    return registry.load("numbers")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make chunks, and the bound for worker processes, so small that a tiny corpus has several of each."""
    from seqforge.corpus import pool

    monkeypatch.setattr(sys.modules["seqforge.corpus.chunks"], "CHUNK_BYTES", 1500)
    monkeypatch.setattr(pool, "SMALL_BYTES", 0)


@pytest.fixture
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop a reader that yields no piece for 3 s."""
    from seqforge.corpus import pool

    monkeypatch.setattr(pool, "READ_SECONDS", 3.0)
