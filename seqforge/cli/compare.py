"""seqforge compare: the settings in which runs differ, and what each reached."""

from pathlib import Path
from typing import Annotated

import typer

from seqforge.api.run_comparison import compare_runs, existing_run, summarise_run
from seqforge.cli.console import data, data_json, table
from seqforge.cli.flags import AsJson
from seqforge.cli.help import HelpCommand, examples


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=HelpCommand, epilog=examples("seqforge compare runs/abc/0001 runs/abc/0002"))(compare)


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")], json: AsJson = False
) -> None:
    """Show the settings in which runs differ, and the losses that they reached in total and in equal time."""
    summaries = [summarise_run(existing_run(folder)) for folder in runs]
    if json:
        data_json([summary.to_json() for summary in summaries])
    else:
        data(table(compare_runs(summaries)))
