"""seqforge export: a model for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from seqforge.cli.console import data, message
from seqforge.cli.help import HelpCommand, examples


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        cls=HelpCommand,
        epilog=examples(
            "seqforge export runs/text/0001 --to pytorch -o plain", "seqforge export chorales --to onnx -o chorales"
        ),
    )(export)


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model file, a run folder, a plugin, or a shipped model's name.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="pytorch|onnx|safetensors", help="The format. onnx needs the extra `onnx`.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write to.")],
) -> None:
    """Write a model for other programs, and check that it computes the same log-probabilities.

    `pytorch` writes a module that needs only torch, with its weights; `onnx` a graph that reads one step; `safetensors`
    the weights alone. model.json describes the network, its labels and its tokens.
    """
    from seqforge.api.export import export_model
    from seqforge.api.model_loading import load
    from seqforge.api.model_paths import resolve_model

    path = resolve_model(model).path
    message(f"model: {path}")
    for written in export_model(load(path), output, to=to):
        data(str(written))
