"""seqforge info: what a model file records about itself."""

from pathlib import Path
from typing import Annotated

import typer

from seqforge.cli.console import data, data_json, table
from seqforge.cli.flags import AsJson
from seqforge.cli.help import HelpCommand, examples
from seqforge.errors import DamagedFileError, UsageError

TRAINED = {"steps": " steps", "minutes": " minutes", "started": ""}
"""What a model may record about its training, with the unit. A run records its duration in its own files."""


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        cls=HelpCommand,
        epilog=examples("seqforge info abc", "seqforge info runs/text/0001", "seqforge info abc --card"),
    )(info)


def _is_read_by_a_plugin(path: Path) -> bool:
    """Return whether an installed plugin reads files with this suffix."""
    from seqforge.api.plugin_search import plugin_of_file

    try:
        plugin_of_file(path)
    except UsageError:
        return False
    return True


def info(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model file, a run folder, a plugin, or a shipped model's name.")
    ],
    json: AsJson = False,
    card: Annotated[bool, typer.Option("--card", help="Print a model card in Markdown on stdout.")] = False,
) -> None:
    """Show what a model file records about itself."""
    if json and card:
        raise UsageError("`json` and `card` are both set; set one of them", field="card")
    from seqforge.api.model_paths import resolve_model
    from seqforge.modelfile import read_header

    path = resolve_model(model).path
    try:
        header = read_header(path)
    except DamagedFileError as error:
        if not _is_read_by_a_plugin(path):
            raise
        raise UsageError(
            f"{path} is no model, but a file of pieces; `seqforge show {path}` shows its pieces, and"
            f" `seqforge inspect {path}` their steps",
            field="model", value=str(path), allowed="a model file, a run folder, a plugin or a shipped model",
        ) from error  # fmt: skip
    if json:
        values = {**header.to_json(), "codec": {"version": header.codec.get("version")}}
        data_json({"path": str(path), "bytes": path.stat().st_size, **values})
        return
    if card:
        from seqforge.api.model_card import card_name, model_card

        data(model_card(header, name=card_name(path, header.plugin), model=model).rstrip("\n"))
        return
    provenance, network = header.provenance, header.network
    labels = [f"{name}: {', '.join(values)}" for name, values in header.labels.items()]
    loss = provenance.get("valid_nats_per_unit")
    rows = [
        ["file", f"{path} ({path.stat().st_size / 1e6:.1f} MB)"],
        ["plugin", header.plugin],
        ["network", f"{network.cell} {network.layers} x {network.hidden}, embedding {network.embedding}"],
        ["steps", ", ".join(f"{name} {value}" for name, value in header.space.to_json().items())],
        ["labels", "; ".join(labels) or "none"],
        ["options", ", ".join(f"{name}={value}" for name, value in header.options.items()) or "none"],
        ["corpus", ", ".join(provenance.get("corpus", []))],
        ["trained", ", ".join(f"{provenance[name]}{unit}" for name, unit in TRAINED.items() if name in provenance)],
        ["valid loss", "none" if loss is None else f"{loss:.4f} nats per {header.unit}"],
        ["versions", ", ".join(f"{name} {value}" for name, value in provenance.get("versions", {}).items())],
    ]
    rows += [
        ["attribution", f"{licence['name']}: {licence['attribution']} ({licence['licence']})"]
        for licence in provenance.get("licences", [])
    ]
    data(table(rows))
