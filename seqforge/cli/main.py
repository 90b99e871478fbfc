"""`seqforge`: builds the commands with the flags of the chosen plugin, and turns errors into one sentence."""

import importlib
import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from seqforge.cli.collection import resume_collection, suspend_collection
from seqforge.cli.help import CONTEXT, HelpGroup, examples
from seqforge.errors import SeqforgeError
from seqforge.plugin import AnyPlugin, registry

NO_MEMORY = "there is not enough memory; train with a smaller --size, --batch-size or --bptt, or close other programs"
START = """\
seqforge trains recurrent networks on sequences and generates new files.

  seqforge generate --plugin text --length 300      a new text, by the model that ships
  seqforge train --plugin text --corpus book.txt    a model of your own files
  seqforge --help                                   all commands

`seqforge plugins` lists the kinds of files, such as tunes and handwriting."""
"""What `seqforge` alone prints."""
COMPLETION = "_SEQFORGE_COMPLETE"
"""The environment variable with which the shell asks for completions."""
COMMANDS = (
    "train", "prepare", "generate", "convert", "show", "play", "evaluate", "score", "classify", "info", "export",
    "push", "sweep", "compare", "plot", "models", "inspect", "plugins", "corpora", "studio",
)  # fmt: skip
"""The modules of the commands, in the order of the help page."""
COMMANDS_WITH_PLUGIN = ("train", "prepare", "generate", "inspect", "convert")


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and exit with its code: 0 done, 1 failed, 2 wrong usage, 130 or 143 interrupted."""
    from seqforge.cli.console import fail, fail_with

    if arguments is None:
        suspend_collection()  # `generate` resumes it when its model is loaded
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = words[-1:] == ["--debug"] or words[:1] == ["--debug"]  # elsewhere it may be a prompt
    words = words[words[:1] == ["--debug"] : len(words) - (len(words) > 1 and words[-1] == "--debug")]
    if words[:1] == ["train"]:
        from seqforge.cli.train import with_resume_value

        words = with_resume_value(words)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a letter shows a question mark
    try:
        app = build(_plugin_to_complete()) if COMPLETION in os.environ else build(_plugin_of(words), *words[:1])
        app(args=words, prog_name="seqforge", standalone_mode=True)
    except SeqforgeError as error:
        if debug:
            raise
        fail_with(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        fail("interrupted", 130)
    except MemoryError:
        fail(NO_MEMORY, 1)
    except OSError as error:
        if debug:
            raise
        fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error), 1)
    except Exception as error:
        if debug:
            raise
        if "out of memory" in str(error) or "can't allocate memory" in str(error):
            fail(NO_MEMORY, 1)
        from seqforge.plugin.validation import describe_fault

        reason = describe_fault(error) or f"internal error of seqforge: {type(error).__name__}: {error}"
        fail(f"{reason}; add --debug to see the traceback", 1)


def build(plugin: AnyPlugin | None, command: str = "") -> typer.Typer:
    """Return the commands, with the flags of a plugin if one was chosen.

    Args:
        plugin: The plugin.
        command: The module of the command that is run; all are built if there is no such module.
    """
    app = typer.Typer(
        cls=HelpGroup,
        context_settings=CONTEXT,
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Train a recurrent network on any sequence that a plugin can read, and generate new files.",
        epilog=examples("seqforge generate --plugin text --length 300", "seqforge train -h")
        + "\n\nEvery command takes --debug as its last word, which shows the traceback of an error.",
    )

    @app.callback()
    def seqforge(
        ctx: typer.Context,
        version: Annotated[
            bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
        ] = False,
    ) -> None:
        if ctx.invoked_subcommand != "generate":
            resume_collection()
        if ctx.invoked_subcommand is None:
            typer.echo(START)

    for name in (command,) if command in COMMANDS else COMMANDS:
        module = importlib.import_module(f"seqforge.cli.{name}")
        if name in COMMANDS_WITH_PLUGIN:
            module.add(app, plugin)
        else:
            module.add(app)
    return app


def _version(requested: bool) -> None:
    if requested:
        from seqforge.version import __version__

        typer.echo(f"seqforge {__version__}")
        raise typer.Exit


def _plugin_of(words: list[str]) -> AnyPlugin | None:
    """Return the plugin whose flags the command line may use: that of --plugin, --model, --config, or --resume.

    Raises:
        PluginError: If it cannot be loaded.
        RequestError: If there is no such model.
        DamagedFileError: If the file is not a model file.
    """
    command = next((word for word in words if not word.startswith("-")), "")
    if command not in COMMANDS_WITH_PLUGIN:
        return None
    name, model = _value_of(words, "--plugin"), _value_of(words, "--model")
    config = _value_of(words, "--config") if command == "train" else None
    if config and not name:
        from seqforge.api.config_file import read_config

        name = read_config(Path(config)).plugin
    resume = _value_of(words, "--resume") if command == "train" else None
    if resume and not name:
        from seqforge.api.runs import plugin_of_resumed_run

        name = plugin_of_resumed_run(resume)
    if name:
        return registry.load(name)
    if model:
        from seqforge.api.model_paths import resolve_model
        from seqforge.core.model_metadata import read_metadata

        return registry.load(read_metadata(resolve_model(model).path)["plugin"])
    if command == "convert":
        from seqforge.cli.convert import plugin_of_files

        return plugin_of_files(words)
    return None


def _plugin_to_complete() -> AnyPlugin | None:
    """Return the plugin of the command line that the shell completes, None if there is none yet."""
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    try:
        return _plugin_of(line.split()[1:])
    except SeqforgeError:
        return None


def _value_of(words: list[str], flag: str) -> str | None:
    for number, word in enumerate(words):
        if word == flag and number + 1 < len(words):
            return words[number + 1]
        if word.startswith(flag + "="):
            return word.partition("=")[2]
    return None
