import os
import sys
from pathlib import Path

import pytest

from seqforge.api.media import missing_display, open_file, play_file, player_command
from seqforge.errors import SeqforgeError, UsageError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs of these tests are shell scripts")


def program(folder: Path, name: str, script: str) -> None:
    """Write a shell script that stands for an installed program."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "$@" >> {folder}/{name}.log\n{script}\n')
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of all programs that can be found."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_first_installed_player_plays_the_file(programs: Path, tmp_path: Path) -> None:
    program(programs, "aplay", "exit 0")
    program(programs, "afplay", "exit 0")
    play_file(tmp_path / "a b.wav")
    assert (programs / "aplay.log").read_text() == f"-q {tmp_path / 'a b.wav'}\n"
    assert not (programs / "afplay.log").exists()


def test_player_that_can_loop_is_started_once(programs: Path, tmp_path: Path) -> None:
    program(programs, "mpv", "exit 0")
    play_file(tmp_path / "a.wav", loop=True)
    (line,) = (programs / "mpv.log").read_text().splitlines()
    assert "--loop-file=inf" in line
    assert "--loop-file=inf" not in player_command(tmp_path / "a.wav")


def test_other_player_is_started_again_until_it_is_stopped(programs: Path, tmp_path: Path) -> None:
    program(programs, "aplay", f"test $(/usr/bin/wc -l < {programs}/aplay.log) -lt 3")
    with pytest.raises(SeqforgeError, match=r"aplay cannot play a\.wav: exit code 1"):
        play_file(tmp_path / "a.wav", loop=True)
    assert len((programs / "aplay.log").read_text().splitlines()) == 3


def test_powershell_receives_a_quoted_path(programs: Path, tmp_path: Path) -> None:
    program(programs, "powershell", "exit 0")
    command = player_command(tmp_path / "it's.wav")
    assert command[-1] == f"(New-Object Media.SoundPlayer '{tmp_path}/it''s.wav').PlaySync()"


def test_missing_player_is_one_sentence_with_the_choices(programs: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no player of sound is installed; install one of mpv, ffplay"):
        play_file(tmp_path / "a.wav")


def test_message_of_a_failing_player_is_passed_on(programs: Path, tmp_path: Path) -> None:
    program(programs, "aplay", "echo no such device >&2; exit 1")
    with pytest.raises(SeqforgeError, match=r"aplay cannot play a\.wav: no such device"):
        play_file(tmp_path / "a.wav")


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS always has a display")
def test_missing_display_and_missing_viewer_are_named(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert "DISPLAY" in missing_display()
    with pytest.raises(UsageError, match="no display"):
        open_file(Path("a.svg"))
    monkeypatch.setitem(os.environ, "DISPLAY", ":0")
    assert missing_display() == "xdg-open is not installed"
    program(programs, "xdg-open", "exit 0")
    assert missing_display() == ""
    open_file(Path("a.svg"))
    assert (programs / "xdg-open.log").read_text() == f"{Path('a.svg').resolve()}\n"
