import csv
from pathlib import Path

import pytest
from fakekit import TINY_FLAGS, Run, prose


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text(prose())
    lines = ['plugin = "text"', 'corpus = "a.txt"', "steps = 2", 'size = "small"']
    lines += [f"{name} = {value}" for name, value in (flag[2:].split("=") for flag in TINY_FLAGS) if value.isdigit()]
    path = tmp_path / "s.toml"
    path.write_text("\n".join([*lines, "[values]", "seed = [0, 1]", "[sweep]", 'folder = "here"']) + "\n")
    return path


def test_trials_of_a_scheduler(run: Run, sweep: Path) -> None:
    commands = run("sweep", sweep, "--print").out.splitlines()
    assert commands == [f"seqforge sweep {sweep} --trial {number}" for number in (1, 2)]
    assert run(*commands[1].split()[1:]).code == 0
    assert "here/0002 is finished" in run(*commands[1].split()[1:]).err
    result = run("sweep", sweep, "--report")
    assert result.code == 0 and "not started" in result.out and "here/curves.svg" in result.err
    rows = list(csv.DictReader(Path("here/results.csv").read_text().splitlines()))
    assert [(row["trial"], row["seed"], row["state"]) for row in rows] == [
        ("0002", "1", "finished"),
        ("0001", "0", "not started"),
    ]


def test_all_trials_in_processes(run: Run, sweep: Path) -> None:
    result = run("sweep", sweep)
    assert result.code == 0
    assert "2 trials, 0 finished" in result.err and "trial 2 (seed 1): finished" in result.err
    assert Path("here/0002/model.safetensors").exists() and "step 2: valid loss" in Path("here/0001.log").read_text()


def test_wrong_usage(run: Run, sweep: Path) -> None:
    assert run("sweep", sweep, "--print", "--report").code == 2
    assert run("sweep", sweep, "--trial", "3").code == 2
    assert run("sweep", "none.toml").code == 2
