"""seqforge score: how probable a model finds each piece of files, folders and tables."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from seqforge.cli.console import data, data_json, escape, message
from seqforge.cli.flags import AsJson
from seqforge.cli.help import HelpCommand, examples
from seqforge.cli.pieces import existing_file, readable_pieces
from seqforge.core.files import STDIN
from seqforge.errors import CorpusError, UsageError
from seqforge.plugin import AnyPlugin, FromText, Piece

PIECES_AT_A_TIME = 512
"""Number of pieces that are in memory at a time; pieces of similar length among them are read in parallel."""
CSV_FIELDS = ("units", "unit", "steps", "nats", "nats_per_unit", "bits_per_unit", "nats_per_step", "dropped")


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=HelpCommand, epilog=examples("seqforge score tunes.abc --model abc"))(score)


def score(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES", help="Files or folders of the model's domain, or tables; - for standard input."
        ),
    ],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A model file, a run folder, a plugin, or a shipped model's name.")
    ],
    text_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of the texts, if a file is a table.")
    ] = None,
    label_columns: Annotated[
        str, typer.Option(metavar="NAMES", help="Columns of the labels, separated by commas.", show_default=False)
    ] = "",
    json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values on stdout.")] = False,
) -> None:
    """Print the loss of each piece of files, folders and tables, in nats per natural unit.

    Labels of the pieces (`labels.csv` in a folder, `--label-columns` of a table) are given to the model, and printed
    with --json and --csv.
    """
    from seqforge.api.model_paths import resolve_model

    if json and as_csv:
        raise UsageError("`json` and `csv` are both set; set one of them", field="csv")
    for file in files:
        if file != STDIN and not file.exists():
            raise UsageError(f"there is no file {file}", field="files", value=str(file))
    path = resolve_model(model).path
    from seqforge.api.model_loading import load

    message(f"model: {path}")
    loaded = load(path)
    rows: list[dict[str, Any]] = []
    for pieces in _blocks(_pieces(files, loaded.plugin, loaded.options, text_column, label_columns)):
        for piece, evaluation in zip(pieces, loaded.score_many(pieces), strict=True):
            origin = piece.origin
            names = {"file": origin.file if origin else "", "place": origin.place if origin else ""}
            rows.append({**names, "labels": dict(piece.labels), **evaluation.to_json()})
    if not rows:
        listed = ", ".join(map(str, files))
        raise CorpusError(f"{listed} contain{'s' * (len(files) == 1)} no piece that can be read")
    if json:
        data_json(rows)
    elif as_csv:
        data(_csv_text(rows))
    else:
        several = len({row["file"] for row in rows}) > 1
        for row in rows:
            place = f"{row['file']}: {row['place']}" if several else row["place"]
            data(f"{row['nats_per_unit']:.4f}\t{row['units']:g} {row['unit']}s\t{escape(place)}")


def _pieces(
    files: Sequence[Path], plugin: AnyPlugin, options: Any, text_column: str | None, label_columns: str
) -> Iterator[Piece[Any]]:
    """Yield the pieces of files and folders that can be read; others are printed."""
    from seqforge.corpus import TableColumns, find_sources
    from seqforge.corpus.tables import text_not_supported

    columns = TableColumns.from_names(text_column, label_columns)
    if columns is not None and not isinstance(plugin, FromText):
        raise text_not_supported(plugin)
    for file in files:
        name = file if file != STDIN and file.is_dir() else existing_file(file, plugin)
        sources = find_sources(
            [str(name)],
            reads=plugin.reads,
            imports=plugin.imports,
            folder_imports=plugin.folder_imports,
            domain=plugin.name,
            columns=columns,
        )
        for remark in sources.remarks if isinstance(plugin, FromText) else ():
            message(remark.replace("`text_column`", "--text-column").replace("train on", "score"))
        yield from readable_pieces(plugin, options, sources.files)


def _blocks(pieces: Iterator[Piece[Any]]) -> Iterator[list[Piece[Any]]]:
    """Yield lists of PIECES_AT_A_TIME pieces; the last may be shorter."""
    block: list[Piece[Any]] = []
    for piece in pieces:
        block.append(piece)
        if len(block) == PIECES_AT_A_TIME:
            yield block
            block = []
    if block:
        yield block


def _csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as comma-separated values; each label has a column `label_NAME`."""
    labels = sorted({name for row in rows for name in row["labels"]})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "place", *(f"label_{name}" for name in labels), *CSV_FIELDS])
    for row in rows:
        values = [row["labels"].get(name, "") for name in labels]
        writer.writerow([row["file"], row["place"], *values, *(row[field] for field in CSV_FIELDS)])
    return text.getvalue().rstrip("\n")
