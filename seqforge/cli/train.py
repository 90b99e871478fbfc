"""seqforge train: from a corpus to a model."""

import contextlib
import errno
import inspect
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from seqforge.api.config_file import ARGUMENTS, ConfigFile, read_config
from seqforge.api.runs import NEWEST, plugin_of_resumed_run
from seqforge.cli.console import data, message
from seqforge.cli.flags import command, explicit_values, is_explicit, parameter, parameters
from seqforge.cli.help import command_class, examples, plugin_names
from seqforge.cli.signals import HANGUP_CODE, Signals
from seqforge.errors import UsageError
from seqforge.plugin import AnyPlugin, registry
from seqforge.training.config import TrainingConfig

DATA, OUTPUT = "Data", "Output"


def add(app: typer.Typer, plugin: AnyPlugin | None) -> None:
    """Add the command, with the flags of a plugin if one was chosen."""
    config = parameter(
        "config",
        Path | None,
        None,
        typer.Option(
            help="A TOML file with any of these flags, or the config.toml of a run. Flags on the command line take"
            " precedence.",
            metavar="FILE",
            rich_help_panel=DATA,
        ),
    )
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
            "distil",
            str | None,
            None,
            typer.Option(
                help="Also learn from the predictions of this model, such as one of several members; named as --init.",
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
            "log",
            list[str] | None,
            None,
            typer.Option(
                help="Also write the metrics for other programs; repeatable: csv, tensorboard or wandb.",
                metavar="csv|tensorboard|wandb",
                rich_help_panel=OUTPUT,
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
    first = corpus_parameters()
    first.insert(1, config)
    app.command(
        "train",
        cls=command_class(plugin.name if plugin else None),
        epilog=examples(
            "seqforge train --plugin text --corpus book.txt --minutes 5",
            "seqforge train --plugin abc --corpus my_tunes/ --valid new.abc",
            "seqforge train --plugin abc --resume",
            "seqforge train --config runs/abc/0001/config.toml --seed 1",
        ),
    )(command(train, [*plugin_flags, *first, *core, *output]))


def corpus_parameters() -> list[inspect.Parameter]:
    """Return the parameters that name a plugin and a corpus with its splits."""
    return [
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
        *table_parameters(DATA),
        parameter(
            "workers",
            int | None,
            None,
            typer.Option(
                min=1, help="Number of processes that prepare the corpus. Default: one per core.", rich_help_panel=DATA
            ),
        ),
    ]


def table_parameters(panel: str) -> list[inspect.Parameter]:
    """Return the parameters that name the columns of tables."""
    return [
        parameter(
            "text_column",
            str | None,
            None,
            typer.Option(
                help="Column of the texts, if the corpus is a table: .csv, .tsv, .jsonl or .parquet.",
                metavar="NAME",
                rich_help_panel=panel,
            ),
        ),
        parameter(
            "label_columns",
            str,
            "",
            typer.Option(
                help="Columns of the labels, separated by commas.",
                metavar="NAMES",
                show_default=False,
                rich_help_panel=panel,
            ),
        ),
    ]


def train(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Train a generator on a corpus.

    `seqforge train --plugin NAME --help` shows the plugin's own flags as well.
    """
    plugin, values, options = _with_config(ctx, values)
    if not values["resume"]:
        from seqforge.api.train_request import check_new_run
        from seqforge.corpus import SplitChoice

        valid, test = (_names(values[name]) for name in ("valid", "test"))
        split = SplitChoice(values["split"] or "", tuple(valid), tuple(test))
        check_new_run(plugin, corpus=_names(values["corpus"]), split=split, values=options)
    run_training(plugin, values, options)


def run_training(plugin: AnyPlugin, values: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Train with the progress on stderr; a signal saves the run, and the exit code is then that of the signal.

    Args:
        plugin: The plugin.
        values: The values of the flags of `seqforge train` by name; flags that are missing keep their defaults.
        options: Fields of `TrainingConfig` and of the plugin's Options.
    """
    resume = values.get("resume")
    quiet = values.get("quiet") or os.environ.get("RANK", "0") != "0"  # only one of several processes prints
    with Signals() as signals, _interruptible(signals):
        from seqforge.api.train import train as train_model
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

            names = (
                "corpus",
                "text_column",
                "split",
                "valid",
                "test",
                "init",
                "distil",
                "run",
                "stop_at",
                "workers",
                "log",
            )
            train_model(
                plugin.name,
                **{name: values.get(name) for name in names},
                label_columns=values.get("label_columns") or "",
                resume=True if resume == NEWEST and not Path(NEWEST).exists() else resume,
                on_event=on_event,
                on_message=reporter.on_message,
                should_stop=signals,
                **options,
            )
    with contextlib.suppress(OSError) if signals.code == HANGUP_CODE else contextlib.nullcontext():
        reporter.close(interrupted=signals.code is not None)
    if signals.code is not None:
        raise typer.Exit(signals.code)
    if values.get("quiet") and reporter.folder.name:
        data(str(reporter.folder))


def _with_config(ctx: typer.Context, values: dict[str, Any]) -> tuple[AnyPlugin, dict[str, Any], dict[str, Any]]:
    """Return the plugin, the values of all flags, and the options that are set; the file of --config is merged in.

    Raises:
        UsageError: If no plugin is named, or the file has a fault.
    """
    file = read_config(values["config"], plugin=values["plugin"] or "") if values["config"] else ConfigFile("")
    name = values["plugin"] or file.plugin
    if not name and values["resume"]:
        name = plugin_of_resumed_run(values["resume"])
    if not name:
        raise UsageError("no plugin is named; set `plugin` (`seqforge plugins` lists them)", field="plugin")
    plugin = registry.load(name)
    explicit = {name: values[name] for name in ARGUMENTS if is_explicit(ctx, name)}
    options = explicit_values(ctx, values, TrainingConfig) | explicit_values(ctx, values, plugin.Options)
    merged = file.merged(explicit, options)
    return plugin, {**values, **merged.arguments}, dict(merged.options)


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


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
