"""seqforge play: the pieces of a file as sound."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from seqforge.cli.console import message
from seqforge.cli.flags import PieceNumber, PluginOfFiles
from seqforge.cli.help import HelpCommand, examples
from seqforge.cli.pieces import check_is_no_folder
from seqforge.errors import RequestError

SOUNDS = (".wav", ".mp3", ".ogg", ".flac", ".m4a")
"""Suffixes of files that a player plays as they are."""


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=HelpCommand, epilog=examples("seqforge play tune.abc", "seqforge play song.mid --loop"))(play)


def play(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of music, or a sound file; - for standard input.")
    ],
    plugin: PluginOfFiles = None,
    piece: PieceNumber = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="Repeat without a gap until Ctrl-C; of several pieces, the first.")
    ] = False,
) -> None:
    """Play a file with a player of the system, such as mpv, ffplay, aplay or afplay. Ctrl-C stops it."""
    from seqforge.api.convert import find_plugin, read_piece_files, write_piece_file
    from seqforge.api.media import play_file, player_command
    from seqforge.cli.show import select

    check_is_no_folder(file)
    player_command(file)  # a missing player is reported before the work
    if file.suffix.lower() in SOUNDS and plugin is None and file.is_file():
        play_file(file, loop=loop)
        return
    chosen = find_plugin([file], plugin, writes=(".wav",))
    if ".wav" not in chosen.writes:
        raise RequestError(f"{file} cannot be played: the plugin {chosen.name!r} writes no .wav files", field="file")
    (piece_file,) = read_piece_files(chosen, [file])
    for error in piece_file.errors:
        message(f"skipped: {error}")
    pieces = select(piece_file.pieces, piece, file)
    with tempfile.TemporaryDirectory(prefix="seqforge-play-") as folder:
        sound = Path(folder) / f"{'stdin' if str(file) == '-' else file.stem}.wav"
        for number, current in enumerate(pieces[:1] if loop else pieces, 1):
            if len(pieces) > 1:
                place = f", {current.origin.place}" if current.origin and current.origin.place else ""
                message(f"piece {number} of {len(pieces)}{place}")
            write_piece_file(chosen, [current], sound, loop=loop)
            play_file(sound, loop=loop)
