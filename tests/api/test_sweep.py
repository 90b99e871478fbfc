import sys
from pathlib import Path
from typing import Any

import pytest

from seqforge import OptionsError
from seqforge.api.sweep import read_sweep
from seqforge.api.sweep_runner import result_rows, run_trials, write_results

TEXT = 'plugin = "text"\nsteps = 5\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "s.toml"
    path.write_text(text)
    return path


def test_a_grid_has_all_combinations(tmp_path: Path) -> None:
    sweep = read_sweep(write(tmp_path, TEXT + "[values]\nhidden = [4, 8]\nlearning-rate = [0.1, 0.2, 0.3]\n"))
    trials = list(sweep.trials())
    assert len(trials) == sweep.count == 6
    assert {(t.config.options["hidden"], t.config.options["learning_rate"]) for t in trials} == {
        (hidden, rate) for hidden in (4, 8) for rate in (0.1, 0.2, 0.3)
    }
    assert all(trial.config.options["steps"] == 5 and trial.config.plugin == "text" for trial in trials)
    assert trials[3].name == "hidden 8, learning_rate 0.1" and trials[3].run.folder == Path("runs/sweeps/s/0004")
    assert sweep.trial(4) == trials[3]


def test_random_values_depend_on_seed_and_number_only(tmp_path: Path) -> None:
    values = "[values]\nhidden = { min = 4, max = 64, scale = 'log' }\n"
    values += "dropout = { min = 0.1, max = 0.5 }\ncell = ['gru']\n"
    three, five, other = (
        read_sweep(write(tmp_path, f"{TEXT}{values}[sweep]\nmethod = 'random'\ntrials = {trials}\nseed = {seed}\n"))
        for trials, seed in ((3, 0), (5, 0), (3, 1))
    )
    first = [trial.values for trial in three.trials()]
    assert first == [trial.values for trial in five.trials()][:3]
    assert first != [trial.values for trial in other.trials()]
    for trial in five.trials():
        assert type(trial.values["hidden"]) is int and 4 <= trial.values["hidden"] <= 64
        assert 0.1 <= trial.values["dropout"] <= 0.5 and trial.values["cell"] == "gru"


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "[values]\nhidden = [4]\n",
        TEXT + "[values]\nhidden = []\n",
        TEXT + "[values]\nhidden = 4\n",
        TEXT + "[values]\nhidden = { min = 4, max = 8 }\n",
        TEXT + "run = 'r'\n[values]\nhidden = [4]\n",
        TEXT + "[values]\nrun = ['r']\n",
        TEXT + "[values]\nhidden = [4]\n[sweep]\ntrials = 3\n",
        TEXT + "[values]\nhidden = [4]\n[sweep]\nmethod = 'bayes'\n",
        TEXT + "[values]\nhidden = [4]\n[sweep]\nmetod = 'grid'\n",
        TEXT + "[values]\nhidden = [4]\n[sweep]\nseed = 'a'\n",
        TEXT + "[values]\nhidden = { min = 0, max = 8, scale = 'log' }\n[sweep]\nmethod = 'random'\n",
        TEXT + "[values]\nhidden = { min = 8, max = 8 }\n[sweep]\nmethod = 'random'\n",
        TEXT + "[values]\nhidden = { low = 8, max = 9 }\n[sweep]\nmethod = 'random'\n",
        TEXT + "values = 3\n",
    ],
)
def test_faults_of_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(OptionsError) as caught:
        read_sweep(write(tmp_path, text))
    assert caught.value.field == "sweep"


@pytest.mark.parametrize("value", ["'4'", "[4]"])
def test_faults_of_a_value(tmp_path: Path, value: str) -> None:
    sweep = read_sweep(write(tmp_path, f"{TEXT}[values]\nhidden = [8, {value}]\n"))
    with pytest.raises(OptionsError) as caught:
        list(sweep.trials())
    assert caught.value.field == "hidden"
    with pytest.raises(OptionsError):
        sweep.trial(3)


def test_processes_report_their_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = read_sweep(write(tmp_path, TEXT + "[values]\nhidden = [4, 8]\n"))
    trials = list(sweep.trials())

    def command(trial: Any) -> list[str]:
        return [sys.executable, "-c", "pass" if trial.number == 1 else "import sys; sys.exit('no disk')"]

    results = {trial.number: reason for trial, reason in run_trials(sweep, trials, processes=2, command=command)}
    assert results == {1: "", 2: "exit code 1: no disk"}


def test_an_interruption_stops_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = read_sweep(write(tmp_path, TEXT + "[values]\nhidden = [4, 8, 16]\n"))
    trials = list(sweep.trials())

    def command(trial: Any) -> list[str]:
        # The first ends at once; the others wait for a signal.
        return [sys.executable, "-c", "" if trial.number == 1 else "import signal; signal.pause()"]

    running = run_trials(sweep, trials, processes=1, command=command)
    assert next(running)[0].number == 1
    with pytest.raises(KeyboardInterrupt):
        running.throw(KeyboardInterrupt)


def test_results_of_trials_that_have_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = read_sweep(write(tmp_path, TEXT + "[values]\nhidden = [4, 8]\n"))
    trials = list(sweep.trials())
    assert [row[-1] for row in result_rows(trials)] == ["state", "not started", "not started"]
    table, picture, reason = write_results(sweep, trials)
    assert table.read_text().splitlines()[1] == "0001,4,,,,not started"
    assert picture is None and reason
