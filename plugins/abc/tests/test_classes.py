"""The rhythm of a tune, which its first step states, as a class."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import seqforge
from seqforge import Model, RequestError
from seqforge_abc.plugin import Abc

JIG = "X:1\nR:jig\nM:6/8\nL:1/8\nK:D\nDFA dfa|gfe d2A|BGB AFA|GFE D3|\nDFA dfa|gfe d2A|BGB AFA|GFE D3|]\n"
REEL = "X:2\nR:reel\nM:4/4\nL:1/8\nK:G\nG2BG DGBG|A2cA EAcA|G2BG DGBd|cAFA G4|]\n"
OTHER = "X:3\nM:3/4\nL:1/8\nK:G\nG2 B2 d2|c2 A2 F2|G2 B2 d2|G6|]\n"


@pytest.fixture(scope="module")
def model() -> Model:
    return seqforge.load("abc")


def test_probabilities_follow_from_the_likelihoods_of_the_other_steps(model: Model, tmp_path: Path) -> None:
    (tmp_path / "jig.abc").write_text(JIG)
    (piece,) = Abc().read(tmp_path / "jig.abc", Abc.Options())
    assert isinstance(piece, seqforge.Piece)
    result, by_corpus = (model.classify(piece, prior=prior) for prior in ("uniform", "corpus"))
    assert result.label == "rhythm" and list(result.probabilities) == list(model.codec.rhythms)
    assert by_corpus.value == "jig"
    joint = {}
    for rhythm in ("jig", "reel", "slip jig"):
        variant = dataclasses.replace(piece.content, rhythm=rhythm)
        joint[rhythm] = model.score(variant).nats
        assert result.nats[rhythm] == pytest.approx(joint[rhythm] - model.surprisal(variant)[0][1], abs=1e-4)
    ratio = by_corpus.probabilities["slip jig"] / by_corpus.probabilities["jig"]
    assert ratio == pytest.approx(np.exp(joint["jig"] - joint["slip jig"]), rel=1e-3)


def test_evaluation_counts_the_tunes_with_a_rhythm(model: Model, tmp_path: Path) -> None:
    for number, text in enumerate((JIG, REEL, OTHER)):
        (tmp_path / f"{number}.abc").write_text(text)
    pieces = []
    for split in ("train", "valid", "test"):
        try:
            result = model.evaluate_classifier("rhythm", str(tmp_path), prior="corpus", split=split, temperature=1)
            assert (result.unlabelled, result.accuracy) == (0, 1.0)
            pieces.append(result.pieces)
        except RequestError as error:  # the tune without a rhythm is alone in its split
            assert error.field == "label"
    assert pieces == [1, 1]


def test_a_property_that_the_first_step_does_not_state_is_refused(model: Model) -> None:
    with pytest.raises(RequestError) as error:
        model.classify(None, label="key")
    assert error.value.field == "label" and error.value.allowed == "rhythm"
