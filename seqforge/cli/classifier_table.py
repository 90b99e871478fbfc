"""The quality of a classifier as text: accuracy, calibration and the confusion matrix."""

from typing import TYPE_CHECKING

from seqforge.cli.console import count, data, data_json, escape, message, table

if TYPE_CHECKING:
    from seqforge.evaluation import ClassifierEvaluation


def print_classifier(result: "ClassifierEvaluation", *, json: bool) -> None:
    """Print the quality of a classifier."""
    if json:
        data_json(result.to_json())
        return
    data(
        f"{escape(result.label)}: {100 * result.accuracy:.1f} % of {count(result.pieces, 'piece')} are right (the most"
        f" frequent value: {100 * result.majority_share:.1f} %)"
    )
    data(
        f"{result.nats:.4f} nats per piece, expected calibration error {100 * result.calibration_error:.1f} %, on"
        f" {result.split} of {escape(', '.join(result.corpus))}"
    )
    if result.uncalibrated is not None:
        fitted, before = f", fitted on {result.fitted_on}" if result.fitted_on else "", result.uncalibrated
        data(
            f"temperature {result.temperature:.4g}{fitted}; without it {100 * before.accuracy:.1f} % are right,"
            f" {before.nats:.4f} nats per piece, calibration error {100 * before.calibration_error:.1f} %"
        )
    shown = [number for number, row in enumerate(result.confusion) if row.any() or result.confusion[:, number].any()]
    data("\nrows: the true value; columns: the most probable value")
    rows = [["", *map(str, range(1, len(shown) + 1)), "right"]]
    for position, number in enumerate(shown, 1):
        cells = result.confusion[number]
        share = f"{100 * cells[number] / cells.sum():.0f} %" if cells.any() else "-"
        rows.append([f"{position} {result.values[number]}", *(str(cells[column] or "-") for column in shown), share])
    data(table(rows))
    if result.unlabelled:
        message(f"note: {count(result.unlabelled, 'piece')} without this label are left out")
