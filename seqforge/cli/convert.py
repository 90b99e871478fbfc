"""seqforge convert: pieces of files in another format."""

import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from seqforge.cli.console import count, message
from seqforge.cli.flags import command, is_explicit, parameter, parameters
from seqforge.cli.help import command_class, examples, plugin_names
from seqforge.errors import SeqforgeError, UsageError
from seqforge.plugin import AnyPlugin, LaysOut

STDOUT = "-"
CORE_FLAGS = ("inputs", "output", "to", "plugin", "loop", "force", "quiet")
VALUE_FLAGS = ("-o", "--output", "--to", "--plugin")
"""The flags of the command that have a value."""
FLAGS = (*VALUE_FLAGS, "--loop", "--force", "--quiet", "-h", "--help")


def add(app: typer.Typer, plugin: AnyPlugin | None) -> None:
    """Add the command, with the layout flags of a plugin if one was chosen."""
    core = [
        parameter(
            "inputs",
            list[str],
            ...,
            typer.Argument(metavar="FILES", help="Files or folders; - for standard input."),
        ),
        parameter(
            "output",
            str,
            ...,
            typer.Option(
                "-o",
                "--output",
                help="A file (its suffix is the format), a folder with --to, or - for stdout.",
                metavar="PATH",
            ),
        ),
        parameter(
            "to",
            str | None,
            None,
            typer.Option(help="Format of the files in a folder or on stdout, such as mid.", metavar="FORMAT"),
        ),
        parameter(
            "plugin",
            str | None,
            None,
            typer.Option(
                help="Plugin of the domain; shows its own flags. Default: the one that reads the files, by their"
                " suffix.",
                autocompletion=plugin_names,
            ),
        ),
        parameter(
            "loop",
            bool,
            False,
            typer.Option("--loop", help="Write .wav exactly as long as the music, to be repeated without a gap."),
        ),
        parameter(
            "force",
            bool,
            False,
            typer.Option("--force", help="Replace existing files; an input is never replaced."),
        ),
        parameter("quiet", bool, False, typer.Option("--quiet", help="Print no messages on stderr.")),
    ]
    flags = []
    if plugin is not None and isinstance(plugin, LaysOut):
        flags = parameters(plugin.Layout, panel=f"Layout of the plugin {plugin.name!r}")
    app.command(
        "convert",
        cls=command_class(plugin.name if plugin else None),
        epilog=examples("seqforge convert tune.abc -o tune.mid", "seqforge convert session.abc -o tunes/ --to mid"),
    )(command(convert, [*flags, *core]))


def plugin_of_files(words: Sequence[str]) -> AnyPlugin | None:
    """Return the plugin of the first file of a command line that has flags of a plugin's layout, None otherwise.

    Args:
        words: The words of the command line.
    """
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in FLAGS]
    if not unknown:
        return None
    from seqforge.api.convert import find_plugin
    from seqforge.api.plugin_search import plugin_of_file

    values = [words[number + 1] for number, word in enumerate(words[:-1]) if word in VALUE_FLAGS]
    inputs = [Path(word) for word in words[1:] if word not in values and not word.startswith("-")]
    files = [path for path in inputs if path.exists()]
    missing = [path for path in inputs if path.suffix and not path.exists()]
    output = next((value for word, value in itertools.pairwise(words) if word in ("-o", "--output")), "")
    suffixes = [suffix for suffix in (Path(output).suffix.lower(),) if suffix]
    try:
        if not files and missing:  # the command itself says that the file is missing
            return plugin_of_file(missing[0], writes=suffixes)
        return find_plugin(files[:1], writes=suffixes)
    except SeqforgeError:
        return None  # the command itself says what is wrong


def convert(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Write the pieces of files in another format: a tune as .mid, a folder of tunes as one .pdf.

    Several pieces go to one file if the format holds several, else to a folder, one file each. The flags of a plugin's
    layout, such as a title, are shown by `seqforge convert --plugin NAME -h`.
    """
    from seqforge.api.convert import convert as convert_files

    output, to = values["output"], values["to"]
    layout = {name: value for name, value in values.items() if name not in CORE_FLAGS and is_explicit(ctx, name)}
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        target = output
        if output == STDOUT:
            if not to:
                raise UsageError("the format of standard output is not known; set `to`, as in --to mid", field="to")
            target = str(Path(folder) / f"output.{to.lower().lstrip('.')}")
        result = convert_files(
            values["inputs"],
            target,
            plugin=values["plugin"],
            to=to,
            loop=values["loop"],
            replace=values["force"],
            layout=layout,
        )
        if output == STDOUT:
            sys.stdout.flush()
            sys.stdout.buffer.write(result.files[0].read_bytes())
            sys.stdout.buffer.flush()
    if values["quiet"]:
        return
    for reason in result.skipped:
        message(f"skipped: {reason}")
    if output != STDOUT:
        files = str(result.files[0]) if len(result.files) == 1 else f"{len(result.files):,} files in {output}"
        message(f"wrote {files} ({count(result.pieces, 'piece')})")
