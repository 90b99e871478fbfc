"""The longest runs that pieces share with the training corpus, as text."""

from typing import TYPE_CHECKING

from seqforge.cli.console import count, data, data_json, escape, table

if TYPE_CHECKING:
    from seqforge.evaluation import Novelty


def print_novelty(novelty: "Novelty", *, json: bool) -> None:
    """Print the longest runs."""
    if json:
        data_json(novelty.to_json())
        return
    data(
        f"longest run in common with the {count(novelty.pieces, 'training piece')} ({novelty.steps:,} steps) of"
        f" {escape(', '.join(novelty.corpus))}"
    )
    rows = [["measure", "pieces", "median", "longest"]]
    for name, runs in novelty.runs.items():
        for side, title in (("generated", "generated"), ("held_out", f"{novelty.split} split")):
            median, longest = runs.summary(side)
            rows.append([name, f"{len(getattr(runs, side)):,} {title}", str(median), str(longest)])
    data(table(rows))
