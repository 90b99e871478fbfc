"""seqforge train: files in, a model out."""

import os
from pathlib import Path
from typing import Any

import typer

from seqforge.plugin import registry
from seqforge.cli.flags import command, given, parameter, parameters
from seqforge.cli.signals import Signals
from seqforge.cli.console import put, say
from seqforge.errors import UsageError
from seqforge.api.settings import Settings
from seqforge.plugin import Plugin

NEWEST = "newest"


def add(app: typer.Typer, plugin: Plugin | None) -> None:
    """Add the command, with the flags of a plugin where one was chosen."""
    own = [
        parameter("plugin", str, None, typer.Option("--plugin", help="the domain; its own flags show with it")),
        parameter(
            "corpus",
            list[str] | None,
            None,
            typer.Option(help="an installed corpus, a folder or a file; may be given again. Default: the plugin's"),
        ),
        parameter(
            "init",
            str | None,
            None,
            typer.Option(help="start from a model: a file, a shipped model's name, or 'shipped'"),
        ),
        parameter(
            "run",
            Path | None,
            None,
            typer.Option(help="the folder to write to. Default: the next of runs/PLUGIN/"),
        ),
        parameter(
            "resume",
            str | None,
            None,
            typer.Option(help="go on with a run: its folder, or the newest unfinished one", metavar="[FOLDER]"),
        ),
        parameter("stop_at", int | None, None, typer.Option(min=1, help="save and leave after so many steps")),
        parameter(
            "workers",
            int | None,
            None,
            typer.Option(min=1, help="processes that prepare. Default: one a core"),
        ),
        parameter("quiet", bool, False, typer.Option("--quiet", help="say only where the model is")),
    ]
    mine = parameters(plugin.Options, panel=f"Options of the plugin {plugin.name!r}") if plugin else []
    core = parameters(Settings, panel="Network and training")
    app.command("train")(command(train, [*own, *mine, *core]))


def train(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Train a generator on a corpus.

    `seqforge train --plugin NAME --help` shows the plugin's own flags as well.
    """
    if not values["plugin"]:
        raise UsageError("which plugin? Give --plugin NAME; `seqforge plugins` lists them")
    plugin = registry.load(values["plugin"])
    options = given(ctx, values, Settings) | given(ctx, values, plugin.Options)
    from seqforge import api
    from seqforge.cli.progress import Reporter

    resume = values["resume"]
    quiet = values["quiet"] or os.environ.get("RANK", "0") != "0"  # of several processes one speaks
    with Signals() as signals, Reporter(quiet=quiet) as reporter:

        def watch(event: Any) -> None:
            signals.gentle = True  # from now on there is something to save
            reporter(event)

        try:
            forge.train(
                plugin.name,
                corpus=values["corpus"],
                init=values["init"],
                run=values["run"],
                resume=True if resume == NEWEST and not Path(NEWEST).exists() else resume,
                stop_at=values["stop_at"],
                workers=values["workers"],
                on_event=watch,
                tell=reporter.tell,
                stopping=signals,
                **options,
            )
        except KeyboardInterrupt:
            say("interrupted; what was prepared and saved is kept")
            raise typer.Exit(signals.code or 130) from None
    reporter.close(interrupted=signals.code is not None)
    if signals.code is not None:
        raise typer.Exit(signals.code)
    if values["quiet"] and reporter.folder.name:
        put(str(reporter.folder))


def with_resume_value(arguments: list[str]) -> list[str]:
    """Return the arguments with a bare --resume given its value, for an option cannot have an optional one."""
    found = []
    for number, argument in enumerate(arguments):
        found.append(argument)
        following = arguments[number + 1 : number + 2]
        if argument == "--resume" and (not following or following[0].startswith("-")):
            found.append(NEWEST)
    return found
