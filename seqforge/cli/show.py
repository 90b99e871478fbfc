"""seqforge show: the pieces of a file, as text and as a picture."""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqforge.cli.console import count, data, message
from seqforge.cli.flags import PieceNumber, PluginOfFiles
from seqforge.cli.help import HelpCommand, examples
from seqforge.cli.pieces import check_is_no_folder
from seqforge.errors import CorpusError, RequestError, SeqforgeError, UsageError
from seqforge.plugin import AnyPlugin, Piece

if TYPE_CHECKING:
    from seqforge.api.piece_summary import PieceSummary

PICTURES = (".svg", ".png", ".pdf")
"""Suffixes of pictures, the first that a plugin writes is shown."""
MAX_LINES = 20
"""Largest number of pieces in the summary."""


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=HelpCommand, epilog=examples("seqforge show tune.abc", "seqforge show tune.abc -o tune.svg"))(show)


def show(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of any domain, or a picture; - for standard input.")
    ],
    plugin: PluginOfFiles = None,
    piece: PieceNumber = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the picture to this file, and do not open it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Show the pieces of a file: a summary, text in the terminal, and a picture in the system's viewer."""
    from seqforge.api.convert import check_format, find_plugin, read_piece_files, write_piece_file
    from seqforge.api.media import missing_display, open_file
    from seqforge.api.piece_summary import summarise

    if file.suffix.lower() in PICTURES and plugin is None and output is None and file.is_file():
        open_file(file)
        return
    writes = () if output is None else (output.suffix.lower(),)
    check_is_no_folder(file)
    chosen = find_plugin([file], plugin, writes=writes)
    if output is not None:
        check_format(chosen, output.suffix.lower())
        if output.exists() and (not force or (file.exists() and output.samefile(file))):
            advice = "" if force else ", or set `replace` to replace it"
            raise UsageError(f"{output} exists; name another output{advice}", field="output", value=str(output))
    (piece_file,) = read_piece_files(chosen, [file])
    for error in piece_file.errors:
        message(f"skipped: {error}")
    pieces = select(piece_file.pieces, piece, file)
    _print_summary(file, chosen, summarise(chosen, pieces))
    if output is not None:
        write_piece_file(chosen, pieces, output)
        message(f"wrote {output}")
        return
    _print_text(chosen, pieces)
    suffix = next((suffix for suffix in PICTURES if suffix in chosen.writes), None)
    if suffix is None:
        return
    reason = missing_display()
    if reason:
        message(f"no picture is shown: {reason}; write it with -o FILE{suffix}")
        return
    if suffix not in chosen.multi_piece and len(pieces) > 1:
        message(f"the picture shows piece 1 of {len(pieces)}; choose another with --piece")
        pieces = pieces[:1]
    picture = Path(tempfile.mkdtemp(prefix="seqforge-show-")) / f"{file.stem or 'piece'}{suffix}"
    write_piece_file(chosen, pieces, picture)
    open_file(picture)
    message(f"opened {picture}")


def select(pieces: Sequence[Piece[Any]], number: int | None, file: Path) -> Sequence[Piece[Any]]:
    """Return one piece, or all if no number is named.

    Raises:
        CorpusError: If there is no piece.
        RequestError: If there are fewer pieces.
    """
    if not pieces:
        raise CorpusError(f"{file} contains no piece that can be read")
    if number is not None and number > len(pieces):
        raise RequestError.invalid("piece", number, f"from 1 to {len(pieces)}, the pieces of {file}")
    return pieces if number is None else [pieces[number - 1]]


def _print_summary(file: Path, plugin: AnyPlugin, summaries: "Sequence[PieceSummary]") -> None:
    data(f"{file}: {count(len(summaries), 'piece')}, plugin {plugin.name}")
    for number, summary in enumerate(summaries[:MAX_LINES], 1):
        units = (
            "" if summary.units is None else f"{summary.units:,.0f} {plugin.unit}{'' if summary.units == 1 else 's'}"
        )
        labels = ", ".join(f"{name}={value}" for name, value in summary.labels.items())
        data(f"  {number}: {'; '.join(text for text in (units, labels, summary.place) if text)}")
    if len(summaries) > MAX_LINES:
        data(f"  and {len(summaries) - MAX_LINES:,} more")


def _print_text(plugin: AnyPlugin, pieces: Sequence[Piece[Any]]) -> None:
    """Print the pieces if the plugin's first format is text that people read."""
    from seqforge.api.text import text_of

    if plugin.writes[0] in PICTURES:
        return
    groups = [pieces] if plugin.writes[0] in plugin.multi_piece else [[piece] for piece in pieces]
    for group in groups:
        try:
            text = text_of(plugin, [dataclasses.replace(piece, origin=None) for piece in group])
        except SeqforgeError:
            text = None
        if text is not None:
            data("\n" + text.removesuffix("\n"))
