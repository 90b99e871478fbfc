import dataclasses

import inks
import numpy as np
import pytest

from seqforge_handwriting.style_metrics import StyleMetrics, measure_style, median_style


def test_lines_are_closest_to_their_own_writer() -> None:
    lines = [sample for sample in inks.corpus_samples("train") if sample.labels["kind"] == "line"]
    writers = sorted({sample.labels["writer"] for sample in lines})[:10]
    references: dict[str, StyleMetrics] = {}
    others: dict[str, list[StyleMetrics]] = {}
    for writer in writers:
        styles = [measure_style(sample.ink) for sample in lines if sample.labels["writer"] == writer][:16]
        references[writer], others[writer] = median_style(styles[:8]), styles[8:]
    ranks = [
        sorted(writers, key=lambda name, style=style: style.distance(references[name])).index(writer)
        for writer in writers
        for style in others[writer]
    ]
    assert np.mean(ranks) < 2.5  # 4.5 by chance


def test_measures_scale_with_the_unit() -> None:
    ink = inks.corpus_samples()[0].ink
    style = measure_style(ink)
    assert style.distance(style) == 0
    assert measure_style(ink.scale(2)).x_height == pytest.approx(2 * style.x_height)
    assert measure_style(dataclasses.replace(ink, text="")).width == 0


def test_distance_ignores_unknown_widths() -> None:
    assert StyleMetrics(10, 1, 1).distance(StyleMetrics(0, 1, 1)) == pytest.approx(2)
    assert StyleMetrics(0, 1, 0).distance(StyleMetrics(0, 1, 5)) == 0


def test_median_style_of_no_lines_raises() -> None:
    with pytest.raises(ValueError, match="no lines"):
        median_style([])
