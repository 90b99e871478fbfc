"""seqforge plot: the curves of runs in one picture."""

from pathlib import Path
from typing import Annotated

import typer

from seqforge.api.plots import Axis, plot_runs
from seqforge.api.run_comparison import existing_run, summarise_run
from seqforge.cli.console import data
from seqforge.cli.help import HelpCommand, examples


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        cls=HelpCommand,
        epilog=examples(
            "seqforge plot runs/abc/0001", "seqforge plot runs/abc/0001 runs/abc/0002 -o curves.png --axis steps"
        ),
    )(plot)


def plot(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The picture: .svg, .png or .pdf.")
    ] = Path("curves.svg"),
    axis: Annotated[Axis, typer.Option(metavar="minutes|steps", help="What the horizontal axis shows.")] = "minutes",
) -> None:
    """Draw the losses and learning rates of runs beside each other. It needs matplotlib (the extra `plot`)."""
    plot_runs([summarise_run(existing_run(folder)) for folder in runs], output, axis=axis)
    data(str(output))
