import sys
from collections.abc import Iterator
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
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Model]]:
    """Tiny models that tests only read: text, and rows of numbers with labels."""
    from fakekit import TINY, isolate, number_rows, prose

    import seqforge

    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, folder)
        (folder / "a.txt").write_text(prose())
        (folder / "a.num").write_text(number_rows())
        yield {
            "text": seqforge.train("text", corpus=["a.txt"], steps=30, run=folder / "t", **TINY),
            "numbers": seqforge.train("numbers", corpus="a.num", steps=30, run=folder / "n", label_dropout=0.5, **TINY),
        }


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
