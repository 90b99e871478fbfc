"""Text of files and file names reaches the terminal without control characters."""

from pathlib import Path

import pytest
from fakekit import Run

from seqforge.api.run_writer import SampleWritten
from seqforge.cli.progress import Reporter

HOSTILE = "\x1b]0;title\x07\u202e"
SHOWN = r"\x1b]0;title\x07\u202e"


def test_name_and_content_of_a_file_in_messages(run: Run, tmp_path: Path) -> None:
    (tmp_path / f"{HOSTILE}.num").write_text(f"1 2\n{HOSTILE}\n", encoding="utf-8")
    result = run("inspect", f"{HOSTILE}.num", "--plugin", "numbers")
    assert result.code == 0
    assert result.err == f"skipped: {SHOWN}.num:2: {HOSTILE!r} is not a row of integers\n"
    result = run("inspect", f"{HOSTILE}.none", "--plugin", "numbers")
    assert result.code == 2 and f"{SHOWN}.none" in result.error_message()


def test_samples_of_a_training_are_escaped_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter(quiet=False)(SampleWritten(1, Path(f"{HOSTILE}\n.num"), f"a\n{HOSTILE}b\n"))
    err = capsys.readouterr().err
    assert err == f"--- {SHOWN}\\n.num\na\n{SHOWN}b\n\n---\n"
