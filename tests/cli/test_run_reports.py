import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from fakekit import Run

from seqforge import OptionsError, UsageError
from seqforge.api.plots import plot_runs
from seqforge.api.run_comparison import compare_runs, summarise_run
from seqforge.api.runs import Run as RunFolder


def write_run(folder: Path, *, hidden: int, losses: list[float]) -> RunFolder:
    folder.mkdir(parents=True)
    run = RunFolder(folder)
    run.write_config({"plugin": "text", "started": str(hidden), "training": {"hidden": hidden, "seed": 0}})
    for number, loss in enumerate(losses, 1):
        common = {"t": 50 * number, "minutes": number / 2}
        run.append_metrics({"event": "train", **common, "nats_per_unit": loss - 0.1, "rate": 0.005})
        run.append_metrics({"event": "valid", **common, "nats_per_unit": loss, "best": True})
    run.append_metrics({"event": "end", "t": 50 * len(losses), "finished": True, "minutes": len(losses) / 2})
    return run


@pytest.fixture
def runs(tmp_path: Path) -> list[RunFolder]:
    return [
        write_run(tmp_path / "a", hidden=16, losses=[3.0, 2.5, 2.6, 2.25]),
        write_run(tmp_path / "b", hidden=32, losses=[2.9, 2.4]),
    ]


def test_runs_are_compared_at_equal_durations(run: Run, runs: list[RunFolder]) -> None:
    rows = {row[0]: row[1:] for row in compare_runs([summarise_run(folder) for folder in runs])}
    assert rows["hidden"] == ["16", "32"] and "seed" not in rows and "started" not in rows
    assert rows["best valid loss"] == ["2.2500", "2.4000"] and rows["at step"] == ["200", "100"]
    assert rows["valid loss after 1 minutes"] == ["2.5000", "2.4000"]
    assert rows["valid loss after 0.5 minutes"] == ["3.0000", "2.9000"]
    assert rows["finished"] == ["yes", "yes"]
    result = run("compare", runs[0].folder, runs[1].folder)
    assert result.code == 0 and "best valid loss" in result.out
    values = json.loads(run("compare", runs[0].folder, "--json").out)
    assert values[0]["best_valid_nats_per_unit"] == 2.25 and values[0]["settings"]["hidden"] == 16


def test_a_run_without_losses_and_with_damaged_lines(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", hidden=16, losses=[])
    with run.metrics.open("a") as file:
        file.write(
            '{"event": "valid", "t": "x"}\nnot json\n{"event": "valid", "t": 5, "minutes": 1, "nats_per_unit": null}\n'
        )
    summary = summarise_run(run)
    assert summary.best is None and summary.last is None
    assert ["best valid loss", "-"] in compare_runs([summary])


def test_pictures_are_equal_for_equal_runs(run: Run, runs: list[RunFolder], tmp_path: Path) -> None:
    pictures = []
    for name in ("one.svg", "two.svg"):
        assert run("plot", runs[0].folder, runs[1].folder, "-o", tmp_path / name).out == f"{tmp_path / name}\n"
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1]
    assert ElementTree.fromstring(pictures[0]).tag == "{http://www.w3.org/2000/svg}svg"
    assert run("plot", runs[0].folder, "-o", tmp_path / "c.png", "--axis", "steps").code == 0
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_faults_of_plot(run: Run, runs: list[RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summaries = [summarise_run(folder) for folder in runs]
    with pytest.raises(OptionsError) as caught:
        plot_runs(summaries, tmp_path / "c.txt")
    assert caught.value.field == "output"
    missing = run("plot", tmp_path / "none")
    assert missing.code == 1 and "contains no metrics.jsonl" in missing.err
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(UsageError):
        plot_runs(summaries, tmp_path / "c.svg")


def test_a_model_card(run: Run, numbers: Path) -> None:
    card = run("info", numbers, "--card").out
    metadata, body = card.removeprefix("---\n").split("\n---\n")
    assert 'library_name: "seqforge"' in metadata.splitlines()
    assert f"seqforge generate --model {numbers} --label parity=even" in body
    assert "- `parity`: even, odd" in body and "nats per number" in body
    assert "| seed | 0 |" in body and "| optimiser steps | 30 |" in body
    both = run("info", numbers, "--card", "--json")
    assert both.code == 2


def test_cards_name_the_licences_of_corpora(run: Run) -> None:
    card = run("info", "abc", "--card").out
    assert "## Licences" in card and "ryans" in card and "4,021,291 parameters" in card
    assert "| 1, 2, 4, 8 periods |" in card
    assert "8 periods; the repeat" in run("info", "drums", "--card").out
