"""seqforge models: the models that ship with plugins and those of the runs."""

from typing import Any

import typer

from seqforge.cli.console import data, data_json, message, table
from seqforge.cli.flags import AsJson
from seqforge.cli.help import HelpCommand, examples


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=HelpCommand, epilog=examples("seqforge models", "seqforge models --json"))(models)


def models(json: AsJson = False) -> None:
    """List the models that ship with plugins and those of the runs below ./runs."""
    from seqforge.api.runs import ROOT, runs_of

    rows = _shipped_rows()
    for parent in sorted(ROOT.iterdir()) if ROOT.is_dir() else []:
        for run in runs_of(parent.name):
            if run.model.exists():
                kind = "run" if run.is_finished() else "unfinished run"
                name, path = run.plugin() or parent.name, str(run.model)
                rows.append({"plugin": name, "model": path, "kind": kind, "path": path, "default": False})
    if json:
        data_json(rows)
    elif rows:
        cells = [[row["plugin"], row["model"] + (" *" if row["default"] else ""), row["kind"]] for row in rows]
        data(table([["plugin", "model", "kind"], *cells]))
        message("* used by `seqforge generate --plugin` if no model is named and no run is finished")
    else:
        message("there is no model yet; train one: seqforge train --plugin NAME")


def _shipped_rows() -> list[dict[str, Any]]:
    from pathlib import Path

    from seqforge.errors import SeqforgeError
    from seqforge.plugin import registry

    rows: list[dict[str, Any]] = []
    for entry in registry.installed():
        try:
            description = registry.describe(entry.name)
        except SeqforgeError as error:
            message(f"note: {error}")
            continue
        rows += [
            {"plugin": entry.name, "model": Path(path).stem, "kind": "shipped", "path": path, "default": number == 0}
            for number, path in enumerate(description["models"])
        ]
    return rows
