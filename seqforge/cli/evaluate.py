"""seqforge evaluate: the loss of a model on a split of a corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqforge.cli.classifier_table import print_classifier
from seqforge.cli.classify import Prior
from seqforge.cli.console import count, data, data_json, escape, message, table
from seqforge.cli.flags import AsJson
from seqforge.cli.help import HelpCommand, examples
from seqforge.cli.novelty_table import print_novelty
from seqforge.errors import UsageError

if TYPE_CHECKING:
    from seqforge.evaluation import DynamicEvaluation, Predictions


def print_predictions(predictions: "Predictions", *, json: bool) -> None:
    """Print the metrics of predictions.

    Args:
        predictions: The predictions.
        json: Whether to print JSON.
    """
    if json:
        data_json(predictions.to_json())
        return
    data(table([["metric", "value"], *([name, f"{value:.2f}"] for name, value in predictions.metrics.items())]))
    data(f"on {predictions.split}: {count(len(predictions.predictions), 'prediction')}")


def print_dynamic(result: "DynamicEvaluation", *, json: bool) -> None:
    """Print the result of dynamic evaluation.

    Args:
        result: The result.
        json: Whether to print JSON.
    """
    if json:
        data_json(result.to_json())
        return
    adapted, trained = result.adapted, result.trained
    data(
        f"{adapted.nats_per_unit:.4f} nats per {adapted.unit} by dynamic evaluation, {trained.nats_per_unit:.4f} with"
        " the trained weights"
    )
    chosen = f", chosen on {result.chosen_on}" if result.chosen_on else ""
    data(
        f"on {adapted.split} of {escape(', '.join(adapted.corpus))}: {adapted.units:,.0f} {adapted.unit}s,"
        f" {count(adapted.pieces, 'piece')}; rate {result.rate:g}, decay {result.decay:g}{chosen}"
    )


def _check_dynamic(dynamic: bool, *, others: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Check the flags beside --dynamic.

    Args:
        dynamic: Whether --dynamic is set.
        others: The flags that exclude it, with their values.
        values: The flags that need it, with their values.

    Raises:
        UsageError: If two flags exclude each other, or a flag needs --dynamic.
    """
    for name, value in others.items():
        if dynamic and value not in (None, False, 0):
            raise UsageError(f"`dynamic` and `{name}` are both set; set one of them", field=name, value=value)
    for name, value in values.items():
        if value is not None and not dynamic:
            raise UsageError(f"`{name}` needs `dynamic`", field=name, value=value, allowed="None without `dynamic`")


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
    classify: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Instead: classify the pieces by a label, and print how often it is right."),
    ] = None,
    prior: Prior = "uniform",
    temperature: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="With --classify: divisor of the log-likelihoods. Default: fitted on the valid split, if another one"
            " is evaluated.",
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Instead: predict the targets of all sources, and compare them with the real ones: bleu, chrf, cer,"
            " wer, per, ser; separated by commas. default: the metrics of the plugin.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="COUNT", help="With --metrics: the largest number of sources.")
    ] = None,
    beams: Annotated[int, typer.Option(min=0, help="With --metrics: beam width; 0: greedy search.")] = 0,
    length_penalty: Annotated[float, typer.Option(help="With --beams: length penalty of the search.")] = 0.0,
    coverage_penalty: Annotated[float, typer.Option(help="With --beams: coverage penalty of the search.")] = 0.0,
    novelty: Annotated[
        bool,
        typer.Option(
            "--novelty",
            help="Instead: print the longest runs that generated pieces (--samples, 20 by default) share with the"
            " training corpus.",
        ),
    ] = False,
    dynamic: Annotated[
        bool,
        typer.Option(
            "--dynamic",
            help="Instead: dynamic evaluation, which learns from each part of the pieces after it has predicted it. The"
            " model file is not changed.",
        ),
    ] = False,
    dynamic_rate: Annotated[
        float | None,
        typer.Option(
            metavar="RATE", help="With --dynamic: learning rate. Default: chosen on the valid split, or 0.0001."
        ),
    ] = None,
    dynamic_decay: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="With --dynamic: decay towards the trained weights. Default: chosen on the valid split, or 0.001.",
        ),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --samples: also write the comparison as an HTML page.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing page.")] = False,
    json: AsJson = False,
) -> None:
    """Measure a model on a split of a corpus, in nats and bits per natural unit.

    The evaluation uses float32, carries the hidden state through every piece, and counts the ends of pieces.
    """
    from seqforge.api.model_paths import resolve_model

    if novelty and (classify is not None or page is not None):
        other = "classify" if classify is not None else "page"
        raise UsageError(f"`novelty` and `{other}` are both set; set one of them", field=other)
    if classify is not None and samples:
        raise UsageError("`classify` and `samples` are both set; set one of them", field="samples", value=samples)
    if metrics is not None and (classify is not None or samples):
        other = "samples" if samples else "classify"
        raise UsageError(f"`metrics` and `{other}` are both set; set one of them", field="metrics", value=metrics)
    if temperature is not None and classify is None:
        raise UsageError(
            "`temperature` needs `classify`", field="temperature", value=temperature, allowed="None without `classify`"
        )
    _check_dynamic(
        dynamic,
        others={"classify": classify, "metrics": metrics, "novelty": novelty, "samples": samples},
        values={"dynamic_rate": dynamic_rate, "dynamic_decay": dynamic_decay},
    )
    if page is not None:
        if not samples:
            raise UsageError(
                "`page` needs `samples`, the number of pieces to compare", field="samples", value=0, allowed="from 1"
            )
        from seqforge.api.output import check_output

        check_output(page, [], plugin=None, replace=force, field="page")
    path = resolve_model(model).path
    from seqforge.api.model_loading import load

    message(f"model: {path}")
    loaded = load(path)
    data_options: dict[str, Any] = {"split": split, "text_column": text_column, "label_columns": label_columns}
    if classify is not None:
        result = loaded.evaluate_classifier(classify, corpus, prior=prior, temperature=temperature, **data_options)
        print_classifier(result, json=json)
        return
    if metrics is not None:
        predictions = loaded.evaluate_predictions(
            None if metrics == "default" else metrics, corpus, limit=limit, beams=beams,
            length_penalty=length_penalty, coverage_penalty=coverage_penalty, split=split,
        )  # fmt: skip
        print_predictions(predictions, json=json)
        return
    if dynamic:
        print_dynamic(
            loaded.evaluate_dynamic(corpus, rate=dynamic_rate, decay=dynamic_decay, **data_options), json=json
        )
        return
    if novelty:
        print_novelty(loaded.novelty(None, corpus, n=samples or 20, **data_options), json=json)
        return
    evaluation = loaded.evaluate(corpus, **data_options)
    comparison = loaded.compare(samples, corpus, **data_options) if samples else None
    if comparison and page is not None:
        from seqforge.core.files import write_text
        from seqforge.evaluation.page import comparison_page

        write_text(page, comparison_page(comparison, f"{loaded.plugin.name}: {path.stem}"))
        message(f"comparison: {page}")
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
        rows = [["total variation distance", "generated", "training", "two halves of the held-out"]]
        rows += [[name, *(f"{value:.3f}" for value in values)] for name, values in comparison.distances.items()]
        data(table(rows))
        if comparison.measures:
            from seqforge.evaluation.samples import figure_text

            rows = [["figure", "generated", "held out", "training", "difference of two halves of the held-out"]]
            rows += [[name, *map(figure_text, values)] for name, values in comparison.measured]
            data("\n" + table(rows))
        rows = [["longest run in common with a training piece", "median", "99 %", "maximum"]]
        rows += [[name, *map(str, lengths)] for name, lengths in comparison.copied.items()]
        data("\n" + table(rows))
    if evaluation.dropped:
        message(f"note: the codec's encoding drops {count(evaluation.dropped, 'thing')} of the corpus")
