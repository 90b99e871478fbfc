"""The notebook for teachers runs from its first cell to its last and gives the stored outputs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def run_script(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(FOLDER / "run.py"), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_gives_its_stored_outputs(notebook: Path) -> None:
    process = run_script("--check", notebook)
    advice = f"to store the new outputs: python docs/notebooks/run.py docs/notebooks/{notebook.name}"
    assert process.returncode == 0, f"{process.stderr}\n{advice}"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_is_small_and_stores_no_execution_counts_or_versions(notebook: Path) -> None:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5 and all(cell["execution_count"] is None and not cell["metadata"] for cell in cells)
    assert set(content["metadata"]["language_info"]) == {"name"}
    assert notebook.stat().st_size < 200_000


@pytest.mark.parametrize(
    ("source", "message"), [("1 / 0", "ZeroDivisionError"), ("print('b')", "the output of code cell 1 is")]
)
def test_check_fails_on_an_error_or_another_output(tmp_path: Path, source: str, message: str) -> None:
    output = {"name": "stdout", "output_type": "stream", "text": "a\n"}
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": None, "source": source}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{**cell, "outputs": [output]}]}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    process = run_script("--check", tmp_path / "a.ipynb")
    assert process.returncode == 1 and message in process.stderr
