import os
import sys
from pathlib import Path

import pytest
from fakekit import Run

TUNE = "X:{0}\nT:Tune {0}\nM:4/4\nL:1/8\nK:D\nDEFG ABcd|d8|]\n\n"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs of these tests are shell scripts")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.abc"
    path.write_text("".join(TUNE.format(number) for number in range(1, 4)))
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a player and a viewer that copy their file and log its name; no other program is found."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("aplay", "xdg-open"):
        script = f'for file; do :; done\n/bin/cp "$file" {folder}/copy\necho "$file" >> {folder}/{name}.log\n'
        (folder / name).write_text(f"#!/bin/sh\n{script}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("DISPLAY", ":0")
    return folder


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


def test_every_piece_is_played_with_the_player_of_the_system(run: Run, book: Path, programs: Path) -> None:
    result = run("play", book)
    assert result.code == 0
    assert result.err.splitlines()[0] == "piece 1 of 3, line 1"
    assert len((programs / "aplay.log").read_text().splitlines()) == 3
    assert (programs / "copy").read_bytes().startswith(b"RIFF")


def test_one_piece_is_played(run: Run, book: Path, programs: Path) -> None:
    assert run("play", book, "--piece", "2").code == 0
    assert len((programs / "aplay.log").read_text().splitlines()) == 1
    result = run("play", book, "--piece", "4")
    assert result.code == 2 and "from 1 to 3" in result.error_message()


def test_sound_file_is_played_as_it_is(run: Run, tmp_path: Path, programs: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"sound")
    assert run("play", "a.wav").code == 0
    assert (programs / "copy").read_bytes() == b"sound"


def test_missing_player_is_one_sentence(run: Run, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    result = run("play", book)
    assert result.code == 2 and "no player of sound is installed" in result.error_message()


def test_plugin_without_sound_is_one_sentence(run: Run, tmp_path: Path, programs: Path) -> None:
    (tmp_path / "a.num").write_text("1 2\n")
    result = run("play", "a.num")
    assert result.code == 2 and "writes no .wav files" in result.error_message()


def test_show_prints_a_summary_and_the_text(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("1 2\n3\n")
    result = run("show", "a.num")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0] == "a.num: 2 pieces, plugin numbers"
    assert lines[1].startswith("  1: 2 numbers; parity=") and lines[2].startswith("  2: 1 number; ")
    assert lines[-2:] == ["1 2", "3"]


def test_show_opens_a_picture_in_the_viewer(run: Run, book: Path, programs: Path) -> None:
    result = run("show", book, "--piece", "2")
    assert result.code == 0
    assert "T:Tune 2" in result.out and "seqforge" not in result.out
    assert "<svg" in (programs / "copy").read_text() and "Tune 2" in (programs / "copy").read_text()


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS always has a display")
def test_show_without_a_display_says_so_and_shows_the_text(run: Run, book: Path, no_display: None) -> None:
    result = run("show", book)
    assert result.code == 0 and "T:Tune 3" in result.out
    assert "there is no display" in result.err and "-o FILE.svg" in result.err


def test_show_writes_the_picture(run: Run, book: Path, tmp_path: Path, no_display: None) -> None:
    assert run("show", book, "-o", "a.svg").code == 0
    assert "<svg" in (tmp_path / "a.svg").read_text()
    result = run("show", book, "-o", "a.svg")
    assert result.code == 2 and "--force " in result.error_message()
    assert run("show", book, "-o", "a.svg", "--force").code == 0
    assert run("show", book, "-o", book, "--force").code == 2


def test_picture_is_opened_as_it_is(run: Run, tmp_path: Path, programs: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg/>")
    assert run("show", "a.svg").code == 0
    assert (programs / "copy").read_text() == "<svg/>"
