"""seqforge classify: the probabilities of the values of a label for each piece, by a labelled generator."""

from typing import Annotated, Any, Literal

import typer

from seqforge.cli.console import data, data_json, escape, message
from seqforge.cli.flags import AsJson, FilesOfModel, LabelColumns, TextColumn
from seqforge.cli.help import HelpCommand, examples
from seqforge.cli.pieces import check_exist, piece_blocks, place_of

SHOWN = 3
"""The number of values that are printed per piece; --json prints all."""
Prior = Annotated[
    Literal["uniform", "corpus"],
    typer.Option(help="Prior of the values: all equal, or their shares of the training pieces."),
]


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        cls=HelpCommand,
        epilog=examples(
            "seqforge classify songs new.mid --label composer",
            "seqforge classify runs/text/0001 surnames.txt --prior corpus --json",
            "seqforge classify abc tune.abc --label rhythm",
        ),
    )(classify)


def classify(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model file, a run folder, a plugin, or a shipped model's name.")
    ],
    files: FilesOfModel,
    label: Annotated[
        str | None, typer.Option(metavar="NAME", help="Label to classify by. Default: the only one of the model.")
    ] = None,
    prior: Prior = "uniform",
    temperature: Annotated[
        float,
        typer.Option(
            metavar="NUMBER",
            help="Divisor of the log-likelihoods; `seqforge evaluate MODEL --classify NAME` prints a fitted one. Above"
            " 1, the probabilities are less certain.",
        ),
    ] = 1.0,
    text_column: TextColumn = None,
    label_columns: LabelColumns = "",
    json: AsJson = False,
) -> None:
    """Print the most probable values of a label for each piece of files, folders and tables.

    Bayes' rule turns the likelihoods of a model that was trained with labels into probabilities. Other labels of the
    pieces are used where they are known.
    """
    from seqforge.api.model_paths import resolve_model

    check_exist(files)
    path = resolve_model(model).path
    from seqforge.api.model_loading import load

    message(f"model: {path}")
    loaded = load(path)
    name = loaded.classes_of(label).name
    rows: list[dict[str, Any]] = []
    for pieces in piece_blocks(files, loaded.plugin, loaded.options, text_column, label_columns):
        results = loaded.classify_many(pieces, label=name, prior=prior, temperature=temperature)
        for piece, result in zip(pieces, results, strict=True):
            rows.append({**place_of(piece), **result.to_json()})
    if json:
        data_json(rows)
        return
    several = len({row["file"] for row in rows}) > 1
    for row in rows:
        ranked = sorted(row["probabilities"].items(), key=lambda item: -item[1])[:SHOWN]
        values = ", ".join(f"{escape(value)} {probability:.3f}" for value, probability in ranked)
        data(f"{values}\t{escape((row['file'] + ': ') * several + row['place'])}")
