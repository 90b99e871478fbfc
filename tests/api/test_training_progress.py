import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from api_kit import train

from seqforge.api import training_progress
from seqforge.api.training_progress import TrainingProgress, in_notebook
from seqforge.training import Ended, Progress, Validated


class Handle:
    """A fake of what IPython's `display(..., display_id=True)` returns."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, html: str) -> None:
        self.shown.append(html)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Handle:
    """Pretend that this process is the kernel of a notebook."""
    handle = Handle()

    def display(html: str, *, display_id: bool) -> Handle:
        handle.update(html)
        return handle

    shell = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    fake: Any = SimpleNamespace(display=display, HTML=str)
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    return handle


@pytest.mark.usefixtures("corpora")
def test_python_is_quiet_by_default(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    assert not in_notebook()
    train(steps=3)
    assert capfd.readouterr() == ("", "")
    with caplog.at_level(logging.INFO, logger="seqforge"):
        train(steps=3)
    assert any("valid loss" in message for message in caplog.messages)
    assert {record.name for record in caplog.records} == {"seqforge"}


@pytest.mark.usefixtures("corpora")
def test_progress_is_printed_as_lines_outside_of_a_notebook(capfd: pytest.CaptureFixture[str]) -> None:
    events: list[Any] = []
    train(steps=3, progress=True, on_event=events.append)
    out, err = capfd.readouterr()
    assert not out and "valid loss" in err and "nats per character" in err and "done after step 3" in err
    assert any(isinstance(event, Ended) for event in events)


@pytest.mark.usefixtures("corpora")
def test_progress_is_a_bar_in_a_notebook(notebook: Handle, capfd: pytest.CaptureFixture[str]) -> None:
    train(steps=3)
    assert capfd.readouterr() == ("", "")
    assert notebook.shown and "<progress" in notebook.shown[0]
    assert 'value="1.0000"' in notebook.shown[-1] and "done after step 3" in notebook.shown[-1]
    notebook.shown.clear()
    train(steps=3, progress=False)
    assert not notebook.shown


def test_bar_shows_share_and_escapes_text(notebook: Handle) -> None:
    progress = TrainingProgress("<unit>")
    progress(
        Progress(
            t=25, last=100, epoch=1.0, nats_per_unit=2.0, units_per_second=9.0, rate=0.1, minutes=1.0, minutes_left=3.0
        )
    )
    progress(Validated(t=25, nats_per_unit=1.5, best=True, minutes=1.0))
    assert 'value="0.2500"' in notebook.shown[-1] and "valid loss 1.5000" in notebook.shown[-1]
    assert "&lt;unit&gt;" in notebook.shown[-1] and "<unit>" not in notebook.shown[-1]
    progress(Ended(t=25, finished=False, minutes=1.0))
    assert 'value="0.2500"' in notebook.shown[-1] and "stopped after step 25" in notebook.shown[-1]


def test_bar_is_updated_at_most_once_per_second(notebook: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: now[0])
    now = [0.0]
    monkeypatch.setattr(training_progress, "time", clock)
    progress = TrainingProgress()
    for t in range(1, 31):
        now[0] = t / 10
        progress(Progress(t, None, 1.0, 2.0, 9.0, 0.1, 1.0, None))
    assert len(notebook.shown) == 3
