import sys
from pathlib import Path

import pytest

from seqforge import Model

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))
from fakekit import Run, in_process


@pytest.fixture(autouse=True)
def working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    from fakekit import isolate

    isolate(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process."""
    return lambda *arguments: in_process(capsys, *arguments)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Tiny models that tests only read: text, text as bytes, and rows of numbers with labels."""
    from fakekit import train_models

    return train_models(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def text(trained: dict[str, Model]) -> Path:
    """The path of the model of texts."""
    path = trained["text"].path
    assert path is not None
    return path


@pytest.fixture
def numbers(trained: dict[str, Model]) -> Path:
    """The path of the model of numbers."""
    path = trained["numbers"].path
    assert path is not None
    return path
