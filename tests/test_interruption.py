import sys

import pytest

from seqforge._interruption import hide_traceback_of_interruption


@pytest.mark.parametrize("name", ["-m", "/usr/bin/seqforge", "C:\\\\Scripts\\\\seqforge.exe"])
def test_command_line_hides_the_traceback_of_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    errors: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, traceback: errors.append(error))
    assert hide_traceback_of_interruption([name])
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr().err == "seqforge: interrupted\n" and errors == []
    sys.excepthook(ValueError, ValueError("x"), None)
    assert len(errors) == 1


@pytest.mark.parametrize("arguments", [[], [""], ["/usr/bin/pytest"], ["notebook.py"]])
def test_other_programs_keep_their_hook(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    before = sys.excepthook
    assert not hide_traceback_of_interruption(arguments)
    assert sys.excepthook is before
