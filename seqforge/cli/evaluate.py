"""seqforge evaluate: the loss of a model on a split of a corpus."""

from typing import Annotated, Any

import typer

from seqforge.cli.console import count, data, data_json, escape, message, table
from seqforge.cli.flags import AsJson
from seqforge.cli.help import HelpCommand, examples


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        cls=HelpCommand,
        epilog=examples("seqforge evaluate text", "seqforge evaluate runs/abc/0001 --split valid --samples 50"),
    )(evaluate)


def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model file, a run folder, a plugin, or a shipped model's name.")
    ],
    corpus: Annotated[
        list[str] | None,
        typer.Option(metavar="CORPUS", help="Corpus to measure on. Default: the one it was trained on."),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Column of the texts in a table. Default: the one it was trained on."),
    ] = None,
    label_columns: Annotated[
        str, typer.Option(metavar="NAMES", help="Columns of the labels, separated by commas.", show_default=False)
    ] = "",
    split: Annotated[
        str | None,
        typer.Option(metavar="SPLIT", help="train, valid or test. Default: test, or valid if there is no test split."),
    ] = None,
    samples: Annotated[
        int,
        typer.Option(
            min=0, metavar="COUNT", help="Also generate this number of pieces and compare them with real ones."
        ),
    ] = 0,
    json: AsJson = False,
) -> None:
    """Measure a model on a split of a corpus, in nats and bits per natural unit.

    The evaluation uses float32, carries the hidden state through every piece, and counts the ends of pieces.
    """
    from seqforge.api.model_paths import resolve_model

    path = resolve_model(model).path
    from seqforge.api.model_loading import load

    message(f"model: {path}")
    loaded = load(path)
    data_options: dict[str, Any] = {"split": split, "text_column": text_column, "label_columns": label_columns}
    evaluation = loaded.evaluate(corpus, **data_options)
    comparison = loaded.compare(samples, corpus, **data_options) if samples else None
    if json:
        data_json({**evaluation.to_json(), **({"samples": comparison.to_json()} if comparison else {})})
        return
    data(
        f"{evaluation.nats_per_unit:.4f} nats per {evaluation.unit} ({evaluation.bits_per_unit:.4f} bits),"
        f" {evaluation.nats_per_step:.4f} nats per step"
    )
    data(
        f"on {evaluation.split} of {escape(', '.join(evaluation.corpus))}: {evaluation.units:,.0f} {evaluation.unit}s,"
        f" {count(evaluation.pieces, 'piece')}"
    )
    if comparison:
        pieces, real = count(comparison.pieces, "generated piece"), count(comparison.real, "held-out piece")
        data(f"\n{pieces} compared with {real}")
        rows = [["total variation distance", "generated", "two halves of the held-out"]]
        for name, (generated, halves) in comparison.distances.items():
            rows.append([name, f"{generated:.3f}", f"{halves:.3f}"])
        data(table(rows))
        for name, (median, maximum) in comparison.copied.items():
            data(f"longest run copied from a training piece, {name}: median {median}, maximum {maximum}")
    if evaluation.dropped:
        message(f"note: the codec's encoding drops {count(evaluation.dropped, 'thing')} of the corpus")
