"""`seqforge`: finds the plugin that is meant, builds the commands with its flags, and turns errors into sentences."""

import io
import os
import sys
from typing import Annotated

import typer

from seqforge.plugin import registry
from seqforge.errors import PluginError, SeqforgeError
from seqforge.plugin import Plugin

NO_MEMORY = "there is not enough memory; train with a smaller --size, --batch-size or --bptt, or close other programs"
COMMANDS_WITH_PLUGIN = ("train", "generate", "inspect")


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and leave with its exit code: 0 done, 1 failed, 2 wrong usage, 130 or 143 stopped."""
    from seqforge.cli.train import with_resume_value
    from seqforge.cli.console import fail

    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = given[-1:] == ["--debug"] or given[:1] == ["--debug"]  # elsewhere it may be a prompt
    given = given[given[:1] == ["--debug"] : len(given) - (len(given) > 1 and given[-1] == "--debug")]
    if given[:1] == ["train"]:
        given = with_resume_value(given)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a letter shows a question mark
    try:
        app = build(_plugin_meant(given))
        app(args=given, prog_name="seqforge", standalone_mode=True)
    except SeqforgeError as error:
        if debug:
            raise
        fail(str(error), error.exit_code)
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
        from seqforge.plugin.fault import blame

        told = blame(error) or f"a fault of seqforge: {type(error).__name__}: {error}"
        fail(f"{told}; --debug shows where", 1)


def build(plugin: Plugin | None) -> typer.Typer:
    """Return the commands, with the flags of a plugin where one is meant."""
    from seqforge.cli import catalogues, generate, report, train

    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        help="Train a recurrent network on any sequence a plugin can read, and generate new files.",
        epilog="Any command takes --debug as its last word, which shows the traceback of an error.",
    )

    @app.callback()
    def seqforge(
        version: Annotated[
            bool | None, typer.Option("--version", help="show the version", callback=_version, is_eager=True)
        ] = None,
    ) -> None:
        pass

    train.add(app, plugin)
    generate.add(app, plugin)
    report.add(app, plugin)
    catalogues.add(app)
    return app


def _version(wanted: bool | None) -> None:
    if wanted:
        from seqforge import __version__

        typer.echo(f"seqforge {__version__}")
        raise typer.Exit


def _plugin_meant(arguments: list[str]) -> Plugin | None:
    """Return the plugin whose flags the command line may use: that of --plugin, or of the --model file.

    Raises:
        PluginError: it cannot be loaded.
    """
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    if command not in COMMANDS_WITH_PLUGIN:
        return None
    name, model = _value(arguments, "--plugin"), _value(arguments, "--model")
    if name:
        return registry.load(name)
    if model:
        from pathlib import Path

        from seqforge.errors import UsageError
        from seqforge.core.tensorfile import TensorFile

        path = Path(model) / "model.safetensors" if Path(model).is_dir() else Path(model)
        if not path.exists():
            raise UsageError(f"there is no model file {model}; for a model that ships with a plugin, give --plugin too")
        metadata = TensorFile(path, "model").metadata
        told = metadata.get("plugin") if isinstance(metadata, dict) else None
        if not isinstance(told, str):
            raise PluginError(f"{model} does not say which plugin it belongs to")
        return registry.load(told)
    return None


def _value(arguments: list[str], flag: str) -> str | None:
    for number, argument in enumerate(arguments):
        if argument == flag and number + 1 < len(arguments):
            return arguments[number + 1]
        if argument.startswith(flag + "="):
            return argument.partition("=")[2]
    return None
