"""The notebook for teachers runs as a reader would run it, and says what is stored in it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def run(*words: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(FOLDER / "run.py"), *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_says_what_is_stored(notebook: Path) -> None:
    done = run("--check", notebook)
    told = f"if it should say so, run: python docs/notebooks/run.py docs/notebooks/{notebook.name}"
    assert done.returncode == 0, f"{done.stderr}\n{told}"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_small_and_without_what_changes_by_itself(notebook: Path) -> None:
    told = json.loads(notebook.read_text(encoding="utf-8"))
    cells = [cell for cell in told["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5 and all(cell["execution_count"] is None and not cell["metadata"] for cell in cells)
    assert set(told["metadata"]["language_info"]) == {"name"}
    assert notebook.stat().st_size < 200_000


@pytest.mark.parametrize(("source", "reason"), [("1 / 0", "ZeroDivisionError"), ("print('b')", "code cell 1 gives")])
def test_an_error_or_another_text_is_told(tmp_path: Path, source: str, reason: str) -> None:
    output = {"name": "stdout", "output_type": "stream", "text": "a\n"}
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": None, "source": source}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{**cell, "outputs": [output]}]}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    done = run("--check", tmp_path / "a.ipynb")
    assert done.returncode == 1 and reason in done.stderr
