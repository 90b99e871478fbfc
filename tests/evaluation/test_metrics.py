"""Metrics of predictions: known values, several references, and missing libraries."""

import sys

import pytest

from seqforge.errors import RequestError
from seqforge.evaluation.metrics import METRICS, compute_metrics


@pytest.mark.parametrize("name", METRICS)
def test_equal_texts_have_the_best_value(name: str) -> None:
    texts = ["the cat sat on the mat", "a dog runs in the snow"]
    best = 100 if name in ("bleu", "chrf") else 0
    assert compute_metrics([name], texts, [["something else", text] for text in texts])[name] == pytest.approx(best)


def test_error_rates_use_the_closest_reference() -> None:
    values = compute_metrics(
        ["cer", "wer", "ser"], ["a b c", "x"], [["a b", "a q r s"], ["x", "y"]]
    )  # fmt: skip
    assert values == {"cer": pytest.approx(50), "wer": pytest.approx(100 / 3), "ser": 50}


def test_bleu_is_that_of_sacrebleu() -> None:
    import sacrebleu

    predictions, references = ["the cat sat on a mat .", "it is raining"], ["the cat sat on the mat.", "it rains"]
    expected = sacrebleu.corpus_bleu(predictions, [references]).score
    assert compute_metrics(["bleu"], predictions, [[text] for text in references])["bleu"] == expected


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(RequestError) as caught:
        compute_metrics(["bleu"], ["a"], [["a"]])
    assert caught.value.field == "metrics" and "seqforge-core[metrics]" in str(caught.value)
