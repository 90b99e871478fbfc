"""seqforge convert: pieces of files in another format."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from seqforge.cli.console import count, message
from seqforge.cli.flags import PluginOfFiles
from seqforge.cli.help import HelpCommand, examples
from seqforge.errors import UsageError

STDOUT = "-"


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        cls=HelpCommand,
        epilog=examples("seqforge convert tune.abc -o tune.mid", "seqforge convert session.abc -o tunes/ --to mid"),
    )(convert)


def convert(
    inputs: Annotated[list[str], typer.Argument(metavar="FILES", help="Files or folders; - for standard input.")],
    output: Annotated[
        str,
        typer.Option("-o", "--output", help="A file (its suffix is the format), a folder with --to, or - for stdout."),
    ],
    to: Annotated[
        str | None, typer.Option(help="Format of the files in a folder or on stdout, such as mid.", metavar="FORMAT")
    ] = None,
    plugin: PluginOfFiles = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="Write .wav exactly as long as the music, to be repeated without a gap.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files; an input is never replaced.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no messages on stderr.")] = False,
) -> None:
    """Write the pieces of files in another format: a tune as .mid, a folder of tunes as one .pdf.

    Several pieces go to one file if the format holds several, else to a folder, one file each.
    """
    from seqforge.api.convert import convert as convert_files

    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        target = output
        if output == STDOUT:
            if not to:
                raise UsageError("the format of standard output is not known; set `to`, as in --to mid", field="to")
            target = str(Path(folder) / f"output.{to.lower().lstrip('.')}")
        result = convert_files(inputs, target, plugin=plugin, to=to, loop=loop, replace=force)
        if output == STDOUT:
            sys.stdout.flush()
            sys.stdout.buffer.write(result.files[0].read_bytes())
            sys.stdout.buffer.flush()
    if quiet:
        return
    for reason in result.skipped:
        message(f"skipped: {reason}")
    if output != STDOUT:
        files = str(result.files[0]) if len(result.files) == 1 else f"{len(result.files):,} files in {output}"
        message(f"wrote {files} ({count(result.pieces, 'piece')})")
