"""seqforge train: from a corpus to a model."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from seqforge.cli.console import data, message
from seqforge.cli.flags import command, explicit_values, parameter, parameters
from seqforge.cli.help import command_class, examples, plugin_names
from seqforge.cli.signals import HANGUP_CODE, Signals
from seqforge.errors import UsageError
from seqforge.plugin import AnyPlugin, registry
from seqforge.training.config import TrainingConfig

NEWEST = "newest"
DATA, OUTPUT = "Data", "Output"


def add(app: typer.Typer, plugin: AnyPlugin | None) -> None:
    """Add the command, with the flags of a plugin if one was chosen."""
    first = [
        parameter(
            "plugin",
            str,
            None,
            typer.Option(
                "--plugin",
                metavar="NAME",
                help="Plugin of the domain; shows its own flags.",
                rich_help_panel=DATA,
                autocompletion=plugin_names,
            ),
        ),
        parameter(
            "corpus",
            list[str] | None,
            None,
            typer.Option(
                help="An installed corpus, a folder or a file; repeatable. Default: the plugin's corpora.",
                metavar="CORPUS",
                rich_help_panel=DATA,
            ),
        ),
        parameter(
            "split",
            str | None,
            None,
            typer.Option(
                help="Shares of train, valid and test, such as 0.8,0.1,0.1. Default: the split of an installed corpus,"
                " else 0.9,0.05,0.05.",
                metavar="SHARES",
                rich_help_panel=DATA,
            ),
        ),
        *(
            parameter(
                name,
                list[str] | None,
                None,
                typer.Option(
                    help=f"A file or folder of the {name} split; repeatable. All other files are for training.",
                    metavar="PATH",
                    rich_help_panel=DATA,
                ),
            )
            for name in ("valid", "test")
        ),
        parameter(
            "workers",
            int | None,
            None,
            typer.Option(
                min=1, help="Number of processes that prepare the corpus. Default: one per core.", rich_help_panel=DATA
            ),
        ),
    ]
    plugin_flags = parameters(plugin.Options, panel=f"Options of the plugin {plugin.name!r}") if plugin else []
    output = [
        parameter(
            "run",
            Path | None,
            None,
            typer.Option(help="Folder to write to. Default: the next of runs/PLUGIN/.", rich_help_panel=OUTPUT),
        ),
        parameter(
            "resume",
            str | None,
            None,
            typer.Option(
                help="Resume a run: its folder, or without a value the newest unfinished run.",
                metavar="[FOLDER]",
                rich_help_panel=OUTPUT,
            ),
        ),
        parameter(
            "init",
            str | None,
            None,
            typer.Option(
                help="Start from the weights of a model: a file, a run folder, a shipped model's name, or 'shipped'.",
                metavar="MODEL",
                rich_help_panel="Model",
            ),
        ),
        parameter(
            "stop_at",
            int | None,
            None,
            typer.Option(
                min=1, help="Save and stop after this number of steps.", metavar="STEP", rich_help_panel=OUTPUT
            ),
        ),
        parameter(
            "quiet",
            bool,
            False,
            typer.Option("--quiet", help="Print only the folder of the run.", rich_help_panel=OUTPUT),
        ),
    ]
    core = parameters(TrainingConfig, panel="Training")
    app.command(
        "train",
        cls=command_class(plugin.name if plugin else None),
        epilog=examples(
            "seqforge train --plugin text --corpus book.txt --minutes 5",
            "seqforge train --plugin abc --corpus my_tunes/ --valid new.abc",
            "seqforge train --plugin abc --resume",
        ),
    )(command(train, [*plugin_flags, *first, *core, *output]))


def train(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Train a generator on a corpus.

    `seqforge train --plugin NAME --help` shows the plugin's own flags as well.
    """
    if not values["plugin"]:
        raise UsageError("no plugin is named; set `plugin` (`seqforge plugins` lists them)", field="plugin")
    plugin = registry.load(values["plugin"])
    options = explicit_values(ctx, values, TrainingConfig) | explicit_values(ctx, values, plugin.Options)
    if not values["resume"]:
        from seqforge.api.train_request import check_new_run
        from seqforge.corpus import SplitChoice

        split = SplitChoice(values["split"] or "", tuple(values["valid"] or ()), tuple(values["test"] or ()))
        check_new_run(plugin, corpus=values["corpus"] or [], split=split, values=options)
    resume = values["resume"]
    quiet = values["quiet"] or os.environ.get("RANK", "0") != "0"  # only one of several processes prints
    with Signals() as signals, _interruptible(signals):
        from seqforge.api.train import train as run_training
        from seqforge.cli.progress import Reporter

        with Reporter(quiet=quiet) as reporter:

            def on_event(event: Any) -> None:
                signals.can_save = True  # from now on there is something to save
                try:
                    reporter(event)
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    reporter.quiet = True  # the terminal is closed; the training is saved all the same

            run_training(
                plugin.name,
                corpus=values["corpus"],
                split=values["split"],
                valid=values["valid"],
                test=values["test"],
                init=values["init"],
                run=values["run"],
                resume=True if resume == NEWEST and not Path(NEWEST).exists() else resume,
                stop_at=values["stop_at"],
                workers=values["workers"],
                on_event=on_event,
                on_message=reporter.on_message,
                should_stop=signals,
                **options,
            )
    with contextlib.suppress(OSError) if signals.code == HANGUP_CODE else contextlib.nullcontext():
        reporter.close(interrupted=signals.code is not None)
    if signals.code is not None:
        raise typer.Exit(signals.code)
    if values["quiet"] and reporter.folder.name:
        data(str(reporter.folder))


@contextlib.contextmanager
def _interruptible(signals: Signals) -> Iterator[None]:
    """Turn an interruption within the `with` block into one sentence and an exit code."""
    try:
        yield
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # the terminal may be closed
            message("interrupted; prepared data and saved files are kept")
        raise typer.Exit(signals.code or 130) from None


def with_resume_value(words: list[str]) -> list[str]:
    """Return the arguments with a value for a bare --resume, since an option cannot have an optional value.

    >>> with_resume_value(["train", "--resume", "--quiet"])
    ['train', '--resume', 'newest', '--quiet']
    """
    result = []
    for number, word in enumerate(words):
        result.append(word)
        following = words[number + 1 : number + 2]
        if word == "--resume" and (not following or following[0].startswith("-")):
            result.append(NEWEST)
    return result
