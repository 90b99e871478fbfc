"""seqforge prepare: a corpus is read and encoded, at once or in shards on many machines, without a training."""

from typing import Any

import typer

from seqforge.cli.console import count, data, message
from seqforge.cli.flags import command, explicit_values, parameter, parameters
from seqforge.cli.help import command_class, examples
from seqforge.cli.train import corpus_parameters
from seqforge.errors import UsageError
from seqforge.plugin import AnyPlugin, registry

WORK = "Many machines"
NEXT_STEPS = {
    "read": "the files of this shard are read; after all shards, run the command with --merge",
    "fitted": "the codec is fitted; run all shards again to encode their files, then --merge",
    "encoded": "the files of this shard are encoded; after all shards, run the command with --merge",
}


def add(app: typer.Typer, plugin: AnyPlugin | None) -> None:
    """Add the command, with the flags of a plugin if one was chosen."""
    work = [
        parameter(
            "shard",
            str | None,
            None,
            typer.Option(
                help="Do one of several equal parts of the work, such as 3/16, in the cache that all of them share.",
                metavar="NUMBER/COUNT",
                rich_help_panel=WORK,
            ),
        ),
        parameter(
            "merge",
            bool,
            False,
            typer.Option(
                "--merge",
                help="After all shards have read: fit the codec. After all shards have encoded: complete the corpus.",
                rich_help_panel=WORK,
            ),
        ),
    ]
    init = parameter(
        "init",
        str | None,
        None,
        typer.Option(help="Encode for a training that starts from this model.", metavar="MODEL"),
    )
    plugin_flags = parameters(plugin.Options, panel=f"Options of the plugin {plugin.name!r}") if plugin else []
    app.command(
        "prepare",
        cls=command_class(plugin.name if plugin else None),
        epilog=examples(
            "seqforge prepare --plugin midi --corpus songs/",
            "seqforge prepare --plugin midi --corpus songs/ --shard 3/16",
            "seqforge prepare --plugin midi --corpus songs/ --merge",
        ),
    )(command(prepare, [*plugin_flags, *corpus_parameters(), init, *work]))


def prepare(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Prepare a corpus for a training, which then takes it from the cache.

    `seqforge prepare --plugin NAME --help` shows the plugin's own flags as well. The folder of the prepared corpus is
    printed.
    """
    from seqforge.api.prepare_corpus import prepare as prepare_corpus

    if not values["plugin"]:
        raise UsageError("no plugin is named; set `plugin` (`seqforge plugins` lists them)", field="plugin")
    plugin = registry.load(values["plugin"])
    names = ("corpus", "text_column", "split", "valid", "test", "init", "workers", "shard", "merge")
    prepared = prepare_corpus(
        plugin.name,
        **{name: values[name] for name in names},
        label_columns=values["label_columns"] or "",
        on_message=message,
        **explicit_values(ctx, values, plugin.Options),
    )
    if prepared.is_complete:
        report = prepared.report
        pieces = ", ".join(f"{number:,} {split}" for split, number in report["pieces"].items())
        message(f"{count(report['files'], 'file')}, {report['skipped']:,} skipped; pieces: {pieces}")
        for remark in report["remarks"]:
            message(f"note: {remark}")
    else:
        message(NEXT_STEPS[prepared.stage])
    data(str(prepared.folder))
