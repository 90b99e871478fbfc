"""seqforge score: how probable a model finds each piece of files, folders and tables."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from seqforge.cli.console import data, data_json, escape, message
from seqforge.cli.flags import AsJson, FilesOfModel, LabelColumns, Labels, TextColumn, label_values
from seqforge.cli.help import HelpCommand, examples
from seqforge.cli.pieces import check_exist, piece_blocks, place_of
from seqforge.errors import UsageError

CSV_FIELDS = ("units", "unit", "steps", "nats", "nats_per_unit", "bits_per_unit", "nats_per_step", "dropped")


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        cls=HelpCommand,
        epilog=examples("seqforge score tunes.abc --model abc", "seqforge score poem.txt --model text --per-step"),
    )(score)


def score(
    files: FilesOfModel,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A model file, a run folder, a plugin, or a shipped model's name.")
    ],
    text_column: TextColumn = None,
    label_columns: LabelColumns = "",
    label: Labels = None,
    per_step: Annotated[
        bool, typer.Option("--per-step", help="Print the loss of every step, which shows where a piece is surprising.")
    ] = False,
    json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values on stdout.")] = False,
) -> None:
    """Print the loss of each piece of files, folders and tables, in nats per natural unit.

    Labels of the pieces (`labels.csv` in a folder, `--label-columns` of a table) are passed to the model, and printed
    with --json and --csv. `--label NAME=VALUE` takes precedence over them.
    """
    from seqforge.api.model_paths import resolve_model

    if json and as_csv:
        raise UsageError("`json` and `csv` are both set; set one of them", field="csv")
    check_exist(files)
    labels = label_values(label or [])
    path = resolve_model(model).path
    from seqforge.api.model_loading import load

    message(f"model: {path}")
    loaded = load(path)
    loaded.label_numbers(labels)
    rows: list[dict[str, Any]] = []
    for pieces in piece_blocks(files, loaded.plugin, loaded.options, text_column, label_columns):
        for piece, evaluation in zip(pieces, loaded.score_many(pieces, labels=labels), strict=True):
            row = {**place_of(piece), "labels": {**piece.labels, **labels}, **evaluation.to_json()}
            if per_step:
                surprisal = loaded.surprisal(piece, labels=labels)
                row["per_step"] = [{"token": token, "nats": nats} for token, nats in surprisal]
            rows.append(row)
    if json:
        data_json(rows)
    elif as_csv:
        data(_steps_as_csv(rows) if per_step else _csv_text(rows))
    else:
        several = len({row["file"] for row in rows}) > 1
        for row in rows:
            place = f"{row['file']}: {row['place']}" if several else row["place"]
            data(f"{row['nats_per_unit']:.4f}\t{row['units']:g} {row['unit']}s\t{escape(place)}")
            for number, step in enumerate(row.get("per_step", ()), 1):
                data(f"  {number}\t{step['nats']:.3f}\t{escape(_token_text(step['token']))}")


def _token_text(token: Any) -> str:
    """Return a token as one line of text: a string without control characters, or numbers."""
    if token is None:
        return "(end)"
    if isinstance(token, str):
        return token if token.strip() and token.isprintable() else repr(token)
    return " ".join(f"{value:g}" for value in token) if isinstance(token, Sequence) else str(token)


def _csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as comma-separated values; each label has a column `label_NAME`."""
    labels = sorted({name for row in rows for name in row["labels"]})
    table = [["file", "place", *(f"label_{name}" for name in labels), *CSV_FIELDS]]
    for row in rows:
        values = [row["labels"].get(name, "") for name in labels]
        table.append([row["file"], row["place"], *values, *(row[field] for field in CSV_FIELDS)])
    return _joined(table)


def _steps_as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return one line of comma-separated values per step."""
    table: list[list[Any]] = [["file", "place", "step", "token", "nats"]]
    for row in rows:
        for number, step in enumerate(row["per_step"], 1):
            table.append([row["file"], row["place"], number, _token_text(step["token"]), step["nats"]])
    return _joined(table)


def _joined(table: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    return text.getvalue().rstrip("\n")
