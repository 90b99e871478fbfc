"""A comparison of generated and held-out pieces as one HTML page, with a picture of the structure of single pieces."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from seqforge.evaluation.samples import Comparison, figure_text

__all__ = ["comparison_page"]

CELL = 6
"""The size of a cell of a matrix in pixels; matrices with more than 64 rows have smaller cells."""
MAX_SIZE = 384
LEVELS = 8
"""Number of shades in which similarity is drawn."""
STYLE = """
body { font: 15px/1.5 Helvetica, Arial, sans-serif; color: #222; max-width: 68em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0 2em; }
th, td { padding: 0.25em 1em 0.25em 0; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
.pieces { display: flex; flex-wrap: wrap; gap: 1.5em; margin: 1em 0 2em; }
figure { margin: 0; }
figcaption { font-size: 13px; color: #555; }
svg { border: 1px solid #ccc; background: #fff; }
"""


def comparison_page(comparison: Comparison, title: str) -> str:
    """Return a comparison as an HTML page without scripts.

    Example:
        page = comparison_page(model.compare(200), "folk tunes")
        Path("comparison.html").write_text(page, encoding="utf-8")

    Args:
        comparison: The comparison.
        title: The title of the page.
    """
    sides = f"{comparison.pieces} generated pieces and {comparison.real} held-out pieces"
    parts = [
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1><p>{sides}.</p>",
    ]
    if comparison.measures:
        parts.append("<h2>Figures</h2>")
        rows = [(name, *map(figure_text, values)) for name, values in comparison.measured]
        parts.append(_table(("", "generated", "held out", "training", "difference of halves"), rows))
    parts.append("<h2>Distances between distributions</h2>")
    parts.append(
        "<p>The total variation distance of generated pieces and of training pieces from the held-out pieces, and "
        "between two random halves of the held-out pieces; 0 means equal, and 1 means disjoint.</p>"
    )
    distances = [(name, *(f"{value:.3f}" for value in values)) for name, values in comparison.distances.items()]
    parts.append(_table(("", "generated", "training", "two halves"), distances))
    parts.append("<h2>Longest run in common with a training piece</h2>")
    copied = [(name, *map(str, lengths)) for name, lengths in comparison.copied.items()]
    parts.append(_table(("", "median", "99 %", "maximum"), copied))
    if any(comparison.matrices.values()):
        parts.append("<h2>Self-similarity</h2>")
        parts.append(
            "<p>Each picture is one piece. The cell in row <i>i</i> and column <i>j</i> is dark if the bars <i>i</i> "
            "and <i>j</i> are similar. Dark lines beside the diagonal are passages that return.</p>"
        )
        for name, matrices in comparison.matrices.items():
            pictures = "".join(map(_picture, range(1, len(matrices) + 1), matrices))
            parts.append(f'<h3>{escape(name.capitalize())}</h3><div class="pieces">{pictures}</div>')
    return "\n".join([*parts, "</body></html>\n"])


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as HTML."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _picture(number: int, matrix: np.ndarray) -> str:
    return f"<figure>{_matrix_svg(matrix)}<figcaption>piece {number}, {len(matrix)} bars</figcaption></figure>"


def _matrix_svg(matrix: np.ndarray) -> str:
    """Return a matrix of values from 0 to 1 as SVG; each shade is one path."""
    size = len(matrix)
    levels = np.rint(np.clip(matrix, 0, 1) * LEVELS).astype(int)
    paths = []
    for level in range(1, LEVELS + 1):
        rows, columns = np.nonzero(levels == level)
        cells = "".join(f"M{column} {row}h1v1h-1z" for row, column in zip(rows.tolist(), columns.tolist(), strict=True))
        paths.append(f'<path d="{cells}" fill="#1f3a5f" fill-opacity="{level / LEVELS:.3f}"/>' if cells else "")
    width = min(MAX_SIZE, CELL * size)
    return (
        f'<svg width="{width}" height="{width}" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        + "".join(paths) + "</svg>"
    )  # fmt: skip
