import io
import sys
import wave
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakekit import Run

from seqforge.core import files

TUNE = "X:{0}\nT:Tune {0}\nM:4/4\nL:1/8\nK:D\nDEFG ABcd|d8|]\n\n"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.abc"
    path.write_text("".join(TUNE.format(number) for number in range(1, 21)))
    return path


def test_twenty_tunes_become_twenty_midi_files(run: Run, book: Path, tmp_path: Path) -> None:
    result = run("convert", book, "-o", "out/", "--to", "mid")
    assert result.code == 0 and result.err == "wrote 20 files in out/ (20 pieces)\n"
    paths = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in paths] == [f"book-{number:04d}.mid" for number in range(1, 21)]
    assert all(path.read_bytes().startswith(b"MThd") for path in paths)
    again = run("convert", book, "-o", "out/", "--to", "mid")
    assert again.code == 2 and "book-0001.mid exists" in again.error_message() and "--force " in again.error_message()
    assert run("convert", book, "-o", "out/", "--to", "mid", "--force", "--quiet").err == ""


def test_skipped_pieces_are_reported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("1 2\nx\n")
    result = run("convert", "a.num", "-o", "b.num")
    assert result.err.splitlines() == ["skipped: a.num:2: 'x' is not a row of integers", "wrote b.num (1 piece)"]


def test_midi_file_becomes_a_loop_of_exact_length(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.abc").write_text(TUNE.format(1))
    assert run("convert", "t.abc", "-o", "t.mid").code == 0
    assert run("convert", "t.abc", "-o", "t.wav", "--loop").code == 0
    with wave.open(str(tmp_path / "t.wav")) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, 44100)
        assert sound.getnframes() == round(8 * 60 / 132 * 44100)
    result = run("convert", "t.mid", "-o", "u.mid", "--loop")
    assert result.code == 2 and "--loop" in result.error_message()


def test_standard_input_and_output(run: Run, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files._copy_input.cache_clear()
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(TUNE.format(7).encode())))
    stdout = SimpleNamespace(buffer=written, flush=lambda: None, write=lambda text: None, isatty=lambda: False)
    monkeypatch.setattr(sys, "stdout", stdout)
    result = run("convert", "-", "--plugin", "abc", "-o", "-", "--to", "mid")
    files._copy_input.cache_clear()
    assert result.code == 0, result.err
    assert written.getvalue().startswith(b"MThd") and b"Tune 7" in written.getvalue()


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (("-", "-o", "x.mid"), "--plugin"),
        (("book.abc", "-o", "-"), "--to"),
        (("book.abc", "-o", "out/"), "--to"),
        (("book.abc", "-o", "x.jpg"), ".musicxml"),
        (("none.abc", "-o", "x.mid"), "there is no file none.abc"),
        (("book.abc", "-o", "book.abc", "--force"), "is an input"),
        (("book.abc", "-o", "x.mid"), "-o DIR/ --to mid"),
    ],
)
def test_mistakes_are_one_sentence(run: Run, book: Path, arguments: tuple[str, ...], fragment: str) -> None:
    result = run("convert", *arguments)
    assert result.code == 2 and fragment in result.error_message()


def test_a_missing_file_is_named_even_with_a_layout_flag(run: Run) -> None:
    result = run("convert", "song.mid", "-o", "score.svg", "--as", "score")
    assert result.code == 2 and "song.mid" in result.error_message()
