import json
import shutil
from pathlib import Path

import pytest
from fakekit import Run, install


def test_runs_are_listed_finished_or_not(run: Run, text: Path, tmp_path: Path) -> None:
    for number in ("0001", "0002"):
        shutil.copytree(text.parent, tmp_path / "runs" / "text" / number)
    (tmp_path / "runs" / "text" / "0002" / "state.safetensors").unlink()
    (tmp_path / "runs" / "stray.txt").write_text("")
    rows = [row for row in json.loads(run("models", "--json").out) if row["kind"] != "shipped"]
    assert [(row["plugin"], Path(row["model"]).parent.name, row["kind"]) for row in rows] == [
        ("text", "0002", "unfinished run"), ("text", "0001", "run"),
    ]  # fmt: skip
    assert "runs/text/0001/model.safetensors" in run("models").out


def test_default_shipped_model_is_marked(run: Run) -> None:
    rows = [row for row in json.loads(run("models", "--json").out) if row["plugin"] == "text"]
    assert [(row["model"], row["kind"], row["default"]) for row in rows] == [("default", "shipped", True)]
    assert "default *" in run("models").out


def test_broken_plugin_is_noted(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install(tmp_path / "site", "raise SystemExit(3)"))
    result = run("models")
    assert result.code == 0 and "note: the plugin 'good' of fake-good 2.5 does not import" in result.err


def test_no_model_at_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.cli.models._shipped_rows", list)
    result = run("models")
    assert result.code == 0 and result.out == "" and "seqforge train --plugin NAME" in result.err
