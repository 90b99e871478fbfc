"""Run a notebook from its first cell to its last.

python docs/notebooks/run.py docs/notebooks/teachers.ipynb            # store the outputs in the notebook
python docs/notebooks/run.py --check docs/notebooks/teachers.ipynb    # fail if an output differs from the stored one

Pictures are not compared; a cell that stores a picture must produce one. Times, versions and execution counts are not
stored.
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

TIMEOUT_S = 300
"""Time limit of a cell."""


def run(path: Path) -> Any:
    """Return a notebook with fresh outputs, run in an empty folder without the user's Jupyter settings."""
    notebook = nbformat.read(path, as_version=4)
    metadata = dict(notebook.metadata)
    with tempfile.TemporaryDirectory(prefix="notebook-") as folder:
        os.environ.update(dict.fromkeys(("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"), folder))
        # The sockets of the kernel are files in the folder, which other users cannot read.
        sockets = {} if os.name == "nt" else {"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}}
        client = NotebookClient(
            notebook,
            config=Config(sockets),
            kernel_name="python3",
            coalesce_streams=True,
            timeout=TIMEOUT_S,
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    notebook.metadata = nbformat.from_dict(metadata)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.execution_count = None
            for output in cell.outputs:
                output.pop("execution_count", None)
                if output.output_type == "execute_result":  # this type requires an execution count
                    output.output_type = "display_data"
                if "image/svg+xml" in output.get("data", {}):
                    output.data.pop("text/plain", None)
    return notebook


def cell_outputs(notebook: Any) -> list[list[str]]:
    """Return the outputs of each code cell: texts, and "a picture" for each picture."""
    return [
        [
            output["text"] if output.output_type == "stream" else output["data"].get("text/plain", "a picture")
            for output in cell.outputs
        ]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def main() -> None:
    """Run a notebook, then store or compare its outputs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--check", action="store_true", help="compare with the stored outputs; change nothing")
    arguments = parser.parse_args()
    notebook = run(arguments.notebook)
    if not arguments.check:
        nbformat.write(notebook, arguments.notebook)
        return
    stored_outputs = cell_outputs(nbformat.read(arguments.notebook, 4))
    for number, (outputs, stored) in enumerate(zip(cell_outputs(notebook), stored_outputs, strict=True), 1):
        if outputs != stored:
            sys.exit(f"the output of code cell {number} is\n{outputs}\nand the stored output is\n{stored}")


if __name__ == "__main__":
    main()
