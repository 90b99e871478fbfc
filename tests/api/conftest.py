import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqforge import Model

sys.path[:0] = [str(Path(__file__).parents[1] / "fakes"), str(Path(__file__).parent)]


@pytest.fixture(autouse=True)
def working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    from fakekit import isolate

    isolate(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture
def corpora(tmp_path: Path) -> None:
    """Small corpora in the working folder: two texts, and rows of numbers."""
    from fakekit import number_rows, prose

    (tmp_path / "a.txt").write_text(prose())
    (tmp_path / "b.txt").write_text(prose(seed=7))
    (tmp_path / "a.num").write_text(number_rows())


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Model]]:
    """Tiny models that tests only read: text, text as bytes, and rows of numbers with labels."""
    from fakekit import TINY, isolate, number_rows, prose

    import seqforge

    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, folder)
        (folder / "a.txt").write_text(prose())
        (folder / "a.num").write_text(number_rows())
        yield {
            "text": seqforge.train("text", corpus="a.txt", steps=30, run=folder / "t", **TINY),
            "numbers": seqforge.train("numbers", corpus="a.num", steps=30, run=folder / "n", label_dropout=0.5, **TINY),
            "byte": seqforge.train("text", corpus="a.txt", level="byte", steps=5, run=folder / "b", **TINY),
        }
