"""The processes of a sweep, and its results: a table and a picture. No torch."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Lock

from seqforge.api.plots import plot_runs
from seqforge.api.run_comparison import RunSummary, summarise_run
from seqforge.api.sweep import Sweep, Trial
from seqforge.core.files import make_folder, write_text
from seqforge.errors import UsageError

__all__ = ["result_rows", "run_trials", "trial_command", "write_results"]

TABLE, PICTURE = "results.csv", "curves.svg"
"""The files of the results in the folder of a sweep."""


def run_trials(
    sweep: Sweep, trials: Sequence[Trial], *, processes: int, command: Callable[[Trial], Sequence[str]]
) -> Iterator[tuple[Trial, str]]:
    """Run trials in processes of their own; yield each that ends with the reason if it failed, else "".

    The messages of trial k go to the file FOLDER/k.log. An exception in the caller, such as KeyboardInterrupt, stops
    the processes by SIGTERM: they save their runs, which a later call resumes.

    Args:
        sweep: The sweep.
        trials: The trials to run.
        processes: Number of processes at a time.
        command: Returns the command line of a trial.
    """
    make_folder(sweep.folder)
    environment = {"OMP_NUM_THREADS": str(_threads(processes)), **os.environ}
    running: set[subprocess.Popen[bytes]] = set()
    lock, stopping = Lock(), False

    def run(trial: Trial) -> str:
        log = sweep.folder / f"{trial.run.folder.name}.log"
        with log.open("wb") as file:
            with lock:
                if stopping:
                    return "not started"
                process = subprocess.Popen(
                    list(command(trial)),
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    env=environment,
                    start_new_session=True,  # Ctrl-C in the terminal reaches this process only, which stops the others
                )
                running.add(process)
            code = process.wait()
            with lock:
                running.discard(process)
        return "" if code == 0 else f"exit code {code}: {_last_line(log)}"

    with ThreadPoolExecutor(processes) as pool:
        futures = {pool.submit(run, trial): trial for trial in trials}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            with lock:
                stopping = True
                for process in running:
                    process.terminate()
            pool.shutdown(cancel_futures=True)
            raise


def trial_command(sweep: Sweep, trial: Trial) -> list[str]:
    """Return the command line that runs one trial in this installation of Python."""
    return [sys.executable, "-m", "seqforge", "sweep", str(sweep.path), "--trial", str(trial.number)]


def result_rows(trials: Sequence[Trial]) -> list[list[str]]:
    """Return a table of the results: a row for each trial, the lowest loss on the valid split first.

    Args:
        trials: The trials of a sweep; those without a run stand at the end.
    """
    names = list(trials[0].values)
    rows = []
    for trial, summary in _by_loss(trials):
        best, last = summary.best, summary.last
        state = "finished" if summary.finished else "not finished" if trial.run.state.exists() else "not started"
        rows.append(
            [
                trial.run.folder.name,
                *(str(trial.values[name]) for name in names),
                f"{best.nats_per_unit:.4f}" if best else "",
                str(last.step) if last else "",
                f"{last.minutes:.2f}" if last else "",
                state,
            ]
        )
    return [["trial", *names, "best valid loss", "steps taken", "minutes taken", "state"], *rows]


def write_results(sweep: Sweep, trials: Sequence[Trial]) -> tuple[Path, Path | None, str]:
    """Write the table and the picture of a sweep into its folder.

    Returns:
        The table, the picture, and why there is no picture: "" if there is one.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(result_rows(trials))
    table = make_folder(sweep.folder) / TABLE
    write_text(table, text.getvalue())
    drawn = [(trial, summary) for trial, summary in _by_loss(trials) if summary.train or summary.valid]
    if not drawn:
        return table, None, "no trial has a loss yet"
    try:
        names = [f"{trial.run.folder.name} {trial.name}" for trial, _ in drawn]
        plot_runs([summary for _, summary in drawn], sweep.folder / PICTURE, names=names)
    except UsageError as error:  # matplotlib is not installed
        return table, None, str(error)
    return table, sweep.folder / PICTURE, ""


def _by_loss(trials: Sequence[Trial]) -> list[tuple[Trial, RunSummary]]:
    pairs = [(trial, summarise_run(trial.run)) for trial in trials]
    return sorted(pairs, key=lambda pair: pair[1].best.nats_per_unit if pair[1].best else float("inf"))


def _threads(processes: int) -> int:
    """Return the number of threads for each of several processes, so that together they use all cores."""
    return max(1, (os.cpu_count() or 1) // processes)


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message")
