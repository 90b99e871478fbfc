import sys
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
    from fakekit import write_corpora

    write_corpora(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Tiny models that tests only read: text, text as bytes, and rows of numbers with labels."""
    from fakekit import train_models

    return train_models(tmp_path_factory.mktemp("trained"))
