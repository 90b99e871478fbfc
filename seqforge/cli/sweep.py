"""seqforge sweep: many trainings whose options vary, and a table and a picture of their results."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from seqforge.api.sweep import Sweep, Trial, read_sweep
from seqforge.cli.console import count, data, message, table
from seqforge.cli.help import HelpCommand, examples
from seqforge.cli.signals import Signals
from seqforge.errors import UsageError
from seqforge.plugin import registry


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        cls=HelpCommand,
        epilog=examples(
            "seqforge sweep reels.toml --processes 2",
            "seqforge sweep reels.toml --print | xargs -P 4 -I{} sh -c '{}'",
            "seqforge sweep reels.toml --report",
        ),
    )(sweep)


def sweep(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file: options, [values] and [sweep].")],
    processes: Annotated[int, typer.Option(min=1, metavar="COUNT", help="Number of trainings at a time.")] = 1,
    print_commands: Annotated[
        bool, typer.Option("--print", help="Print one command line per trial, for a scheduler, and run none.")
    ] = False,
    trial: Annotated[
        int | None, typer.Option(min=1, metavar="NUMBER", help="Run, or resume, this trial only, in this process.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Only write the table and the picture of the trials so far.")
    ] = False,
) -> None:
    """Train with all combinations of values, or with values drawn at random.

    The file holds any flags of `seqforge train`, a table [values] with a list for each flag that varies, and a table
    [sweep] with the method, grid or random. Trials that are finished are not run again; trials that were interrupted
    are resumed. At the end, results.csv and curves.svg are written into the folder of the sweep.
    """
    if print_commands + report + (trial is not None) > 1:
        raise UsageError("`print`, `trial` and `report` exclude each other; set one of them", field="print")
    description = read_sweep(file)
    if trial is not None:
        _run(description.trial(trial))
        return
    trials = list(description.trials())
    if print_commands:
        for item in trials:
            data(f"seqforge sweep {shlex.quote(str(file))} --trial {item.number}")
        return
    failed = 0 if report else _run_all(description, trials, processes)
    _print_results(description, trials)
    if failed:
        raise typer.Exit(1)


def _run(trial: Trial) -> None:
    """Run or resume one trial in this process."""
    from seqforge.cli.train import run_training

    values, options = dict(trial.config.arguments), dict(trial.config.options)
    if trial.run.is_finished():
        message(f"{trial.run.folder} is finished")
        return
    if trial.run.state.exists():
        values = {name: values[name] for name in ("log", "workers", "quiet") if name in values}
        values["resume"], options = str(trial.run.folder), {}
    else:
        values["run"] = str(trial.run.folder)
    run_training(registry.load(trial.config.plugin), values, options)


def _run_all(sweep: Sweep, trials: Sequence[Trial], processes: int) -> int:
    """Run all trials that are not finished in processes; return the number of those that failed."""
    from seqforge.api.sweep_runner import run_trials, trial_command

    waiting = [trial for trial in trials if not trial.run.is_finished()]
    message(f"{count(len(trials), 'trial')}, {len(trials) - len(waiting):,} finished; writing to {sweep.folder}")
    failed = 0
    with Signals() as signals:
        try:
            ended = run_trials(sweep, waiting, processes=processes, command=lambda trial: trial_command(sweep, trial))
            for trial, reason in ended:
                failed += bool(reason)
                message(f"trial {trial.number} ({trial.name}): {reason or 'finished'}")
        except KeyboardInterrupt:
            message("interrupted; the trials are saved. To continue, run the same command again")
            raise typer.Exit(signals.code or 130) from None
    return failed


def _print_results(sweep: Sweep, trials: Sequence[Trial]) -> None:
    from seqforge.api.sweep_runner import result_rows, write_results

    data(table(result_rows(trials)))
    results, picture, reason = write_results(sweep, trials)
    message(f"written: {results}" + (f", {picture}" if picture else f"; no picture: {reason}"))
