"""Players of sound and viewers of pictures that the system offers, run as other programs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from seqforge.errors import SeqforgeError, UsageError, listing

__all__ = ["missing_display", "open_file", "play_file", "player_command"]

PLAYERS: dict[str, tuple[str, ...]] = {
    "mpv": ("--no-video", "--really-quiet"),
    "ffplay": ("-nodisp", "-autoexit", "-loglevel", "error"),
    "pw-play": (),
    "paplay": (),
    "aplay": ("-q",),
    "afplay": (),
    "powershell": ("-NoProfile", "-Command"),
}
"""Players, with the arguments before the name of the file; the first that is installed is used."""
LOOPS: dict[str, tuple[str, ...]] = {"mpv": ("--loop-file=inf",), "ffplay": ("-loop", "0")}
"""The arguments with which a player repeats a file without a gap; any other player is started again and again."""
VIEWERS = ("open",) if sys.platform == "darwin" else ("xdg-open", "wslview")


def player_command(path: Path, *, loop: bool = False) -> list[str]:
    """Return the command that plays a sound file.

    Example:
        subprocess.run(player_command(Path("tune.wav")))

    Args:
        path: The sound file.
        loop: Whether the player repeats it, if it can.

    Raises:
        UsageError: If no player is installed.
    """
    for name, arguments in PLAYERS.items():
        program = shutil.which(name)
        if program is None:
            continue
        if name == "powershell":
            quoted = str(path.resolve()).replace("'", "''")
            return [program, *arguments, f"(New-Object Media.SoundPlayer '{quoted}').PlaySync()"]
        return [program, *arguments, *(LOOPS.get(name, ()) if loop else ()), str(path.resolve())]
    command = f"write it with `seqforge convert {path} -o {path.stem}.wav` and "
    advice = ("" if path.suffix.lower() == ".wav" else command) + "open it in another program"
    raise UsageError(f"no player of sound is installed; install one of {listing(PLAYERS)}, or {advice}")


def play_file(path: Path, *, loop: bool = False) -> None:
    """Play a sound file and wait for its end.

    Example:
        play_file(Path("tune.wav"))

    Args:
        path: The sound file.
        loop: Whether to repeat it until the player is stopped.

    Raises:
        UsageError: If no player is installed.
        SeqforgeError: If the player fails.
    """
    command = player_command(path, loop=loop)
    while True:
        _run(command, f"{Path(command[0]).name} cannot play {path.name}")
        if not loop or Path(command[0]).stem in LOOPS:
            return


def missing_display() -> str:
    """Return the reason why no picture can be opened, as half a sentence, "" if one can."""
    if sys.platform in ("win32", "darwin"):
        return ""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY and WAYLAND_DISPLAY are not set)"
    if not any(shutil.which(name) for name in VIEWERS):
        return "xdg-open is not installed"
    return ""


def open_file(path: Path) -> None:
    """Open a file in the program that the system uses for it, without waiting for it to be closed.

    Example:
        open_file(Path("tune.svg"))

    Raises:
        UsageError: If there is no display or no such program.
        SeqforgeError: If the program fails.
    """
    reason = missing_display()
    if reason:
        raise UsageError(f"{path} cannot be shown: {reason}; open it on another machine")
    if sys.platform == "win32":
        os.startfile(path)
        return
    program = next(name for name in VIEWERS if shutil.which(name))
    _run([program, str(path.resolve())], f"{program} cannot open {path}")


def _run(command: Sequence[str], problem: str) -> None:
    """Run a program, and raise an error with its last message if it fails."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if result.returncode:
        last = result.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise SeqforgeError(f"{problem}: {last[0] if last else f'exit code {result.returncode}'}")
