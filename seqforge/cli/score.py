"""seqforge score: how probable a model finds each piece of a file."""

from pathlib import Path
from typing import Annotated

import typer

from seqforge.cli.console import data, data_json, message
from seqforge.cli.flags import AsJson
from seqforge.cli.help import HelpCommand, examples
from seqforge.cli.pieces import existing_file, readable_pieces
from seqforge.core.files import STDIN
from seqforge.errors import CorpusError, UsageError


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=HelpCommand, epilog=examples("seqforge score tunes.abc --model abc"))(score)


def score(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of the model's domain; - for standard input.")],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A model file, a run folder, a plugin, or a shipped model's name.")
    ],
    json: AsJson = False,
) -> None:
    """Print the loss of each piece of a file, in nats per natural unit."""
    from seqforge.api.model_paths import resolve_model

    if file != STDIN and not file.exists():
        raise UsageError(f"there is no file {file}", field="file", value=str(file))
    path = resolve_model(model).path
    from seqforge.api.model_loading import load

    message(f"model: {path}")
    loaded = load(path)
    rows = []
    for piece in readable_pieces(loaded.plugin, loaded.options, existing_file(file, loaded.plugin)):
        place = piece.origin.place if piece.origin else ""
        rows.append({"place": place, **loaded.score(piece).to_json()})
    if not rows:
        raise CorpusError(f"{file} contains no piece that can be read")
    if json:
        data_json(rows)
        return
    for row in rows:
        data(f"{row['nats_per_unit']:.4f}\t{row['units']:g} {row['unit']}s\t{row['place']}")
