"""Runs a notebook from its first cell to its last, as a reader would.

python docs/notebooks/run.py docs/notebooks/teachers.ipynb            # and stores what its cells give
python docs/notebooks/run.py --check docs/notebooks/teachers.ipynb    # and fails where a text differs from the stored

Pictures are not compared, only that there is one. Nothing is stored but outputs: no times, no versions, no counters.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

LONGEST_S = 300


def run(path: Path) -> Any:
    """Return a notebook with the outputs of its cells, run in an empty folder without anybody's own settings."""
    notebook = nbformat.read(path, as_version=4)
    metadata = dict(notebook.metadata)
    with tempfile.TemporaryDirectory(prefix="notebook-") as folder:
        os.environ.update(dict.fromkeys(("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"), folder))
        # its sockets stand in the folder, which nobody else can read
        sockets = {} if os.name == "nt" else {"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}}
        where = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook,
            config=Config(sockets),
            kernel_name="python3",
            coalesce_streams=True,
            timeout=LONGEST_S,
            resources=where,
        )
        client.execute()
    notebook.metadata = nbformat.from_dict(metadata)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.execution_count = None
            for output in cell.outputs:
                output.pop("execution_count", None)
                if output.output_type == "execute_result":  # which demands a counter
                    output.output_type = "display_data"
                if "image/svg+xml" in output.get("data", {}):
                    output.data.pop("text/plain", None)
    return notebook


def said(notebook: Any) -> list[list[str]]:
    """Return what each cell of code gave: its texts, and of pictures that there is one."""
    return [
        [
            output["text"] if output.output_type == "stream" else output["data"].get("text/plain", "a picture")
            for output in cell.outputs
        ]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def main() -> None:
    """Run and store, or run and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--check", action="store_true", help="compare with what is stored; change nothing")
    asked = parser.parse_args()
    found = run(asked.notebook)
    if not asked.check:
        nbformat.write(found, asked.notebook)
        return
    for number, (now, stored) in enumerate(zip(said(found), said(nbformat.read(asked.notebook, 4)), strict=True), 1):
        if now != stored:
            sys.exit(f"code cell {number} gives\n{now}\nand what is stored is\n{stored}")


if __name__ == "__main__":
    main()
